"""A schedule as few bytes of text, for the script of the viewer's page.

Every array is text: numbers of 7 bits a byte, low bits first, bit 7 set where more follow, in
base64. Spans go by how many cycles after the one before they begin; the first of a PE by how many
after cycle 0.
"""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

from eiesim.base.tables import Row
from eiesim.sim.tracing.schedule import Int32s, Schedule


def pack_schedule(schedule: Schedule) -> Row:
    """Return what the viewer shows of a schedule, as plain values.

    Returns
    -------
    dict
        ``first_cycle`` to ``last_cycle``, ``scan_cycles``, ``usable_slots`` of a queue;
        ``lead_cycles``, from a broadcast to the first cycle in which a PE can work on it; ``pes``;
        and the arrays. ``push`` and ``column`` have one number a broadcast. ``stalls`` and
        ``waits`` hold gaps, lengths and causes. Of ``columns``, ``waits`` and ``padding`` the first
        array says how many each PE has. ``columns`` has for each PE its first broadcast, then gaps
        and entries; ``padding`` has the cycles of padding zeros.
    """
    hw, columns, waits, stalls = (
        schedule.hardware, schedule.columns, schedule.waits, schedule.stalls,
    )  # fmt: skip
    sent = np.concatenate((schedule.broadcasts.cycle, columns.push_cycle))
    push, place = np.unique(sent, return_index=True)
    column = np.concatenate((schedule.broadcasts.column, columns.column))[place]
    numbers = _count(schedule, columns.pe)
    first_rows = np.cumsum(numbers) - numbers
    pushes_of_pes = np.append(columns.push_cycle, 0)[first_rows]
    padding = schedule.entries.is_padding
    padded_pe, padded_cycle = schedule.entries.pe[padding], schedule.entries.cycle[padding]
    everywhere = np.zeros_like(stalls.cause)
    return {
        "first_cycle": max(schedule.first_cycle, 1),
        "last_cycle": schedule.last_cycle,
        "scan_cycles": schedule.scan_cycles,
        "usable_slots": hw.queue_depth - 1,
        "lead_cycles": 2 + hw.broadcast_latency_cycles,
        "pes": schedule.pes.tolist(),
        "push": pack(np.diff(push, prepend=0)),
        "column": pack(column),
        "stalls": [
            pack(_find_gaps(everywhere, stalls.first_cycle, stalls.last_cycle + 1)),
            pack(stalls.last_cycle + 1 - stalls.first_cycle),
            pack(stalls.cause),
        ],
        "columns": [
            pack(numbers),
            pack(np.searchsorted(push, pushes_of_pes)),
            pack(_find_gaps(columns.pe, columns.first_cycle, columns.last_cycle + 1)),
            pack(columns.entries),
        ],
        "waits": [
            pack(_count(schedule, waits.pe)),
            pack(_find_gaps(waits.pe, waits.first_cycle, waits.last_cycle + 1)),
            pack(waits.last_cycle + 1 - waits.first_cycle),
            pack(waits.cause),
        ],
        "padding": [
            pack(_count(schedule, padded_pe)),
            pack(_find_gaps(padded_pe, padded_cycle, padded_cycle + 1)),
        ],
    }  # fmt: skip


def pack(values: npt.NDArray[np.integer]) -> str:
    """Return numbers from 0 to 2^31 - 1 as text."""
    left = values.astype(np.int64)[:, None] >> np.arange(0, 35, 7)
    more = np.append(left[:, 1:] > 0, np.zeros((values.size, 1), bool), axis=1)
    is_needed = left > 0
    is_needed[:, 0] = True
    octets = (left & 127 | more << 7).astype(np.uint8)[is_needed]
    return base64.b64encode(octets.tobytes()).decode()


def _count(schedule: Schedule, pes: Int32s) -> npt.NDArray[np.int64]:
    """Return how many rows of a table each PE of the window has."""
    return np.bincount(pes, minlength=schedule.hardware.n_pes)[schedule.pes].astype(np.int64)


def _find_gaps(pes: Int32s, starts: Int32s, ends: Int32s) -> Int32s:
    """Return cycles from the end of the span before in the same PE, or from 0, to each start."""
    before = np.append(np.int32(0), ends[:-1])[: starts.size]
    is_first = np.append(True, pes[1:] != pes[:-1])[: starts.size]
    return (starts - np.where(is_first, 0, before)).astype(np.int32)
