"""Shared weights (Deep Compression, section 3): one-dimensional k-means on sorted values."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.compress._codebook_kernels import (
    count_borders,
    cut_optimally,
    sort_numbers,
    sum_before,
    sum_parts,
)

Initialisation = Literal["linear", "density", "forgy", "optimal"]
MOST_ITERATIONS = 10_000
PART = 64
"""Sorted values between two kept sums."""


@dataclass(frozen=True, eq=False)
class Clustering:
    """Centroids of a set of values.

    Attributes
    ----------
    centroids
        Ascending [clusters].
    squared_errors
        Sum of squared distances to the nearest centroid, at first and after each iteration; exact
        to about 1e-13 of the values' sum of squared distances from their median.
    moved
        How often a centroid without values was moved to where the error was largest.
    """

    centroids: npt.NDArray[np.float64]
    squared_errors: tuple[float, ...]
    moved: int = 0


class _Ranges(NamedTuple):
    """Number, sum and sum of squares of the values in each range, as distances from a centre."""

    number: npt.NDArray[np.int64]
    first: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sorted values and sums of their distances from `centre`, and of their squares.

    Mean and spread of any range follow in constant time. The centre is the median, so that values
    far from 0 lose no digits. `parts` holds the sums before every `PART` values.
    """

    values: npt.NDArray[np.float32]
    centre: float
    parts: npt.NDArray[np.float64]

    @classmethod
    def of(cls, ordered: npt.NDArray[np.float32]) -> _Sums:
        """Sum sorted values."""
        centre = float(ordered[ordered.size // 2])
        parts = np.empty((2, ordered.size // PART + 1))
        sum_parts(ordered, centre, PART, parts)
        return cls(ordered, centre, parts)

    def between(self, cuts: npt.NDArray[np.int64]) -> _Ranges:
        """Sum the values between each two cuts."""
        before = np.empty((2, cuts.size))
        sum_before(self.values, self.centre, PART, self.parts, cuts, before)
        first, second = before[:, 1:] - before[:, :-1]
        return _Ranges(cuts[1:] - cuts[:-1], first, second)

    def means(
        self, cuts: npt.NDArray[np.int64], ranges: _Ranges, old: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Return each cluster's mean; an empty cluster keeps its centroid.

        A mean stays between its cluster's extremes, even where values far from all others cost the
        sums their digits. `ranges` are those between the cuts.
        """
        last = self.values.size - 1
        low = self.values[np.minimum(cuts[:-1], last)].astype(np.float64)
        high = self.values[np.maximum(cuts[1:] - 1, 0)].astype(np.float64)
        means = ranges.first / np.maximum(ranges.number, 1) + self.centre
        return np.where(ranges.number > 0, np.clip(means, low, np.maximum(low, high)), old)

    def error(self, ranges: _Ranges, centroids: npt.NDArray[np.float64]) -> float:
        """Return the sum of squared distances to the clusters' centroids."""
        number, first, second = ranges
        distance = centroids - self.centre
        return max(float((second - 2 * distance * first + number * distance**2).sum()), 0.0)

    def split_worst(self, cuts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
        """Return the cuts with one more, in the cluster of largest error, at its mean.

        Return None if each cluster holds only one value, so that no cut lowers the error.
        """
        low, high = self.values[cuts[:-1]], self.values[cuts[1:] - 1]
        number, first, second = self.between(cuts)
        errors = np.where(low < high, np.maximum(second - first**2 / number, 0.0), -1.0)
        worst = int(errors.argmax())
        if errors[worst] < 0:
            return None
        mean = np.float32(first[worst] / number[worst] + self.centre)
        members = self.values[cuts[worst] : cuts[worst + 1]]
        # the first value of the upper part is above the lowest, so that neither part is empty
        border = max(min(mean, members[-1]), np.nextafter(members[0], np.float32(np.inf)))
        return np.insert(cuts, worst + 1, cuts[worst] + np.searchsorted(members, border))


def cluster(
    values: npt.NDArray[np.float32],
    n_clusters: int,
    initialisation: Initialisation = "linear",
    seed: int = 0,
    move_idle: bool = True,
) -> Clustering:
    """Find centroids of least squared error for at least one value.

    The values are sorted once. Then a cluster is a range, its mean a difference of prefix sums, and
    an iteration takes O(clusters * log n). Raises WorkloadError if there are no values, not all are
    numbers, or a parameter is out of range.

    Parameters
    ----------
    initialisation
        Deep Compression, section 3.2: evenly between the extremes (``linear``), evenly over the
        values' ranks (``density``) or values drawn at random with `seed` (``forgy``), then Lloyd's
        iterations. ``optimal`` is the global optimum by dynamic programming, slower and with
        4 * n_clusters bytes of memory per value; it does not distinguish cuts whose errors differ
        by less than the precision of `Clustering.squared_errors`.
    move_idle
        Move a centroid that the iterations leave without values into the cluster of largest error,
        and go on. If there are at most as many distinct values as centroids, all values then stay
        exact. False leaves the centroid, as in plain k-means.
    """
    require_initialisation(initialisation, seed)
    if not isinstance(n_clusters, Integral) or n_clusters < 1:
        raise WorkloadError(f"n_clusters: expected a whole number from 1 on, found {n_clusters!r}")
    ordered = _sort(values)
    if not ordered.size or not np.isfinite(ordered[[0, -1]]).all():
        raise WorkloadError("codebook: expected at least one value, and numbers only")
    if initialisation == "optimal":
        return _find_optimum(ordered, n_clusters)
    if initialisation == "linear":
        centroids = np.linspace(float(ordered[0]), float(ordered[-1]), n_clusters)
    elif initialisation == "density":
        ranks = (np.arange(n_clusters) + 0.5) / n_clusters * ordered.size
        centroids = ordered[ranks.astype(np.int64)].astype(np.float64)
    else:
        rng = np.random.default_rng(seed)
        ranks = rng.choice(ordered.size, n_clusters, replace=ordered.size < n_clusters)
        centroids = np.sort(ordered[ranks].astype(np.float64))
    return _iterate(_Sums.of(ordered), centroids, move_idle)


def require_initialisation(initialisation: str, seed: int) -> None:
    """Check the initialisation of a codebook and its seed; raises WorkloadError."""
    known = get_args(Initialisation)
    if initialisation not in known:
        raise WorkloadError(f"codebook {initialisation!r}: {did_you_mean(initialisation, known)}")
    if not isinstance(seed, Integral) or seed < 0:
        raise WorkloadError(f"seed: expected a whole number from 0 on, found {seed!r}")


def _sort(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return sorted values; numpy's sort takes several times as long on some processors."""
    keys = np.empty(values.size, dtype=np.uint32)
    sort_numbers(values.view(np.uint32), keys, np.empty_like(keys))
    return keys.view(np.float32)


def _iterate(sums: _Sums, centroids: npt.NDArray[np.float64], move_idle: bool) -> Clustering:
    cuts = _cut(sums.values, centroids)
    ranges = sums.between(cuts)
    errors = [sums.error(ranges, centroids)]
    moved = 0
    tried: set[bytes] = set()
    for _ in range(MOST_ITERATIONS):
        centroids = sums.means(cuts, ranges, centroids)
        old, cuts = cuts, _cut(sums.values, centroids)
        ranges = sums.between(cuts)
        errors.append(sums.error(ranges, centroids))
        if not np.array_equal(old, cuts):
            continue
        used = np.unique(cuts)
        filled = _fill(sums, used, cuts.size) if move_idle else used
        # by the cuts, since a small error beside far values is lost in the sums' last digits
        if filled.size == used.size or filled.tobytes() in tried:
            break
        tried.add(filled.tobytes())
        moved += filled.size - used.size
        means = sums.means(filled, sums.between(filled), np.zeros(filled.size - 1))
        centroids = np.pad(means, (0, cuts.size - filled.size), "edge")
        cuts = np.pad(filled, (0, cuts.size - filled.size), "edge")
        ranges = sums.between(cuts)
        errors.append(sums.error(ranges, centroids))
    return Clustering(centroids, tuple(errors), moved)


def _fill(sums: _Sums, used: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Return at most `size` cuts, each new one where it lowers the error most."""
    while used.size < size and (split := sums.split_worst(used)) is not None:
        used = split
    return used


def _cut(
    ordered: npt.NDArray[np.float32], centroids: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    borders = np.searchsorted(ordered, _borders(centroids))
    return np.concatenate(([0], borders, [ordered.size])).astype(np.int64)


def _borders(centroids: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return between two centroids the first float32, the values' dtype, of the upper one."""
    middle = (centroids[:-1] + centroids[1:]) / 2
    borders = middle.astype(np.float32)
    return np.where(borders < middle, np.nextafter(borders, np.float32(np.inf)), borders)


def _prefix(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))


def _find_optimum(ordered: npt.NDArray[np.float32], n_clusters: int) -> Clustering:
    distinct, number = np.unique(ordered, return_counts=True)
    values = distinct.astype(np.float64)
    shifted = values - values[values.size // 2]  # from the median, as in _Sums
    used = min(n_clusters, distinct.size)
    cuts = cut_optimally(
        _prefix(number), _prefix(number * shifted), _prefix(number * shifted**2), used
    )
    starts = cuts[:-1]
    centroids = np.add.reduceat(number * values, starts) / np.add.reduceat(number, starts)
    distances = values - np.repeat(centroids, np.diff(cuts))
    padded = np.pad(centroids, (0, n_clusters - used), "edge")
    return Clustering(padded, (float((number * distances**2).sum()),))


def build_codebook(
    values: npt.NDArray[np.float32],
    codebook_bits: int,
    initialisation: Initialisation = "linear",
    seed: int = 0,
    move_idle: bool = True,
) -> npt.NDArray[np.float32]:
    """Return the shared weights of a layer, as `find_codebook` finds them."""
    return find_codebook(values, codebook_bits, initialisation, seed, move_idle)[0]


def find_codebook(
    values: npt.NDArray[np.float32],
    codebook_bits: int,
    initialisation: Initialisation = "linear",
    seed: int = 0,
    move_idle: bool = True,
) -> tuple[npt.NDArray[np.float32], int]:
    """Find the shared weights of a layer, and how many of them were moved as in `Clustering`.

    Entry 0 of the codebook [2**codebook_bits] is 0.0, which stands for a pruned weight; the others
    ascend. No values give a codebook of zeros. Raises WorkloadError as in `cluster`, or if
    `codebook_bits` is not 1 to 8.
    """
    require_initialisation(initialisation, seed)
    if not isinstance(codebook_bits, Integral) or not 1 <= codebook_bits <= 8:
        raise WorkloadError(f"codebook_bits: expected 1 to 8, found {codebook_bits!r}")
    codebook = np.zeros(1 << int(codebook_bits), dtype=np.float32)
    if not values.size:
        return codebook, 0
    clustering = cluster(values, codebook.size - 1, initialisation, seed, move_idle)
    codebook[1:] = clustering.centroids
    return codebook, clustering.moved


def assign_codes(
    values: npt.NDArray[np.float32], codebook: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """Return the code, other than 0, of the shared weight nearest to each value.

    The codebook's entry 0 is 0.0; the others ascend.
    """
    codes = np.empty(values.size, dtype=np.uint8)
    count_borders(values, _borders(codebook[1:].astype(np.float64)), codes)
    return codes
