"""The answer without time: what the accumulators must hold, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.fixedpoint import dequantise, quantise, shift_and_add
from eiesim.hardware import Hardware
from eiesim.layer.weights import CompressedLayer


def compute_output(
    layer: CompressedLayer, activations: npt.NDArray[np.float32], hw: Hardware
) -> npt.NDArray[np.float32]:
    """Multiply a compressed layer with activations in the arithmetic of the hardware's datapath.

    Each output adds its products in the order of the inputs, the bias last: the order in which the
    PEs see the broadcasts, so that the result is theirs bit for bit.

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
    if hw.datapath == "fixed16":
        return _fixed16(layer, operands, hw)
    output = np.zeros(layer.rows, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows, codes, activation in _columns(layer, operands, np.float32(1.0)):
            output[rows] += layer.codebook[codes] * activation
    return output


def _fixed16(
    layer: CompressedLayer, activations: npt.NDArray[np.float32], hw: Hardware
) -> npt.NDArray[np.float32]:
    weights = quantise(layer.codebook, hw.weight_fraction_bits)
    inputs = quantise(activations, hw.act_fraction_bits)
    one = quantise(1.0, hw.act_fraction_bits)[()]
    output = np.zeros(layer.rows, dtype=np.int16)
    for rows, codes, activation in _columns(layer, inputs, one):
        for code in np.unique(codes):
            same = rows[codes == code]
            product = int(weights[code]) * int(activation)
            output[same] = shift_and_add(output[same], product, hw.weight_fraction_bits)
    return dequantise(output, hw.act_fraction_bits)


def _columns(
    layer: CompressedLayer, inputs: npt.NDArray[Any], one: Any
) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.uint8], Any]]:
    """Yield rows, codes and activation of every column whose activation is not zero."""
    matrix = layer.codes
    for column in np.flatnonzero(inputs):
        part = slice(matrix.indptr[column], matrix.indptr[column + 1])
        yield matrix.indices[part], matrix.data[part], inputs[column]
    if layer.bias_codes is not None:
        rows = np.flatnonzero(layer.bias_codes)
        yield rows, layer.bias_codes[rows], one
