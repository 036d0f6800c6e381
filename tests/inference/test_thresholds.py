"""Thresholds in networks: recurrent layers that send changes, beside a delta network in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import CompressedLayer, Hardware, run_model
from eiesim.base.errors import ConfigError
from eiesim.catalog.model import Model
from eiesim.energy.machine import price_machine
from eiesim.graph import STEPS, Graph, Step
from eiesim.inference import Setup, products, run_steps
from eiesim.layer.weights import StoredLayer
from eiesim.runs.network import run_examples
from eiesim.runs.network_report import report_network

INPUTS, HIDDEN, CLASSES = 6, 12, 4
Floats = npt.NDArray[np.float32]


def draw_layer(rows: int, cols: int, name: str, seed: int) -> StoredLayer:
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, 16, (rows, cols)) * (rng.random((rows, cols)) < 0.5)
    codebook = np.append(0, rng.normal(scale=0.7, size=15)).astype(np.float32)
    return StoredLayer(CompressedLayer(codes.astype(np.uint8), codebook, None, name), (rows, cols))


def make_model(op: str, **settings: Any) -> Model:
    """A recurrent level and a fully connected layer behind it."""
    rows = {"lstm": 4, "gru": 3 if settings.get("reset") == "before" else 4, "rnn": 1}[op] * HIDDEN
    layers = {
        "level": draw_layer(rows, INPUTS + HIDDEN + 1, "level", 1),
        "out": draw_layer(CLASSES, HIDDEN, "out", 2),
    }
    steps = (
        Step("level", op, ("numbers",), "level", settings),
        Step("out", "fc", ("level",), "out"),
    )
    return Model(op, Graph({"numbers": (STEPS, INPUTS)}, steps, ("out",)), layers)


def draw_walk(steps: int, seed: int = 0) -> Floats:
    """A sequence that changes slowly, in some of its numbers."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(scale=0.3, size=(steps, INPUTS)) * (rng.random((steps, INPUTS)) < 0.6)
    return np.cumsum(moves, axis=0).astype(np.float32)


