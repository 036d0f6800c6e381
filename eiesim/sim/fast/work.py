"""Counts of runs: what PEs did in them, and what follows from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eiesim.counters import Counters, Counts, PeCounters
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC, deal
from eiesim.views import ScanView


class Occupied(NamedTuple):
    """How long a run takes, as in `Counters`; times and bypasses of each PE.

    Attributes
    ----------
    last_busy
        Last cycle before the PE is drained.
    """

    cycles: int
    scan_cycles: int
    stall_cycles: int
    dram_stall_cycles: int
    busy: Counts
    last_busy: Counts
    queue_starved: Counts
    dram_starved: Counts
    bypasses: Counts


class PEWork(NamedTuple):
    """What PEs do in one run or in several; of each PE int64 [n_pes].

    Attributes
    ----------
    runs, rows_scanned, broadcasts
        How many, over all runs.
    occupied
        Sums over the runs.
    entries, padding
        All entries; the padding zeros among them.
    words, dram_words
        Of each PE: sparse-matrix words read; of these, from DRAM.
    dram_pointers
        Pointers that each PE takes from DRAM.
    kept_reads, kept_writes
        Of each PE: accesses of the activation SRAM to what a `delta_threshold` keeps.
    """

    runs: int
    rows_scanned: int
    broadcasts: int
    occupied: Occupied
    entries: Counts
    padding: Counts
    words: Counts
    dram_words: Counts
    dram_pointers: int
    kept_reads: Counts
    kept_writes: Counts


def count_work(image: InterleavedCSC, hw: Hardware | ScanView, work: PEWork) -> Counters:
    """Return every count of the runs."""
    (
        cycles, scan_cycles, stall_cycles, dram_stall_cycles, busy, last_busy, queue_starved,
        dram_starved, bypasses,
    ) = work.occupied  # fmt: skip
    macs, starved = work.entries - work.padding, last_busy - busy
    inputs, outputs = deal(image.cols, hw.n_pes), deal(image.rows, hw.n_pes)
    bias_read = work.rows_scanned > work.runs * image.input_rows
    capacity = hw.registers_per_pe
    pe = PeCounters(
        busy_cycles=busy,
        empty_column_cycles=busy - work.entries,
        starved_cycles=starved,
        scan_starved_cycles=starved - queue_starved - dram_starved,
        queue_starved_cycles=queue_starved,
        dram_starved_cycles=dram_starved,
        drained_cycles=cycles - last_busy,
        ptr_reads=np.full(hw.n_pes, work.broadcasts),
        ptr_dram_reads=np.full(hw.n_pes, work.dram_pointers),
        spmat_reads=work.words,
        spmat_dram_words=work.dram_words,
        macs=macs,
        padding_macs=work.padding,
        accumulator_reads=macs - bypasses,
        accumulator_writes=macs,
        bypasses=bypasses,
        act_register_reads=work.runs * (inputs + bias_read * (np.arange(hw.n_pes) == 0)),
        act_sram_reads=work.runs * np.where(inputs > capacity, inputs, 0) + work.kept_reads,
        act_sram_writes=work.runs * np.where(outputs > capacity, outputs, 0) + work.kept_writes,
    )
    return Counters(
        cycles, scan_cycles, work.rows_scanned, work.broadcasts, stall_cycles, dram_stall_cycles, pe
    )
