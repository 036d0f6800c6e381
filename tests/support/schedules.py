"""What a schedule adds up to, and what differs between two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim import Counters, Schedule
from eiesim.sim.tracing import WaitCause
from eiesim.sim.tracing.schedule import TABLES, RequestKind


def find_different(first: Schedule, second: Schedule) -> list[str]:
    """Return which arrays differ in dtype or any bit."""
    different = [
        f"{table}.{field}"
        for table in TABLES
        for field, one, other in zip(
            getattr(first, table)._fields,
            getattr(first, table),
            getattr(second, table),
            strict=True,
        )
        if one.dtype != other.dtype or one.tobytes() != other.tobytes()
    ]
    scalars = ("name", "hardware", "cycles", "scan_cycles")
    return different + [it for it in scalars if getattr(first, it) != getattr(second, it)]


def count_pes(schedule: Schedule) -> dict[str, list[int]]:
    """Return counts of each PE by their names in `PeCounters`, from a whole schedule."""
    hw, columns, waits, words = (
        schedule.hardware, schedule.columns, schedule.waits, schedule.words,
    )  # fmt: skip
    in_time = columns.first_cycle <= schedule.cycles
    occupied = columns.last_cycle + 1 - columns.first_cycle
    entries = schedule.entries

    def count(pes: npt.NDArray[np.int32], of: npt.NDArray[np.generic]) -> list[int]:
        sums = np.bincount(pes, weights=of.astype(float), minlength=hw.n_pes)
        return [int(number) for number in sums]

    def starved(cause: WaitCause) -> list[int]:
        return count(waits.pe, (waits.last_cycle + 1 - waits.first_cycle) * (waits.cause == cause))

    requests = schedule.requests
    return {
        "busy_cycles": count(columns.pe, in_time * occupied),
        "empty_column_cycles": count(columns.pe, in_time & (columns.entries == 0)),
        "scan_starved_cycles": starved(WaitCause.SCAN),
        "queue_starved_cycles": starved(WaitCause.QUEUE),
        "dram_starved_cycles": starved(WaitCause.DRAM),
        "drained_cycles": starved(WaitCause.DRAINED),
        "ptr_reads": count(columns.pe, np.ones(columns.pe.size)),
        "ptr_dram_reads": count(requests.pe, requests.kind == RequestKind.POINTER),
        "spmat_reads": count(words.pe, np.ones(words.pe.size)),
        "spmat_dram_words": count(requests.pe, requests.kind == RequestKind.WORD),
        "macs": count(entries.pe, ~entries.is_padding),
        "padding_macs": count(columns.pe, columns.padding),
        "accumulator_writes": count(schedule.writes.pe, np.ones(schedule.writes.pe.size)),
    }


def count_run(schedule: Schedule) -> dict[str, int]:
    """Return counts of the whole run by their names in `Counters`, from a whole schedule."""
    stalls = schedule.stalls
    lengths = stalls.last_cycle + 1 - stalls.first_cycle
    return {
        "cycles": schedule.cycles,
        "scan_cycles": schedule.scan_cycles,
        "rows_scanned": schedule.rows.row.size,
        "broadcasts": schedule.broadcasts.cycle.size,
        "stall_cycles": int(lengths[stalls.cause == WaitCause.QUEUE].sum()),
        "dram_stall_cycles": int(lengths[stalls.cause == WaitCause.DRAM].sum()),
    }


def find_wrong(schedule: Schedule, counters: Counters) -> list[str]:
    """Return which counts differ from those of the run."""
    of_pes, of_run = count_pes(schedule), count_run(schedule)
    wrong = [name for name, count in of_pes.items() if count != getattr(counters.pe, name).tolist()]
    return wrong + [name for name, count in of_run.items() if count != getattr(counters, name)]


SPANS = {
    "rows": ("first_cycle", "last_cycle"),
    "stalls": ("first_cycle", "last_cycle"),
    "columns": ("push_cycle", "last_cycle"),
    "waits": ("first_cycle", "last_cycle"),
    "fetches": ("first_cycle", "last_cycle"),
}
"""From which to which cycle an event lasts; the others are in one cycle."""


def cut(schedule: Schedule, first: int, last: int, pes: list[int]) -> dict[str, list[list[float]]]:
    """Return the events of a window as lists, picked one by one."""
    events = {}
    for table in TABLES:
        columns = getattr(schedule, table)
        start, end = (getattr(columns, name) for name in SPANS.get(table, ("cycle", "cycle")))
        keep = [begin <= last and stop >= first for begin, stop in zip(start, end, strict=True)]
        if "pe" in columns._fields:
            keep = [it and pe in pes for it, pe in zip(keep, columns.pe, strict=True)]
        events[table] = [column[np.array(keep, bool)].tolist() for column in columns]
    return events
