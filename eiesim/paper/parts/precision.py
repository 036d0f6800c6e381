"""Layers in fixed-point arithmetic of any width, for many inputs at once.

The arithmetic is that of `base.fixedpoint`, with another number of bits: weights, activations and
accumulators are two's complement numbers. Activations and accumulators of a layer share their
binary point. A full product is shifted to it with rounding half up, added, and the sum saturates,
input by input in order, the bias last. With 16 bits it is the simulator's ``datapath="fixed16"``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.errors import WorkloadError
from eiesim.layer.weights import CompressedLayer


class FixedPoint(NamedTuple):
    """Number format of a layer.

    Attributes
    ----------
    bits
        Of a weight, an activation and an accumulator, 2 to 32.
    weight_fraction_bits
        Behind the binary point of a weight, 0 to bits - 1.
    act_fraction_bits
        Behind the binary point of an activation or accumulator; negative if the last bits of large
        numbers are dropped.
    """

    bits: int
    weight_fraction_bits: int
    act_fraction_bits: int


def append_bias(
    weights: sparse.csc_array[np.float32], bias: npt.NDArray[np.float32]
) -> sparse.csc_array[Any]:
    """Return weights [rows, cols] with the bias [rows] as one more column, without zeros."""
    column = sparse.csc_array(bias.reshape(-1, 1))
    matrix: sparse.csc_array[Any] = sparse.hstack((weights, column), format="csc")
    matrix.eliminate_zeros()
    return matrix


def expand(
    layer: CompressedLayer, bias: npt.NDArray[np.float32] | None = None
) -> sparse.csc_array[Any]:
    """Return a layer's weights by their values, with the bias as one more column, without zeros.

    `bias`, float32 [rows], is one that is not in the codebook; by default it is the layer's own.
    """
    codes = layer.codes
    weights = sparse.csc_array(
        (layer.codebook[codes.data], codes.indices, codes.indptr), shape=codes.shape
    )
    if bias is None and layer.bias_codes is not None:
        bias = layer.codebook[layer.bias_codes]
    return append_bias(weights, np.zeros(layer.rows, np.float32) if bias is None else bias)


def fit_format(
    bits: int,
    weights: sparse.csc_array[Any],
    activations: npt.NDArray[np.float32],
    outputs: npt.NDArray[np.float32],
) -> FixedPoint:
    """Return the format with most fraction bits in which the largest magnitudes fit.

    Raises WorkloadError if whole numbers of this width cannot hold the weights.

    Parameters
    ----------
    bits
        Of a number, 2 to 32.
    weights : float32 [rows, cols]
        They have at most bits - 1 bits behind their binary point.
    activations : float32 [cols, n]
        They share a binary point with `outputs`.
    outputs : float32 [rows, n]
        Of the layer in float32.
    """
    largest_weight = float(abs(weights.data).max(initial=0.0))
    weight_fraction_bits = min(_fit_fraction_bits(bits, largest_weight), bits - 1)
    if weight_fraction_bits < 0:
        raise WorkloadError(
            f"weights: expected magnitudes below {1 << (bits - 1)}, which {bits} bits hold, found "
            f"{largest_weight:g}; scale the layer, or take more bits"
        )
    largest = max(float(abs(activations).max()), float(abs(outputs).max()))
    return FixedPoint(bits, weight_fraction_bits, _fit_fraction_bits(bits, largest))


def _fit_fraction_bits(bits: int, largest: float) -> int:
    fraction_bits = bits - 1 - math.frexp(largest)[1]
    # just below a power of two the number rounds up to it
    return fraction_bits - (round(math.ldexp(largest, fraction_bits)) >> (bits - 1))


def multiply(
    weights: sparse.csc_array[Any], activations: npt.NDArray[np.float32], form: FixedPoint
) -> npt.NDArray[np.float32]:
    """Multiply weights, float32 [rows, cols], with one input a column, float32 [cols, n].

    The fixed-point arithmetic is exact up to 24 bits.
    """
    dtype = np.int32 if form.bits <= 16 else np.int64
    highest = (1 << (form.bits - 1)) - 1
    raw_weights = _quantise(weights.data, form.weight_fraction_bits, highest).astype(dtype)
    raw_inputs = _quantise(activations, form.act_fraction_bits, highest).astype(dtype)
    accumulators = np.zeros((weights.shape[0], activations.shape[1]), dtype)
    half = (1 << form.weight_fraction_bits) >> 1
    for column, inputs in enumerate(raw_inputs):
        part = slice(weights.indptr[column], weights.indptr[column + 1])
        rows = weights.indices[part]
        sums = raw_weights[part, np.newaxis] * inputs
        sums += half
        sums >>= form.weight_fraction_bits
        sums += accumulators[rows]
        accumulators[rows] = np.clip(sums, -highest - 1, highest, out=sums)
    return np.ldexp(accumulators.astype(np.float64), -form.act_fraction_bits).astype(np.float32)


def _quantise(
    values: npt.NDArray[np.float32], fraction_bits: int, highest: int
) -> npt.NDArray[np.float64]:
    scaled = np.rint(np.ldexp(values.astype(np.float64), fraction_bits))
    return np.clip(scaled, -highest - 1, highest, out=scaled)


def run_layers(
    layers: Sequence[sparse.csc_array[Any]], inputs: npt.NDArray[np.float32], bits: int | None
) -> tuple[npt.NDArray[np.float32], tuple[FixedPoint, ...]]:
    """Run fully connected layers one after the other, ReLU between them.

    Returns the last outputs, float32 [rows, n], and a format a layer; none for float32.

    Parameters
    ----------
    layers : float32 [rows, cols + 1]
        The bias is the last column, whose activation is 1.0.
    inputs : float32 [cols, n]
        One input a column.
    bits
        Width of the fixed-point numbers, in the formats that `fit_format` finds for these inputs;
        None is float32.
    """
    formats = []
    outputs, ones = inputs, np.ones((1, inputs.shape[1]), np.float32)
    for number, weights in enumerate(layers):
        activations = np.vstack((outputs if number == 0 else np.maximum(outputs, 0), ones))
        outputs = weights @ activations
        if bits is not None:
            formats.append(fit_format(bits, weights, activations, outputs))
            outputs = multiply(weights, activations, formats[-1])
    return outputs, tuple(formats)
