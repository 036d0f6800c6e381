"""Compiled loops of pruning, relative indices and Huffman codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel

MAGNITUDE = np.uint32(0x7FFFFFFF)


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
def count_gaps(places: npt.NDArray[np.int64], longest_run: int) -> int:
    """Count the padding zeros between ascending places whose relative index is at most a run."""
    previous = np.int64(-1)
    padding = np.int64(0)
    for place in places:
        padding += (place - previous - 1) // (longest_run + 1)
        previous = place
    return int(padding)


@kernel
def fill_gaps(
    places: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    longest_run: int,
    codes: npt.NDArray[np.uint8],
    gaps: npt.NDArray[np.uint8],
) -> None:
    """Write code and relative index of every entry, from ascending places and their codes.

    On entry `codes` [entries] is zero and `gaps` [entries] `longest_run`: all are padding zeros.
    """
    previous = np.int64(-1)
    entry = 0
    for weight in range(places.size):
        zeros = places[weight] - previous - 1
        padding = zeros // (longest_run + 1)
        entry += padding
        codes[entry] = data[weight]
        gaps[entry] = zeros - padding * (longest_run + 1)
        entry += 1
        previous = places[weight]


@kernel
def pack_symbols(
    symbols: npt.NDArray[np.uint8],
    lengths: npt.NDArray[np.uint8],
    words: npt.NDArray[np.uint16],
    packed: npt.NDArray[np.uint8],
) -> None:
    """Write the code words of symbols into `packed`, the highest bit of each byte first.

    `lengths` has the bits of each symbol's word.
    """
    buffer = np.uint64(0)
    bits = np.uint64(0)
    place = 0
    for symbol in symbols:
        length = np.uint64(lengths[symbol])
        buffer = (buffer << length) | np.uint64(words[symbol])
        bits += length
        while bits >= np.uint64(8):
            bits -= np.uint64(8)
            packed[place] = (buffer >> bits) & np.uint64(0xFF)
            place += 1
        buffer &= (np.uint64(1) << bits) - np.uint64(1)
    if bits > np.uint64(0):
        packed[place] = (buffer << (np.uint64(8) - bits)) & np.uint64(0xFF)


@kernel
def unpack_symbols(
    packed: npt.NDArray[np.uint8],
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
        Bits of the longest word, at least 1.
    """
    buffer = np.uint64(0)
    bits = 0
    place = 0
    width = np.uint64(width_bits)
    mask = (np.uint64(1) << width) - np.uint64(1)
    read_bits = 0
    for position in range(symbols.size):
        while bits < width_bits:
            buffer <<= np.uint64(8)
            if place < packed.size:
                buffer |= np.uint64(packed[place])
            place += 1
            bits += 8
        entry = look_up[np.int64((buffer >> np.uint64(bits - width_bits)) & mask)]
        length = int(entry & np.uint16(15))
        symbols[position] = np.uint8(entry >> np.uint16(4))
        bits -= length
        read_bits += length
        buffer &= (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    return read_bits
