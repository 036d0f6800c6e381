"""Whole networks, against NumPy and SciPy that know nothing of EIE."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from eiesim import Hardware, load_model, run_model
from eiesim.base.errors import WorkloadError
from eiesim.base.fixedpoint import dequantise, quantise
from eiesim.catalog.model import Model, import_model
from eiesim.catalog.trained import decode
from eiesim.graph import STEPS, Graph, Step
from eiesim.graph.host import LEAST, SlidingWindow, pool_maximum, take_windows
from eiesim.graph.winograd import transform_weights
from eiesim.inference import Setup, run_steps
from eiesim.layer.weights import CompressedLayer, StoredLayer
from eiesim.sim.engines import Engine
from tests.support.networks import Floats, chain_of_two, draw_numbers, draw_stored

HW = Hardware(n_pes=4)
FIXED = Hardware(n_pes=4, datapath="fixed16")


def make_model(stored: StoredLayer, step: Step, shape: tuple[int, ...]) -> Model:
    return Model("net", Graph({"x": shape}, (step,), (step.name,)), {stored.name: stored})


def run_one(model: Model, hw: Hardware = HW, engine: Engine = "fast", **inputs: Floats) -> Floats:
    (run,) = run_model(model, [inputs], hw, engine)
    return run.values[model.graph.outputs[0]]


def convolve(image: Floats, stored: StoredLayer, step: Step) -> npt.NDArray[np.float64]:
    """Return the convolution by SciPy, in float64: every place of the image, then strided."""
    weights = decode(stored).weights.astype(np.float64)
    top, left, bottom, right = step.settings["pad"]
    padded = np.pad(image, ((0, 0), (top, bottom), (left, right))).astype(np.float64)
    groups = step.settings["groups"]
    rows, cols = step.settings["dilation"]
    spread = np.zeros((*weights.shape[:2], rows * (weights.shape[2] - 1) + 1,
                       cols * (weights.shape[3] - 1) + 1))  # fmt: skip
    spread[:, :, ::rows, ::cols] = weights
    outputs = []
    for number, kernel in enumerate(spread):
        group = number * groups // len(spread)
        channels = padded[group * weights.shape[1] : (group + 1) * weights.shape[1]]
        outputs.append(correlate(channels, kernel, "valid")[0])
    whole = np.array(outputs)[:, :: step.settings["stride"][0], :: step.settings["stride"][1]]
    return whole if stored.bias is None else whole + stored.bias[:, np.newaxis, np.newaxis]


def multiply(stored: StoredLayer, vector: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    weights, bias = decode(stored)
    return np.asarray(weights.astype(np.float64) @ vector + (0 if bias is None else bias))


@settings(max_examples=40)
@given(st.data())
def test_convolutions_are_those_of_scipy(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    groups = data.draw(st.sampled_from([1, 1, 2]))
    kernel = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    two = st.tuples(st.integers(1, 2), st.integers(1, 2))
    step = Step("conv", "conv", ("x",), "w", {
        "stride": data.draw(two), "dilation": data.draw(two), "groups": groups,
        "pad": data.draw(st.tuples(*[st.integers(0, 2)] * 4)),
    })  # fmt: skip
    stored = draw_stored(rng, "w", (2 * groups, 3, *kernel), bias=data.draw(st.booleans()))
    image = draw_numbers(rng, (3 * groups, 6, 7))
    model = make_model(stored, step, image.shape)
    expected = convolve(image, stored, step)
    found = run_one(model, x=image)
    assert found.shape == model.shapes["conv"]
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("hw", [HW, FIXED])
def test_engines_agree_on_a_network(engine: Engine, hw: Hardware) -> None:
    rng = np.random.default_rng(1)
    layers = {
        "c": draw_stored(rng, "c", (3, 2, 2, 2)),
        "f": draw_stored(rng, "f", (4, 12), bias=False),
        "g": draw_stored(rng, "g", (5, 4)),
    }
    steps = (
        Step("c", "conv", ("x",), "c"), Step("r", "relu", ("c",)),
        Step("p", "maxpool", ("r",), "", {"kernel": (3, 3), "stride": (2, 2)}),
        Step("f", "fc", ("p",), "f"), Step("s", "relu", ("f",)), Step("g", "fc", ("s",), "g"),
    )  # fmt: skip
    model = Model("net", Graph({"x": (2, 6, 6)}, steps, ("g",)), layers)
    image = draw_numbers(rng, (2, 6, 6))
    (run,) = run_model(model, [{"x": image}], hw, engine)
    conv = np.maximum(convolve(image, layers["c"], steps[0]), 0)
    pooled = conv[:, [0, 2]][:, :, [0, 2]]
    for row in (0, 1):
        for col in (0, 1):
            window = conv[:, 2 * row : 2 * row + 3, 2 * col : 2 * col + 3]
            pooled[:, row, col] = window.max((1, 2))
    hidden = multiply(layers["f"], pooled.reshape(-1))
    expected = multiply(layers["g"], np.maximum(hidden, 0))
    # in fixed16 activations have steps of 1/256: all numbers here are multiples of 1/512 at most
    tolerance = 0 if hw.datapath == "float32" else 0.1
    assert np.abs(run.values["g"] - expected).max() <= tolerance
    assert [step.name for step in run.steps] == ["c", "f", "g"]
    assert [len(step.product_cycles) for step in run.steps] == [25, 1, 1]
    assert run.cycles == sum(int(step.product_cycles.sum()) for step in run.steps)
    # c slides over 6 x 6 x 2 numbers, 8 at a time; f's outputs stay where g finds them
    assert [step.traffic for step in run.steps] == [(200, 72, 75), (12, 12, 4), (0, 0, 5)]


@settings(max_examples=20)
@given(st.integers(0, 1 << 32), st.integers(3, 8), st.integers(3, 8), st.integers(0, 1))
def test_winograd_gives_the_convolution(seed: int, height: int, width: int, pad: int) -> None:
    rng = np.random.default_rng(seed)
    plain = draw_stored(rng, "w", (3, 2, 3, 3))
    weights = decode(plain).weights
    transformed = transform_weights(weights)
    values = np.unique(transformed)
    image = draw_numbers(rng, (2, height, width))
    step = Step("conv", "conv", ("x",), "w", {"pad": (pad,) * 4, "winograd": 1})
    expected = convolve(image, plain, step)
    # as many values as a codebook holds, so that sharing changes nothing
    kept = values[np.abs(values) > 0][:255]
    codebook = np.zeros(256, np.float32)
    codebook[1 : 1 + len(kept)] = kept
    found = np.searchsorted(kept, transformed.reshape(3, -1))
    codes = np.where(transformed.reshape(3, -1) != 0, found + 1, 0)
    assert len(kept) < 255
    layer = CompressedLayer(codes.astype(np.uint8), codebook, name="w")
    model = make_model(StoredLayer(layer, (3, 2, 4, 4), plain.bias), step, image.shape)
    hw = Hardware(n_pes=4, codebook_bits=8)
    (run,) = run_model(model, [{"x": image}], hw)
    assert np.abs(run.values["conv"] - expected).max() < 1e-4
    tiles = -(-expected.shape[1] // 2) * -(-expected.shape[2] // 2)
    assert len(run.steps[0].product_cycles) == 16 * tiles


def sum_products(weights: Floats, vector: Floats) -> Floats:
    """Return weights @ vector, added column by column in float32 as accumulators do."""
    sums = np.zeros(len(weights), np.float32)
    for column, number in zip(weights.T, vector, strict=True):
        sums += column * number
    return sums


def logistic(values: Floats) -> Floats:
    half = np.float32(0.5)
    return np.asarray(half * np.tanh(half * values) + half, np.float32)


def run_plain_lstm(stored: StoredLayer, sequence: Floats, hold: bool) -> Floats:
    """Return an LSTM's outputs by a loop over steps and gates."""
    weights = decode(stored).weights
    size = len(weights) // 4
    keep = (lambda it: dequantise(quantise(it, 8), 8)) if hold else (lambda it: it)
    hidden, state = np.zeros(size, np.float32), np.zeros(size, np.float32)
    outputs = []
    for numbers in sequence:
        vector = np.concatenate((numbers, hidden, np.ones(1, np.float32)))
        if hold:
            vector = dequantise(quantise(vector, 8), 8)
        gate = [sum_products(weights[k * size : (k + 1) * size], vector) for k in range(4)]
        state = logistic(gate[2]) * state + logistic(gate[0]) * np.tanh(gate[1])
        hidden, state = keep(logistic(gate[3]) * np.tanh(state)), keep(state)
        outputs.append(hidden)
    return np.array(outputs)


