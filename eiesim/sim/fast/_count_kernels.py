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


LANES = np.uint64(64)
"""PEs that are taken through a run together. Numbers of PEs are unsigned: numba then looks for no
index that counts from the end, and the compiler knows the most that the inner loop may take."""
FREE, BUSY, QUEUE_STARVED, DRAM_STARVED, BYPASSES, LAST_ROW, BEFORE_LAST_ROW, END = (
    field * LANES for field in np.arange(8, dtype=np.uint64)
)
"""Where each number of these PEs starts in the one array that holds them all, and its size: with an
array each, checks at run time that no two overlap would take longer than the arithmetic."""
NO_ROW = -3
"""In place of a row: no entry was issued in that cycle."""


@kernel
def occupy(
    counts: npt.NDArray[Any],
    edge_rows: npt.NDArray[Any],
    columns: Int32s,
    broadcasts: Int32s,
    gaps: Int32s,
    dram_stalls: Int32s,
    lead: int,
    cycles: int,
    has_entries: bool,
) -> Int64s:
    """Find how long every PE has a column, when for the last time, what starves it, its bypasses.

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
    int64 [5, PEs]
        Cycles with a column; the last cycle before the PE is drained; cycles starved by full
        queues; by DRAM; multiply-accumulates with a bypass.
    """
    n_pes = np.uint64(counts.shape[1])
    run = (lead, cycles, has_entries)
    times = np.empty((5, counts.shape[1]), np.int64)
    for chunk in range((n_pes + LANES - np.uint64(1)) // LANES):
        first_pe = np.uint64(chunk * LANES)
        image = (counts, edge_rows)
        sent = (columns, broadcasts, gaps, dram_stalls)
        if cycles < np.iinfo(np.int16).max:
            occupy_lanes(image, sent, run, first_pe, np.zeros(END, np.int16), times)
        else:
            occupy_lanes(image, sent, run, first_pe, np.zeros(END, np.int32), times)
    return times


@kernel
def occupy_lanes(
    image: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    sent: tuple[Int32s, Int32s, Int32s, Int32s],
    run: tuple[int, int, bool],
    first_pe: np.uint64,
    lanes: npt.NDArray[Any],
    times: Int64s,
) -> None:
    """Take as many PEs as there are lanes through a run, for `occupy`.

    A broadcast waits for the scan first, then for full queues, then for DRAM. A PE that starves
    until it can start on it starves through the last cycles of these.

    A multiply-accumulate is bypassed if its accumulator's last write is not committed yet, which
    is one issued one or two cycles before. Rows within a column differ, so only the first two
    entries of a column can meet one, and only among the last two entries before it.

    Parameters
    ----------
    image
        `counts`; `edge_rows`.
    sent
        `columns`; `broadcasts`, `gaps` and `dram_stalls` as in `time_broadcasts`.
    run
        `lead`, `cycles` and `has_entries` as in `occupy`.
    lanes : int16 or int32 [END]
        Zero on entry; its dtype holds `cycles` + 1.
    times : int64 [5, PEs]
        Result, for these PEs.
    """
    counts, edge_rows = image
    columns, broadcasts, gaps, dram_stalls = sent
    lead, cycles, has_entries = run
    number = lanes.dtype.type
    zero = number(0)
    one = number(1)
    no_row = number(NO_ROW)
    end_of_run = number(cycles)
    n_lanes = min(LANES, np.uint64(np.uint64(counts.shape[1]) - first_pe))
    for lane in range(n_lanes):
        lanes[FREE + lane] = one
        lanes[LAST_ROW + lane] = no_row
        lanes[BEFORE_LAST_ROW + lane] = no_row
    before = np.int32(0)
    for item in range(columns.size):
        if broadcasts[item] + lead > cycles and has_entries:
            break
        # the first cycle in which a PE can start, if it is the scan alone that it waits for, if
        # full queues too, and if all
        scanned = number(min(before + gaps[item] + lead, cycles + 1))
        pushed = number(min(broadcasts[item] - dram_stalls[item] + lead, cycles + 1))
        earliest = number(min(broadcasts[item] + lead, cycles + 1))
        before = broadcasts[item]
        column = np.uint32(columns[item])
        entries = counts[column]
        first_row = edge_rows[0, column]
        second_row = edge_rows[1, column]
        before_last_row = edge_rows[2, column]
        last_row = edge_rows[3, column]
        for lane in range(n_lanes):
            pe = first_pe + lane
            free = lanes[FREE + lane]
            start_if_pushed = max(free, pushed)
            start = max(free, earliest)
            lanes[QUEUE_STARVED + lane] += number(start_if_pushed - max(free, scanned))
            lanes[DRAM_STARVED + lane] += number(start - start_if_pushed)
            n = number(entries[pe])
            occupied = max(n, one) if start <= end_of_run else zero
            lanes[BUSY + lane] += occupied
            lanes[FREE + lane] = number(start + occupied)

            at_once = start == free
            soon = start - free <= 1
            newest = lanes[LAST_ROW + lane]
            older = lanes[BEFORE_LAST_ROW + lane]
            first = first_row[pe]
            # & and | in place of conditions: only then does the compiler make vectors of this loop
            first_meets = ((first == newest) & soon) | ((first == older) & at_once)
            second_meets = (second_row[pe] == newest) & at_once
            lanes[BYPASSES + lane] += number(number(first_meets) + number(second_meets))
            one_ago = newest if at_once else no_row
            lanes[BEFORE_LAST_ROW + lane] = number(before_last_row[pe]) if n > 1 else one_ago
            lanes[LAST_ROW + lane] = number(last_row[pe])
    for lane in range(n_lanes):
        pe = first_pe + lane
        times[0, pe] = lanes[BUSY + lane]
        times[1, pe] = lanes[FREE + lane] - one if has_entries else end_of_run
        times[2, pe] = lanes[QUEUE_STARVED + lane]
        times[3, pe] = lanes[DRAM_STARVED + lane]
        times[4, pe] = lanes[BYPASSES + lane]


@kernel
def count_words(
    ptr: Int32s, columns: Int32s, entries_per_word: int, across_columns: bool
) -> Int64s:
    """Count the sparse-matrix words every PE reads, int64 [PEs]."""
    reads = np.zeros(ptr.shape[1], np.int64)
    most = 0
    for pe in range(ptr.shape[1]):
        most = max(most, ptr[-1, pe])
    # exact: pointers lie half an entry off every word boundary, far more than the rounding of 2**22
    # in float32, or of 2**31 in float64
    if most < 1 << 22:
        share = np.ones(1, np.float32)
        share[0] = 1.0 / entries_per_word
        count_words_by(ptr, columns, share, across_columns, reads)
    else:
        long_share = np.ones(1, np.float64)
        long_share[0] = 1.0 / entries_per_word
        count_words_by(ptr, columns, long_share, across_columns, reads)
    return reads


@kernel
def count_words_by(
    ptr: Int32s, columns: Int32s, share: npt.NDArray[Any], across_columns: bool, reads: Int64s
) -> None:
    """Count words with the share of a word that an entry takes, float32 or float64 [1]."""
    n_pes = ptr.shape[1]
    words_read = np.zeros(n_pes, np.int32)
    latched = np.zeros(n_pes, np.int32)
    for pe in range(n_pes):
        latched[pe] = -1
    real = share.dtype.type
    half = real(0.5)
    for item in range(columns.size):
        firsts = ptr[columns[item]]
        ends = ptr[columns[item] + 1]
        for pe in range(n_pes):
            first_word = np.int32((real(firsts[pe]) + half) * share[0])
            last_word = np.int32((real(ends[pe]) - half) * share[0])
            reused = np.int32(1) if across_columns and first_word == latched[pe] else np.int32(0)
            words = np.int32(last_word - first_word + 1 - reused)
            words_read[pe] += words if ends[pe] > firsts[pe] else np.int32(0)
            latched[pe] = last_word if ends[pe] > firsts[pe] else latched[pe]
    for pe in range(n_pes):
        reads[pe] = words_read[pe]


@kernel
def sum_columns(counts: npt.NDArray[Any], padding: npt.NDArray[Any], columns: Int32s) -> Int64s:
    """Add up the entries of every PE in these columns, and its padding zeros, int64 [2, PEs]."""
    n_pes = counts.shape[1]
    entries = np.zeros(n_pes, np.int32)
    zeros = np.zeros(n_pes, np.int32)
    for item in range(columns.size):
        column_entries = counts[columns[item]]
        column_zeros = padding[columns[item]]
        for pe in range(n_pes):
            entries[pe] += np.int32(column_entries[pe])
            zeros[pe] += np.int32(column_zeros[pe])
    sums = np.empty((2, n_pes), np.int64)
    for pe in range(n_pes):
        sums[0, pe] = entries[pe]
        sums[1, pe] = zeros[pe]
    return sums


@kernel
def run_inputs(
    image: tuple[Int32s, npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]],
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
        `ptr`; `counts`; `padding`; `edge_rows`.
    scan_rows
        Rows of activations before the detector, the bias's included.
    machine
        `depth` and `lead` as in `time_broadcasts`; `entries_per_word`; `across_columns`.
    per_input : int64 [4, inputs]
        Result: cycles, cycles of the scan, broadcasts, stalls.
    per_pe : int64 [8, PEs]
        Result, zero on entry, summed over inputs: the five of `occupy`, words read, entries,
        padding zeros.
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
        unstalled = 0
        for item in range(items):
            unstalled += gaps[item]
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
        times = occupy(
            counts, edge_rows, sent, broadcasts, gaps, dram_stalls, lead, cycles, last_issue > 0
        )
        words = count_words(ptr, sent, entries_per_word, across_columns)
        sums = sum_columns(counts, padding, sent)
        for pe in range(n_pes):
            for row in range(5):
                per_pe[row, pe] += times[row, pe]
            per_pe[5, pe] += words[pe]
            per_pe[6, pe] += sums[0, pe]
            per_pe[7, pe] += sums[1, pe]
