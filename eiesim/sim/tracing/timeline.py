"""From what an engine finds to the schedule: causes of waits, requests to DRAM, and the window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from eiesim.hardware import Hardware
from eiesim.sim.tracing.schedule import (
    BroadcastEvents,
    ColumnSpans,
    EntryEvents,
    FetchSpans,
    Int32s,
    RequestEvents,
    RequestKind,
    RowSpans,
    Schedule,
    StallSpans,
    WaitCause,
    WaitSpans,
    Window,
    WordEvents,
    WriteEvents,
)

WRITE_CYCLES = 5
"""From the issue of an entry to the write of its accumulator."""
LATEST = (1 << 31) - 1
"""Last cycle that the arrays hold."""
Table = TypeVar("Table", bound=tuple[npt.NDArray[np.generic], ...])


@dataclass(frozen=True, eq=False)
class Timeline:
    """What an engine finds of a run, one element a broadcast (items) and PE of the window (pes).

    Attributes
    ----------
    has_entries : bool
        Whether there is an entry in any PE.
    rows : int32 [rows]
        First cycle in which each row of activations is before the detector.
    broadcasts : BroadcastEvents
        All of the run.
    queue_stalls, dram_stalls : int32 [items]
        Cycles in which each broadcast waited, for queues first, for DRAM then.
    fetch_starts, fetch_cycles : int32 [items]
        First cycle and length of each fetch; what is fetched in no cycle has any start.
    pes : int32 [pes]
        The PEs of the window.
    starts, entry_counts, padding : int32 [pes, items]
        First cycle of each column in each PE, its entries, the padding zeros among them.
    words : WordEvents
        All of the run in these PEs.
    entries, writes
        At least those in the window.
    """

    cycles: int
    scan_cycles: int
    has_entries: bool
    rows: Int32s
    broadcasts: BroadcastEvents
    queue_stalls: Int32s
    dram_stalls: Int32s
    fetch_starts: Int32s
    fetch_cycles: Int32s
    pes: Int32s
    starts: Int32s
    entry_counts: Int32s
    padding: Int32s
    words: WordEvents
    entries: EntryEvents
    writes: WriteEvents


def make_schedule(name: str, hw: Hardware, window: Window, found: Timeline) -> Schedule:
    """Return the events of the window.

    Raises
    ------
    ConfigError
        The window begins behind the run.
    """
    window.require(found.cycles)
    first = window.first_cycle
    last = LATEST if window.last_cycle is None else window.last_cycle

    def cut(table: Table, start: Int32s, end: Int32s) -> Table:
        keep = (start <= last) & (end >= first)
        return type(table)(*[column[keep] for column in table])

    rows, stalls, fetches = _list_rows(found), _list_stalls(found), _list_fetches(found)
    columns, waits, requests = _list_columns(found), _list_waits(found), _list_requests(found, hw)
    return Schedule(
        name, hw, window, found.cycles, found.scan_cycles, found.pes,
        cut(rows, rows.first_cycle, rows.last_cycle),
        cut(found.broadcasts, found.broadcasts.cycle, found.broadcasts.cycle),
        cut(stalls, stalls.first_cycle, stalls.last_cycle),
        cut(columns, columns.push_cycle, columns.last_cycle),
        cut(waits, waits.first_cycle, waits.last_cycle),
        cut(found.words, found.words.cycle, found.words.cycle),
        cut(found.entries, found.entries.cycle, found.entries.cycle),
        cut(found.writes, found.writes.cycle, found.writes.cycle),
        cut(fetches, fetches.first_cycle, fetches.last_cycle),
        cut(requests, requests.cycle, requests.cycle),
    )  # fmt: skip


def _list_rows(found: Timeline) -> RowSpans:
    last = np.append(found.rows[1:] - 1, found.scan_cycles)[: found.rows.size]
    return RowSpans(found.rows, to_int32(last), to_int32(np.arange(found.rows.size)))


def _list_stalls(found: Timeline) -> StallSpans:
    by_dram = found.broadcasts.cycle - found.dram_stalls
    firsts = np.stack((by_dram - found.queue_stalls, by_dram), axis=1).ravel()
    lasts = np.stack((by_dram - 1, found.broadcasts.cycle - 1), axis=1).ravel()
    causes = np.tile([WaitCause.QUEUE, WaitCause.DRAM], found.broadcasts.cycle.size)
    some = lasts >= firsts
    return StallSpans(firsts[some], lasts[some], to_int32(causes[some]))


def _list_fetches(found: Timeline) -> FetchSpans:
    some = found.fetch_cycles > 0
    first = found.fetch_starts[some]
    return FetchSpans(first, first + found.fetch_cycles[some] - 1, found.broadcasts.column[some])


def _list_columns(found: Timeline) -> ColumnSpans:
    pes, items = found.starts.shape
    return ColumnSpans(
        np.repeat(found.pes, items),
        np.tile(found.broadcasts.column, pes),
        np.tile(found.broadcasts.cycle, pes),
        found.starts.ravel(),
        (found.starts + np.maximum(found.entry_counts, 1) - 1).ravel(),
        found.entry_counts.ravel(),
        found.padding.ravel(),
    )


def _list_waits(found: Timeline) -> WaitSpans:
    """List when each PE has no column: before a column by cause, and behind the last one.

    A broadcast waits for the scan first, then for queues, then for DRAM. A PE that starves until it
    can start on it starves through the last cycles of these. In a run without entries no PE is
    drained: it starves to the end.
    """
    end = np.int32(found.cycles + 1)
    starts, ends = found.starts, found.starts + np.maximum(found.entry_counts, 1)
    free = np.hstack((np.ones((len(starts), 1), np.int32), ends[:, :-1]))[:, : starts.shape[1]]
    by_dram = np.maximum(free, starts - found.dram_stalls)
    by_queue = np.maximum(free, starts - found.dram_stalls - found.queue_stalls)
    in_time = starts < end if found.has_entries else np.full(starts.shape, True)
    at_end = WaitCause.DRAINED if found.has_entries else WaitCause.SCAN

    def collect() -> Iterator[tuple[npt.NDArray[np.int64], Int32s, Int32s, WaitCause]]:
        for cause, since, until in (
            (WaitCause.SCAN, free, by_queue),
            (WaitCause.QUEUE, by_queue, by_dram),
            (WaitCause.DRAM, by_dram, starts),
        ):
            until_end = np.minimum(until, end)
            place, item = np.nonzero(in_time & (until_end > since))
            yield place, since[place, item], until_end[place, item], cause
        free_for_good = np.where(in_time, ends, 1).max(axis=1, initial=1)
        place = np.flatnonzero(free_for_good < end)
        yield place, free_for_good[place], np.full(place.size, end), at_end

    parts = list(collect())
    place, first, until = (np.concatenate([part[field] for part in parts]) for field in range(3))
    cause = np.concatenate([np.full(part[0].size, part[3]) for part in parts])
    order = np.lexsort((first, place))
    return WaitSpans(
        found.pes[place[order]], to_int32(first[order]), to_int32(until[order] - 1),
        to_int32(cause[order]),
    )  # fmt: skip


def _list_requests(found: Timeline, hw: Hardware) -> RequestEvents:
    """List what each PE lacks: pointers of its columns first, then the words that are read."""
    items, columns = np.arange(found.broadcasts.column.size), found.broadcasts.column
    item_of = np.zeros(int(columns.max(initial=0)) + 1, np.int64)
    item_of[columns] = items
    parts = []
    for pointer in (columns, columns + 1):
        lacking = np.flatnonzero(pointer >= hw.resident_pointers)
        kind = np.full(lacking.size * found.pes.size, RequestKind.POINTER)
        item, pe = np.repeat(lacking, found.pes.size), np.tile(found.pes, lacking.size)
        parts.append((item, pe, kind, pointer[item]))
    some = found.words.word >= hw.resident_words
    kind = np.full(int(some.sum()), RequestKind.WORD)
    item = item_of[found.words.column[some]]
    parts.append((item, found.words.pe[some], kind, found.words.word[some]))
    item, pe, kind, number = (np.concatenate([part[field] for part in parts]) for field in range(4))
    order = np.lexsort((number, kind, pe, item))
    item = item[order]
    return RequestEvents(
        found.fetch_starts[item], to_int32(pe[order]), columns[item], to_int32(kind[order]),
        to_int32(number[order]),
    )  # fmt: skip


def to_int32(values: npt.ArrayLike) -> Int32s:
    """Return numbers that 32 bits hold as int32."""
    return np.asarray(values).astype(np.int32)
