"""The arithmetic unit: four stages, one entry a cycle, with a bypass (EIE, section IV)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import simpy

from eiesim.sim.reference.act_rw import ActivationReadWrite
from eiesim.sim.reference.datapath import Datapath, Number
from eiesim.sim.reference.latch import Latch, Process
from eiesim.sim.reference.spmat_read import Entry


@dataclass(slots=True)
class Operation:
    """An entry on its way through the stages; `row` is -1 for a padding zero, which writes nothing.

    `accumulator` is the sum so far, from the second stage on; `total` the new one, from the third.
    """

    row: int
    weight: Number
    value: Number
    product: Number = 0
    accumulator: Number = 0
    total: Number = 0


class Write(NamedTuple):
    """A write of an accumulator: in which cycle, of which row of the PE, and what."""

    cycle: int
    row: int
    total: Number


class ArithmeticUnit:
    """Looks the weight up, multiplies, adds and writes back.

    Stages: codebook look-up and address accumulation; accumulator read and multiplication; shift
    and add; accumulator write. A value that is still in the last two stages comes from there
    instead of the accumulator, so that nothing ever waits.
    """

    def __init__(
        self,
        env: simpy.Environment,
        entries: Latch[Entry],
        weights: Sequence[Number],
        datapath: Datapath,
        registers: ActivationReadWrite,
    ) -> None:
        self._env = env
        self._entries = entries
        self._weights = weights
        self._datapath = datapath
        self._registers = registers
        self._stages: tuple[Operation | None, ...] = (None, None, None, None)
        self._row = -1
        self.macs = 0
        self.padding_macs = 0
        self.bypasses = 0
        self.entries: list[tuple[int, int, int, int]] = []
        """Cycle of the look-up, code, relative index and row of every entry."""
        self.writes: list[Write] = []
        self.drained_at = 0
        """Cycle that sees the last write."""

    def run(self) -> Process:
        """Move every stage on by one a cycle while there is anything in them."""
        while True:
            entry = self._entries.take()
            if entry is None and not any(self._stages[:3]):
                self._stages = (None, None, None, None)
                yield from self._entries.wait()
                continue
            self._advance(entry)
            yield self._env.timeout(1)

    def _advance(self, entry: Entry | None) -> None:
        decoded = self._decode(entry) if entry else None
        self._stages = (decoded, *self._stages[:3])
        _, multiplying, adding, writing = self._stages
        if adding is not None and adding.row >= 0:
            adding.total = self._datapath.add(adding.accumulator, adding.product)
        if multiplying is not None and multiplying.row >= 0:
            multiplying.product = self._datapath.multiply(multiplying.weight, multiplying.value)
            multiplying.accumulator = self._fetch(multiplying.row, adding, writing)
        if writing is not None:
            if writing.row >= 0:
                self._registers.write_accumulator(writing.row, writing.total)
                self.writes.append(Write(int(self._env.now), writing.row, writing.total))
            self.drained_at = int(self._env.now) + 1

    def _decode(self, entry: Entry) -> Operation:
        self._row = entry.relative_index + (0 if entry.begins_column else self._row + 1)
        event = int(self._env.now), entry.code, entry.relative_index, self._row
        self.entries.append(event)
        if entry.code == 0:
            self.padding_macs += 1
            return Operation(-1, self._weights[0], entry.value)
        self.macs += 1
        return Operation(self._row, self._weights[entry.code], entry.value)

    def _fetch(self, row: int, adding: Operation | None, writing: Operation | None) -> Number:
        for younger_first in (adding, writing):
            if younger_first is not None and younger_first.row == row:
                self.bypasses += 1
                return younger_first.total
        return self._registers.read_accumulator(row)
