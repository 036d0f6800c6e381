"""Rows in an order that gives all PEs equal work, and pruning that does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import (
    CompressedLayer,
    Hardware,
    encode,
    encode_passes,
    load_benchmark,
    load_model,
    simulate,
    simulate_passes,
)
from eiesim.base.errors import ConfigError, WorkloadError
from eiesim.base.published import PAPER_LAYERS
from eiesim.base.resources import models_path
from eiesim.catalog.model import Model, import_model
from eiesim.catalog.trained import decode, load_trained
from eiesim.cli.main import main
from eiesim.compress.plan import LayerPlan, Plan, read_plan
from eiesim.compress.prune import prune
from eiesim.image import balance_rows, restore_rows
from eiesim.importers.described import Interface
from eiesim.importers.idx import read_idx
from eiesim.inference import run_model
from eiesim.paper.parts.real_layers import read_real_layers
from eiesim.sim.golden import compute_output
from eiesim.training.lenet import IMAGES, LABELS, count_errors
from tests.support.networks import Floats, chain_of_two
from tests.support.pages import read_table
from tests.support.paths import DOCS
from tests.support.strategies import Case, cases, take_batches

LENET_300_100 = ("caffe_lenet300100_original.caffemodel", "lenet300100.prototxt")
PAGE = DOCS / "balance.md"


def spread_of_work(layer: CompressedLayer, n_pes: int) -> int:
    """Weights of the fullest PE less those of the emptiest, counted row by row."""
    counts = np.count_nonzero(layer.codes.toarray(), axis=1)
    loads = [int(counts[pe::n_pes].sum()) for pe in range(n_pes)]
    return max(loads) - min(loads)


@settings(max_examples=100)
@given(cases(largest_pes=12, largest=60), st.booleans())
def test_ordered_rows_give_the_same_in_both_engines(case: Case, batches: bool) -> None:
    hw = take_batches(case.hw, batches)
    order = balance_rows(case.layer, hw.n_pes)
    assert sorted(order) == list(range(case.layer.rows))
    images = encode_passes(case.layer.take(order), hw)
    golden = compute_output(case.layer, case.activations, hw).view(np.uint32)
    runs = [simulate_passes(images, case.activations, hw, engine)
            for engine in ("fast", "reference")]  # fmt: skip
    for run in runs:
        assert np.array_equal(restore_rows(run.output, order).view(np.uint32), golden)
    assert runs[0].counters.totals() == runs[1].counters.totals()
    plain = simulate_passes(encode_passes(case.layer, hw), case.activations, hw)
    assert runs[0].counters.macs == plain.counters.macs


@settings(max_examples=50)
@given(cases(largest_pes=12, largest=60))
def test_no_more_swap_helps_in_one_window(case: Case) -> None:
    """With one input there is one window: no PE may have so much more that a swap would pay."""
    layer = CompressedLayer(case.layer.codes[:, :1], case.layer.codebook)
    n_pes = case.hw.n_pes
    order = balance_rows(layer, n_pes)
    weights = np.count_nonzero(layer.codes.toarray(), axis=1)
    loads = [int(weights[order[pe::n_pes]].sum()) for pe in range(n_pes)]
    held = [len(order[pe::n_pes]) for pe in range(n_pes)]
    # rows hold one weight or none: dealt evenly, PEs with equally many rows differ by one at most
    for size in set(held):
        alike = [load for load, rows in zip(loads, held, strict=True) if rows == size]
        assert max(alike) - min(alike) <= 1


def test_inputs_say_which_weights_count() -> None:
    codes = np.zeros((4, 128), np.uint8)
    codes[:2, 64:] = 1  # as many weights as rows 2 and 3 have, but their activations are zero
    codes[2:, :64] = 1
    layer = CompressedLayer(codes, np.array([0, 1], np.float32))
    inputs = np.zeros((3, 128), np.float32)
    inputs[:, :64] = 1
    order = balance_rows(layer, 2, inputs)
    assert {int(row) for row in order[0::2]} & {2, 3}
    assert {int(row) for row in order[1::2]} & {2, 3}
    with pytest.raises(WorkloadError, match="inputs"):
        balance_rows(layer, 2, inputs[:, :5])


@pytest.mark.data
def test_alex8_takes_fewer_cycles_than_by_dealing_alone(
    alex8: tuple[CompressedLayer, Floats],
) -> None:
    """Dealt by falling number of weights it takes 7659 cycles instead of 7910."""
    layer, act = alex8
    layer, hw = CompressedLayer(layer.codes, layer.codebook), Hardware()
    order = balance_rows(layer, hw.n_pes)
    plain, ordered = (simulate(encode(it, hw), act, hw) for it in (layer, layer.take(order)))
    assert plain.cycles == 7910
    assert plain.theoretical_cycles <= ordered.cycles < 7659
    assert np.array_equal(restore_rows(ordered.output, order), plain.output)


@pytest.mark.parametrize("datapath", ["float32", "fixed16"])
def test_a_balanced_network_gives_the_same(datapath: str) -> None:
    model, inputs = chain_of_two(np.random.default_rng(3))
    hw = Hardware(n_pes=4, datapath=datapath)
    plain, balanced = (list(run_model(model, inputs, hw, balance=it)) for it in (False, True))
    for one, other in zip(plain, balanced, strict=True):
        for name, values in one.values.items():
            # sums of eighths are exact, in whatever order
            assert np.array_equal(values, other.values[name]), name
        assert [it.traffic for it in one.steps] == [it.traffic for it in other.steps]
    assert sum(run.cycles for run in balanced) < sum(run.cycles for run in plain)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, folder in (([], "plain"), (["--balance"], "balanced")):
        assert main(["run", "nt-we", *words, "--out", str(tmp_path / folder)]) == 0
    capsys.readouterr()
    outputs = [(tmp_path / folder / "outputs.csv").read_text() for folder in ("plain", "balanced")]
    assert outputs[0] == outputs[1]


def draw_weights(rows: int, cols: int, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.2, 2, (rows, 1))  # some rows are larger, so that plain pruning is uneven
    return (rng.normal(size=(rows, cols)) * scale).astype(np.float32)


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(1, 30), st.integers(2, 50), st.floats(0, 1))
def test_every_pe_keeps_its_largest(rows: int, cols: int, n_pes: int, density: float) -> None:
    weights = draw_weights(rows, cols)
    kept = prune(weights, density, n_pes=n_pes).toarray()
    assert np.array_equal(kept[kept != 0], weights[kept != 0])
    assert np.count_nonzero(kept) == round(density * weights.size)
    most = max(int(np.count_nonzero(kept[pe::n_pes])) for pe in range(n_pes))
    for pe in range(min(rows, n_pes)):
        mine, whole = kept[pe::n_pes], np.abs(weights[pe::n_pes])
        assert np.count_nonzero(mine) >= min(most - 1, mine.size)
        if 0 < np.count_nonzero(mine) < mine.size:
            assert np.abs(mine[mine != 0]).min() >= whole[mine == 0].max()


def test_pruning_for_balance_is_even_and_a_little_worse() -> None:
    weights = draw_weights(256, 100)
    plain, even = prune(weights, 0.1), prune(weights, 0.1, n_pes=16)
    layers = [CompressedLayer((it.toarray() != 0).astype(np.uint8), np.array([0, 1], np.float32))
              for it in (plain, even)]  # fmt: skip
    assert spread_of_work(layers[1], 16) == 0 < spread_of_work(layers[0], 16)
    assert np.abs(plain.data).sum() > np.abs(even.data).sum()


def test_plan() -> None:
    plan = read_plan(None, ["density=0.25", "balance_pes=16"])
    assert plan.find("fc").pruning == {"density": 0.25, "n_pes": 16}
    for bad in ({"balance_pes": 4}, {"balance_pes": 4, "threshold": 1.0}):
        with pytest.raises(ConfigError, match="balance_pes: goes with density"):
            LayerPlan(**bad)
    with pytest.raises(WorkloadError, match="n_pes"):
        prune(draw_weights(4, 4), threshold=0.1, n_pes=2)


def measure(layer: CompressedLayer, inputs: Floats) -> list[str]:
    """Return what the page tells of a layer: floor, cycles, cycles in order, gain, inputs known."""
    hw = Hardware(codebook_bits=8)
    orders = (np.arange(layer.rows), balance_rows(layer, 64), balance_rows(layer, 64, inputs))
    images = [encode(layer.take(order), hw) for order in orders]
    runs = [[simulate(image, row, hw) for row in inputs] for image in images]
    plain, ordered, known = (float(np.mean([run.cycles for run in it])) for it in runs)
    floor = float(np.mean([run.theoretical_cycles for run in runs[0]]))
    gain = f"{100 * (plain - ordered) / plain:.1f} %"
    return [f"{floor:.0f}", f"{plain:.0f}", f"{ordered:.0f}", gain, f"{known:.0f}"]


def test_page_of_the_nine_layers() -> None:
    rows = read_table("balance.md", "| layer | floor")
    assert [row[0] for row in rows] == list(PAPER_LAYERS)
    for name, *cells in rows:
        benchmark = load_benchmark(name)
        assert measure(benchmark.layer, benchmark.activations[np.newaxis]) == cells, name


@pytest.mark.data
def test_page_of_real_layers(shared_data: Path) -> None:
    rows = {row[0]: row[1:] for row in read_table("balance.md", "| layer | inputs")}
    real = [it for it in read_real_layers(shared_data) if len(it.inputs)]
    found = {it.layer.name: [str(len(it.inputs)), *measure(it.layer, it.inputs)] for it in real}
    assert found == rows


def test_example_of_the_page() -> None:
    code = PAGE.read_text("utf-8").split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    benchmark = names["benchmark"]
    plain = simulate(encode(benchmark.layer, Hardware()), benchmark.activations, Hardware())
    assert np.array_equal(names["output"], plain.output)
    assert names["run"].cycles < plain.cycles


def count_cycles(model: Model, images: Floats, *, balance: bool) -> tuple[str, list[int]]:
    """Return mean cycles, and the answers."""
    examples = [dict.fromkeys(model.graph.inputs, image) for image in images]
    runs = list(run_model(model, examples, Hardware(), balance=balance))
    answers = [int(run.values[model.graph.outputs[0]].argmax()) for run in runs]
    return f"{np.mean([run.cycles for run in runs]):.0f}", answers


@pytest.mark.slow
@pytest.mark.data
def test_page_of_pruning_for_balance(shared_data: Path) -> None:
    """All rows but the last, whose network is not shipped."""
    pixels, labels = read_idx(shared_data / IMAGES), read_idx(shared_data / LABELS)
    images = pixels.astype(np.float32) / np.float32(255)
    *pruned, retrained, _ = read_table("balance.md", "| densities of")
    folder = shared_data / "lenet"
    for shares, pes, right, *cycles in pruned:
        densities = [int(share) / 100 for share in shares.replace("%", "").split()]
        plans = {
            name: LayerPlan(density=density, balance_pes=int(pes))
            for name, density in zip(("ip1", "ip2", "ip3"), densities, strict=True)
        }
        file, steps = (folder / name for name in LENET_300_100)
        model = import_model(
            file, steps, Plan(layers=plans), interface=Interface(outputs=("ip3",))
        ).model
        given = pixels[:1000, np.newaxis].astype(np.float32) / np.float32(256)
        found = [count_cycles(model, given, balance=it) for it in (False, True)]
        assert [it[0] for it in found] == cycles
        assert f"{100 * np.mean(found[0][1] == labels[:1000]):.1f} %" == right
    layers = load_trained("lenet-300-100").container.layers
    wrong = count_errors({it.name: decode(it) for it in layers}, images, labels)
    assert f"{(10_000 - wrong) / 100:.2f} %" == retrained[2]
    model = load_model(models_path() / "trained" / "lenet-300-100-seed0.dcz")
    given = images[:1000].reshape(1000, -1)
    assert [count_cycles(model, given, balance=it)[0] for it in (False, True)] == retrained[3:]
