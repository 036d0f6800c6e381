"""A schedule as signals of a waveform: what VCD and FST have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eiesim.sim.tracing.cycle_table import count_levels
from eiesim.sim.tracing.schedule import Int32s, Schedule

TIME_UNIT = "1 ns"
UNITS_PER_CYCLE = 10
"""A cycle c takes the time units 10 c to 10 c + 9, whatever the clock's frequency."""
UNKNOWN = -1
"""In place of a number: there is none in this cycle."""
TOP = "eie"
Values = npt.NDArray[np.int32] | npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Signal:
    """One signal and its changes.

    Attributes
    ----------
    scope, name
        Where it stands, and what it is called there.
    bits
        Its width; 0 for a real number.
    times : int64 [changes]
        When it changes, in time units, ascending.
    values : int32 or float32 [changes]
        What it is from then on; `UNKNOWN` for a whole number that there is not.
    """

    scope: str
    name: str
    bits: int
    times: npt.NDArray[np.int64]
    values: Values


def list_signals(schedule: Schedule) -> list[Signal]:
    """Return the signals of a schedule, those of the control unit first."""
    return [*_list_control(schedule), *_list_pes(schedule)]


def list_changes(signals: list[Signal]) -> Iterator[tuple[int, int, int | float | str]]:
    """Yield time, number of the signal and new value, ``x`` for none, of every change in order."""
    times = np.concatenate([signal.times for signal in signals])
    numbers = np.repeat(np.arange(len(signals)), [signal.times.size for signal in signals])
    values = np.empty(times.size, object)
    values[:] = [value for signal in signals for value in _list_values(signal)]
    order = np.argsort(times, kind="stable")
    yield from zip(
        times[order].tolist(), numbers[order].tolist(), values[order].tolist(), strict=True
    )


def _list_values(signal: Signal) -> list[int | float | str]:
    values: list[int | float | str] = signal.values.tolist()
    return ["x" if value == UNKNOWN else value for value in values] if signal.bits else values


def find_end(schedule: Schedule) -> int:
    """Return the time at which the last cycle of the window ends."""
    return (schedule.last_cycle + 1) * UNITS_PER_CYCLE


def _list_control(schedule: Schedule) -> Iterator[Signal]:
    rows, sent, stalls, fetches = (
        schedule.rows, schedule.broadcasts, schedule.stalls, schedule.fetches,
    )  # fmt: skip
    cycles = np.arange(schedule.first_cycle, schedule.last_cycle + 1, dtype=np.int32)
    rises = cycles.astype(np.int64) * UNITS_PER_CYCLE
    edges = np.stack((rises, rises + UNITS_PER_CYCLE // 2), axis=1).ravel()
    yield Signal(TOP, "clock", 1, edges, np.tile(np.array([1, 0], np.int32), cycles.size))
    yield Signal(TOP, "cycle", 32, rises, cycles)
    hold = _Spans(schedule, TOP)
    yield hold.make("scan_row", 32, rows.first_cycle, rows.last_cycle, rows.row)
    yield hold.make("broadcast_column", 32, sent.cycle, sent.cycle, sent.column)
    yield hold.make_real("broadcast_value", sent.cycle, sent.value)
    yield hold.make("stall", 2, stalls.first_cycle, stalls.last_cycle, stalls.cause)
    yield hold.make("fetch_column", 32, fetches.first_cycle, fetches.last_cycle, fetches.column)


def _list_pes(schedule: Schedule) -> Iterator[Signal]:
    columns, waits, words, entries, writes = (
        schedule.columns, schedule.waits, schedule.words, schedule.entries, schedule.writes,
    )  # fmt: skip
    cycles = range(schedule.first_cycle, schedule.last_cycle + 1)
    times = np.arange(cycles.start, cycles.stop, dtype=np.int32)
    for pe in schedule.pes.tolist():
        hold = _Spans(schedule, f"{TOP}.pe{pe}")
        own = find_pe(columns.pe, pe)
        column, pops = columns.column[own], columns.pop_cycle[own]
        first, last = columns.first_cycle[own], columns.last_cycle[own]
        levels = count_levels(columns.push_cycle[own], pops, cycles)
        yield hold.make("queue_level", 32, times, times, levels)
        yield hold.make("column", 32, first, last, column)
        yield hold.make("ptr_read_column", 32, pops, pops, column)
        own = find_pe(waits.pe, pe)
        first, last = waits.first_cycle[own], waits.last_cycle[own]
        yield hold.make("wait", 2, first, last, waits.cause[own])
        own = find_pe(words.pe, pe)
        when = words.cycle[own]
        yield hold.make("spmat_read_word", 32, when, when, words.word[own])
        own = find_pe(entries.pe, pe)
        when = entries.cycle[own]
        yield hold.make("entry_code", 8, when, when, entries.code[own])
        yield hold.make("entry_relative_index", 8, when, when, entries.relative_index[own])
        own = find_pe(writes.pe, pe)
        when = writes.cycle[own]
        yield hold.make("accumulator_row", 32, when, when, writes.row[own])
        yield hold.make_real("accumulator_value", when, writes.value[own])


def find_pe(pes: Int32s, pe: int) -> slice:
    """Return where the events of a PE stand in a table that goes PE by PE."""
    first, end = np.searchsorted(pes, (pe, pe + 1)).tolist()
    return slice(first, end)


class _Spans:
    """Makes signals of a scope from spans of cycles that do not overlap."""

    def __init__(self, schedule: Schedule, scope: str) -> None:
        self._scope = scope
        self._first, self._last = schedule.first_cycle, schedule.last_cycle

    def make(self, name: str, bits: int, first: Int32s, last: Int32s, values: Int32s) -> Signal:
        """Return a signal that has a value from a first to a last cycle, and none elsewhere."""
        some = (first <= self._last) & (last >= self._first)
        first, last, values = np.maximum(first[some], self._first), last[some], values[some]
        ended = np.flatnonzero(last + 1 < np.append(first[1:], self._last + 1))
        cycles = np.concatenate(([self._first], first, last[ended] + 1))
        unknown = np.full(ended.size, UNKNOWN, np.int32)
        every = np.concatenate((np.full(1, UNKNOWN, np.int32), values, unknown))
        return self._finish(name, bits, cycles, every)

    def make_real(self, name: str, cycles: Int32s, values: npt.NDArray[np.float32]) -> Signal:
        """Return a real number that keeps its last value; it is 0 before the first one."""
        some = (cycles >= self._first) & (cycles <= self._last)
        start = np.zeros(1, np.float32)
        return self._finish(
            name, 0, np.append([self._first], cycles[some]), np.append(start, values[some])
        )

    def _finish(
        self, name: str, bits: int, cycles: npt.NDArray[np.int64], values: Values
    ) -> Signal:
        """Order the changes, keep the last of each cycle, and leave out those without effect."""
        order = np.argsort(cycles, kind="stable")
        cycles, values = cycles[order], values[order]
        last = np.append(cycles[1:] != cycles[:-1], True)
        cycles, values = cycles[last], values[last]
        changed = np.append(True, values[1:] != values[:-1])
        times = cycles[changed].astype(np.int64) * UNITS_PER_CYCLE
        return Signal(self._scope, name, bits, times, values[changed])
