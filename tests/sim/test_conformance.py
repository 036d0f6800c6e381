"""One suite for every model: the authors' cycles, the golden output, and each other's counters."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import (
    CompressedLayer,
    Hardware,
    encode,
    encode_passes,
    simulate,
    simulate_passes,
)
from eiesim.counters import PE_FIELDS, add_counters
from eiesim.sim.engines import Engine
from eiesim.sim.fast import inputs
from eiesim.sim.golden import compute_output
from eiesim.sim.passes import simulate_inputs
from eiesim.sim.reference.array import Array
from tests.support import oracles
from tests.support.arrays import f32
from tests.support.differences import bits, find_differences
from tests.support.models import MODELS, RTL, count, fit, require_model
from tests.support.strategies import Case, cases, take_batches

Layer = tuple[CompressedLayer, npt.NDArray[np.float32]]
ENGINES = get_args(Engine)
RTL_EXAMPLES = 10
"""Cases of the RTL, which is compiled for each; tests/rtl runs many layers on few machines."""


@pytest.mark.data
@pytest.mark.parametrize(
    "model", ["fast", *(pytest.param(name, marks=pytest.mark.slow) for name in ("reference", RTL))]
)
def test_authors_simulator_on_alex8(
    model: str, alex8: Layer, shared_data: Path, tmp_path: Path
) -> None:
    """Cycles and reads are those printed by the EIE authors' own simulator (golden.csv)."""
    require_model(model)
    with (shared_data / "alex8" / "golden.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 9
    for row in rows[:: 4 if model == RTL else 1]:  # the RTL is compiled for each
        hw = Hardware(queue_depth=int(row["fifo"]), spmat_width_bits=8 * int(row["word_entries"]))
        counters = count(model, fit(model, Case(*alex8, hw)), tmp_path)
        efficiency = counters.macs / (counters.cycles * hw.n_pes)
        found = (counters.cycles, counters.ptr_reads, counters.spmat_reads, f"{efficiency:.6f}")
        expected = (int(row["cycles"]), int(row["ptr_reads"]), int(row["spmat_reads"]))
        assert found == (*expected, row["efficiency"])


@pytest.mark.data
@pytest.mark.parametrize("engine", ["fast", pytest.param("reference", marks=pytest.mark.slow)])
def test_alex8_output_is_the_dense_product(engine: Engine, alex8: Layer) -> None:
    layer, activations = alex8
    hw = Hardware()
    assert layer.bias_codes is not None
    weights = layer.codebook.astype(np.float64)
    exact = weights[layer.codes.toarray()] @ activations + weights[layer.bias_codes]
    output = simulate(encode(layer, hw), activations, hw, engine).output
    assert np.abs(output - exact).max() <= 2e-5
    assert bits(output) == bits(compute_output(layer, activations, hw))


@pytest.mark.data
@pytest.mark.parametrize("model", MODELS)
def test_alex8_without_its_bias(model: str, alex8: Layer, tmp_path: Path) -> None:
    """7910 cycles: measured with the authors' simulator on the layer without its bias."""
    require_model(model)
    layer, activations = alex8
    bare = CompressedLayer(layer.codes, layer.codebook)
    counters = count(model, fit(model, Case(bare, activations, Hardware())), tmp_path)
    assert counters.cycles == 7910
    assert counters.ptr_reads == 64 * 1760


@pytest.mark.data
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"datapath": "fixed16"}, marks=pytest.mark.slow),
        pytest.param({"broadcast_latency_cycles": 6}, marks=pytest.mark.slow),
        {"spmat_sram_bytes": 4096, "ptr_sram_bytes": 4096, "dram_gbps": 100.0},
    ],
)
def test_engines_agree_on_alex8(settings: dict[str, object], alex8: Layer) -> None:
    layer, activations = alex8
    hw = replace(Hardware(), **settings)  # type: ignore[arg-type]
    image = encode(layer, hw)
    runs = [simulate(image, activations, hw, engine) for engine in ENGINES]
    assert find_differences(*runs) == {}


def check_engines(case: Case) -> None:
    image = encode(case.layer, case.hw)
    runs = [simulate(image, case.activations, case.hw, engine) for engine in ENGINES]
    assert find_differences(*runs) == {}
    assert bits(runs[0].output) == bits(compute_output(case.layer, case.activations, case.hw))


@given(cases())
def test_engines_agree(case: Case) -> None:
    check_engines(case)


@pytest.mark.slow
@settings(settings.get_profile("slow"))
@given(cases())
def test_engines_agree_on_many(case: Case) -> None:
    check_engines(case)


@pytest.mark.slow
def test_the_rtl_agrees(tmp_path: Path) -> None:
    """With both engines and the golden model: every read, write and output in its cycle."""
    require_model(RTL)
    from tests.rtl.layers import compare_on_rtl  # noqa: PLC0415 - needs cocotb

    @settings(max_examples=RTL_EXAMPLES)
    @given(cases())
    def check(case: Case) -> None:
        assert compare_on_rtl(fit(RTL, case), tmp_path) == {}

    check()


