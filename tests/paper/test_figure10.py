"""EIE's Figure 10: fixed-point arithmetic against slow and obvious ones, and the accuracies."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from eiesim import CompressedLayer, Hardware, encode, simulate
from eiesim.base.errors import WorkloadError
from eiesim.paper.eie import figure10
from eiesim.paper.experiment import Outcome
from eiesim.paper.parts.accuracy import ARITHMETIC
from eiesim.paper.parts.precision import (
    FixedPoint,
    append_bias,
    expand,
    fit_format,
    multiply,
    run_layers,
)
from eiesim.paper.verdict import DIFFERS, IMPOSSIBLE, MATCH, WITHIN
from eiesim.training.lenet import load_lenet
from tests.support.arrays import f32, u8

SPECIAL = (0.0, 1.0, -1.0, 0.5, -0.25, 100.0, -1000.0, 0.0078125)


def multiply_slowly(
    weights: npt.NDArray[Any], activations: npt.NDArray[Any], form: FixedPoint
) -> list[list[float]]:
    """Multiply in exact fractions, number by number."""
    low, high = -(1 << form.bits - 1), (1 << form.bits - 1) - 1

    def clip(number: int) -> int:
        return max(low, min(high, number))

    def quantise(value: float, fraction_bits: int) -> int:
        return clip(round(Fraction(float(value)) * Fraction(2) ** fraction_bits))

    step = Fraction(2) ** -form.weight_fraction_bits
    outputs: list[list[float]] = []
    for row in weights:
        outputs.append([])
        for column in activations.T:
            total = 0
            for weight, activation in zip(row, column, strict=True):
                product = quantise(weight, form.weight_fraction_bits) * quantise(
                    activation, form.act_fraction_bits
                )
                total = clip(total + math.floor(product * step + Fraction(1, 2)))
            outputs[-1].append(float(np.float32(total * 2.0**-form.act_fraction_bits)))
    return outputs


@given(
    seed=st.integers(0, 1 << 32),
    bits=st.integers(2, 32),
    act_fraction_bits=st.integers(-6, 30),
    data=st.data(),
)
def test_any_width_against_exact_fractions(
    seed: int, bits: int, act_fraction_bits: int, data: st.DataObject
) -> None:
    form = FixedPoint(bits, data.draw(st.integers(0, bits - 1)), act_fraction_bits)
    rng = np.random.default_rng(seed)
    weights = f32(rng.normal(size=(3, 5)) * (rng.random((3, 5)) < 0.7))
    activations = f32(rng.choice(SPECIAL, (5, 2)) * rng.normal(size=(5, 2)))
    found = multiply(sparse.csc_array(weights), activations, form)
    assert found.dtype == np.float32
    assert found.tolist() == multiply_slowly(weights, activations, form)


@given(seed=st.integers(0, 1 << 32), scale=st.sampled_from((0.1, 1.0, 30.0)), bias=st.booleans())
def test_sixteen_bits_are_the_simulators(seed: int, scale: float, bias: bool) -> None:
    """Cycle by cycle and PE by PE, or all at once: the same bits."""
    rng = np.random.default_rng(seed)
    codes = u8(rng.integers(0, 16, (9, 12)) * (rng.random((9, 12)) < 0.6))
    codebook = f32([0, *rng.normal(size=15)])
    bias_codes = u8(rng.integers(0, 16, 9)) if bias else None
    layer = CompressedLayer(codes, codebook, bias_codes)
    inputs = f32(rng.normal(size=(12, 1)) * (rng.random((12, 1)) < 0.7) * scale)
    found, (form,) = run_layers([expand(layer)], inputs, 16)
    hw = Hardware(
        n_pes=4,
        datapath="fixed16",
        weight_fraction_bits=form.weight_fraction_bits,
        act_fraction_bits=form.act_fraction_bits,
    )
    for engine in ("fast", "reference"):
        result = simulate(encode(layer, hw), inputs[:, 0], hw, engine)
        assert np.array_equal(result.output, found[:, 0])


@given(bits=st.integers(2, 32), largest=st.floats(2.0**-20, 2.0**20, width=32))
def test_formats_hold_the_largest_and_no_more(bits: int, largest: float) -> None:
    highest = (1 << bits - 1) - 1
    one = sparse.csc_array(f32([[min(largest, 1.0)]]))
    form = fit_format(bits, one, f32([[-largest]]), f32([[largest / 2]]))
    assert round(Fraction(largest) * Fraction(2) ** form.act_fraction_bits) <= highest
    assert round(Fraction(largest) * Fraction(2) ** (form.act_fraction_bits + 1)) > highest
    assert round(Fraction(min(largest, 1.0)) * 2**form.weight_fraction_bits) <= highest
    assert 0 <= form.weight_fraction_bits < bits


def test_weights_that_no_format_holds() -> None:
    weights = sparse.csc_array(f32([[200.0]]))
    with pytest.raises(WorkloadError, match="magnitudes below 128, which 8 bits hold, found 200"):
        fit_format(8, weights, f32([[1.0]]), f32([[1.0]]))
    nothing = sparse.csc_array(f32([[0.0]]))
    assert fit_format(8, nothing, f32([[0.0]]), f32([[0.0]])) == (8, 7, 7)


def test_layers_by_hand() -> None:
    """Two layers, ReLU between them and not behind the last one; numbers that 8 bits hold."""
    first = append_bias(sparse.csc_array(f32([[1.0, -0.5], [-1.0, 0.5]])), f32([0.0, 0.25]))
    second = append_bias(sparse.csc_array(f32([[-1.0, 0.5]])), f32([0.0]))
    inputs = f32([[1.0, 0.0], [1.0, 1.0]])
    # first gives 0.5 and -0.25, and -0.5 and 0.75
    for bits in (None, 8, 16, 32):
        outputs, formats = run_layers([first, second], inputs, bits)
        assert outputs.tolist() == [[-0.5, 0.375]]
        assert len(formats) == (0 if bits is None else 2)


def test_bias_outside_the_codebook() -> None:
    layer = CompressedLayer(u8([[1, 0], [0, 1]]), f32([0, 2]), u8([1, 0]))
    assert expand(layer).toarray().tolist() == [[2, 0, 2], [0, 2, 0]]
    assert expand(layer, f32([0, 7])).toarray().tolist() == [[2, 0, 0], [0, 2, 7]]


def test_without_data(tmp_path: Path) -> None:
    outcome = figure10.judge(figure10.WORK.compute(tmp_path))
    energy, others = outcome.verdicts[:2], outcome.verdicts[2:]
    assert [verdict.kind for verdict in energy] == [MATCH, WITHIN]
    assert {verdict.kind for verdict in others} == {IMPOSSIBLE}
    assert "because lenet/caffe_lenet5_sparse.caffemodel is missing" in others[5].text
    assert len(figure10.WORK.steps) == len(list(figure10.WORK.compute(tmp_path)))
    for chart in outcome.charts.values():
        assert list(chart.panels[1].series) == ["AlexNet, top-5 (paper)"]


@pytest.mark.parametrize("content", [b"", b"\xa2\x06\x08\x0a\x03ip1\x3a\x01\x0a"])
def test_damaged_networks_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lenet").mkdir()
    (tmp_path / "lenet" / "caffe_lenet5_sparse.caffemodel").write_bytes(content)
    with pytest.raises(WorkloadError, match="expected"):
        load_lenet(tmp_path, "LeNet-5")


@pytest.fixture(scope="module")
def outcome(shared_data: Path) -> Outcome:
    return figure10.judge(figure10.WORK.compute(shared_data))


@pytest.mark.data
def test_accuracies(outcome: Outcome) -> None:
    rows = {(row["network"], row["codebook"]): row for row in outcome.tables["accuracy"]}
    # the networks' makers tell these two; one image in 10,000 is 0.01 %
    assert rows["LeNet-300-100", "none"]["float32"] == pytest.approx(98.01, abs=0.015)
    assert rows["LeNet-5", "none"]["float32"] == pytest.approx(99.09, abs=0.015)
    assert rows["SqueezeNet conv_final", "8 bits"]["float32"] == 100
    for (network, _), row in rows.items():
        if network.startswith(("LeNet", "Squeeze")):
            # 31 bits are more than float32's 24
            assert row["int32"] == pytest.approx(row["float32"], abs=0.015)
            assert row["int8"] < row["int16"]


@pytest.mark.data
def test_lenets_formats_are_the_machines(outcome: Outcome) -> None:
    rows = [row for row in outcome.tables["formats"] if row["arithmetic"] == "int16"]
    assert rows
    for row in rows:
        Hardware(
            datapath="fixed16",
            weight_fraction_bits=row["weight_fraction_bits"],
            act_fraction_bits=row["act_fraction_bits"],
        )


@pytest.mark.data
def test_verdicts(outcome: Outcome) -> None:
    kinds = {(verdict.layer, verdict.quantity): verdict.kind for verdict in outcome.verdicts}
    by_network = {layer: kind for (layer, quantity), kind in kinds.items()
                  if quantity == "loss by int16"}  # fmt: skip
    # both photographs keep their class, but 1.48 % of the positions do not, three times 0.5 points
    assert by_network.pop("SqueezeNet conv_final, codebook 8 bits") == DIFFERS
    assert set(by_network.values()) == {MATCH}
    assert kinds["SqueezeNet conv_final, codebook 8 bits", "loss by int8"] == MATCH
    assert kinds["AlexNet", "top-5 accuracy, float32"] == IMPOSSIBLE
    assert len(outcome.sources) == 8
    series = outcome.charts["figure10"].panels[1].series
    assert all(len(values) == len(ARITHMETIC) for values in series.values())
    assert len(series) == 4
