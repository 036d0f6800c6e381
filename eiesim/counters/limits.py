"""What limits a run: how much each cause adds to its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from eiesim.counters.counts import Counters, Counts
from eiesim.hardware import Hardware

LEAST_CYCLES = 0.5
"""What adds less is no cause."""


class Cause(Enum):
    """Why a run takes longer than its entries, divided by the PEs."""

    BUSIEST_PE = "busiest_pe"
    EMPTY_COLUMNS = "empty_columns"
    PADDING = "padding"
    SCAN = "scan"
    QUEUE = "queue"
    DRAM = "dram"


WORDS = {
    Cause.BUSIEST_PE: "busiest PE",
    Cause.EMPTY_COLUMNS: "empty columns",
    Cause.PADDING: "padding zeros",
    Cause.SCAN: "the scan",
    Cause.QUEUE: "full queues",
    Cause.DRAM: "DRAM",
}
"""Each cause as it is printed."""


@dataclass(frozen=True)
class Limits:
    """Where the time of a run goes, as its busiest PE sees it.

    The run takes as long as its busiest PE is busy, starves and is drained. Of the busy time, what
    all PEs have in the mean is entries, padding zeros and empty columns; the rest is what this PE
    has more than the mean. So `entries_cycles`, `added_cycles` and `ends_cycles` add up to
    `cycles`.

    Attributes
    ----------
    busiest_pe
        The PE that is busy longest; of several, the one with the fewest empty columns.
    entries_cycles
        Entries other than padding zeros, in the mean over the PEs.
    added_cycles
        What each cause adds.
    ends_cycles
        Before the first column can arrive, and after the last one of the busiest PE.
    """

    cycles: int
    busiest_pe: int
    entries_cycles: float
    added_cycles: Mapping[Cause, float]
    ends_cycles: int

    @property
    def causes(self) -> list[Cause]:
        """The causes that add half a cycle or more, those that add most first."""
        added = self.added_cycles
        return sorted((it for it in Cause if added[it] >= LEAST_CYCLES), key=lambda it: -added[it])

    @property
    def first(self) -> Cause | None:
        """The cause that adds most, None where there is none."""
        return next(iter(self.causes), None)

    def describe_first(self) -> str:
        """Return the first cause and what it adds, in a few words."""
        if self.first is None:
            return "its entries alone"
        share = self.added_cycles[self.first] / self.cycles
        return f"{WORDS[self.first]}, {share:.0%} of the cycles"


def find_limits(counters: Counters, hw: Hardware, runs: int = 1) -> Limits:
    """Find what limits a run, or several one after the other, from what its PEs do in each cycle.

    Parameters
    ----------
    runs
        How many of them `counters` has: passes and inputs.
    """
    pe = counters.pe
    busiest = find_busiest(pe.busy_cycles, pe.empty_column_cycles)
    scan_cycles = int(pe.scan_starved_cycles[busiest])
    fill_cycles = min(scan_cycles, runs * hw.timing.lead_cycles)
    return Limits(
        cycles=counters.cycles,
        busiest_pe=busiest,
        entries_cycles=float(pe.macs.mean()),
        added_cycles={
            Cause.BUSIEST_PE: float(pe.busy_cycles[busiest] - pe.busy_cycles.mean()),
            Cause.EMPTY_COLUMNS: float(pe.empty_column_cycles.mean()),
            Cause.PADDING: float(pe.padding_macs.mean()),
            Cause.SCAN: float(scan_cycles - fill_cycles),
            Cause.QUEUE: float(pe.queue_starved_cycles[busiest]),
            Cause.DRAM: float(pe.dram_starved_cycles[busiest]),
        },
        ends_cycles=fill_cycles + int(pe.drained_cycles[busiest]),
    )


def find_busiest(busy_cycles: Counts, empty_column_cycles: Counts) -> int:
    """Return the place of the PE that is busy longest; of several, with fewest empty columns."""
    return int(np.lexsort((-empty_column_cycles, busy_cycles))[-1])
