"""Words of the memories as text that Verilog's `$readmemh` reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from eiesim.hardware import Hardware


def pack_entries(
    codes: npt.NDArray[np.uint8], relative_index: npt.NDArray[np.uint8], hw: Hardware
) -> list[int]:
    """Return a PE's entries as words of its sparse-matrix SRAM.

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
        for first in range(0, len(entries), size)
    ]


def to_bits(numbers: npt.NDArray[np.int16]) -> list[int]:
    """Return fixed-point numbers as the 16 bits of their two's complement."""
    bits: list[int] = numbers.view(np.uint16).tolist()
    return bits


def to_hex(words: Iterable[int], width_bits: int, notes: Sequence[str]) -> str:
    """Return words as `$readmemh` text, one a line, below comments.

    Parameters
    ----------
    words : iterable of int
        Not negative; the first is that of address 0.
    notes : sequence of str
        Lines of the comment.
    """
    digits = -(-width_bits // 4)
    lines = [f"// {note}" for note in notes] + [f"{word:0{digits}x}" for word in words]
    return "\n".join(lines) + "\n"
