"""The recurrences of the cycle contract, evaluated exactly, item by item instead of cycle by cycle.

Item i is the i-th broadcast. `s[k, i]` is the cycle in which PE k starts on it, `b[i]` the cycle in
which it is broadcast, `f[i]` the first cycle in which its data are there, `t[i]` the cycles that
DRAM takes for them, D the queue's slots, L the broadcast's latency::

    free[i] = max over k of s[k, i-D+1]
    f[i]    = max(f[i-1],  free[i-1]) + t[i]
    b[i]    = max(b[i-1] + gap[i],  free[i],  f[i])
    s[k,i]  = max(s[k,i-1] + max(n[i-1,k], 1),  b[i] + 2 + L)

Other arrays are named as in `eiesim.sim.fast`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel
from eiesim.sim.fast._scan_kernels import find_gaps, list_broadcasts
from eiesim.sim.scan import PIPELINE_CYCLES

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@kernel
def time_broadcasts(
    counts: npt.NDArray[Any],
    columns: Int32s,
    gaps: Int32s,
    fetches: Int32s,
    depth: int,
    lead: int,
    empty_cycles: int,
) -> tuple[Int32s, int, Int32s]:
    """Find the cycle of every broadcast and the last cycle in which an entry is issued.

    Two items are taken through all PEs at once, which spares a pass over the start cycles: with
    three slots or more, the second one's broadcast does not depend on the first one's starts. One
    by one go the last D items, not counting empty ones after them, since there the end of each
    entry is noted: when the last one is broadcast, all PEs have started on the item D - 1 before
    it, and so every entry of earlier items has ended. So do all items if a fetch takes more than a
    cycle: only then can one hold up a broadcast (ARCHITECTURE.md). So does the rest of them if
    starts of two items lie too far apart for 16 bits, in which vectors hold twice as many.

    Parameters
    ----------
    gaps : int32 [items]
        Cycles between its broadcast and the one before, if nothing waits.
    fetches : int32 [items]
        Cycles that DRAM takes for what each item streams, t; 0 where that is nothing.
    depth
        Slots of a queue, D.
    lead
        Cycles from a broadcast to the earliest start on it, 2 + L.
    empty_cycles
        Cycles that a column without an entry takes: 1 in every machine.

    Returns
    -------
    broadcasts : int32 [items]
        Cycle of each broadcast.
    last_issue : int
        Cycle in which the last entry is issued, 0 when there is none.
    dram_stalls : int32 [items]
        Cycles in which each broadcast waited for its data though no queue was full.
    """
    n_pes = counts.shape[1]
    items = columns.size
    least = counts.dtype.type(empty_cycles)
    tail = items
    is_empty = True
    while tail > 0 and is_empty:
        tail -= 1
        for pe in range(n_pes):
            is_empty = is_empty and counts[columns[tail], pe] == 0
    tail = max(tail + 1 - depth, 0)

    longest_fetch = np.int32(0)
    for item in range(items):
        longest_fetch = max(longest_fetch, fetches[item])
    broadcasts = np.empty(items, np.int32)
    # freed[i + D - 1] = max over k of s[k, i]: when the slot that item i + D - 1 needs is free
    freed = np.zeros(items + depth, np.int32)
    # start cycles since `origin`, which moves on before a pair could exceed 16 bits: to starts that
    # lie no later than `latest`, it adds the column before, and two of its own
    starts = np.zeros(n_pes, np.int16)
    limit = np.iinfo(np.int16).max - 4 * np.iinfo(counts.dtype).max
    origin = np.int32(0)
    latest = np.int32(0)
    now = np.int32(0)
    item = 0
    while depth >= 3 and longest_fetch <= 1 and item + 2 <= tail:
        before = max(np.int32(now + gaps[item]), freed[item])
        after = max(np.int32(before + gaps[item + 1]), freed[item + 1])
        if max(np.int32(after + lead), latest) - origin > limit:
            for pe in range(n_pes):
                starts[pe] = max(starts[pe] - (now - origin), 0)
            origin = now
            if max(np.int32(after + lead), latest) - origin > limit:
                break
        now = after
        broadcasts[item] = before
        broadcasts[item + 1] = now
        earliest0 = np.int16(before + lead - origin)
        earliest1 = np.int16(now + lead - origin)
        n0 = counts[np.uint32(columns[item])]
        n1 = counts[np.uint32(columns[item + 1])]
        latest0 = np.int16(0)
        latest1 = np.int16(0)
        for pe in range(n_pes):
            start = max(starts[pe], earliest0)
            latest0 = max(latest0, start)
            start = max(np.int16(start + np.int16(max(n0[pe], least))), earliest1)
            latest1 = max(latest1, start)
            starts[pe] = np.int16(start + np.int16(max(n1[pe], least)))
        freed[item + depth - 1] = origin + latest0
        latest = np.int32(origin + latest1)
        freed[item + depth] = latest
        item += 2
    # fetches are followed from here on, which is from the first one wherever they matter
    frees = np.empty(n_pes, np.int32)
    for pe in range(n_pes):
        frees[pe] = starts[pe] + origin
    room = np.int32(0)  # when the slot of the stream buffer that the next fetch fills is free
    fetched = np.int32(0)
    dram_stalls = np.zeros(items, np.int32)
    last_end = np.int32(1)
    while item < items:
        sendable = max(np.int32(now + gaps[item]), freed[item])
        fetched = np.int32(max(fetched, room) + fetches[item])
        now = max(sendable, fetched)
        dram_stalls[item] = now - sendable
        room = freed[item]
        broadcasts[item] = now
        earliest = np.int32(now + lead)
        n = counts[columns[item]]
        latest = np.int32(0)
        for pe in range(n_pes):
            start = max(frees[pe], earliest)
            latest = max(latest, start)
            frees[pe] = np.int32(start + np.int32(max(n[pe], least)))
        freed[item + depth - 1] = latest
        if item >= tail:
            for pe in range(n_pes):
                last_end = max(last_end, frees[pe] if n[pe] > 0 else np.int32(0))
        item += 1
    return broadcasts, int(last_end) - 1, dram_stalls


@kernel
def time_inputs(
    counts: npt.NDArray[Any],
    registers: npt.NDArray[Any],
    bias_column: int,
    scan_rows: int,
    machine: tuple[int, int, int, bool],
    cycles: Int64s,
) -> None:
    """Time many inputs, one after the other.

    Parameters
    ----------
    scan_rows
        Rows of activations before the detector, the bias's included.
    machine
        `depth`, `lead` and `empty_cycles` as in `time_broadcasts`; whether the scan has a non-zero
        to send in every cycle.
    cycles : int64 [inputs]
        Result.
    """
    depth, lead, empty_cycles, at_once = machine
    columns = np.empty(registers.shape[1] + 1, np.int32)
    gaps = np.empty(registers.shape[1] + 1, np.int32)
    fetches = np.zeros(registers.shape[1] + 1, np.int32)
    values = np.empty(registers.shape[1] + 1, registers.dtype)
    one = registers.dtype.type(1)  # its value changes no time
    for number in range(registers.shape[0]):
        items = list_broadcasts(registers[number], bias_column, one, columns, values)
        sent = columns[:items]
        rest_cycles = scan_rows - find_gaps(sent, counts.shape[1], gaps)
        if at_once:
            gaps[:items] = 1
            rest_cycles = 0
        broadcasts, last_issue, _ = time_broadcasts(
            counts, sent, gaps[:items], fetches[:items], depth, lead, empty_cycles
        )
        last_broadcast = int(broadcasts[items - 1]) if items else 0
        scan_cycles = last_broadcast + rest_cycles
        cycles[number] = last_issue + PIPELINE_CYCLES if last_issue else scan_cycles
