"""Relative indices over a whole layer, row after row (Deep Compression, section 2, Figure 2)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.errors import WorkloadError
from eiesim.compress._kernels import count_gaps, fill_gaps
from eiesim.layer.gaps import place_entries
from eiesim.layer.weights import CompressedLayer


class Gaps(NamedTuple):
    """A layer as one row of entries: codes, the pruned weights before each, and padding zeros.

    A padding zero has code 0 and only carries its gap on; `padding` is their number.
    """

    codes: npt.NDArray[np.uint8]
    gaps: npt.NDArray[np.uint8]
    padding: int


def code_gaps(layer: CompressedLayer, index_bits: int) -> Gaps:
    """Return a layer's weights, row after row, with relative indices of 1 to 8 bits."""
    matrix = layer.codes.tocsr()
    places = (matrix.indptr, matrix.indices)
    padding = count_gaps(*places, layer.cols, index_bits)
    codes = np.zeros(layer.weights + padding, dtype=np.uint8)
    gaps = np.full(codes.size, (1 << index_bits) - 1, dtype=np.uint8)
    fill_gaps(*places, matrix.data, layer.cols, index_bits, codes, gaps)
    return Gaps(codes, gaps, padding)


def place_gaps(
    codes: npt.NDArray[np.uint8],
    gaps: npt.NDArray[np.uint8],
    index_bits: int,
    shape: tuple[int, int],
) -> sparse.csr_array[np.uint8]:
    """Return the codes of a layer of this shape as a matrix, from what `code_gaps` returned.

    Raises WorkloadError if an entry lies beyond the matrix, a padding zero has another gap than the
    longest, or the last entry is one.
    """
    short = (codes == 0) & (gaps != (1 << index_bits) - 1)
    if codes.size and (codes[-1] == 0 or short.any()):
        raise WorkloadError(
            "expected padding zeros before a weight alone and with the longest gap, found others"
        )
    return place_entries(codes, gaps, shape)
