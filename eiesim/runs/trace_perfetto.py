"""A schedule in the Trace Event Format, which ui.perfetto.dev opens; 1 us is 1 cycle.

References
----------
Trace Event Format: docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from eiesim import __version__
from eiesim.runs.trace_signals import find_pe
from eiesim.sim.tracing import Schedule, WaitCause
from eiesim.sim.tracing.cycle_table import count_levels
from eiesim.sim.tracing.schedule import Int32s

VERSION = 1
UNIT = "1 us is 1 cycle"
PROCESS = 1
SCAN, DRAM, FIRST_PE = 1, 2, 10
"""Numbers of the tracks; that of PE k is `FIRST_PE` + k."""
WAITS = {
    WaitCause.SCAN: "starved: scan",
    WaitCause.QUEUE: "starved: full queue",
    WaitCause.DRAM: "starved: DRAM",
    WaitCause.DRAINED: "drained",
}


def write_perfetto(schedule: Schedule, folder: Path) -> None:
    """Write `trace.json`: a track for the scan, for DRAM and for each PE."""
    about = {"schema": f"eiesim perfetto {VERSION}", "eiesim": __version__, "unit": UNIT,
             "layer": schedule.name, "cycles": schedule.cycles}  # fmt: skip
    events = [*_name_tracks(schedule), *_list_control(schedule)]
    for pe in schedule.pes.tolist():
        events += _list_columns(schedule, pe)
        events += _list_waits(schedule, pe)
        events += _list_levels(schedule, pe)
    with (folder / "trace.json").open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(f'{{"otherData": {json.dumps(about)},\n"displayTimeUnit": "ns",\n')
        stream.write('"traceEvents": [\n' + ",\n".join(events) + "\n]}\n")


def _name_tracks(schedule: Schedule) -> Iterator[str]:
    names = {SCAN: "scan", DRAM: "DRAM"}
    names |= {FIRST_PE + pe: f"PE {pe}" for pe in schedule.pes.tolist()}
    yield _describe("process_name", 0, {"name": f"EIE: {schedule.name} ({UNIT})"})
    for track, name in names.items():
        yield _describe("thread_name", track, {"name": name})
        yield _describe("thread_sort_index", track, {"sort_index": track})


def _describe(name: str, track: int, args: dict[str, str | int]) -> str:
    event = {"name": name, "ph": "M", "ts": 0, "pid": PROCESS, "tid": track, "args": args}
    return json.dumps(event)


def _list_control(schedule: Schedule) -> Iterator[str]:
    """Yield broadcasts and stalls as instants, and the fetches of DRAM as slices."""
    sent, stalls, fetches = schedule.broadcasts, schedule.stalls, schedule.fetches
    for cycle, column in zip(sent.cycle.tolist(), sent.column.tolist(), strict=True):
        if cycle <= schedule.last_cycle:
            yield _mark(f"a{column}", "broadcast", cycle, f'{{"column": {column}}}')
    first, last = _clip(schedule, stalls.first_cycle, stalls.last_cycle)
    for start, end, cause in zip(first, last, stalls.cause.tolist(), strict=True):
        if end >= start:
            name = "stall: full queue" if cause == WaitCause.QUEUE else "stall: DRAM"
            yield _mark(name, "stall", start, f'{{"cycles": {end + 1 - start}}}')
    first, last = _clip(schedule, fetches.first_cycle, fetches.last_cycle)
    for start, end, column in zip(first, last, fetches.column.tolist(), strict=True):
        if end >= start:
            yield _slice(f"a{column}", "fetch", DRAM, (start, end), f'{{"column": {column}}}')


def _list_columns(schedule: Schedule, pe: int) -> Iterator[str]:
    columns = schedule.columns
    own = find_pe(columns.pe, pe)
    first, last = _clip(schedule, columns.first_cycle[own], columns.last_cycle[own])
    fields = (columns.column, columns.entries, columns.padding)
    for start, end, column, entries, padding in zip(
        first, last, *(field[own].tolist() for field in fields), strict=True
    ):
        if end >= start:
            args = f'{{"column": {column}, "entries": {entries}, "padding": {padding}}}'
            yield _slice(f"a{column}", "column", FIRST_PE + pe, (start, end), args)


def _list_waits(schedule: Schedule, pe: int) -> Iterator[str]:
    waits = schedule.waits
    own = find_pe(waits.pe, pe)
    first, last = _clip(schedule, waits.first_cycle[own], waits.last_cycle[own])
    for start, end, cause in zip(first, last, waits.cause[own].tolist(), strict=True):
        if end >= start:
            yield _slice(WAITS[WaitCause(cause)], "wait", FIRST_PE + pe, (start, end), "{}")


def _list_levels(schedule: Schedule, pe: int) -> Iterator[str]:
    columns, cycles = schedule.columns, range(schedule.first_cycle, schedule.last_cycle + 1)
    own = find_pe(columns.pe, pe)
    levels = count_levels(columns.push_cycle[own], columns.pop_cycle[own], cycles)
    changed = np.flatnonzero(np.append(True, levels[1:] != levels[:-1]))
    for cycle, level in zip(
        (changed + cycles.start).tolist(), levels[changed].tolist(), strict=True
    ):
        yield (
            f'{{"name": "queue of PE {pe}", "ph": "C", "ts": {cycle}, "pid": {PROCESS}, '
            f'"tid": {FIRST_PE + pe}, "args": {{"level": {level}}}}}'
        )


def _clip(schedule: Schedule, first: Int32s, last: Int32s) -> tuple[list[int], list[int]]:
    """Return first and last cycles within window and run; where nothing is left, last < first."""
    starts = np.maximum(first, schedule.first_cycle).tolist()
    return starts, np.minimum(last, schedule.last_cycle).tolist()


def _mark(name: str, category: str, cycle: int, args: str) -> str:
    return (
        f'{{"name": "{name}", "cat": "{category}", "ph": "i", "s": "t", "ts": {cycle}, '
        f'"pid": {PROCESS}, "tid": {SCAN}, "args": {args}}}'
    )


def _slice(name: str, category: str, track: int, cycles: tuple[int, int], args: str) -> str:
    start, end = cycles
    return (
        f'{{"name": "{name}", "cat": "{category}", "ph": "X", "ts": {start}, '
        f'"dur": {end + 1 - start}, "pid": {PROCESS}, "tid": {track}, "args": {args}}}'
    )
