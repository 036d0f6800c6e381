"""Compiled loops of shared weights: sorting, sums over ranges, the exact codebook, and codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel

SIGN = np.uint32(1 << 31)
LOW_BYTE = np.uint32(255)
BLOCK = 1024
"""Values whose codes are counted in one go, in the nearest cache."""


@kernel
def sort_numbers(
    bits: npt.NDArray[np.uint32], keys: npt.NDArray[np.uint32], spare: npt.NDArray[np.uint32]
) -> None:
    """Sort float32 numbers, given by their bits, into `keys`: byte by byte, the lowest first.

    The bits grow with the number if the sign bit of those from 0 on is set, and all bits of the
    others are turned around. `spare` is as long as the others.
    """
    starts = np.zeros((4, 256), np.int64)
    for position in range(bits.size):
        number = bits[position]
        key = ~number if number & SIGN else number | SIGN
        keys[position] = key
        for byte in range(4):
            starts[byte, (key >> np.uint32(8 * byte)) & LOW_BYTE] += 1
    for byte in range(4):
        end = 0
        for value in range(256):
            end += starts[byte, value]
            starts[byte, value] = end - starts[byte, value]
    source, target = keys, spare
    for byte in range(4):
        for position in range(source.size):
            key = source[position]
            value = (key >> np.uint32(8 * byte)) & LOW_BYTE
            target[starts[byte, value]] = key
            starts[byte, value] += 1
        source, target = target, source
    for position in range(keys.size):
        key = keys[position]
        keys[position] = key ^ SIGN if key & SIGN else ~key


@kernel
def sum_parts(
    ordered: npt.NDArray[np.float32], centre: float, size: int, sums: npt.NDArray[np.float64]
) -> None:
    """Sum distances from a centre, and their squares, before each part of `size` values.

    `sums` [2, values // size + 1] is the result.
    """
    first = 0.0
    second = 0.0
    for part in range(sums.shape[1]):
        sums[0, part] = first
        sums[1, part] = second
        for position in range(part * size, min((part + 1) * size, ordered.size)):
            distance = np.float64(ordered[position]) - centre
            first += distance
            second += distance * distance


@kernel
def sum_before(
    ordered: npt.NDArray[np.float32],
    centre: float,
    size: int,
    sums: npt.NDArray[np.float64],
    ends: npt.NDArray[np.int64],
    result: npt.NDArray[np.float64],
) -> None:
    """Sum as `sum_parts` does, to the same bits, before each of some places.

    `sums` is the result of `sum_parts`; `result` is [2, ends].
    """
    for number in range(ends.size):
        part = ends[number] // size
        first = sums[0, part]
        second = sums[1, part]
        for position in range(part * size, ends[number]):
            distance = np.float64(ordered[position]) - centre
            first += distance
            second += distance * distance
        result[0, number] = first
        result[1, number] = second


@kernel
def cut_optimally(
    weight: npt.NDArray[np.float64],
    first: npt.NDArray[np.float64],
    second: npt.NDArray[np.float64],
    n_clusters: int,
) -> npt.NDArray[np.int64]:
    """Cut sorted values into clusters of least squared error, by dynamic programming.

    The best cut before a value moves right with the value, so that divide and conquer finds the
    cuts of each number of clusters: O(clusters * n * log n). Cluster c of the result holds the
    values from cuts[c] to cuts[c + 1]. There are at most n clusters.

    Parameters
    ----------
    weight, first, second
        Prefix sums [n + 1] of the values' counts, the values and their squares.
    """
    n = weight.size - 1
    error = np.empty(n + 1)
    error[0] = 0.0
    for end in range(1, n + 1):
        error[end] = second[end] - first[end] * first[end] / weight[end]
    choice = np.zeros((n_clusters, n + 1), np.int32)
    stack = np.empty((128, 4), np.int64)
    for cluster in range(1, n_clusters):
        better = np.full(n + 1, np.inf)
        stack[0] = (cluster + 1, n, cluster, n - 1)
        depth = 1
        while depth > 0:
            depth -= 1
            low, high, cut_low, cut_high = stack[depth]
            if low > high:
                continue
            middle = (low + high) // 2
            best = np.inf
            best_cut = cut_low
            for cut in range(cut_low, min(cut_high, middle - 1) + 1):
                total = first[middle] - first[cut]
                spread = (
                    second[middle] - second[cut] - total * total / (weight[middle] - weight[cut])
                )
                if error[cut] + max(spread, 0.0) < best:
                    best = error[cut] + max(spread, 0.0)
                    best_cut = cut
            better[middle] = best
            choice[cluster, middle] = best_cut
            stack[depth] = (low, middle - 1, cut_low, best_cut)
            stack[depth + 1] = (middle + 1, high, best_cut, cut_high)
            depth += 2
        error = better
    cuts = np.empty(n_clusters + 1, np.int64)
    cuts[n_clusters] = n
    for cluster in range(n_clusters - 1, -1, -1):
        cuts[cluster] = choice[cluster, cuts[cluster + 1]]
    return cuts


@kernel
def count_borders(
    values: npt.NDArray[np.float32],
    borders: npt.NDArray[np.float32],
    codes: npt.NDArray[np.uint8],
) -> None:
    """Write into `codes` one more than the number of borders that each value reaches."""
    counts = np.empty(BLOCK, np.int32)
    for first in range(0, values.size, BLOCK):
        block = values[first : first + BLOCK]
        counts[:] = 1
        for border in borders:
            for position in range(block.size):
                counts[position] += np.int32(1) if block[position] >= border else np.int32(0)
        for position in range(block.size):
            codes[first + position] = counts[position]
