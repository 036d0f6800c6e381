"""Sparse-matrix read: fetches words of entries and hands on one entry a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import simpy

from eiesim.sim.reference.datapath import Number
from eiesim.sim.reference.latch import Latch, Process
from eiesim.sim.reference.ptr_read import Column


class Entry(NamedTuple):
    """One (code, relative index) pair, and the activation it is multiplied with."""

    code: int
    relative_index: int
    value: Number
    begins_column: bool


class SparseMatrixRead:
    """Reads a word when the next entry lies in another word than the one latched (EIE, section IV).

    Parameters
    ----------
    words
        What is read: each word a list of (code, relative index) pairs.
    resident
        Words that the SRAM holds; the others come from DRAM, by way of its port.
    """

    def __init__(
        self,
        env: simpy.Environment,
        columns: Latch[Column],
        words: Sequence[Sequence[tuple[int, int]]],
        resident: int,
        reuse_across_columns: bool,
        entries: Latch[Entry],
    ) -> None:
        self._env = env
        self._columns = columns
        self._words = words
        self._entries_per_word = len(words[0]) if words else 1
        self._resident = resident
        self._reuse_across_columns = reuse_across_columns
        self._entries = entries
        self._latched_number = -1
        self._latched: Sequence[tuple[int, int]] = ()
        self.spmat_dram_words = 0
        self.reads: list[tuple[int, int, int]] = []
        """Cycle, column and number of every word read."""

    @property
    def spmat_reads(self) -> int:
        """How many words were read."""
        return len(self.reads)

    def run(self) -> Process:
        """Take a column in the cycle it starts; its first entry is read in the next one."""
        while True:
            column = self._columns.take()
            if column is None:
                yield from self._columns.wait()
                continue
            if not self._reuse_across_columns:
                self._latched_number = -1
            for address in range(column.first, column.end):
                yield self._env.timeout(1)
                code, relative_index = self._read(address, column.number)
                begins = address == column.first
                self._entries.put(Entry(code, relative_index, column.value, begins))

    def _read(self, address: int, column: int) -> tuple[int, int]:
        number, place = divmod(address, self._entries_per_word)
        if number != self._latched_number:
            self._latched_number, self._latched = number, self._words[number]
            self.reads.append((int(self._env.now), column, number))
            self.spmat_dram_words += number >= self._resident
        return self._latched[place]
