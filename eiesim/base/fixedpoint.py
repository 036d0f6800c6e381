"""The 16-bit fixed-point arithmetic of EIE's datapath, bit for bit (EIE, section IV).

A number is a 16-bit two's complement integer with a number of fraction bits, 0 to 15, behind its
binary point. Full products (32 bits) are brought to the accumulator's binary point by a right shift
that rounds half up, added, and saturated to 16 bits. The width and the "shift and add" stage are
the paper's; rounding and saturation are this module's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LOWEST = -(1 << 15)
HIGHEST = (1 << 15) - 1


def quantise(values: npt.ArrayLike, fraction_bits: int) -> npt.NDArray[np.int16]:
    """Round finite numbers to the nearest 16-bit fixed-point numbers, ties to even, saturating."""
    scaled = np.rint(np.asarray(values, dtype=np.float64) * (1 << fraction_bits))
    return np.clip(scaled, LOWEST, HIGHEST).astype(np.int16)


def dequantise(
    raw: npt.NDArray[np.int16 | np.float32], fraction_bits: int
) -> npt.NDArray[np.float32]:
    """Return the exact values of 16-bit fixed-point numbers, which fit into float32's 24 bits."""
    return raw.astype(np.float32) / np.float32(1 << fraction_bits)


def shift_and_add(
    accumulator: npt.NDArray[np.int16], product: int, shift: int
) -> npt.NDArray[np.int16]:
    """Return the accumulator after a product was shifted, rounded half up, added and saturated.

    Parameters
    ----------
    accumulator : int16, any shape
        Accumulators that take the same product.
    product
        Full product of a 16-bit weight and a 16-bit activation.
    shift
        Fraction bits of the weight, which the product has in addition to the accumulator's.
    """
    rounded = (product + ((1 << shift) >> 1)) >> shift
    return np.clip(accumulator.astype(np.int64) + rounded, LOWEST, HIGHEST).astype(np.int16)
