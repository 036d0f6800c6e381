"""The events of a run, from its broadcasts; arrays are named as in `eiesim.sim.fast`.

starts : int32 [pes, items]
    First cycle of each item in each PE.
pes : int32 [pes]
    Numbers of the PEs whose events are listed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Uint8s = npt.NDArray[np.uint8]


@kernel
def find_starts(counts: npt.NDArray[Any], columns: Int32s, broadcasts: Int32s, lead: int) -> Int32s:
    """Find the first cycle of each item in every PE, int32 [n_pes, items].

    Parameters
    ----------
    lead
        Cycles from a broadcast to the earliest start on it, 2 + L.
    """
    n_pes = counts.shape[1]
    starts = np.empty((n_pes, columns.size), np.int32)
    free = np.zeros(n_pes, np.int32)
    for item in range(columns.size):
        entries = counts[columns[item]]
        earliest = np.int32(broadcasts[item] + lead)
        for pe in range(n_pes):
            start = max(free[pe], earliest)
            starts[pe, item] = start
            free[pe] = np.int32(start + max(np.int32(entries[pe]), np.int32(1)))
    return starts


@kernel
def list_words(
    ptr: Int32s,
    columns: Int32s,
    starts: Int32s,
    pes: Int32s,
    entries_per_word: int,
    across_columns: bool,
    events: Int32s,
) -> int:
    """List the sparse-matrix words that PEs read, one cycle behind the issue of their first entry.

    Parameters
    ----------
    events : int32 [4, words]
        Cycle, PE, column and number of each word, with room for the words of all columns.

    Returns
    -------
    int
        Words that are read.
    """
    count = 0
    for place in range(pes.size):
        pe = pes[place]
        latched = -1
        for item in range(columns.size):
            column = columns[item]
            first = ptr[column, pe]
            end = ptr[column + 1, pe]
            if end == first:
                continue
            if not across_columns:
                latched = -1
            for word in range(first // entries_per_word, (end - 1) // entries_per_word + 1):
                if word != latched:
                    issued = starts[place, item] + max(word * entries_per_word - first, 0)
                    events[0, count] = issued + 1
                    events[1, count] = pe
                    events[2, count] = column
                    events[3, count] = word
                    count += 1
                latched = word
    return count


@kernel
def list_entries(
    matrix: tuple[Int32s, Int64s, Uint8s, Uint8s],
    columns: Int32s,
    starts: Int32s,
    pes: Int32s,
    products: npt.NDArray[Any],
    limits: tuple[Any, Any],
    span: tuple[int, int],
    accumulators: npt.NDArray[Any],
    events: Int32s,
    totals: npt.NDArray[Any],
) -> None:
    """List the entries that PEs issue in a span of cycles, and the sums that they lead to.

    Parameters
    ----------
    matrix
        `ptr`, `base`, `codes`, `relative_index` of the image.
    products : float32 or int64 [items, codes]
        Product of each item and weight, as it is added.
    limits
        Lowest and highest sum, at which it saturates.
    span
        First and last cycle.
    accumulators : as `products` [rows]
        Room for those of a PE.
    events : int32 [5, entries]
        Cycle, PE, code, relative index and row within the PE of each entry in the span.
    totals : as `products` [entries]
        What the accumulator then holds; untouched for a padding zero.
    """
    ptr, base, codes, relative_index = matrix
    count = 0
    for place in range(pes.size):
        pe = pes[place]
        accumulators[:] = 0
        for item in range(columns.size):
            start = starts[place, item]
            if start > span[1]:
                break
            row = np.int64(-1)
            first = ptr[columns[item], pe]
            for address in range(first, ptr[columns[item] + 1, pe]):
                code = codes[base[pe] + address]
                gap = relative_index[base[pe] + address]
                row += np.int64(gap) + 1
                if code > 0:
                    total = accumulators[row] + products[item, code]
                    if total < limits[0]:  # noqa: PLR1730 - not a number stays so
                        total = limits[0]
                    if total > limits[1]:  # noqa: PLR1730
                        total = limits[1]
                    accumulators[row] = total
                cycle = start + address - first
                if span[0] <= cycle <= span[1]:
                    events[0, count] = cycle
                    events[1, count] = pe
                    events[2, count] = code
                    events[3, count] = gap
                    events[4, count] = row
                    if code > 0:
                        totals[count] = accumulators[row]
                    count += 1