def test_an_lstm_is_a_plain_cell_bit_for_bit() -> None:
    rng = np.random.default_rng(3)
    stored = draw_stored(rng, "w", (4 * 6, 5 + 6 + 1), bias=False)
    model = make_model(stored, Step("lstm", "lstm", ("x",), "w"), (STEPS, 5))
    sequence = rng.standard_normal((12, 5)).astype(np.float32)
    assert np.array_equal(run_one(model, x=sequence), run_plain_lstm(stored, sequence, False))
    (run,) = run_model(model, [{"x": sequence}], HW)
    assert len(run.steps[0].product_cycles) == 12
    assert run.steps[0].nonzeros[0] == 5 + 1  # the state is zero at first
    assert run.steps[0].nonzeros[-1] == 5 + 6 + 1


def test_an_lstm_in_fixed_point_keeps_its_state_in_it() -> None:
    rng = np.random.default_rng(4)
    stored = draw_stored(rng, "w", (4 * 6, 5 + 6 + 1), bias=False)
    model = make_model(stored, Step("lstm", "lstm", ("x",), "w"), (STEPS, 5))
    sequence = draw_numbers(rng, (12, 5))
    found = run_one(model, FIXED, x=sequence)
    assert np.array_equal(found * 256, np.round(found * 256))
    assert np.abs(found - run_plain_lstm(stored, sequence, True)).max() < 0.05


