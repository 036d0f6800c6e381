"""What the PEs of a schedule do in its cycles, and who holds up whom, as numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.counters import CAUSES, find_busiest
from eiesim.sim.tracing.cycle_table import count_levels
from eiesim.sim.tracing.schedule import Schedule, WaitCause

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
WAIT_CAUSES = (WaitCause.SCAN, WaitCause.QUEUE, WaitCause.DRAM, WaitCause.DRAINED)
"""In the order of the last names of `CAUSES`."""
BLOCK_CYCLES = 1 << 16


class HoldUps(NamedTuple):
    """Cycles in which a full queue held the broadcast.

    Attributes
    ----------
    cycles : int
        How many there are in the window.
    held : int64 [pes]
        In how many the PE's queue was full.
    alone : int64 [pes]
        In how many it was the only full one of the window's PEs.
    starved : int64 [pes, pes]
        In how many the second PE later starved for it while the first one's queue was full.
    """

    cycles: int
    held: Counts
    alone: Counts
    starved: Counts


def count_causes(schedule: Schedule) -> dict[str, Counts]:
    """Return the cycles of the window by what each of its PEs does, under the names of `CAUSES`."""
    first, last, pes = max(schedule.first_cycle, 1), schedule.last_cycle, schedule.pes

    def count(of: npt.NDArray[np.int32], lengths: npt.NDArray[np.integer | np.bool_]) -> Counts:
        sums = np.bincount(of, lengths, minlength=schedule.hardware.n_pes)
        return sums[pes].astype(np.int64)

    columns, entries, waits = schedule.columns, schedule.entries, schedule.waits
    is_inside = (entries.cycle >= first) & (entries.cycle <= last)
    is_empty = (
        (columns.entries == 0) & (columns.first_cycle >= first) & (columns.first_cycle <= last)
    )
    waited = np.minimum(waits.last_cycle, last) + 1 - np.maximum(waits.first_cycle, first)
    waited = np.maximum(waited, 0)
    counts = (
        count(entries.pe, is_inside & ~entries.is_padding),
        count(entries.pe, is_inside & entries.is_padding),
        count(columns.pe, is_empty),
        *(count(waits.pe, waited * (waits.cause == cause)) for cause in WAIT_CAUSES),
    )
    return dict(zip(CAUSES, counts, strict=True))


def find_slowest(counts: dict[str, Counts]) -> int:
    """Return the place of the PE with most busy cycles; of equal ones, fewest in empty columns."""
    empty = counts["empty_column_cycles"]
    busy = counts["macs"] + counts["padding_macs"] + empty
    return find_busiest(busy, empty)


def find_hold_ups(schedule: Schedule) -> HoldUps:
    """Return whose full queues held the broadcast in the window, and who starved for it."""
    cycles = range(max(schedule.first_cycle, 1), schedule.last_cycle + 1)
    stalls = schedule.stalls
    by_queue = stalls.cause == WaitCause.QUEUE
    is_held = _mark(cycles, stalls.first_cycle[by_queue], stalls.last_cycle[by_queue])
    held = np.flatnonzero(is_held)
    full, starved = _find_full(schedule, cycles)[:, held], _find_starved(schedule, cycles, held)
    together = np.zeros((schedule.pes.size, schedule.pes.size))
    for begin in range(0, held.size, BLOCK_CYCLES):
        block = slice(begin, begin + BLOCK_CYCLES)
        together += full[:, block].astype(np.float32) @ starved[:, block].T.astype(np.float32)
    alone = full & (full.sum(axis=0) == 1)
    return HoldUps(held.size, full.sum(axis=1), alone.sum(axis=1), together.astype(np.int64))


def _find_full(schedule: Schedule, cycles: range) -> Flags:
    """Return in which cycles the queue of each PE is full, bool [pes, cycles]."""
    columns, usable = schedule.columns, schedule.hardware.queue_depth - 1
    full = np.zeros((schedule.pes.size, len(cycles)), bool)
    for place, pe in enumerate(schedule.pes.tolist()):
        own = slice(*np.searchsorted(columns.pe, (pe, pe + 1)))
        full[place] = (
            count_levels(columns.push_cycle[own], columns.pop_cycle[own], cycles) >= usable
        )
    return full


def _find_starved(schedule: Schedule, cycles: range, held: npt.NDArray[np.intp]) -> Flags:
    """Return which PEs starve for what happened in each of some cycles, bool [pes, held]."""
    waits = schedule.waits
    lead = 2 + schedule.hardware.broadcast_latency_cycles
    later = held + lead
    starved = np.zeros((schedule.pes.size, held.size), bool)
    for place, pe in enumerate(schedule.pes.tolist()):
        own = slice(*np.searchsorted(waits.pe, (pe, pe + 1)))
        by_queue = waits.cause[own] == WaitCause.QUEUE
        spans = waits.first_cycle[own][by_queue], waits.last_cycle[own][by_queue]
        marks = np.append(_mark(cycles, *spans), np.zeros(lead, bool))
        starved[place] = marks[later]
    return starved


def _mark(cycles: range, first: npt.NDArray[np.int32], last: npt.NDArray[np.int32]) -> Flags:
    """Return which cycles lie in a span."""
    changes = np.zeros(len(cycles) + 1, np.int32)
    np.add.at(changes, np.clip(first - cycles.start, 0, len(cycles)), 1)
    np.add.at(changes, np.clip(last + 1 - cycles.start, 0, len(cycles)), -1)
    return np.cumsum(changes)[:-1] > 0
