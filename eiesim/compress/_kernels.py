"""Compiled loops of pruning, relative indices and Huffman codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel

MAGNITUDE = np.uint32(0x7FFFFFFF)
LOW_HALF = np.uint64(0xFFFFFFFF)


@kernel
def count_magnitudes(
    bits: npt.NDArray[np.uint32], high: int, histogram: npt.NDArray[np.int64]
) -> None:
    """Count float32 numbers by one half of their magnitude's bits.

    The bits of a float32 without its sign grow with its magnitude. So a histogram [65536] of the
    upper 16 bits (`high` is -1), and one of the lower 16 bits of the numbers whose upper half is
    `high`, select any rank exactly.
    """
    for position in range(bits.size):
        magnitude = np.int64(bits[position] & MAGNITUDE)
        if high < 0:
            histogram[magnitude >> 16] += 1
        elif magnitude >> 16 == high:
            histogram[magnitude & 0xFFFF] += 1


@kernel
def count_kept(
    bits: npt.NDArray[np.uint32], threshold: int, ties: int, per_column: npt.NDArray[np.int64]
) -> None:
    """Count the weights of every column that are kept, from the bits of all [rows, cols].

    They are those above the threshold, and the first `ties` at it, row by row. `per_column` [cols]
    is the result.
    """
    for row in range(bits.shape[0]):
        for column in range(bits.shape[1]):
            magnitude = np.int64(bits[row, column] & MAGNITUDE)
            if magnitude > threshold:
                per_column[column] += 1
            elif magnitude == threshold and ties > 0:
                per_column[column] += 1
                ties -= 1


@kernel
def gather_kept(
    weights: npt.NDArray[np.float32],
    bits: npt.NDArray[np.uint32],
    threshold: int,
    ties: int,
    cursor: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    data: npt.NDArray[np.float32],
) -> None:
    """Write rows (`indices`) and weights (`data`) that `count_kept` counts, column by column.

    `cursor` [cols] is the start of each column, and is moved to its end.
    """
    for row in range(bits.shape[0]):
        for column in range(bits.shape[1]):
            magnitude = np.int64(bits[row, column] & MAGNITUDE)
            tied = magnitude == threshold and ties > 0
            ties -= tied
            if tied or magnitude > threshold:
                indices[cursor[column]] = row
                data[cursor[column]] = weights[row, column]
                cursor[column] += 1


@kernel
def count_gaps(
    indptr: npt.NDArray[np.int32], indices: npt.NDArray[np.int32], cols: int, index_bits: int
) -> int:
    """Count the padding zeros between the weights of a matrix in CSR, row after row."""
    following = np.int64(0)
    padding = np.int64(0)
    for row in range(indptr.size - 1):
        for position in range(indptr[row], indptr[row + 1]):
            place = row * cols + np.int64(indices[position])
            padding += (place - following) >> index_bits
            following = place + 1
    return int(padding)


@kernel
def fill_gaps(
    indptr: npt.NDArray[np.int32],
    indices: npt.NDArray[np.int32],
    data: npt.NDArray[np.uint8],
    cols: int,
    index_bits: int,
    codes: npt.NDArray[np.uint8],
    gaps: npt.NDArray[np.uint8],
) -> None:
    """Write code and relative index of every entry of a matrix in CSR, row after row.

    On entry `codes` [entries] is zero and `gaps` [entries] the largest: all are padding zeros.
    """
    longest_run = (1 << index_bits) - 1
    following = np.int64(0)
    entry = np.int64(0)
    for row in range(indptr.size - 1):
        for position in range(indptr[row], indptr[row + 1]):
            place = row * cols + np.int64(indices[position])
            zeros = place - following
            entry += zeros >> index_bits
            codes[entry] = data[position]
            gaps[entry] = zeros & longest_run
            entry += 1
            following = place + 1


@kernel
def count_symbols(symbols: npt.NDArray[np.uint8], counts: npt.NDArray[np.int64]) -> None:
    """Add up in `counts` [256] how often each symbol occurs."""
    for symbol in symbols:
        counts[symbol] += 1


@kernel
def pack_symbols(
    symbols: npt.NDArray[np.uint8],
    lengths: npt.NDArray[np.uint8],
    words: npt.NDArray[np.uint16],
    packed: npt.NDArray[np.uint32],
) -> None:
    """Write the code words of symbols into `packed`, the highest bit of each number first.

    `lengths` has the bits of each symbol's word.
    """
    buffer = np.uint64(0)
    bits = np.uint64(0)
    place = 0
    for symbol in symbols:
        length = np.uint64(lengths[symbol])
        buffer = (buffer << length) | np.uint64(words[symbol])
        bits += length
        if bits >= np.uint64(32):
            bits -= np.uint64(32)
            packed[place] = (buffer >> bits) & LOW_HALF
            place += 1
    if bits > np.uint64(0):
        packed[place] = (buffer << (np.uint64(32) - bits)) & LOW_HALF


@kernel
def unpack_symbols(
    packed: npt.NDArray[np.uint32],
    look_up: npt.NDArray[np.uint16],
    width_bits: int,
    symbols: npt.NDArray[np.uint8],
) -> int:
    """Read the words that `pack_symbols` wrote, by one look-up each, into `symbols`.

    Return how many bits were read; that is more than `packed` has if words are missing.

    Parameters
    ----------
    look_up
        16 * symbol + length of the first word in each value of `width_bits` bits [2**width_bits].
    width_bits
        Bits of the longest word, 1 to 32.
    """
    buffer = np.uint64(0)
    bits = 0
    place = 0
    mask = (np.uint64(1) << np.uint64(width_bits)) - np.uint64(1)
    for position in range(symbols.size):
        if bits < width_bits:
            buffer <<= np.uint64(32)
            if place < packed.size:
                buffer |= np.uint64(packed[place])
            place += 1
            bits += 32
        entry = look_up[(buffer >> np.uint64(bits - width_bits)) & mask]
        symbols[position] = entry >> np.uint16(4)
        bits -= int(entry & np.uint16(15))
    return 32 * place - bits
