"""Huffman codes (Deep Compression, section 4): canonical, stored by the lengths of their words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.compress._kernels import count_symbols, pack_symbols, unpack_symbols

MOST_SYMBOLS = 256
LONGEST_BITS = 15
"""Bits of the longest word: a length is stored in 4 bits, and 0 is a symbol that never occurs."""


def count_each(symbols: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.int64]:
    """Return how often each symbol below `size` occurs; WorkloadError if there are others."""
    counts = np.zeros(MOST_SYMBOLS, dtype=np.int64)
    count_symbols(symbols, counts)
    if counts[size:].any():
        raise WorkloadError(f"expected symbols below {size}, found {int(symbols.max())}")
    return counts[:size]


@dataclass(frozen=True, eq=False)
class HuffmanCode:
    """A prefix code of least mean length among those of words of at most 15 bits.

    `lengths` are the bits of each symbol's word, 0 for a symbol without one. Words of one length
    are numbered in the order of their symbols, and longer words follow shorter ones, so that the
    lengths determine the code. Raises WorkloadError if words are left over, or there are too many.
    """

    lengths: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        used = self.lengths[self.lengths > 0]
        if self.lengths.size > MOST_SYMBOLS or (used.size and int(used.max()) > LONGEST_BITS):
            raise WorkloadError(
                f"Huffman code: expected at most {MOST_SYMBOLS} words of at most {LONGEST_BITS} "
                f"bits, found {self.lengths.size} of {used.max(initial=0)}"
            )
        taken = int((1 << (LONGEST_BITS - used.astype(np.int64))).sum())
        # a single symbol has a word of one bit and leaves the other one over
        if not used.size or (used.size == 1 and used[0] == 1) or taken == 1 << LONGEST_BITS:
            self.lengths.setflags(write=False)
            return
        raise WorkloadError(
            f"Huffman code: expected lengths that use every word, found {taken / 2**15:.6g} of them"
        )

    @classmethod
    def of(cls, counts: npt.NDArray[np.integer]) -> HuffmanCode:
        """Return the code of least length for the counts of at most 256 symbols.

        Package-merge: Larmore, Hirschberg, A fast algorithm for optimal length-limited Huffman
        codes, JACM 1990.
        """
        lengths = np.zeros(counts.size, dtype=np.uint8)
        order = sorted(np.flatnonzero(counts).tolist(), key=lambda symbol: (counts[symbol], symbol))
        if len(order) == 1:
            lengths[order[0]] = 1
        if len(order) < 2:
            return cls(lengths)
        leaves = [(int(counts[symbol]), (symbol,)) for symbol in order]
        packages: list[tuple[int, tuple[int, ...]]] = []
        for _ in range(LONGEST_BITS):
            # sorted is stable, so that ties are always broken alike
            row = sorted([*leaves, *packages], key=lambda package: package[0])
            packages = [
                (first[0] + second[0], first[1] + second[1])
                for first, second in zip(row[::2], row[1::2], strict=False)
            ]
        merged = [symbol for _, symbols in packages[: len(order) - 1] for symbol in symbols]
        return cls(np.bincount(merged, minlength=counts.size).astype(np.uint8))

    def count_bits(self, counts: npt.NDArray[np.integer]) -> int:
        """Return how many bits the symbols of these counts take."""
        return int(counts.astype(np.int64) @ self.lengths.astype(np.int64))

    def encode(self, symbols: npt.NDArray[np.uint8]) -> bytes:
        """Return symbols as bits, the highest of each byte first, zeros up to a whole byte."""
        size = (self.count_bits(count_each(symbols, self.lengths.size)) + 7) // 8
        packed = np.empty(-(-size // 4), dtype=np.uint32)
        pack_symbols(symbols, self.lengths, self._number_words(), packed)
        return packed.astype(">u4").tobytes()[:size]

    def decode(self, content: bytes, count: int) -> npt.NDArray[np.uint8]:
        """Return the symbols that `encode` wrote.

        Raises WorkloadError if the bits end too early or too late, or are no words.
        """
        width_bits = int(self.lengths.max(initial=0))
        if count > 8 * len(content) or (count and not width_bits):
            raise WorkloadError(f"expected {count} symbols, found {8 * len(content)} bits")
        symbols = np.empty(count, dtype=np.uint8)
        packed = np.frombuffer(content + bytes(-len(content) % 4), ">u4").astype(np.uint32)
        read_bits = 0
        if count:
            read_bits = unpack_symbols(packed, self._tabulate(width_bits), width_bits, symbols)
        if (read_bits + 7) // 8 != len(content):
            raise WorkloadError(
                f"expected {count} symbols in {len(content)} bytes, found them in {read_bits} bits"
            )
        rest = content[-1] & ((1 << -read_bits % 8) - 1) if read_bits else 0
        used = self._order()
        # the word that a single symbol leaves over stands for another one
        if rest or (len(used) == 1 and (symbols != used[0]).any()):
            raise WorkloadError(f"expected words of {count} symbols, found other bits")
        return symbols

    def _number_words(self) -> npt.NDArray[np.uint16]:
        words = np.zeros(self.lengths.size, dtype=np.uint16)
        word, last = 0, 0
        for symbol in self._order():
            length = int(self.lengths[symbol])
            word <<= length - last
            words[symbol], word, last = word, word + 1, length
        return words

    def _order(self) -> list[int]:
        used = np.flatnonzero(self.lengths).tolist()
        return sorted(used, key=lambda symbol: (self.lengths[symbol], symbol))

    def _tabulate(self, width_bits: int) -> npt.NDArray[np.uint16]:
        """Return the table of `unpack_symbols`; a word without a symbol has a length of 1.

        Only a single symbol leaves such a word. It gives another symbol, which `decode` refuses.
        """
        order = self._order()
        entries = np.array([16 * symbol + int(self.lengths[symbol]) for symbol in order], np.uint16)
        spans = 1 << (width_bits - self.lengths[order].astype(np.int64))
        table = np.full(1 << width_bits, 16 * (order == [0]) + 1, dtype=np.uint16)
        filled = np.repeat(entries, spans)
        table[: filled.size] = filled
        return table