@pytest.mark.parametrize("model", MODELS)
def test_cycles_and_words_are_the_contracts(model: str, tmp_path: Path) -> None:
    """Against the recurrences on Python lists, from the dense matrix (tests/support/oracles.py)."""
    require_model(model)

    @settings(max_examples=RTL_EXAMPLES if model == RTL else 60)
    @given(cases(largest_pes=12, largest=30))
    def check(case: Case) -> None:
        fitted = fit(model, replace(case, hw=replace(case.hw, datapath="float32")))
        operands = (fitted.layer, fitted.activations, fitted.hw)
        counters = count(model, fitted, tmp_path)
        found = (counters.cycles, counters.stall_cycles, counters.dram_stall_cycles)
        assert found == oracles.count_cycles(*operands)
        assert counters.spmat_reads == sum(map(len, oracles.list_words_read(*operands)))
        dram = oracles.count_dram(*operands)
        assert counters.spmat_dram_words == sum(words for words, _ in dram)
        assert counters.ptr_dram_reads == sum(pointers for _, pointers in dram)

    check()


def make_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    hw = Hardware(
        n_pes=int(rng.integers(1, 9)),
        queue_depth=int(rng.integers(2, 6)),
        broadcast_latency_cycles=int(rng.integers(0, 3)),
        spmat_sram_bytes=int(rng.choice([1 << 17, 80])),
        ptr_sram_bytes=int(rng.choice([1 << 15, 30])),
        dram_gbps=float(rng.choice([0, 2, 15])),
    )
    codes = rng.integers(1, 16, (40, 30)) * (rng.random((40, 30)) < 0.3)
    layer = CompressedLayer(codes.astype(np.uint8), np.arange(16, dtype=np.float32))
    activations = rng.normal(size=30) * (rng.random(30) < 0.6)
    return Case(layer, activations.astype(np.float32), hw)


@pytest.mark.parametrize("shuffle_seed", range(200))
def test_reference_does_not_depend_on_the_order_of_its_processes(shuffle_seed: int) -> None:
    case = make_case(shuffle_seed % 20)
    image = encode(case.layer, case.hw)
    straight = Array(image, case.activations, case.hw).run()
    shuffled = Array(image, case.activations, case.hw).run(shuffle_seed)
    assert find_differences(straight, shuffled) == {}


@pytest.mark.slow
@pytest.mark.data
def test_reference_on_alex8_in_shuffled_order(alex8: Layer) -> None:
    layer, activations = alex8
    image = encode(layer, Hardware())
    shuffled = Array(image, activations, Hardware()).run(shuffle_seed=1)
    assert find_differences(simulate(image, activations, Hardware()), shuffled) == {}


@settings(max_examples=100)
@given(cases(largest_pes=12, largest=60), st.integers(1, 4), st.booleans())
def test_many_inputs_are_as_one_after_the_other(case: Case, number: int, batches: bool) -> None:
    hw = take_batches(case.hw, batches)
    images = encode_passes(case.layer, hw)
    rng = np.random.default_rng(number)
    kept = rng.random((number, case.layer.cols)) < rng.choice([0.1, 0.6, 1.0], (number, 1))
    stack = np.vstack((case.activations, case.activations * kept))
    single = [simulate_passes(images, vector, hw, "reference") for vector in stack]
    for engine in ENGINES:
        found = simulate_inputs(images, stack, hw, engine)
        assert found.cycles.tolist() == [run.cycles for run in single]
        assert np.array_equal(
            found.output.view(np.uint32), np.stack([run.output for run in single]).view(np.uint32)
        )
        wanted = add_counters([run.counters for run in single])
        assert found.counters.totals() == wanted.totals()
        for name in PE_FIELDS:
            assert np.array_equal(getattr(found.counters.pe, name), getattr(wanted.pe, name)), name


def test_times_beyond_32_bits_are_left_to_single_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rows of two activations, the bias among them, and seven items of 1 + 60 cycles."""
    layer = CompressedLayer(np.ones((120, 6), np.uint8), f32([0, 1]), None, "full")
    hw = Hardware(n_pes=2, spmat_sram_bytes=1 << 20)
    image = encode(layer, hw)
    for latest, able in ((4 + 7 * 61, True), (4 + 7 * 61 - 1, False)):
        monkeypatch.setattr(inputs, "LATEST", latest)
        assert inputs.can_run(image, hw) == able


def test_many_inputs_count_their_padding_zeros() -> None:
    """A relative index of two bits bridges three zeros; a fourth is a padding zero."""
    codes = np.zeros((120, 6), np.uint8)
    codes[[2, 67, 119]] = 3
    layer = CompressedLayer(codes, np.arange(16, dtype=np.float32), None, "sparse")
    hw = Hardware(n_pes=2, index_bits=2)
    images = encode_passes(layer, hw)
    stack = np.ones((3, 6), np.float32)
    single = [simulate_passes(images, vector, hw, "reference") for vector in stack]
    for engine in ENGINES:
        found = simulate_inputs(images, stack, hw, engine)
        assert found.counters.totals() == add_counters([run.counters for run in single]).totals()
        # row 1 of PE 0, rows 33 and 59 of PE 1: behind 1, 33 and 25 zeros
        assert found.counters.padding_macs == 3 * 6 * (0 + 8 + 6)
        assert found.counters.macs == 3 * 6 * 3
