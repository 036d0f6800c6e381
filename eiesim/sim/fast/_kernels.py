"""The recurrences of the cycle contract, evaluated exactly, item by item instead of cycle by cycle.

Item i is the i-th broadcast. `s[k, i]` is the cycle in which PE k starts on it, `b[i]` the cycle in
which it is broadcast, `f[i]` the first cycle in which its data are there, `t[i]` the cycles that
DRAM takes for them, D the queue's slots, L the broadcast's latency::

    free[i] = max over k of s[k, i-D+1]
    f[i]    = max(f[i-1],  free[i-1]) + t[i]
    b[i]    = max(b[i-1] + gap[i],  free[i],  f[i])
    s[k,i]  = max(s[k,i-1] + max(n[i-1,k], 1),  b[i] + 2 + L)

Arrays of these names are the same in all kernels:

counts : unsigned [columns, PEs]
    Entries of every column in every PE.
columns : int32 [items]
    Column of each item.
values : float32 or int16 [items]
    Activation of each item.
earliest : int32 [items]
    The earliest cycle a PE can start on each item.
edge_rows : int32 [4, columns, PEs]
    Row of the first, second, last but one and last entry of every column; -1 for a padding zero or
    where there is no such entry.
ptr : int32 [columns + 1, PEs]
    Column pointers.
indptr, rows, codes : int64, int32, uint8
    The weights column by column. Rows within a column differ, so every accumulator sees its
    products in the order of the items, as in its PE.
weights : float32 or int16 [2**codebook_bits]
    The codebook.
registers : float32 or int16 [inputs, cols]
    What the source registers hold.
bias_column : int
    The bias's, -1 where none is scanned.
entries_per_word, across_columns : int, bool
    Entries in a word; whether the last word stays latched from one column to the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel
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
def occupy(
    counts: npt.NDArray[Any],
    columns: Int32s,
    broadcasts: Int32s,
    gaps: Int32s,
    dram_stalls: Int32s,
    lead: int,
    cycles: int,
    has_entries: bool,
) -> Int64s:
    """Find how long every PE has a column, when for the last time, and what starves it meanwhile.

    A broadcast waits for the scan first, then for full queues, then for DRAM. A PE that starves
    until it can start on it starves through the last cycles of these.

    Parameters
    ----------
    broadcasts, gaps, dram_stalls, lead
        As in `time_broadcasts`.
    cycles
        Cycles of the run. Empty columns that come later do not count.
    has_entries
        Whether there is an entry at all. Where there is none, PEs starve to the end of the run.

    Returns
    -------
    int64 [4, PEs]
        Cycles with a column; the last cycle before the PE is drained; cycles starved by full
        queues; by DRAM.
    """
    n_pes = counts.shape[1]
    end_of_run = np.int32(cycles)
    zero = np.int32(0)
    one = np.int32(1)
    free = np.ones(n_pes, np.int32)
    busy = np.zeros(n_pes, np.int32)
    queue_starved = np.zeros(n_pes, np.int32)
    dram_starved = np.zeros(n_pes, np.int32)
    before = np.int32(0)
    for item in range(columns.size):
        earliest = np.int32(broadcasts[item] + lead)
        if earliest > end_of_run and has_entries:
            break
        by_dram = dram_stalls[item]
        without_dram = np.int32(earliest - by_dram)
        without_queue = np.int32(before + gaps[item] + lead)
        before = broadcasts[item]
        if by_dram > 0:
            end = min(earliest, np.int32(end_of_run + 1))
            for pe in range(n_pes):
                dram_starved[pe] += max(np.int32(end - max(free[pe], without_dram)), zero)
        if without_dram > without_queue:
            end = min(without_dram, np.int32(end_of_run + 1))
            for pe in range(n_pes):
                queue_starved[pe] += max(np.int32(end - max(free[pe], without_queue)), zero)
        entries = counts[columns[item]]
        for pe in range(n_pes):
            start = max(free[pe], earliest)
            occupied = max(np.int32(entries[pe]), one)
            within = start <= end_of_run
            busy[pe] += occupied if within else zero
            free[pe] = np.int32(start + occupied) if within else free[pe]
    times = np.empty((4, n_pes), np.int64)
    times[0] = busy
    times[1] = free - one if has_entries else np.full(n_pes, end_of_run)
    times[2] = queue_starved
    times[3] = dram_starved
    return times


@kernel
def count_words(
    ptr: Int32s, columns: Int32s, entries_per_word: int, across_columns: bool
) -> Int64s:
    """Count the sparse-matrix words every PE reads, int64 [PEs]."""
    n_pes = ptr.shape[1]
    reads = np.zeros(n_pes, np.int32)
    latched = np.full(n_pes, -1, np.int32)
    # exact: half an entry off every word boundary, far more than the rounding of 2**31 in float64
    share = 1.0 / entries_per_word
    for item in range(columns.size):
        firsts = ptr[columns[item]]
        ends = ptr[columns[item] + 1]
        for pe in range(n_pes):
            first_word = np.int32((firsts[pe] + 0.5) * share)
            last_word = np.int32((ends[pe] - 0.5) * share)
            reused = np.int32(1) if across_columns and first_word == latched[pe] else np.int32(0)
            words = np.int32(last_word - first_word + 1 - reused)
            reads[pe] += words if ends[pe] > firsts[pe] else np.int32(0)
            latched[pe] = last_word if ends[pe] > firsts[pe] else latched[pe]
    return reads.astype(np.int64)


@kernel
def count_bypasses(
    counts: npt.NDArray[Any], edge_rows: Int32s, columns: Int32s, earliest: Int32s
) -> Int64s:
    """Count each PE's multiply-accumulates whose accumulator's last write is not committed yet.

    That is a write issued one or two cycles before. Rows within a column differ, so only the first
    two entries of a column can meet one, and only among the last two entries before it.
    """
    n_pes = counts.shape[1]
    none = np.int32(-2)
    zero = np.int32(0)
    one = np.int32(1)
    bypasses = np.zeros(n_pes, np.int32)
    free = np.zeros(n_pes, np.int32)
    # rows written by the entries issued in the last two cycles of the column before
    last = np.full(n_pes, none, np.int32)
    before_last = np.full(n_pes, none, np.int32)
    for item in range(columns.size):
        column = columns[item]
        arrival = earliest[item]
        entries = counts[column]
        first_row = edge_rows[0, column]
        second_row = edge_rows[1, column]
        before_last_row = edge_rows[2, column]
        last_row = edge_rows[3, column]
        for pe in range(n_pes):
            # selects instead of conditions: only then does the compiler make vectors of this loop
            n = np.int32(entries[pe])
            start = max(free[pe], arrival)
            idle = np.int32(start - free[pe])
            free[pe] = np.int32(start + max(n, one))
            newest = last[pe]
            older = before_last[pe]
            one_ago = newest if idle == 0 else none
            two_ago = older if idle == 0 else none
            two_ago = newest if idle == 1 else two_ago
            first = first_row[pe]
            second = second_row[pe]
            first_hits = one if first == one_ago else zero
            first_hits = one if first == two_ago else first_hits
            second_hits = one if second == one_ago else zero
            first_hits = first_hits if first >= 0 else zero
            second_hits = second_hits if second >= 0 else zero
            bypasses[pe] += np.int32(first_hits + second_hits)
            before_last[pe] = before_last_row[pe] if n > 1 else one_ago
            last[pe] = last_row[pe] if n > 0 else none
    return bypasses.astype(np.int64)


@kernel
def accumulate_float32(
    indptr: Int64s,
    rows: Int32s,
    codes: npt.NDArray[np.uint8],
    columns: Int32s,
    values: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float32],
    output: npt.NDArray[np.float32],
) -> None:
    """Multiply and accumulate in float32, each product and each sum rounded once.

    Parameters
    ----------
    output : float32 [rows]
        Result, zero on entry.
    """
    for item in range(columns.size):
        for position in range(indptr[columns[item]], indptr[columns[item] + 1]):
            output[rows[position]] += weights[codes[position]] * values[item]


@kernel
def accumulate_fixed16(
    indptr: Int64s,
    rows: Int32s,
    codes: npt.NDArray[np.uint8],
    columns: Int32s,
    values: npt.NDArray[np.int16],
    weights: npt.NDArray[np.int16],
    output: npt.NDArray[np.int16],
    shift: int,
) -> None:
    """Multiply, shift with rounding half up, add and saturate in 16 bits (`base.fixedpoint`).

    Parameters
    ----------
    output : int16 [rows]
        Result, zero on entry.
    """
    half = (1 << shift) >> 1
    products = np.empty(weights.size, np.int64)
    for item in range(columns.size):
        for code in range(weights.size):
            products[code] = (np.int64(weights[code]) * np.int64(values[item]) + half) >> shift
        for position in range(indptr[columns[item]], indptr[columns[item] + 1]):
            total = np.int64(output[rows[position]]) + products[codes[position]]
            output[rows[position]] = min(max(total, -32768), 32767)


@kernel
def list_broadcasts(
    registers: npt.NDArray[Any],
    bias_column: int,
    one: Any,
    columns: Int32s,
    values: npt.NDArray[Any],
) -> int:
    """List the columns that an input broadcasts, and their activations.

    Parameters
    ----------
    registers : float32 or int16 [cols]
    one
        Float32 or int16; the bias's activation, 1.0.
    columns, values
        As above, but [cols + 1]; result, as far as the number returned.
    """
    items = 0
    for column in range(registers.size):
        if registers[column] != 0:
            columns[items] = column
            values[items] = registers[column]
            items += 1
    if bias_column >= 0:
        columns[items] = bias_column
        values[items] = one
        items += 1
    return items


@kernel
def find_gaps(columns: Int32s, n_pes: int, gaps: Int32s) -> int:
    """Find the cycles from broadcast to broadcast if nothing waits; return the rows scanned so far.

    Parameters
    ----------
    gaps
        Result, as far as there are columns.
    """
    before = 0
    for item in range(columns.size):
        row = columns[item] // n_pes
        gaps[item] = 1 + row - before
        # the next row is loaded in the cycle of a broadcast from the last lane
        before = row + 1 if columns[item] - row * n_pes == n_pes - 1 else row
    return before


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


@kernel
def run_inputs(
    image: tuple[Int32s, npt.NDArray[Any], Int32s, Int32s],
    registers: npt.NDArray[Any],
    bias_column: int,
    scan_rows: int,
    machine: tuple[int, int, int, bool],
    per_input: Int64s,
    per_pe: Int64s,
) -> None:
    """Time many inputs, one after the other, and count what every PE does in all of them.

    Parameters
    ----------
    image
        `ptr`; `counts`; padding zeros, int32 [columns, PEs]; `edge_rows`.
    scan_rows
        Rows of activations before the detector, the bias's included.
    machine
        `depth` and `lead` as in `time_broadcasts`; `entries_per_word`; `across_columns`.
    per_input : int64 [4, inputs]
        Result: cycles, cycles of the scan, broadcasts, stalls.
    per_pe : int64 [8, PEs]
        Result, zero on entry, summed over inputs: the four of `occupy`, words read, entries,
        padding zeros, bypasses.
    """
    ptr, counts, padding, edge_rows = image
    depth, lead, entries_per_word, across_columns = machine
    n_pes = counts.shape[1]
    columns = np.empty(registers.shape[1] + 1, np.int32)
    gaps = np.empty(registers.shape[1] + 1, np.int32)
    fetches = np.zeros(registers.shape[1] + 1, np.int32)
    values = np.empty(registers.shape[1] + 1, registers.dtype)
    one = registers.dtype.type(1)  # its value changes no time
    for number in range(registers.shape[0]):
        items = list_broadcasts(registers[number], bias_column, one, columns, values)
        sent = columns[:items]
        before = find_gaps(sent, n_pes, gaps)
        unstalled = int(gaps[:items].sum())
        broadcasts, last_issue, dram_stalls = time_broadcasts(
            counts, sent, gaps[:items], fetches[:items], depth, lead, 1
        )
        last_broadcast = int(broadcasts[items - 1]) if items else 0
        scan_cycles = last_broadcast + scan_rows - before
        cycles = last_issue + PIPELINE_CYCLES if last_issue else scan_cycles
        per_input[0, number] = cycles
        per_input[1, number] = scan_cycles
        per_input[2, number] = items
        per_input[3, number] = last_broadcast - unstalled
        earliest = (broadcasts + np.int32(lead)).astype(np.int32)
        per_pe[:4] += occupy(
            counts, sent, broadcasts, gaps, dram_stalls, lead, cycles, last_issue > 0
        )
        words = count_words(ptr, sent, entries_per_word, across_columns)
        bypasses = count_bypasses(counts, edge_rows, sent, earliest)
        for pe in range(n_pes):
            per_pe[4, pe] += words[pe]
            per_pe[7, pe] += bypasses[pe]
        for item in range(items):
            for pe in range(n_pes):
                per_pe[5, pe] += np.int64(counts[columns[item], pe])
                per_pe[6, pe] += padding[columns[item], pe]


@kernel
def accumulate_inputs_float32(
    matrix: tuple[Int64s, Int32s, npt.NDArray[np.uint8]],
    registers: npt.NDArray[np.float32],
    bias: tuple[int, np.float32],
    weights: npt.NDArray[np.float32],
    output: npt.NDArray[np.float32],
) -> None:
    """Multiply and accumulate many inputs in float32.

    Parameters
    ----------
    matrix
        `indptr`, `rows`, `codes`.
    bias
        Its column, -1 where none is scanned, and its activation, 1.0.
    output : float32 [inputs, rows]
        Result, zero on entry.
    """
    indptr, rows, codes = matrix
    columns = np.empty(registers.shape[1] + 1, np.int32)
    values = np.empty(registers.shape[1] + 1, np.float32)
    for number in range(registers.shape[0]):
        items = list_broadcasts(registers[number], bias[0], bias[1], columns, values)
        sent, sent_values, sums = columns[:items], values[:items], output[number]
        accumulate_float32(indptr, rows, codes, sent, sent_values, weights, sums)


@kernel
def accumulate_inputs_fixed16(
    matrix: tuple[Int64s, Int32s, npt.NDArray[np.uint8]],
    registers: npt.NDArray[np.int16],
    bias: tuple[int, np.int16],
    weights: npt.NDArray[np.int16],
    output: npt.NDArray[np.int16],
    shift: int,
) -> None:
    """Multiply and accumulate many inputs in 16 bits, as `accumulate_inputs_float32` does.

    Parameters
    ----------
    shift
        Fraction bits of the weights.
    """
    indptr, rows, codes = matrix
    columns = np.empty(registers.shape[1] + 1, np.int32)
    values = np.empty(registers.shape[1] + 1, np.int16)
    for number in range(registers.shape[0]):
        items = list_broadcasts(registers[number], bias[0], bias[1], columns, values)
        sent, sent_values, sums = columns[:items], values[:items], output[number]
        accumulate_fixed16(indptr, rows, codes, sent, sent_values, weights, sums, shift)
