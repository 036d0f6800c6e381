"""Pointer read: pops an activation and finds its column's entries in the two pointer banks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import simpy

from eiesim.sim.reference.act_queue import ActivationQueue
from eiesim.sim.reference.datapath import Number
from eiesim.sim.reference.latch import Latch, Process


class Column(NamedTuple):
    """The entries of one column in this PE, and the activation they are multiplied with."""

    number: int
    first: int
    end: int
    value: Number


class PointerRead:
    """Pops the queue's head when it is idle or in the last entry of its column (EIE, section IV).

    Pointers with even numbers are in bank 0, those with odd ones in bank 1, so that start and end
    of any column come from one read of both.

    Parameters
    ----------
    resident
        Pointers that the banks hold; the others come from DRAM.
    """

    def __init__(
        self,
        env: simpy.Environment,
        queue: ActivationQueue,
        pointers: Sequence[int],
        resident: int,
        columns: Latch[Column],
    ) -> None:
        self._env = env
        self._queue = queue
        self._banks = (pointers[0::2], pointers[1::2])
        self._resident = resident
        self._columns = columns
        self.ptr_reads = 0
        self.ptr_dram_reads = 0
        self.spans: list[tuple[int, int, int]] = []
        """First and last busy cycle, and entries, of every column."""

    def run(self) -> Process:
        """Start a column in the cycle after its pop; an empty one takes a cycle, too."""
        while True:
            yield from self._queue.wait_for_head()
            column, value = self._queue.pop()
            first, end = self._read(column), self._read(column + 1)
            self.ptr_reads += 1
            start = int(self._env.now) + 1
            occupied = max(end - first, 1)
            self.spans.append((start, start + occupied - 1, end - first))
            if end > first:
                self._columns.put(Column(column, first, end, value))
            yield self._env.timeout(occupied)

    def _read(self, pointer: int) -> int:
        self.ptr_dram_reads += pointer >= self._resident
        return self._banks[pointer % 2][pointer // 2]
