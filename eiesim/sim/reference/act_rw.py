"""Activation read/write: the two register files of a PE and the SRAM behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from eiesim.sim.reference.datapath import Datapath, Number


class PeOperands(NamedTuple):
    """What a PE holds before a run.

    Attributes
    ----------
    source
        Its part of the input.
    sent
        What was sent of it before, in the activation SRAM; None if no changes are sent.
    sums
        What its accumulators hold.
    continues
        Whether they are kept from the step before.
    """

    source: Sequence[Number]
    sent: Sequence[Number] | None
    sums: Sequence[Number]
    continues: bool


class ActivationReadWrite:
    """Holds the PE's part of the input, and its accumulators (EIE, section IV).

    If changes are sent, it subtracts what the accumulators have of an input already.

    Parameters
    ----------
    capacity
        Registers in each file. Inputs or outputs beyond it pass through the activation SRAM,
        each of them once, and so do sums that are kept.
    """

    def __init__(self, loaded: PeOperands, datapath: Datapath, capacity: int) -> None:
        self._source, self._datapath = loaded.source, datapath
        self.sent = None if loaded.sent is None else list(loaded.sent)
        self.accumulators: list[Number] = list(loaded.sums)
        self.act_register_reads = 0
        self.accumulator_reads = 0
        self.accumulator_writes = 0
        inputs, outputs = len(loaded.source), len(loaded.sums)
        self.act_sram_reads = inputs if inputs > capacity else 0
        self.act_sram_writes = 0
        if outputs > capacity:
            self.act_sram_writes = outputs
            self.act_sram_reads += outputs * loaded.continues

    def read_source(self, row: int) -> Number:
        """Return the activation of a row, or its change; 0 behind the end of the input."""
        if row >= len(self._source):
            return 0
        self.act_register_reads += 1
        if self.sent is None:
            return self._source[row]
        self.act_sram_reads += 1
        return self._datapath.subtract(self._source[row], self.sent[row])

    def keep_sent(self, row: int, change: Number) -> None:
        """Note that the change of a row is sent."""
        if self.sent is not None:
            self.act_sram_writes += 1
            self.sent[row] = self._datapath.follow(self._source[row], self.sent[row], change)

    def read_bias(self, one: Number) -> Number:
        """Return the bias's 1.0."""
        self.act_register_reads += 1
        return one

    def read_accumulator(self, row: int) -> Number:
        """Return what an accumulator holds."""
        self.accumulator_reads += 1
        return self.accumulators[row]

    def write_accumulator(self, row: int, total: Number) -> None:
        """Write an accumulator; the arithmetic unit reads before it writes in a cycle."""
        self.accumulator_writes += 1
        self.accumulators[row] = total