def sigmoid(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1 / (1 + np.exp(-values))


class DeltaMatrix:
    """Neil et al., 2017, section 2: what was sent, and the sum of the products of the changes."""

    def __init__(self, weights: npt.NDArray[np.float64], threshold: float) -> None:
        self.weights, self.threshold = weights[:, :-1], threshold
        self.sums, self.sent = weights[:, -1].copy(), np.zeros(weights.shape[1] - 1)
        self.numbers = 0

    def multiply(self, inputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        changes = inputs - self.sent
        goes = np.abs(changes) > self.threshold
        self.sums += self.weights[:, goes] @ changes[goes]
        self.sent[goes] = inputs[goes]
        self.numbers += int(goes.sum())
        return self.sums.copy()


def run_delta(model: Model, walk: Floats, threshold: float) -> tuple[Any, int]:
    """Return the outputs of a delta network in float64, and how many changes it sends."""
    layer = model.layers["level"].layer
    weights = layer.codebook.astype(np.float64)[layer.codes.toarray()]
    op, before = model.graph.steps[0].op, model.graph.steps[0].settings.get("reset") == "before"
    parts = [weights[: 2 * HIDDEN], weights[2 * HIDDEN :]] if before else [weights]
    matrices = [DeltaMatrix(part, threshold) for part in parts]
    hidden, cell, outputs = np.zeros(HIDDEN), np.zeros(HIDDEN), []
    for numbers in walk.astype(np.float64):
        sums = matrices[0].multiply(np.append(numbers, hidden))
        if op == "lstm":
            enter, new, forget, leave = np.split(sums, 4)
            cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(new)
            hidden = sigmoid(leave) * np.tanh(cell)
        elif op == "rnn":
            hidden = np.tanh(sums)
        else:
            update, reset = sums[:HIDDEN], sigmoid(sums[HIDDEN : 2 * HIDDEN])
            if before:
                new = matrices[1].multiply(np.append(numbers, reset * hidden))
            else:
                new = sums[2 * HIDDEN : 3 * HIDDEN] + reset * sums[3 * HIDDEN :]
            hidden = (1 - sigmoid(update)) * np.tanh(new) + sigmoid(update) * hidden
        outputs.append(hidden)
    return np.array(outputs), sum(matrix.numbers for matrix in matrices)


@pytest.mark.parametrize("threshold", [0.0, 0.0371, 0.2173])
@pytest.mark.parametrize(
    ("op", "settings"),
    [("lstm", {}), ("gru", {"reset": "after"}), ("gru", {"reset": "before"}), ("rnn", {})],
)
def test_recurrent_layers_are_delta_networks(
    op: str, settings: dict[str, Any], threshold: float
) -> None:
    model, walk = make_model(op, **settings), draw_walk(30)
    expected, changes = run_delta(model, walk, threshold)
    hw = Hardware(n_pes=4, delta_threshold=threshold, bias_row=False)
    (run,) = run_model(model, [{"numbers": walk}], hw)
    assert np.abs(run.values["level"] - expected).max() < 1e-5
    counters = run.steps[0].result.counters
    matrices = 2 if settings.get("reset") == "before" else 1
    assert counters.broadcasts == changes + matrices  # and the bias, in the first step


@pytest.mark.parametrize("datapath", ["float32", "fixed16"])
def test_engines_agree_in_networks(datapath: str) -> None:
    model, walk = make_model("lstm"), draw_walk(10)
    hw = Hardware(n_pes=4, delta_threshold=0.05, act_threshold=0.1, datapath=datapath)
    fast, reference = (
        next(run_model(model, [{"numbers": walk}], hw, engine))
        for engine in ("fast", "reference")
    )  # fmt: skip
    assert np.array_equal(fast.values["out"], reference.values["out"])
    for one, other in zip(fast.steps, reference.steps, strict=True):
        assert one.result.counters.totals() == other.result.counters.totals()


def test_without_changes_below_it_a_delta_network_is_the_plain_one() -> None:
    """In float32 to rounding, since sums are added in another order."""
    model, walk = make_model("lstm"), draw_walk(30)
    (plain,) = run_model(model, [{"numbers": walk}], Hardware())
    (delta,) = run_model(model, [{"numbers": walk}], Hardware(delta_threshold=0.0))
    assert np.abs(plain.values["out"] - delta.values["out"]).max() < 1e-5
    assert delta.steps[0].result.error is not None
    assert delta.steps[0].result.error.relative < 1e-6
    assert plain.steps[0].result.error is None
    assert delta.steps[0].result.counters.broadcasts < plain.steps[0].result.counters.broadcasts


def test_a_state_that_is_kept_keeps_its_sums() -> None:
    model, walk, hw = make_model("lstm"), draw_walk(20), Hardware(delta_threshold=0.05)
    (whole,) = run_model(model, [{"numbers": walk}], hw)
    parts = [{"numbers": walk[:7]}, {"numbers": walk[7:8]}, {"numbers": walk[8:]}]
    kept = list(run_model(model, parts, hw, keep_state=True))
    outputs = np.concatenate([run.values["out"] for run in kept])
    assert np.array_equal(outputs, whole.values["out"])
    assert sum(run.cycles for run in kept) == whole.cycles
    fresh = list(run_model(model, parts, hw))
    (alone,) = run_model(model, parts[1:2], hw)
    assert np.array_equal(fresh[1].values["out"], alone.values["out"])


@pytest.mark.parametrize("fields", [{"delta_threshold": 0.05}, {"act_threshold": 0.1}])
@pytest.mark.parametrize("datapath", ["float32", "fixed16"])
@pytest.mark.parametrize("balance", [False, True])
def test_untimed_outputs_are_those_of_a_run(
    fields: dict[str, float], datapath: str, balance: bool
) -> None:
    model, example = make_model("gru", reset="before"), {"numbers": draw_walk(20)}
    hw = Hardware(n_pes=4, datapath=datapath, **fields)  # type: ignore[arg-type]
    timed, untimed = (
        next(run_steps(model, [example], Setup(hw, balance=balance, timed=timed)))
        for timed in (True, False)
    )
    assert np.array_equal(untimed.values["out"], timed.values["out"])
    assert untimed.steps == ()


def test_an_untimed_step_is_not_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(products, "run_step", fail)
    monkeypatch.setattr(products, "find_output_error", fail)
    setup = Setup(Hardware(delta_threshold=0.05), timed=False)
    (run,) = run_steps(make_model("lstm"), [{"numbers": draw_walk(3)}], setup)
    assert run.values["out"].shape == (3, CLASSES)


def test_a_threshold_in_recurrent_layers_leaves_the_bias() -> None:
    """Nothing but the bias is sent where nothing is above the threshold."""
    model, walk = make_model("rnn"), draw_walk(3)
    layer = model.layers["level"].layer
    bias = layer.codebook[layer.codes.toarray()[:, -1]]
    (run,) = run_model(model, [{"numbers": walk}], Hardware(act_threshold=100.0))
    assert np.allclose(run.values["level"], np.tanh(bias))
    # and a threshold that leaves nothing out changes no bit
    (tiny,) = run_model(model, [{"numbers": walk}], Hardware(act_threshold=1e-30))
    (plain,) = run_model(model, [{"numbers": walk}], Hardware())
    assert np.array_equal(tiny.values["out"], plain.values["out"])


def test_a_threshold_without_effect_is_an_error() -> None:
    model = make_model("rnn")
    dense = Model("dense", Graph({"numbers": (STEPS, HIDDEN)},
                  (Step("out", "fc", ("numbers",), "out"),), ("out",)), model.layers)  # fmt: skip
    with pytest.raises(ConfigError, match="dense: delta_threshold: expected a network with"):
        list(run_model(dense, [{"numbers": np.ones((2, HIDDEN), np.float32)}],
                       Hardware(delta_threshold=0.1)))  # fmt: skip
    alone = Model("alone", model.graph.keep(("level",)), model.layers)
    with pytest.raises(ConfigError, match="alone: act_threshold: with a delta_threshold"):
        list(run_model(alone, [{"numbers": draw_walk(2)}],
                       Hardware(delta_threshold=0.1, act_threshold=0.1)))  # fmt: skip
    with pytest.raises(ConfigError, match="alone: act_threshold_quantile: with a delta_thr"):
        list(run_model(alone, [{"numbers": draw_walk(2)}],
                       Hardware(delta_threshold=0.1, act_threshold_quantile=0.1)))  # fmt: skip


@pytest.mark.parametrize("fields", [{"delta_threshold": 0.05}, {"act_threshold_quantile": 0.5}])
def test_steps_are_timed_without_what_limits_them(fields: dict[str, float]) -> None:
    """Timed again with everything as it is, a step takes the cycles that it took."""
    model, walk = make_model("lstm"), draw_walk(10)
    hw = Hardware(n_pes=4, **fields)  # type: ignore[arg-type]
    setup = Setup(hw, limits=True)
    (run,) = run_steps(model, [{"numbers": walk}], setup)
    for step in run.steps:
        assert step.cycles_without_cause is not None
        assert step.cycles_without_cause <= step.result.cycles


def test_the_report_has_errors_beside_cycles_and_energy() -> None:
    model, example = make_model("lstm"), {"numbers": draw_walk(10)}
    prices = price_machine(Hardware())
    rows: list[Any] = []
    for fields in ({}, {"delta_threshold": 0.1, "act_threshold": 0.05}):
        hw = Hardware(n_pes=4, **fields)  # type: ignore[arg-type]
        runs = list(run_examples(model, [example], hw, prices))
        summary: Any = report_network(model, runs, prices, None, ()).summary
        rows.append(summary["steps"])
    plain, cut = rows
    assert "output_error" not in plain[0]
    for before, after in zip(plain, cut, strict=True):
        assert after["output_error"] > 0
        assert after["output_error_largest"] > 0
        assert after["cycles"] < before["cycles"]
        assert after["energy_pj"] < before["energy_pj"]