@pytest.mark.parametrize("reset", ["after", "before"])
def test_a_gru_is_a_plain_cell(reset: str) -> None:
    rng = np.random.default_rng(5)
    size, inputs = 4, 3
    parts = 3 if reset == "before" else 4
    stored = draw_stored(rng, "w", (parts * size, inputs + size + 1), bias=False)
    matrix = decode(stored).weights
    step = Step("gru", "gru", ("x",), "w", {"reset": reset})
    model = make_model(stored, step, (STEPS, inputs))
    sequence = rng.standard_normal((9, inputs)).astype(np.float32)
    state, expected = np.zeros(size, np.float32), []
    for numbers in sequence:
        gate = [matrix[k * size : (k + 1) * size] for k in range(parts)]
        vector = np.concatenate((numbers, state, [1]))
        update, again = logistic(gate[0] @ vector), logistic(gate[1] @ vector)
        if reset == "before":
            new = gate[2] @ np.concatenate((numbers, again * state, [1]))
        else:
            new = gate[2] @ vector + again * (gate[3] @ vector)
        state = (1 - update) * np.tanh(new) + update * state
        expected.append(state)
    assert np.abs(run_one(model, x=sequence) - np.array(expected)).max() < 1e-5


def test_what_the_host_does() -> None:
    image = np.arange(18, dtype=np.float32).reshape(2, 3, 3) - 9
    for op, settings_, expected in (
        ("relu", {}, np.maximum(image, 0)),
        ("sigmoid", {}, 1 / (1 + np.exp(-image.astype(float)))),
        ("tanh", {}, np.tanh(image.astype(float))),
        ("softmax", {}, np.exp(image.astype(float)) / np.exp(image.astype(float)).sum(0)),
        ("global_avgpool", {}, image.reshape(2, -1).mean(1)),
        ("flatten", {}, image.reshape(-1)),
        ("scale", {"factor": 2.0, "offset": 1.0}, 2 * image + 1),
        # a window that is cut off on the right and below counts, as in Caffe
        ("maxpool", {"ceil": 1}, image[:, [[1, 1], [2, 2]], [[1, 2], [1, 2]]]),
        ("maxpool", {}, image[:, 1:2, 1:2]),
        ("avgpool", {"ceil": 1}, [[[-7, -5.5], [-2.5, -1]], [[2, 3.5], [6.5, 8]]]),
        # Caffe divides by the window with its border, not by what lies behind that
        ("avgpool", {"pad": (1, 1, 1, 1), "count_padding": 1, "ceil": 1},
         [[[-9 / 4, -15 / 4], [-9 / 4, -3]], [[0, 3 / 4], [9 / 4, 6]]]),
        ("lrn", {"size": 3, "alpha": 3.0, "beta": 1.0}, image / (1 + (image**2).sum(0))),
    ):  # fmt: skip
        step = Step("it", op, ("x",), "", settings_)
        model = Model("net", Graph({"x": (2, 3, 3)}, (step,), ("it",)), {})
        found = run_one(model, x=image)
        assert found.shape == model.shapes["it"], op
        assert np.allclose(found, expected, atol=1e-6), op


