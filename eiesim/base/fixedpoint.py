"""The 16-bit fixed-point arithmetic of EIE's datapath, bit for bit (EIE, section IV).

A number is a 16-bit two's complement integer; its binary point is stated by the number of fraction
bits. Products are taken in full (32 bits), brought to the accumulator's binary point by a right
shift that rounds half up, added, and saturated to 16 bits. The paper gives the width and the
"shift and add" stage; the rounding and the saturation are stated here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LOWEST = -(1 << 15)
HIGHEST = (1 << 15) - 1


def quantise(values: npt.ArrayLike, fraction_bits: int) -> npt.NDArray[np.int16]:
    """Round real numbers to the nearest 16-bit fixed-point number, saturating.

    Parameters
    ----------
    values : array_like of float
        Finite numbers, any shape.
    fraction_bits : int
        Bits behind the binary point, 0 to 15.

    Returns
    -------
    ndarray of int16
        Same shape; ties go to the even number.
    """
    scaled = np.rint(np.asarray(values, dtype=np.float64) * (1 << fraction_bits))
    return np.clip(scaled, LOWEST, HIGHEST).astype(np.int16)


def dequantise(raw: npt.NDArray[np.int16], fraction_bits: int) -> npt.NDArray[np.float32]:
    """Return the exact real numbers that 16-bit fixed-point numbers stand for.

    Parameters
    ----------
    raw : ndarray of int16
        Fixed-point numbers, any shape.
    fraction_bits : int
        Bits behind the binary point, 0 to 15.

    Returns
    -------
    ndarray of float32
        Same shape; exact, since 16 bits fit into float32's 24.
    """
    return raw.astype(np.float32) / np.float32(1 << fraction_bits)


def shift_and_add(
    accumulator: npt.NDArray[np.int16], product: int, shift: int
) -> npt.NDArray[np.int16]:
    """Return the accumulator after a product was shifted, rounded half up, added and saturated.

    Parameters
    ----------
    accumulator : ndarray of int16
        Accumulators that take the same product, any shape (0-d for one).
    product : int
        Full product of a 16-bit weight and a 16-bit activation.
    shift : int
        Fraction bits of the weight: what the product has more than the accumulator.

    Returns
    -------
    ndarray of int16
        Same shape as `accumulator`.
    """
    rounded = (product + ((1 << shift) >> 1)) >> shift
    return np.clip(accumulator.astype(np.int64) + rounded, LOWEST, HIGHEST).astype(np.int16)
