"""Activation read/write: the two register files of a PE and the SRAM behind them."""

from __future__ import annotations

from collections.abc import Sequence

from eiesim.sim.reference.datapath import Number


class ActivationReadWrite:
    """Holds the PE's part of the input, and its accumulators (EIE, section IV).

    Parameters
    ----------
    capacity
        Registers in each file. Inputs or outputs beyond it pass through the activation SRAM,
        each of them once.
    """

    def __init__(self, source: Sequence[Number], outputs: int, zero: Number, capacity: int) -> None:
        self._source = source
        self.accumulators: list[Number] = [zero] * outputs
        self.act_register_reads = 0
        self.accumulator_reads = 0
        self.accumulator_writes = 0
        self.act_sram_reads = len(source) if len(source) > capacity else 0
        self.act_sram_writes = outputs if outputs > capacity else 0

    def read_source(self, row: int) -> Number:
        """Return the activation of a row, 0 behind the end of the input."""
        if row >= len(self._source):
            return 0
        self.act_register_reads += 1
        return self._source[row]

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
