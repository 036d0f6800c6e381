"""Inputs and outputs that exceed the activation registers, in batches and passes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import (
    CompressedLayer,
    Hardware,
    encode,
    encode_passes,
    estimate_energy,
    load_benchmark,
    simulate,
    simulate_passes,
)
from eiesim.base.errors import ImageError
from eiesim.base.published import PAPER_LAYERS
from eiesim.counters import PE_FIELDS
from eiesim.image import count_chips, fit_images
from eiesim.sim.engines import Engine
from eiesim.sim.golden import compute_output
from eiesim.sim.passes import Passes
from tests.support.paths import DOCS
from tests.support.strategies import Case, cases, take_batches

PAGE = DOCS / "batches.md"
NO_BIAS_ROW = Hardware(n_pes=4, registers_per_pe=2, act_batches=True, bias_row=False)


def batched(case: Case, accumulators: int) -> Hardware:
    return replace(take_batches(case.hw, batches=True), registers_per_pe=accumulators)


@settings(max_examples=150)
@given(cases(largest_pes=12, largest=60), st.integers(1, 5))
def test_engines_agree(case: Case, accumulators: int) -> None:
    hw = batched(case, accumulators)
    images = encode_passes(case.layer, hw)
    assert len(images) == -(-case.layer.rows // (hw.n_pes * accumulators))
    fast, slow = (
        simulate_passes(images, case.activations, hw, engine) for engine in ("fast", "reference")
    )
    assert fast.counters.totals() == slow.counters.totals()
    for name in PE_FIELDS:
        assert np.array_equal(getattr(fast.counters.pe, name), getattr(slow.counters.pe, name)), (
            name
        )
    golden = compute_output(case.layer, case.activations, hw)
    for run in (fast, slow):
        assert np.array_equal(run.output.view(np.uint32), golden.view(np.uint32))
    bounds = Passes(images, case.activations, hw).bound()
    assert bounds.floor_cycles <= fast.cycles <= bounds.ceiling_cycles


@settings(max_examples=80)
@given(cases(largest_pes=12, largest=60), st.integers(1, 5))
def test_batches_cost_time_and_change_no_answer(case: Case, accumulators: int) -> None:
    hw = batched(case, accumulators)
    plain = replace(hw, act_batches=False)
    whole = simulate(encode(case.layer, plain), case.activations, plain)
    parts = simulate_passes(encode_passes(case.layer, hw), case.activations, hw)
    assert np.array_equal(whole.output.view(np.uint32), parts.output.view(np.uint32))
    assert parts.counters.macs == whole.counters.macs
    assert parts.cycles >= whole.cycles or parts.counters.dram_stall_cycles
    rows, cols = case.layer.rows, case.layer.cols
    passes = -(-rows // (hw.n_pes * accumulators))
    loaded = passes * cols if cols > hw.n_pes * accumulators else 0
    # PEs whose inputs fit have none to load, though the fullest one's do not
    assert parts.counters.act_sram_reads <= loaded
    assert parts.counters.act_sram_writes == (rows if passes > 1 else 0)
    enough = replace(hw, registers_per_pe=64)
    roomy = replace(plain, registers_per_pe=64)
    same = simulate_passes(encode_passes(case.layer, enough), case.activations, enough)
    before = simulate(encode(case.layer, roomy), case.activations, roomy)
    assert same.counters.totals() == before.counters.totals()


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize(("column", "loads"), [(0, 2), (7, 2), (8, 4), (16, 5)])
def test_one_activation_waits_for_its_batch(engine: Engine, column: int, loads: int) -> None:
    """4 PEs with 2 registers each and 17 inputs: 5 rows, in batches of 2, 2 and 1 rows."""
    codes = np.zeros((4, 17), np.uint8)
    codes[0, column] = 1
    layer = CompressedLayer(codes, np.array([0, 1], np.float32))
    activations = np.zeros(17, np.float32)
    activations[column] = 1
    hw = replace(NO_BIAS_ROW, act_batches=False)
    without = simulate(encode(layer, hw), activations, hw, engine)
    found = simulate(encode(layer, NO_BIAS_ROW), activations, NO_BIAS_ROW, engine)
    assert found.cycles == without.cycles + loads
    assert found.counters.stall_cycles == without.counters.stall_cycles == 0


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_pass_ends_with_writing_its_outputs(engine: Engine) -> None:
    """20 outputs on 4 PEs with 2 accumulators each: passes of 8, 8 and 4 outputs, 2, 2, 1 a PE."""
    rng = np.random.default_rng(0)
    layer = CompressedLayer(rng.integers(0, 2, (20, 8), np.uint8), np.array([0, 1], np.float32))
    activations = np.ones(8, np.float32)
    images = encode_passes(layer, NO_BIAS_ROW)
    assert [image.rows for image in images] == [8, 8, 4]
    alone = [simulate(image, activations, NO_BIAS_ROW, engine).cycles for image in images]
    found = simulate_passes(images, activations, NO_BIAS_ROW, engine)
    assert found.cycles == sum(alone) + 2 + 2 + 1
    assert found.counters.pe.act_sram_writes.tolist() == [5, 5, 5, 5]
    assert found.counters.act_sram_reads == 0  # 2 rows of inputs fit the source registers
    with pytest.raises(ImageError, match="expected at most 8 outputs"):
        simulate(encode(layer, NO_BIAS_ROW), activations, NO_BIAS_ROW)


def test_what_is_moved_is_paid_for() -> None:
    benchmark = load_benchmark("nt-wd")
    hw = Hardware(act_batches=True)
    found = simulate_passes(encode_passes(benchmark.layer, hw), benchmark.activations, hw)
    report = estimate_energy(found)
    counts = {(row.component, row.part, row.action): row.count for row in report.rows}
    assert counts["act_rw", "memory", "write"] == benchmark.layer.rows
    assert report.total_pj > 0


def is_of_the_paper(line: str) -> bool:
    return line.startswith("| ") and line.split()[1].lower() in PAPER_LAYERS


def test_the_nine_layers_are_as_the_page_says() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split("|") for line in lines if is_of_the_paper(line)]
    assert len(rows) == 9
    hw = Hardware(act_batches=True)
    plain = Hardware()
    for name, *told in rows:
        benchmark = load_benchmark(name.strip())
        images = encode_passes(benchmark.layer, hw)
        found = simulate_passes(images, benchmark.activations, hw)
        before = simulate(encode(benchmark.layer, plain), benchmark.activations, plain)
        inputs = math.ceil(math.ceil(benchmark.layer.cols / 64) / 64)
        chips = count_chips(fit_images(images, hw.fill))
        expected = [inputs, len(images), before.cycles, found.cycles, chips]
        assert [int(word.strip().replace(",", "")) for word in told] == expected, name


@pytest.mark.parametrize(
    ("rows", "batches", "note", "fits"),
    [
        (8, False, "more would go in batches: their cycles with act_batches = true", True),
        (20, False, "more would go in batches: their cycles with act_batches = true", False),
        (8, True, "more would go in batches: their cycles with act_batches = true", True),
        (20, True, "3 batches", True),
    ],
)
def test_batches_are_named_where_the_machine_has_them(
    rows: int, batches: bool, note: str, fits: bool
) -> None:
    """Eight outputs at once: 20 take three batches."""
    hw = Hardware(n_pes=4, registers_per_pe=2, act_batches=batches)
    codes = np.ones((rows, 4), np.uint8)
    layer = CompressedLayer(codes=codes, codebook=np.arange(16, dtype=np.float32), name="ones")
    (use,) = (
        it for it in fit_images(encode_passes(layer, hw), hw.fill) if it.memory == "accumulators"
    )
    assert (use.note, use.fits) == (note, fits)
