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
    spans: Sequence[tuple[int, int, int]],
    ccu: CentralControlUnit,
    cycles: int,
    lead_cycles: int,
    has_entries: bool,
) -> PETimes:
    """Count what a PE does in each cycle of the run.

    A broadcast of cycle t can be worked on in t + `lead_cycles`. A PE that starves in cycle c has
    none because the control unit sent none in c - `lead_cycles`; what that waited for is the cause.

    Parameters
    ----------
    spans
        First and last busy cycle, and entries, of every column.
    cycles
        Of the run.
    has_entries
        Whether there is an entry in any PE. Where there is none, the PE starves to the end.
    """
    times, free = PETimes(), 1
    waits = list(zip(ccu.stalls, ccu.dram_stalls, strict=True))
    for (first, last, entries), wait in zip(spans, waits, strict=True):
        if first > cycles:
            break
        # those before this broadcast were worked on: this is the one that is awaited
        _starve(times, range(free - lead_cycles, first - lead_cycles), [wait])
        times.busy_cycles += last + 1 - first
        times.empty_column_cycles += entries == 0
        free = last + 1
    if not has_entries:
        _starve(times, range(free - lead_cycles, cycles + 1 - lead_cycles), waits)
        free = cycles + 1
    times.drained_cycles = cycles + 1 - free
    return times


def _starve(times: PETimes, unsent: range, waits: Sequence[tuple[range, range]]) -> None:
    """Count the cycles in which a broadcast that the PE lacks was not sent, each by its cause."""
    by_queue = sum(_count_common(unsent, stalls) for stalls, _ in waits)
    by_dram = sum(_count_common(unsent, stalls) for _, stalls in waits)
    times.queue_starved_cycles += by_queue
    times.dram_starved_cycles += by_dram
    times.scan_starved_cycles += len(unsent) - by_queue - by_dram


def _count_common(cycles: range, others: range) -> int:
    return len(range(max(cycles.start, others.start), min(cycles.stop, others.stop)))