def test_the_maximum_of_windows_is_numpys_bit_for_bit() -> None:
    rng = np.random.default_rng(0)
    image = rng.choice(np.array([-1, -0.0, 0.0, 1], np.float32), (3, 9, 8), p=(0.1, 0.4, 0.4, 0.1))
    window = SlidingWindow((3, 2), (2, 1), (1, 0, 1, 0), (5, 7))
    found = pool_maximum(image, window)
    expected = take_windows(image, window, LEAST).max((1, 2))
    assert np.array_equal(found.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("balance", [False, True])
@pytest.mark.parametrize("changes", [{}, {"act_threshold": 0.1}, {"datapath": "fixed16"}])
def test_steps_counted_together_are_steps_counted_one_by_one(
    balance: bool, changes: dict[str, Any]
) -> None:
    """The fast engine counts the steps of a sequence at its end, the reference one by one."""
    rng = np.random.default_rng(0)
    stored = draw_stored(rng, "w", (24, 5 + 6 + 1))
    model = make_model(stored, Step("lstm", "lstm", ("x",), "w"), (STEPS, 5))
    inputs = [{"x": draw_numbers(rng, (steps, 5))} for steps in (7, 3)]
    hw = replace(HW, **changes)
    engines: tuple[Engine, ...] = ("fast", "reference")
    both = [
        list(run_steps(model, inputs, Setup(hw, engine, balance, limits=True)))
        for engine in engines
    ]
    for fast, reference in zip(*both, strict=True):
        (one,), (other,) = fast.steps, reference.steps
        assert np.array_equal(fast.values["lstm"], reference.values["lstm"])
        assert np.array_equal(one.result.output, other.result.output)
        assert one.result.counters.totals() == other.result.counters.totals()
        assert one.product_cycles.tolist() == other.product_cycles.tolist()
        assert one.nonzeros.tolist() == other.nonzeros.tolist()
        for name in ("dense_macs", "activations", "cause", "cycles_without_cause"):
            assert getattr(one, name) == getattr(other, name), name
        assert one.result.passes == other.result.passes
        assert one.result.error == other.result.error


def test_inputs_and_outputs_are_checked() -> None:
    rng = np.random.default_rng(0)
    model = make_model(draw_stored(rng, "w", (3, 4)), Step("f", "fc", ("x",), "w"), (4,))
    with pytest.raises(WorkloadError, match="input 'x': expected one of shape"):
        list(run_model(model, [{"y": np.zeros(4, np.float32)}], HW))
    with pytest.raises(WorkloadError, match="x"):
        list(run_model(model, [{"x": np.zeros(5, np.float32)}], HW))
    with pytest.raises(WorkloadError, match="expected 4 numbers, found the shape"):
        make_model(draw_stored(rng, "w", (3, 4)), Step("f", "fc", ("x",), "w"), (5,))
    with pytest.raises(WorkloadError, match="layer 'v': known are w"):
        make_model(draw_stored(rng, "w", (3, 4)), Step("f", "fc", ("x",), "v"), (4,))


def test_a_model_comes_back_from_its_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    step = Step("c", "conv", ("x",), "w", {"stride": (2, 1)})
    model = make_model(draw_stored(rng, "w", (3, 2, 2, 2)), step, (2, 5, 5))
    model.save(tmp_path / "net.eie")
    again = load_model(tmp_path / "net.eie")
    assert (again.name, again.graph) == (model.name, model.graph)
    assert again.layers["w"] == model.layers["w"]


def test_moving_activations_takes_time_with_act_batches() -> None:
    """On 4 PEs: a loads 40 and leaves 24 to b, whose 20 the host and c take; c stores 12."""
    model, inputs = chain_of_two(np.random.default_rng(0))
    plain, moved = Hardware(n_pes=4), Hardware(n_pes=4, act_batches=True)
    (before, after) = (next(run_model(model, inputs, hw)) for hw in (plain, moved))
    extra = [new.result.cycles - old.result.cycles
             for old, new in zip(before.steps, after.steps, strict=True)]  # fmt: skip
    assert extra == [10, 5, 3]
    totals = [step.result.counters for step in after.steps]
    assert [it.act_sram_reads for it in totals] == [40, 0, 0]
    assert [it.act_sram_writes for it in totals] == [0, 20, 12]
    assert all(np.array_equal(before.values[name], after.values[name]) for name in before.values)


def test_a_convolution_loads_each_window() -> None:
    rng = np.random.default_rng(0)
    stored = draw_stored(rng, "w", (6, 2, 3, 3))
    step = Step("conv", "conv", ("x",), "w")
    model = make_model(stored, step, (2, 5, 5))
    image = {"x": draw_numbers(rng, (2, 5, 5))}
    plain, moved = (
        next(run_model(model, [image], hw)).steps[0].result
        for hw in (HW, replace(HW, act_batches=True))
    )
    # 9 positions with 18 inputs and 6 outputs each: 5 and 2 cycles on 4 PEs
    assert moved.cycles == plain.cycles + 9 * (5 + 2)
    assert moved.counters.act_sram_reads == 9 * 18


def test_shared_biases_stay_on_the_chip(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    arrays: dict[str, Any] = {
        "a.weight": draw_numbers(rng, (8, 6)), "a.bias": draw_numbers(rng, (8,)),
        "b.weight": draw_numbers(rng, (3, 8)), "b.bias": draw_numbers(rng, (3,)),
    }  # fmt: skip
    np.savez(tmp_path / "net.npz", **arrays)
    vector = {"input": draw_numbers(rng, (6,))}
    by_host, shared = (
        import_model(tmp_path / "net.npz", share_biases=it).model for it in (False, True)
    )
    runs = [next(run_model(it, [vector], HW)) for it in (by_host, shared)]
    table = shared.layers["a"].layer.codebook
    nearest = [min(table, key=lambda entry: abs(entry - bias)) for bias in arrays["a.bias"]]
    moved = runs[1].values["a"] - runs[0].values["a"]
    assert np.allclose(moved, nearest - arrays["a.bias"], atol=1e-6)
    assert [run.steps[1].traffic.loaded for run in runs] == [8, 0]
    shared.save(tmp_path / "net.eie")
    assert load_model(tmp_path / "net.eie").layers == shared.layers
