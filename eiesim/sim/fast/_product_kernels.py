"""Sums of products, each rounded as in the datapath; arrays are named as in `eiesim.sim.fast`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.fixedpoint import HIGHEST, LOWEST
from eiesim.base.jit import kernel
from eiesim.sim.fast._scan_kernels import list_broadcasts

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]

LEAST, MOST = np.float32(LOWEST), np.float32(HIGHEST)


@kernel
def multiply(codebook: npt.NDArray[Any], value: Any, shift: int | None, products: Float32s) -> None:
    """Multiply every shared weight by an activation.

    Parameters
    ----------
    shift
        As in `accumulate`.
    products : float32 [2**codebook_bits]
        Result. What float32 rounds here is far beyond 16 bits, and saturates when it is added.
    """
    if shift is None:
        for code in range(codebook.size):
            products[code] = codebook[code] * value
    else:
        half = np.int32((1 << shift) >> 1)
        for code in range(codebook.size):
            product = np.int32(codebook[code] * np.int32(value) + half)
            products[code] = np.float32(product >> np.int32(shift))


@kernel
def accumulate(
    matrix: tuple[Int64s, npt.NDArray[np.unsignedinteger], int],
    registers: npt.NDArray[Any],
    bias: tuple[int, Any],
    codebook: npt.NDArray[Any],
    shift: int | None,
    output: Float32s,
) -> None:
    """Multiply and accumulate many inputs.

    Each product is made once for all weights of a column that share it. In float32, product and sum
    are rounded once each. In fixed16, the product is shifted with rounding half up, and the sum
    saturates at 16 bits (`base.fixedpoint`); float32 holds these integers exactly.

    Parameters
    ----------
    matrix
        `indptr`, `weights`, `codebook_bits`.
    bias
        Its column, -1 where none is scanned, and its activation, 1.0.
    shift
        Fraction bits of the weights in fixed16, None in float32.
    output : float32 [inputs, rows]
        Sums so far on entry, with the products on return; in fixed16 the 16-bit integers.
    """
    indptr, weights, codebook_bits = matrix
    bits = np.uint32(codebook_bits)  # numbers without a sign spare a look at each row's sign
    last_code = np.uint32((1 << codebook_bits) - 1)
    columns = np.empty(registers.shape[1] + 1, np.int32)
    values = np.empty(registers.shape[1] + 1, registers.dtype)
    products = np.empty(codebook.size, np.float32)
    for number in range(registers.shape[0]):
        sums = output[number]
        for item in range(list_broadcasts(registers[number], bias[0], bias[1], columns, values)):
            multiply(codebook, values[item], shift, products)
            for weight in weights[indptr[columns[item]] : indptr[columns[item] + 1]]:
                row = weight >> bits
                total = sums[row] + products[weight & last_code]
                if shift is not None:
                    total = min(max(total, LEAST), MOST)
                sums[row] = total
