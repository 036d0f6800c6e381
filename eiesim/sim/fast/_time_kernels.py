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
    three slots or more, the second one's broadcast does not depend on the first one's starts. The
    items from the last entry of any PE on go one by one, since there the end of each PE's last
    entry is noted. So do all items if a fetch takes more than a cycle: only then can one hold up a
    broadcast (ARCHITECTURE.md).

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
    seen = np.zeros(n_pes, np.bool_)
    n_seen = 0
    item = items
    while item > 0 and n_seen < n_pes:
        item -= 1
        for pe in range(n_pes):
            if counts[columns[item], pe] > 0 and not seen[pe]:
                seen[pe] = True
                n_seen += 1
                tail = item

    longest_fetch = np.int32(0)
    for item in range(items):
        longest_fetch = max(longest_fetch, fetches[item])
    broadcasts = np.empty(items, np.int32)
    # freed[i + D - 1] = max over k of s[k, i]: when the slot that item i + D - 1 needs is free
    freed = np.zeros(items + depth, np.int32)
    starts = np.zeros(n_pes, np.int32)
    ends = np.zeros(n_pes, np.int32)
    now = np.int32(0)
    item = 0
    while depth >= 3 and longest_fetch <= 1 and item + 2 <= tail:
        before = max(np.int32(now + gaps[item]), freed[item])
        now = max(np.int32(before + gaps[item + 1]), freed[item + 1])
        broadcasts[item] = before
        broadcasts[item + 1] = now
        floor0 = np.int32(before + lead)
        floor1 = np.int32(now + lead)
        n0 = counts[columns[item]]
        n1 = counts[columns[item + 1]]
        max0 = np.int32(0)
        max1 = np.int32(0)
        for pe in range(n_pes):
            start = max(starts[pe], floor0)
            max0 = max(max0, start)
            start = max(np.int32(start + np.int32(max(n0[pe], least))), floor1)
            max1 = max(max1, start)
            starts[pe] = start + np.int32(max(n1[pe], least))
        freed[item + depth - 1] = max0
        freed[item + depth] = max1
        item += 2
    # fetches are followed from here on, which is from the first one wherever they matter
    room = np.int32(0)  # when the slot of the stream buffer that the next fetch fills is free
    fetched = np.int32(0)
    dram_stalls = np.zeros(items, np.int32)
    while item < items:
        sendable = max(np.int32(now + gaps[item]), freed[item])
        fetched = np.int32(max(fetched, room) + fetches[item])
        now = max(sendable, fetched)
        dram_stalls[item] = now - sendable
        room = freed[item]
        broadcasts[item] = now
        floor0 = np.int32(now + lead)
        n0 = counts[columns[item]]
        max0 = np.int32(0)
        for pe in range(n_pes):
            start = max(starts[pe], floor0)
            max0 = max(max0, start)
            end = np.int32(start + np.int32(n0[pe]))
            ends[pe] = end if end > start else ends[pe]
            starts[pe] = np.int32(start + np.int32(max(n0[pe], least)))
        freed[item + depth - 1] = max0
        item += 1
    return broadcasts, max(int(ends.max()) - 1, 0), dram_stalls


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
