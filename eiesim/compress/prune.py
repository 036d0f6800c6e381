"""Magnitude pruning (Deep Compression, section 2): the smallest weights go."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.compress._kernels import count_kept, count_magnitudes, gather_kept

PART = 1 << 20
"""Weights that are taken to float64 at once."""


def prune(
    weights: npt.NDArray[np.float32],
    density: float | None = None,
    threshold: float | None = None,
    quality: float | None = None,
    n_pes: int = 1,
) -> sparse.csc_array[np.float32]:
    """Keep the weights of largest magnitude, by exactly one of density, threshold and quality.

    The result has sorted rows and no zeros. There is no sort and, for a C-ordered matrix, no copy:
    it takes one byte a weight beside its result. Raises WorkloadError if the weights are not
    float32 [rows, cols] or not all numbers, or the other parameters are not as below.

    Parameters
    ----------
    weights
        Row = output, column = input.
    density
        Share to keep, 0 to 1; the number kept is exact, rounded to whole weights. Of several
        weights at the limit, the first ones row by row stay.
    threshold
        Smallest magnitude to keep.
    quality
        Threshold in standard deviations of the layer's weights; Han, Pool, Tran, Dally, Learning
        both Weights and Connections for Efficient Neural Networks, NIPS 2015, section 4.
    n_pes
        PEs that keep equally many weights each, as far as their rows have that many; row r is in PE
        r mod `n_pes`. Goes with a `density`, which stays that of the whole matrix. Load-balance-
        aware pruning: Han et al., ESE, FPGA 2017, section 3.2.
    """
    matrix = take_array(weights, "weights", np.float32, ("rows", "cols"))
    if sum(limit is not None for limit in (density, threshold, quality)) != 1:
        raise WorkloadError("prune: expected one of density, threshold and quality")
    if n_pes != 1:
        if density is None or not isinstance(n_pes, Integral) or n_pes < 1:
            raise WorkloadError(f"prune: n_pes: expected 1 or more, with a density, found {n_pes}")
        return _prune_alike(matrix, density, n_pes)
    if quality is not None:
        flat = matrix.reshape(-1)
        mean = sum(float(part.sum(dtype=np.float64)) for part in _split(flat)) / flat.size
        deviation = float(np.sqrt(sum_squares(flat, mean) / flat.size))
        threshold = _require_limit("quality", quality) * deviation
    bits = matrix.view(np.uint32)
    histogram = np.zeros(1 << 16, dtype=np.int64)
    count_magnitudes(bits.reshape(-1), -1, histogram)
    limit, ties = _find_limit(bits, histogram, density, threshold)
    indptr = np.zeros(matrix.shape[1] + 1, dtype=np.int64)
    count_kept(bits, limit, ties, indptr[1:])
    np.cumsum(indptr, out=indptr)
    indices = np.empty(int(indptr[-1]), dtype=np.int32)
    data = np.empty(int(indptr[-1]), dtype=np.float32)
    gather_kept(matrix, bits, limit, ties, indptr[:-1].copy(), indices, data)
    return sparse.csc_array((data, indices, indptr), shape=matrix.shape)


def _prune_alike(
    matrix: npt.NDArray[np.float32], density: float, n_pes: int
) -> sparse.csc_array[np.float32]:
    """Prune the rows of each PE by themselves, so that all keep equally many weights."""
    shares = [matrix[pe::n_pes] for pe in range(min(n_pes, len(matrix)))]
    left = count_kept_weights(density, matrix.size)
    parts = []
    for pe in reversed(range(len(shares))):  # PEs with a row less come first: they may be full
        keep = min(left // (pe + 1), shares[pe].size)
        parts.append(prune(shares[pe], keep / shares[pe].size).tocoo())
        left -= keep
    parts.reverse()
    rows = [part.coords[0] * n_pes + pe for pe, part in enumerate(parts)]
    columns = np.concatenate([part.coords[1] for part in parts])
    data = np.concatenate([part.data for part in parts])
    whole = sparse.csc_array((data, (np.concatenate(rows), columns)), shape=matrix.shape)
    whole.sort_indices()
    return whole


def count_kept_weights(density: float, size: int) -> int:
    """Return how many of `size` weights a density keeps; raises WorkloadError beyond 0 to 1."""
    if not isinstance(density, Real) or not 0 <= density <= 1:
        raise WorkloadError(f"density: expected 0 to 1, found {density!r}")
    return round(density * size)


def _find_limit(
    bits: npt.NDArray[np.uint32],
    histogram: npt.NDArray[np.int64],
    density: float | None,
    threshold: float | None,
) -> tuple[int, int]:
    """Return the magnitude bits above which all is kept, and how many are kept at them."""
    if density is not None:
        high, left = _find_rank(histogram, count_kept_weights(density, bits.size))
        low_histogram = np.zeros(1 << 16, dtype=np.int64)
        count_magnitudes(bits.reshape(-1), high, low_histogram)
        low, ties = _find_rank(low_histogram, left)
        limit = high << 16 | low
        return limit, ties if limit else 0
    least = _require_limit("threshold", threshold)
    # the first float32 that is not below the threshold, and never zero
    lowest = np.float32(min(least, float(np.finfo(np.float32).max)))
    if float(lowest) < least:
        lowest = np.nextafter(lowest, np.float32(np.inf))
    return max(int(lowest.view(np.uint32)) - 1, 0), 0


def _require_limit(name: str, limit: object) -> float:
    if isinstance(limit, Real) and 0 <= float(limit) < np.inf:
        return float(limit)
    raise WorkloadError(f"{name}: expected a number from 0 on, found {limit!r}")


def sum_squares(flat: npt.NDArray[np.float32], mean: float = 0.0) -> float:
    """Return the sum of squared distances from a mean."""
    return sum(float(np.square(part.astype(np.float64) - mean).sum()) for part in _split(flat))


def _split(flat: npt.NDArray[np.float32]) -> Iterator[npt.NDArray[np.float32]]:
    """Return parts of an array, so that no float64 copy of the whole is made."""
    return (flat[first : first + PART] for first in range(0, flat.size, PART))


def _find_rank(histogram: npt.NDArray[np.int64], keep: int) -> tuple[int, int]:
    """Return the bin that the `keep`-th largest falls into, and how many to keep of that bin."""
    from_top = np.cumsum(histogram[::-1])
    rank = int(np.searchsorted(from_top, keep))
    above = int(from_top[rank - 1]) if rank else 0
    return histogram.size - 1 - rank, keep - above
