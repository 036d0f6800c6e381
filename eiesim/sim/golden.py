"""The answer without time: what the accumulators must hold, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.fixedpoint import HIGHEST, LOWEST, dequantise, quantise, shift_and_add
from eiesim.counters import DeltaState
from eiesim.hardware import Hardware
from eiesim.layer.weights import CompressedLayer


def compute_output(
    layer: CompressedLayer,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    before: DeltaState | None = None,
) -> npt.NDArray[np.float32]:
    """Multiply a compressed layer with activations in the arithmetic of the hardware's datapath.

    Each output adds its products in the order of the inputs, the bias last: the order in which the
    PEs see the broadcasts, so that the result is theirs bit for bit. With `before`, which goes with
    a `delta_threshold`, it adds those of the changes to what it was.

    Returns
    -------
    float32 [rows]
        The outputs before any non-linearity; beyond float32's range infinities and NaN.

    Raises
    ------
    WorkloadError
        The activations are not float32 [cols], or not all numbers.
    """
    operands = take_array(activations, f"{layer.name}: activations", np.float32, (layer.cols,))
    sent, sums = np.zeros(layer.cols, np.float32), np.zeros(layer.rows, np.float32)
    if before is not None:
        sent, sums = before.sent, before.sums
    if hw.datapath == "fixed16":
        return _fixed16(layer, operands, hw, sent, sums, before is None)
    output = sums.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        inputs = operands - sent
        one = np.float32(1.0) if before is None else None
        for rows, codes, activation in _columns(layer, inputs, one, _find_threshold(inputs, hw)):
            output[rows] += layer.codebook[codes] * activation
    return output


def _fixed16(
    layer: CompressedLayer,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    sent: npt.NDArray[np.float32],
    sums: npt.NDArray[np.float32],
    with_bias: bool,
) -> npt.NDArray[np.float32]:
    weights = quantise(layer.codebook, hw.weight_fraction_bits)
    bits = hw.act_fraction_bits
    inputs = quantise(activations, bits).astype(np.int64) - quantise(sent, bits)
    inputs = np.clip(inputs, LOWEST, HIGHEST)
    one = quantise(1.0, bits)[()] if with_bias else None
    output = quantise(sums, bits)
    threshold = _find_threshold(inputs / (1 << bits), hw) * (1 << bits)
    for rows, codes, activation in _columns(layer, inputs, one, threshold):
        for code in np.unique(codes):
            same = rows[codes == code]
            product = int(weights[code]) * int(activation)
            output[same] = shift_and_add(output[same], product, hw.weight_fraction_bits)
    return dequantise(output, hw.act_fraction_bits)


def _find_threshold(inputs: npt.NDArray[Any], hw: Hardware) -> float:
    """Return the magnitude that a number has to exceed to be sent."""
    if hw.delta_threshold is not None:
        return hw.delta_threshold
    if not hw.act_threshold_quantile:
        return hw.act_threshold
    share = Decimal(str(hw.act_threshold_quantile))
    magnitudes = sorted(abs(float(number)) for number in inputs)
    return next(
        magnitude for place, magnitude in enumerate(magnitudes, 1)
        if place >= share * len(magnitudes)
    )  # fmt: skip


def _columns(
    layer: CompressedLayer, inputs: npt.NDArray[Any], one: Any, threshold: float
) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.uint8], Any]]:
    """Yield rows, codes and activation of every column whose activation is above the threshold.

    The bias's 1.0 comes last; `one` is None if it does not come.
    """
    matrix = layer.codes
    for column in np.flatnonzero(np.abs(inputs.astype(np.float64)) > threshold):
        part = slice(matrix.indptr[column], matrix.indptr[column + 1])
        yield matrix.indices[part], matrix.data[part], inputs[column]
    if layer.bias_codes is not None and one is not None:
        rows = np.flatnonzero(layer.bias_codes)
        yield rows, layer.bias_codes[rows], one
