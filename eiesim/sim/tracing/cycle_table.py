"""A schedule cycle by cycle, as a table, for small machines or windows."""

from __future__ import annotations

import numpy as np

from eiesim.sim.tracing.schedule import Int32s, Schedule, WaitCause


def show_cycles(schedule: Schedule) -> str:
    """Return what every block did in every cycle of the window, as a table.

    Returns
    -------
    str
        One line a cycle. ``scan``: the activation broadcast, ``stall`` for a full queue, ``dram``
        for data that are not there yet, or ``load`` when the row holds none any more and the next
        one, if any, is loaded. For each PE ``q``: activations in its queue when the cycle begins;
        then its column and which of how many entries is issued, ``-`` for an empty column; ``w``:
        row of the PE's accumulator that is written.
    """
    cycles = range(max(schedule.first_cycle, 1), schedule.last_cycle + 1)
    columns = [
        ["cycle", *map(str, cycles)],
        ["scan", *_show_scan(schedule, cycles)],
        *([f"PE {pe}", *_show_pe(schedule, pe, cycles)] for pe in schedule.pes.tolist()),
    ]
    widths = [max(map(len, words)) for words in columns]
    padded = [
        [word.ljust(width) for word in words] for words, width in zip(columns, widths, strict=True)
    ]
    return "\n".join("  ".join(line).rstrip() for line in zip(*padded, strict=True))


def _show_scan(schedule: Schedule, cycles: range) -> list[str]:
    words = ["load" if cycle <= schedule.scan_cycles else "" for cycle in cycles]
    for first, last, cause in zip(*map(np.ndarray.tolist, schedule.stalls), strict=True):
        word = "stall" if cause == WaitCause.QUEUE else "dram"
        for cycle in _overlap(cycles, first, last):
            words[cycle - cycles.start] = word
    cycle_of, column_of, _ = schedule.broadcasts
    for cycle, column in zip(cycle_of.tolist(), column_of.tolist(), strict=True):
        if cycle in cycles:
            words[cycle - cycles.start] = f"a{column}"
    return words


def _show_pe(schedule: Schedule, pe: int, cycles: range) -> list[str]:
    columns, writes = schedule.columns, schedule.writes
    own = slice(*np.searchsorted(columns.pe, (pe, pe + 1)))
    levels = count_levels(columns.push_cycle[own], columns.pop_cycle[own], cycles)
    words = [f"q{level}" for level in levels.tolist()]
    spans = (columns.column, columns.first_cycle, columns.last_cycle, columns.entries)
    for column, first, last, entries in zip(*(it[own].tolist() for it in spans), strict=True):
        for cycle in _overlap(cycles, first, last):
            progress = f"{cycle - first + 1}/{entries}" if entries else "-"
            words[cycle - cycles.start] += f" a{column} {progress}"
    own = slice(*np.searchsorted(writes.pe, (pe, pe + 1)))
    for cycle, row in zip(writes.cycle[own].tolist(), writes.row[own].tolist(), strict=True):
        if cycle in cycles:
            words[cycle - cycles.start] += f" w{row}"
    return words


def count_levels(pushes: Int32s, pops: Int32s, cycles: range) -> Int32s:
    """Return how many activations are in a queue when each cycle begins, those under way included.

    Parameters
    ----------
    pushes, pops : int32 [columns]
        In which cycles, ascending; of what is pushed before the first cycle, all that is in the
        queue then.
    """
    times = np.arange(cycles.start, cycles.stop, dtype=np.int32)
    levels = np.searchsorted(pushes, times) - np.searchsorted(pops, times)
    return levels.astype(np.int32)


def _overlap(cycles: range, first: int, last: int) -> range:
    return range(max(cycles.start, first), min(cycles.stop, last + 1))
