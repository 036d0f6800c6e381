"""Where the cycles of a PE go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eiesim.sim.reference.ccu import CentralControlUnit


@dataclass
class PETimes:
    """Cycles of one PE, as `PeCounters` has them for all."""

    busy_cycles: int = 0
    empty_column_cycles: int = 0
    scan_starved_cycles: int = 0
    queue_starved_cycles: int = 0
    dram_starved_cycles: int = 0
    drained_cycles: int = 0

    @property
    def starved_cycles(self) -> int:
        """Cycles without a column before the last one."""
        return self.scan_starved_cycles + self.queue_starved_cycles + self.dram_starved_cycles


def count_times(
    spans: Sequence[tuple[int, int, int]], ccu: CentralControlUnit, cycles: int, lead_cycles: int
) -> PETimes:
    """Count what a PE does in each cycle of the run.

    A broadcast of cycle t can be worked on in t + `lead_cycles`. A PE that starves in cycle c has
    none because the control unit sent none in c - `lead_cycles`; what that waited for is the cause.
    The broadcast that waited is the one that ends the PE's wait: those before it were worked on.

    Parameters
    ----------
    spans
        First and last busy cycle, and entries, of every column.
    cycles
        Of the run.
    """
    times, free = PETimes(), 1
    for (first, last, entries), stalls, dram_stalls in zip(
        spans, ccu.stalls, ccu.dram_stalls, strict=True
    ):
        if first > cycles:
            break
        times.busy_cycles += last + 1 - first
        times.empty_column_cycles += entries == 0
        starved = range(free - lead_cycles, first - lead_cycles)
        by_queue, by_dram = _count_common(starved, stalls), _count_common(starved, dram_stalls)
        times.queue_starved_cycles += by_queue
        times.dram_starved_cycles += by_dram
        times.scan_starved_cycles += len(starved) - by_queue - by_dram
        free = last + 1
    times.drained_cycles = cycles + 1 - free
    return times


def _count_common(cycles: range, others: range) -> int:
    return len(range(max(cycles.start, others.start), min(cycles.stop, others.stop)))
