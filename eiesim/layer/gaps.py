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
    from eiesim.layer._kernels import split_places  # noqa: PLC0415 - compiled code

    rows, cols = shape
    last = int(gaps.sum(dtype=np.int64)) + gaps.size - 1
    if last >= rows * cols:
        raise WorkloadError(
            f"expected entries within {rows} x {cols} weights, found one at place {last}"
        )
    data = np.empty(np.count_nonzero(codes), dtype=np.uint8)
    indices = np.empty(data.size, dtype=np.int32)
    row_weights = np.zeros(rows, dtype=np.int64)
    split_places(codes, gaps, cols, data, indices, row_weights)
    starts = np.concatenate(([0], np.cumsum(row_weights)))
    return sparse.csr_array((data, indices, starts), shape=(rows, cols))
