"""Loops over an image: the encoder's two passes, columns in their order, and row balance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel


@kernel
def count_entries(
    indptr: npt.NDArray[np.int32],
    indices: npt.NDArray[np.int32],
    longest_run: int,
    counts: npt.NDArray[np.int32],
) -> None:
    """Count the entries, padding zeros included, of every column in every PE.

    Parameters
    ----------
    indptr, indices : int32
        Matrix in CSC, rows sorted.
    longest_run : int
        Zeros that one relative index can express, 2**index_bits - 1.
    counts : int32 [columns, PEs]
        Result, zero on entry.
    """
    n_pes = counts.shape[1]
    previous = np.empty(n_pes, np.int64)
    for column in range(counts.shape[0]):
        previous[:] = -1
        for position in range(indptr[column], indptr[column + 1]):
            row = indices[position] // n_pes
            pe = indices[position] - row * n_pes
            zeros = row - previous[pe] - 1
            counts[column, pe] += 1 + zeros // (longest_run + 1)
            previous[pe] = row


@kernel
def fill_entries(
    indptr: npt.NDArray[np.int32],
    indices: npt.NDArray[np.int32],
    data: npt.NDArray[np.uint8],
    longest_run: int,
    cursor: npt.NDArray[np.int64],
    codes: npt.NDArray[np.uint8],
    relative_index: npt.NDArray[np.uint8],
) -> None:
    """Write code and relative index of every entry, PE by PE, column by column.

    Parameters
    ----------
    indptr, indices, data : int32, int32, uint8
        Matrix in CSC, rows sorted.
    longest_run : int
        Zeros that one relative index can express, 2**index_bits - 1.
    cursor : int64 [PEs]
        Where each PE's entries begin; moved on to where they end.
    codes, relative_index : uint8 [entries]
        Result; `codes` is zero and `relative_index` is `longest_run` on entry, so that a padding
        zero is there already.
    """
    n_pes = cursor.size
    previous = np.empty(n_pes, np.int64)
    for column in range(indptr.size - 1):
        previous[:] = -1
        for position in range(indptr[column], indptr[column + 1]):
            row = indices[position] // n_pes
            pe = indices[position] - row * n_pes
            zeros = row - previous[pe] - 1
            padding = zeros // (longest_run + 1)
            entry = cursor[pe] + padding
            codes[entry] = data[position]
            relative_index[entry] = zeros - padding * (longest_run + 1)
            cursor[pe] = entry + 1
            previous[pe] = row


@kernel
def list_columns(
    ptr: npt.NDArray[np.int32],
    base: npt.NDArray[np.int64],
    codes: npt.NDArray[np.uint8],
    relative_index: npt.NDArray[np.uint8],
    indptr: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int32],
    kept_codes: npt.NDArray[np.uint8],
    edge_rows: npt.NDArray[np.int32],
    padding: npt.NDArray[np.int32],
) -> None:
    """List the weights of every column over all PEs, PE by PE, the padding zeros left out.

    Parameters
    ----------
    ptr, base, codes, relative_index
        The image: pointers, where each PE's entries begin, and the entries.
    indptr : int64 [columns + 1]
        Result: where each column begins in `rows` and `kept_codes`; zero on entry.
    rows, kept_codes : int32, uint8 [entries + 1]
        Result: row in the matrix and code of each weight; filled as far as there are weights.
    edge_rows : int32 [4, columns, PEs]
        Result: row within the PE of each column's first, second, last but one and last entry; -1
        on entry, and left so for padding zeros and where there is no such entry.
    padding : int32 [columns, PEs]
        Result: padding zeros of each column; zero on entry.
    """
    n_pes = base.size - 1
    kept = 0
    for column in range(indptr.size - 1):
        for pe in range(n_pes):
            first = base[pe] + ptr[column, pe]
            end = base[pe] + ptr[column + 1, pe]
            row = np.int64(-1)
            for entry in range(first, end):
                row += np.int64(relative_index[entry]) + 1
                if codes[entry] == 0:
                    padding[column, pe] += 1
                    continue
                rows[kept] = row * n_pes + pe
                kept_codes[kept] = codes[entry]
                kept += 1
                if entry == first:
                    edge_rows[0, column, pe] = row
                if entry == first + 1:
                    edge_rows[1, column, pe] = row
                if entry == end - 2:
                    edge_rows[2, column, pe] = row
                if entry == end - 1:
                    edge_rows[3, column, pe] = row
        indptr[column + 1] = kept


@kernel
def deal_rows(
    counts: npt.NDArray[np.float64],
    order: npt.NDArray[np.int64],
    room: npt.NDArray[np.int64],
    loads: npt.NDArray[np.float64],
    pes: npt.NDArray[np.int64],
) -> None:
    """Deal rows to PEs, each where the sum of the squares of all loads grows least.

    Parameters
    ----------
    counts : float64 [rows, windows]
        Work of each row.
    order : int64 [rows]
        In which they are dealt.
    room : int64 [PEs]
        Rows that a PE takes; 0 in the end.
    loads : float64 [PEs, windows]
        Result: work of each PE; zero on entry.
    pes : int64 [rows]
        Result: the PE of each row.
    """
    for row in order:
        best = -1
        least = 0.0
        for pe in range(room.size):
            if room[pe] == 0:
                continue
            growth = 0.0
            for window in range(counts.shape[1]):
                growth += loads[pe, window] * counts[row, window]
            if best < 0 or growth < least:
                best = pe
                least = growth
        for window in range(counts.shape[1]):
            loads[best, window] += counts[row, window]
        room[best] -= 1
        pes[row] = best


@kernel
def swap_rows(
    counts: npt.NDArray[np.float64],
    pairs: npt.NDArray[np.int64],
    loads: npt.NDArray[np.float64],
    pes: npt.NDArray[np.int64],
) -> None:
    """Swap rows between PEs where that lessens the sum of the squares of all loads.

    Parameters
    ----------
    counts : float64 [rows, windows]
        Work of each row.
    pairs : int64 [tries, 2]
        Rows to swap, if it pays.
    loads : float64 [PEs, windows]
        Work of each PE; kept true.
    pes : int64 [rows]
        The PE of each row; changed.
    """
    for trial in range(pairs.shape[0]):
        one = pairs[trial, 0]
        other = pairs[trial, 1]
        first = pes[one]
        second = pes[other]
        if first == second:
            continue
        growth = 0.0  # half of it
        for window in range(counts.shape[1]):
            more = counts[other, window] - counts[one, window]
            growth += more * (loads[first, window] - loads[second, window] + more)
        if growth < 0:
            for window in range(counts.shape[1]):
                more = counts[other, window] - counts[one, window]
                loads[first, window] += more
                loads[second, window] -= more
            pes[one] = second
            pes[other] = first
