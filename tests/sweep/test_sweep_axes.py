"""What goes onto an axis: numbers as a list has them, inputs, lengths, and what does not go."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eiesim import Hardware, compress, encode, load_benchmark, simulate
from eiesim.base.errors import ConfigError
from eiesim.catalog.examples import DRAWN_STEPS, draw_examples, read_examples
from eiesim.catalog.model import Model, load_model
from eiesim.cli.main import main
from eiesim.graph import STEPS, Graph, Step
from eiesim.inference import run_model
from eiesim.layer.weights import StoredLayer
from eiesim.sweep import sweep
from eiesim.sweep.planning import plan_points
from eiesim.sweep.points import list_points, list_values
from eiesim.sweep.spec import MOST_POINTS, make_sweep
from tests.support.paths import ROOT


def spread(axis: str, given_axis: dict[str, Any]) -> tuple[Any, ...]:
    return make_sweep({"layers": ["alex-7"], "axes": {axis: given_axis}}).axes[axis]


@pytest.mark.parametrize(
    ("axis", "given_axis", "listed"),
    [
        ("layer.weight_density", {"from": 0.1, "to": 0.3, "step": 0.1}, [0.1, 0.2, 0.3]),
        ("layer.weight_density", {"from": 0.1, "to": 1, "step": 0.1},
         [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ("layer.weight_density", {"from": 0.001, "to": 1, "times": 10}, [0.001, 0.01, 0.1, 1.0]),
        ("layer.weight_density", {"from": 0.1, "to": 0.9, "times": 3}, [0.1, 0.3, 0.9]),
        ("clock_mhz", {"from": 800, "to": 1000, "step": 100}, [800.0, 900.0, 1000.0]),
        ("node_nm", {"from": 22.1, "to": 44.2, "times": 2}, [22.1, 44.2]),
        ("queue_depth", {"from": 2, "to": 9, "step": 3}, [2, 5, 8]),
        ("queue_depth", {"from": 3, "to": 48, "times": 4}, [3, 12, 48]),
    ],
)  # fmt: skip
def test_steps_are_the_numbers_of_a_list(
    axis: str, given_axis: dict[str, Any], listed: list[Any]
) -> None:
    got = spread(axis, given_axis)
    assert list(map(repr, got)) == list(map(repr, listed))
    spec = {"layers": ["alex-7"], "axes": {axis: listed}}
    stepped = make_sweep({"layers": ["alex-7"], "axes": {axis: given_axis}})
    keys = [[it.key for it in plan_points(it).points] for it in (make_sweep(spec), stepped)]
    assert keys[0] == keys[1]


@given(
    st.decimals("0.001", "0.2", places=3), st.decimals("0.001", "0.05", places=3),
    st.integers(0, 15),
)  # fmt: skip
def test_any_steps_are_those_decimal_numbers(first: Decimal, step: Decimal, number: int) -> None:
    listed = [float(first + place * step) for place in range(number + 1)]
    given_axis = {"from": float(first), "to": listed[-1], "step": float(step)}
    assert list(spread("layer.weight_density", given_axis)) == listed


@pytest.mark.parametrize(
    ("given_axis", "told"),
    [
        ({"from": 0, "to": 1, "times": 2}, "from above 0"),
        ({"from": -1, "to": 1, "times": 2}, "from above 0"),
        ({"from": 0.1, "to": float("inf"), "step": 0.1}, "expected a list, or from, to"),
        ({"from": float("nan"), "to": 1, "step": 0.1}, "expected a list, or from, to"),
        ({"from": 0, "to": 1, "step": 1e-8}, f"at most {MOST_POINTS} values"),
    ],
)
def test_steps_without_an_end_are_refused(given_axis: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        spread("layer.weight_density", given_axis)
    assert told in str(caught.value)


@pytest.mark.parametrize("axis", ["clock_mhz", "layer.weight_density"])
def test_a_whole_number_is_the_same_point(axis: str) -> None:
    keys = [
        plan_points(make_sweep({"layers": ["nt-we"], "axes": {axis: [value]}})).points[0].key
        for value in (1, 1.0)
    ]
    listed = make_sweep({"layers": ["nt-we"], "method": "list", "list": [{axis: 1}]})
    assert len({*keys, plan_points(listed).points[0].key}) == 1
    with pytest.raises(ConfigError, match="each value once"):
        make_sweep({"layers": ["nt-we"], "axes": {axis: [1, 1.0]}})


def save_layer(path: str, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    codes = np.where(rng.random((30, 40)) < 0.3, rng.integers(1, 16, (30, 40)), 0)
    book = rng.normal(size=16).astype(np.float32)
    book[0] = 0
    arrays: dict[str, Any] = {"codes": codes.astype(np.uint8), "codebook": book,
                              "act": rng.normal(size=40).astype(np.float32)}  # fmt: skip
    np.savez(path, **arrays)


@pytest.mark.usefixtures("in_folder")
def test_errors_show_their_own_point() -> None:
    """Each with what is wrong with it, whatever points it shares an image with."""
    save_layer("layer.npz")
    for bits in ([1, 2, 3], [3, 4, 5]):
        table = sweep({"layers": ["layer.npz"], "axes": {"codebook_bits": bits}}, jobs=1)
        for own, error in zip(bits, table["error"], strict=True):
            if own < 4:
                assert f"the hardware's codebook_bits is {own};" in error
            else:
                assert pd.isna(error)
    alone = sweep({"layers": ["layer.npz"], "axes": {"codebook_bits": [5]}}, jobs=1)
    assert alone["cycles"][0] == table["cycles"][1] == table["cycles"][2]


@pytest.mark.usefixtures("in_folder")
def test_axes_of_drawn_layers_go_with_drawn_ones_alone() -> None:
    save_layer("layer.npz")
    axes = {"layer.weight_density": [0.1, 0.2]}
    layers = ["layer.npz", "lenet-300-100/ip3", "nt-we"]
    table = sweep({"layers": layers, "axes": axes}, jobs=1)
    for layer, error in zip(table["layer"], table["error"], strict=True):
        if layer == "nt-we":
            assert pd.isna(error)
        else:
            assert f"{layer}: axis 'layer.weight_density' goes with drawn layers" in error
    steps = sweep({"layers": ["nt-we"], "axes": {"steps": [4]}}, jobs=1)
    assert "axis 'steps' is of networks that take sequences" in steps["error"][0]


def test_a_sweep_without_one_result_fails(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_layer("layer.npz")
    spec = in_folder / "spec.toml"
    spec.write_text('layers = ["layer.npz"]\n[axes]\ncodebook_bits = [1, 2]\n')
    assert main(["sweep", "spec.toml", "--jobs", "1"]) == 1
    assert "done: 0, not run yet: 0, with errors: 2" in capsys.readouterr().out
    spec.write_text('layers = ["layer.npz"]\n[axes]\ncodebook_bits = [1, 4]\n')
    assert main(["sweep", "spec.toml", "--jobs", "1"]) == 0
    spec.write_text('layers = ["layer.npz"]\nwhere = ["area_mm2 < 1"]\n[axes]\nn_pes = [64]\n')
    assert main(["sweep", "spec.toml", "--jobs", "1"]) == 0


def save_network(name: str, inputs: int) -> None:
    rng = np.random.default_rng(inputs)
    weights: dict[str, Any] = {
        "a.weight": rng.normal(size=(40, inputs)).astype(np.float32),
        "b.weight": rng.normal(size=(10, 40)).astype(np.float32),
    }
    np.savez(f"{name}.npz", **weights)
    assert main(["import", f"{name}.npz", "-o", f"{name}.eie", "--set", "density=0.3"]) == 0


@pytest.fixture
def networks(in_folder: Path) -> Path:
    for name, inputs in (("one", 30), ("two", 50)):
        save_network(name, inputs)
        rng = np.random.default_rng(1)
        own = np.where(rng.random((20, inputs)) < 0.5, rng.random((20, inputs)), 0)
        np.save(f"{name}-20.npy", own.astype(np.float32))
        np.save(f"{name}-1.npy", own[3].astype(np.float32))
    return in_folder


@pytest.mark.usefixtures("networks")
def test_networks_have_inputs_of_their_own() -> None:
    inputs = {"one.eie": "one-1.npy", "two.eie": "two-1.npy"}
    spec = {"layers": ["one.eie", "two.eie"], "inputs": inputs, "axes": {"n_pes": [4, 8]}}
    table = sweep(spec, jobs=1)
    assert "inputs" not in table
    for row in table.to_dict("records"):
        model = load_model(row["layer"])
        (run,) = run_model(
            model, read_examples(inputs[row["layer"]], model), Hardware(n_pes=row["n_pes"])
        )
        assert row["cycles"] == run.cycles
    # one layer with an input of its own beside one with the input of its file
    some = sweep(
        spec | {"layers": ["one.eie", "nt-we"], "inputs": {"one.eie": "one-1.npy"}}, jobs=1
    )
    assert list(some["cycles"][:2]) == list(table["cycles"][:2])
    assert some["error"].isna().all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"inputs": {"on.eie": "a.npy"}}, "did you mean 'one.eie'?"),
        ({"inputs": {"one.eie": 3}}, "inputs: one.eie: expected a file, found 3"),
        ({"inputs": {"one.eie": "a.npy"}, "axes": {"inputs": ["b.npy"]}}, "found both"),
        (
            {"inputs": {"one.eie": "a.npy"}, "method": "list", "list": [{"inputs": "b"}]},
            "found both",
        ),
        ({"axes": {"inputs": [3]}}, "axis inputs: expected printable text, found 3"),
        ({"axes": {"balance": [3]}}, "axis balance: expected true or false, found 3"),
        ({"axes": {"steps": [0]}}, "axis steps: expected a whole number from 1"),
        ({"layers": ["one.eie", "one.eie"]}, "layers: expected each layer once"),
        ({"where": ["cycles < nan"]}, "expected a number, found 'nan'"),
    ],
)
def test_wrong_inputs_are_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_sweep({"layers": ["one.eie"], **change})
    assert told in str(caught.value)


@pytest.mark.usefixtures("networks")
def test_a_file_with_many_inputs_is_refused() -> None:
    axes = {"inputs": ["one-20.npy", "one-1.npy"]}
    table = sweep({"layers": ["one.eie"], "axes": axes}, jobs=1)
    assert "one-20.npy: expected one input of one.eie, found 20" in table["error"][0]
    assert pd.isna(table["error"][1])
    ignored = sweep({"layers": ["one.eie"], "axes": {**axes, "layer.seed": [0, 1]}}, jobs=1)
    assert "axis 'layer.seed' is of drawn ones" in ignored["error"][3]
    steps = sweep({"layers": ["one.eie"], "axes": {"steps": [3]}}, jobs=1)
    assert "one.eie: takes no sequences" in steps["error"][0]


@pytest.mark.usefixtures("in_folder")
def test_the_length_of_drawn_sequences_is_an_axis() -> None:
    drawn = np.random.default_rng(0).normal(size=(32, 6 + 8 + 1)).astype(np.float32)
    weights = compress(drawn, density=0.5)
    stored = StoredLayer(weights, (32, 15), None)
    cell = Step("lstm", "lstm", ("x",), weights.name)
    graph = Graph({"x": (STEPS, 6)}, (cell,), (cell.name,))
    Model("lstm", graph, {weights.name: stored}).save("lstm.eie")
    table = sweep({"layers": ["lstm.eie"], "axes": {"steps": [1, 5, 16]}}, jobs=1)
    model = load_model("lstm.eie")
    for steps, cycles in zip((1, 5, 16), table["cycles"], strict=True):
        (example,) = draw_examples(model, 1, 1.0, 0, steps)
        assert next(iter(example.values())).shape[0] == steps
        (run,) = run_model(model, [example], Hardware())
        assert cycles == run.cycles
    usual = sweep({"layers": ["lstm.eie"], "axes": {"n_pes": [64]}}, jobs=1)
    assert usual["cycles"][0] == table["cycles"][2]
    for page in ("docs/sweeps.md", "docs/networks.md", "eiesim/cli/examples.py"):
        assert f"{DRAWN_STEPS} steps" in (ROOT / page).read_text("utf-8")


def test_points_carry_their_input() -> None:
    spec = make_sweep({"layers": ["a.eie", "b"], "inputs": {"a.eie": "x.npy"},
                       "axes": {"n_pes": [4]}})  # fmt: skip
    assert [dict(it.values) for it in list_points(spec)] == [
        {"n_pes": 4, "inputs": "x.npy"}, {"n_pes": 4},
    ]  # fmt: skip


def test_a_layer_takes_an_input_of_its_own(in_folder: Path) -> None:
    benchmark = load_benchmark("nt-we")
    own = np.zeros(benchmark.layer.cols, np.float32)
    own[::3] = 1
    np.save("own.npy", own)
    spec = {"layers": ["nt-we"], "inputs": {"nt-we": "own.npy"}, "axes": {"n_pes": [64]}}
    cycles = simulate(encode(benchmark.layer, Hardware()), own, Hardware()).cycles
    assert sweep(spec, jobs=1)["cycles"][0] == cycles
    (in_folder / "spec.toml").write_text(
        'layers = ["nt-we"]\n[inputs]\nnt-we = "own.npy"\n[axes]\nn_pes = [64]\n'
    )
    assert main(["sweep", "spec.toml", "--out", "out"]) == 0
    summary = json.loads((in_folder / "out" / "summary.json").read_text())
    assert summary["best"]["cycles"]["cycles"] == cycles


def test_values_of_an_axis_are_in_order() -> None:
    """Numbers by size, others as they were given."""
    axes = {"n_pes": [64, 16, 32], "sram_cell": ["itrs-lstp", "itrs-hp"]}
    values = list_values(make_sweep({"layers": ["alex-7"], "axes": axes}))
    assert values == {"n_pes": (16, 32, 64), "sram_cell": ("itrs-lstp", "itrs-hp")}
