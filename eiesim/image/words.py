"""Entries and fixed-point numbers as the words of a memory, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eiesim.hardware import Hardware


def pack_entries(
    codes: npt.NDArray[np.uint8], relative_index: npt.NDArray[np.uint8], hw: Hardware
) -> list[int]:
    """Return a PE's entries as words of its sparse-matrix SRAM, at least one.

    Entry 0 of a word is in its lowest bits. Of an entry, the code is in the low `codebook_bits`
    bits and the relative index above it. The last word is filled up with zeros.
    """
    entries = (codes.astype(int) | relative_index.astype(int) << hw.codebook_bits).tolist()
    size = hw.entries_per_word
    return [
        sum(
            entry << place * hw.entry_bits
            for place, entry in enumerate(entries[first : first + size])
        )
        for first in range(0, max(len(entries), 1), size)
    ]


def unpack_entries(
    words: Sequence[int], entries: int, hw: Hardware
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return codes and relative indices of the first entries of words: undo `pack_entries`."""
    mask = (1 << hw.entry_bits) - 1
    packed = np.array(
        [
            word >> place * hw.entry_bits & mask
            for word in words
            for place in range(hw.entries_per_word)
        ]
    )[:entries]
    codes = packed & ((1 << hw.codebook_bits) - 1)
    return codes.astype(np.uint8), (packed >> hw.codebook_bits).astype(np.uint8)


def count_words(entries: int, hw: Hardware) -> int:
    """Return how many words `pack_entries` makes of entries."""
    return max(-(-entries // hw.entries_per_word), 1)


def to_bits(numbers: npt.NDArray[np.int16]) -> list[int]:
    """Return fixed-point numbers as the 16 bits of their two's complement."""
    bits: list[int] = numbers.view(np.uint16).tolist()
    return bits


def from_bits(bits: Sequence[int]) -> npt.NDArray[np.int16]:
    """Return fixed-point numbers from the 16 bits of their two's complement."""
    return np.array(bits, dtype=np.uint16).view(np.int16)
