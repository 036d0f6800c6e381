"""Loops over an image: the encoder's passes, checks, the order of columns, and row balance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel


@kernel
def count_entries(
    indptr: npt.NDArray[np.int32],
    indices: npt.NDArray[np.int32],
    index_bits: int,
    counts: npt.NDArray[np.int32],
) -> None:
    """Count the entries, padding zeros included, of every column in every PE.

    Parameters
    ----------
    indptr, indices : int32
        Matrix in CSC, rows sorted.
    counts : int32 [columns, PEs]
        Result, zero on entry.
    """
    n_pes = np.uint32(counts.shape[1])  # no arithmetic below has a sign, which is the quickest
    next_row = np.empty(n_pes, np.uint32)
    for column in range(counts.shape[0]):
        next_row[:] = 0
        for position in range(indptr[column], indptr[column + 1]):
            index = np.uint32(indices[position])
            row = index // n_pes
            pe = np.uint64(index - row * n_pes)
            padding = (row - next_row[pe]) >> np.uint32(index_bits)
            counts[column, pe] += np.int32(1) + np.int32(padding)
            next_row[pe] = row + np.uint32(1)


@kernel
def fill_entries(
    indptr: npt.NDArray[np.int32],
    indices: npt.NDArray[np.int32],
    data: npt.NDArray[np.uint8],
    index_bits: int,
    cursor: npt.NDArray[np.uint64],
    codes: npt.NDArray[np.uint8],
    relative_index: npt.NDArray[np.uint8],
) -> None:
    """Write code and relative index of every entry, PE by PE, column by column.

    Parameters
    ----------
    indptr, indices, data : int32, int32, uint8
        Matrix in CSC, rows sorted.
    cursor : uint64 [PEs]
        Start of each PE's entries; moved on to their end.
    codes, relative_index : uint8 [entries]
        Result. On entry, all are padding zeros: `codes` is 0, `relative_index` is the largest.
    """
    n_pes = np.uint32(cursor.size)
    longest_run = np.uint32((1 << index_bits) - 1)
    next_row = np.empty(n_pes, np.uint32)
    for column in range(indptr.size - 1):
        next_row[:] = 0
        for position in range(indptr[column], indptr[column + 1]):
            index = np.uint32(indices[position])
            row = index // n_pes
            pe = np.uint64(index - row * n_pes)
            zeros = row - next_row[pe]
            entry = cursor[pe] + np.uint64(zeros >> np.uint32(index_bits))
            codes[entry] = data[position]
            relative_index[entry] = zeros & longest_run
            cursor[pe] = entry + np.uint64(1)
            next_row[pe] = row + np.uint32(1)


@kernel
def find_violation(
    ptr: npt.NDArray[np.int32],
    base: npt.NDArray[np.int64],
    codes: npt.NDArray[np.uint8],
    relative_index: npt.NDArray[np.uint8],
    shape: tuple[int, int],
    widths: tuple[int, int],
    has_bias: bool,
) -> tuple[int, int]:
    """Find the first entry that breaks a rule of `eiesim.image.check.RULES`.

    Return its number, and a bit for each rule that it breaks; no bits if there is none.

    Parameters
    ----------
    ptr, base, codes, relative_index
        Arrays of the image; every pointer leads to an entry.
    shape
        Rows and columns of the matrix.
    widths
        Size of the codebook, and bits of a relative index.
    """
    rows, cols = shape
    codebook_size, index_bits = widths
    n_pes = base.size - 1
    longest_run = (1 << index_bits) - 1
    for pe in range(n_pes):
        for column in range(ptr.shape[0] - 1):
            is_filled = column < cols or (has_bias and column == ptr.shape[0] - 2)
            end = base[pe] + ptr[column + 1, pe]
            row = np.int64(pe - n_pes)
            for entry in range(base[pe] + ptr[column, pe], end):
                run = np.int64(relative_index[entry])
                row += (run + 1) * n_pes
                is_padding = codes[entry] == 0
                broken = (
                    np.int64(codes[entry] >= codebook_size)
                    | np.int64(run > longest_run) << 1
                    | np.int64(is_padding and run != longest_run) << 2
                    | np.int64(is_padding and entry == end - 1) << 3
                    | np.int64(row >= rows) << 4
                    | np.int64(not is_filled) << 5
                )
                if broken:
                    return entry, int(broken)
    return 0, 0


@kernel
def list_columns(
    ptr: npt.NDArray[np.int32],
    base: npt.NDArray[np.int64],
    codes: npt.NDArray[np.uint8],
    relative_index: npt.NDArray[np.uint8],
    codebook_bits: int,
    indptr: npt.NDArray[np.int64],
    weights: npt.NDArray[np.unsignedinteger],
    edge_rows: npt.NDArray[Any],
    padding: npt.NDArray[np.unsignedinteger],
) -> None:
    """List the weights of every column over all PEs, PE by PE, without padding zeros.

    Parameters
    ----------
    ptr, base, codes, relative_index
        Arrays of the image.
    indptr : int64 [columns + 1]
        Result: start of each column in `weights`; zero on entry.
    weights : unsigned [entries + 1]
        Result: row in the matrix and code of each weight, the code in the last `codebook_bits`;
        filled as far as there are weights.
    edge_rows : signed [4, columns, PEs]
        Result: row within the PE of each column's first, second, last but one and last entry; what
        is there on entry stays for padding zeros and missing entries.
    padding : unsigned [columns, PEs]
        Result: padding zeros of each column; zero on entry.
    """
    n_pes = base.size - 1
    filled = 0
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
                weights[filled] = (row * n_pes + pe) << codebook_bits | codes[entry]
                filled += 1
                if entry == first:
                    edge_rows[0, column, pe] = row
                if entry == first + 1:
                    edge_rows[1, column, pe] = row
                if entry == end - 2:
                    edge_rows[2, column, pe] = row
                if entry == end - 1:
                    edge_rows[3, column, pe] = row
        indptr[column + 1] = filled


@kernel
def deal_rows(
    counts: npt.NDArray[np.float64],
    order: npt.NDArray[np.int64],
    room: npt.NDArray[np.int64],
    loads: npt.NDArray[np.float64],
    pes: npt.NDArray[np.int64],
) -> None:
    """Deal rows to PEs, each to the PE where the sum of the squares of all loads grows least.

    Parameters
    ----------
    counts : float64 [rows, windows]
        Work of each row.
    order : int64 [rows]
        Rows in the order in which they are dealt.
    room : int64 [PEs]
        Rows that a PE can still take; 0 in the end.
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
    """Swap rows between PEs if that lessens the sum of the squares of all loads.

    Parameters
    ----------
    counts : float64 [rows, windows]
        Work of each row.
    pairs : int64 [tries, 2]
        Rows to try.
    loads : float64 [PEs, windows]
        Work of each PE; updated.
    pes : int64 [rows]
        The PE of each row; updated.
    """
    for trial in range(pairs.shape[0]):
        row = pairs[trial, 0]
        other_row = pairs[trial, 1]
        pe = pes[row]
        other_pe = pes[other_row]
        if pe == other_pe:
            continue
        growth = 0.0  # half of it
        for window in range(counts.shape[1]):
            more = counts[other_row, window] - counts[row, window]
            growth += more * (loads[pe, window] - loads[other_pe, window] + more)
        if growth < 0:
            for window in range(counts.shape[1]):
                more = counts[other_row, window] - counts[row, window]
                loads[pe, window] += more
                loads[other_pe, window] -= more
            pes[row] = other_pe
            pes[other_row] = pe
