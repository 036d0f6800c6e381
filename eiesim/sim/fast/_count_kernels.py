"""What every PE does in a timed run, counted; arrays are named as in `eiesim.sim.fast`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel
from eiesim.sim.fast._scan_kernels import find_gaps, list_broadcasts
from eiesim.sim.fast._time_kernels import time_broadcasts
from eiesim.sim.scan import PIPELINE_CYCLES

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


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
