"""Sums of products, each rounded as in the datapath; arrays are named as in `eiesim.sim.fast`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel
from eiesim.sim.fast._scan_kernels import list_broadcasts

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@kernel
def accumulate_float32(
    indptr: Int64s,
    rows: Int32s,
    codes: npt.NDArray[np.uint8],
    columns: Int32s,
    values: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float32],
    output: npt.NDArray[np.float32],
) -> None:
    """Multiply and accumulate in float32, each product and each sum rounded once.

    Parameters
    ----------
    output : float32 [rows]
        Result, zero on entry.
    """
    for item in range(columns.size):
        for position in range(indptr[columns[item]], indptr[columns[item] + 1]):
            output[rows[position]] += weights[codes[position]] * values[item]


@kernel
def accumulate_fixed16(
    indptr: Int64s,
    rows: Int32s,
    codes: npt.NDArray[np.uint8],
    columns: Int32s,
    values: npt.NDArray[np.int16],
    weights: npt.NDArray[np.int16],
    output: npt.NDArray[np.int16],
    shift: int,
) -> None:
    """Multiply, shift with rounding half up, add and saturate in 16 bits (`base.fixedpoint`).

    Parameters
    ----------
    output : int16 [rows]
        Result, zero on entry.
    """
    half = (1 << shift) >> 1
    products = np.empty(weights.size, np.int64)
    for item in range(columns.size):
        for code in range(weights.size):
            products[code] = (np.int64(weights[code]) * np.int64(values[item]) + half) >> shift
        for position in range(indptr[columns[item]], indptr[columns[item] + 1]):
            total = np.int64(output[rows[position]]) + products[codes[position]]
            output[rows[position]] = min(max(total, -32768), 32767)


@kernel
def accumulate_inputs_float32(
    matrix: tuple[Int64s, Int32s, npt.NDArray[np.uint8]],
    registers: npt.NDArray[np.float32],
    bias: tuple[int, np.float32],
    weights: npt.NDArray[np.float32],
    output: npt.NDArray[np.float32],
) -> None:
    """Multiply and accumulate many inputs in float32.

    Parameters
    ----------
    matrix
        `indptr`, `rows`, `codes`.
    bias
        Its column, -1 where none is scanned, and its activation, 1.0.
    output : float32 [inputs, rows]
        Result, zero on entry.
    """
    indptr, rows, codes = matrix
    columns = np.empty(registers.shape[1] + 1, np.int32)
    values = np.empty(registers.shape[1] + 1, np.float32)
    for number in range(registers.shape[0]):
        items = list_broadcasts(registers[number], bias[0], bias[1], columns, values)
        sent, sent_values, sums = columns[:items], values[:items], output[number]
        accumulate_float32(indptr, rows, codes, sent, sent_values, weights, sums)


@kernel
def accumulate_inputs_fixed16(
    matrix: tuple[Int64s, Int32s, npt.NDArray[np.uint8]],
    registers: npt.NDArray[np.int16],
    bias: tuple[int, np.int16],
    weights: npt.NDArray[np.int16],
    output: npt.NDArray[np.int16],
    shift: int,
) -> None:
    """Multiply and accumulate many inputs in 16 bits, as `accumulate_inputs_float32` does.

    Parameters
    ----------
    shift
        Fraction bits of the weights.
    """
    indptr, rows, codes = matrix
    columns = np.empty(registers.shape[1] + 1, np.int32)
    values = np.empty(registers.shape[1] + 1, np.int16)
    for number in range(registers.shape[0]):
        items = list_broadcasts(registers[number], bias[0], bias[1], columns, values)
        sent, sent_values, sums = columns[:items], values[:items], output[number]
        accumulate_fixed16(indptr, rows, codes, sent, sent_values, weights, sums, shift)
