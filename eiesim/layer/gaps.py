"""A matrix from its entries one after the other, each with its distance from the one before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.errors import WorkloadError


def place_entries(
    codes: npt.NDArray[np.uint8], gaps: npt.NDArray[np.uint8], shape: tuple[int, int]
) -> sparse.csr_array[np.uint8]:
    """Return codes as a matrix, row after row; a code of 0 only carries its gap on.

    A gap is the number of places between an entry and the one before (Deep Compression, section 2,
    Figure 2). Raises WorkloadError if an entry lies beyond the matrix.
    """
    rows, cols = shape
    # int64, and summed before the zeros are left out, so that no forged gap wraps around
    places = np.cumsum(gaps.astype(np.int64) + 1) - 1
    if places.size and places[-1] >= rows * cols:
        raise WorkloadError(
            f"expected entries within {rows} x {cols} weights, found one at place {places[-1]}"
        )
    used = np.flatnonzero(codes)
    row, col = np.divmod(places[used], cols)
    starts = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=rows))))
    return sparse.csr_array((codes[used], col, starts), shape=(rows, cols))
