"""The fast engine: finds the broadcasts, times them, and counts what every PE does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.counters import Counters, Counts, PeCounters, RunResult
from eiesim.errors import ImageError
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.fast._kernels import (
    count_bypasses,
    count_words,
    occupy,
    time_broadcasts,
)
from eiesim.sim.fast.outputs import accumulate
from eiesim.sim.scan import (
    PIPELINE_CYCLES,
    Scan,
    find_scanned_bias,
    load_registers,
    scan_activations,
)
from eiesim.sim.stream import Stream, count_fetch_cycles, find_stream

LATEST = (1 << 31) - (1 << 12)
"""Last cycle that the kernels' 32-bit times hold, with room for the pipeline."""
SCAN_FIELDS = (
    "bias_row", "datapath", "act_fraction_bits", "act_batches", "accumulators_per_pe",
)  # fmt: skip
"""Of a machine: what its scan depends on, beside its image."""
STREAM_FIELDS = (
    "spmat_width_bits", "codebook_bits", "index_bits", "spmat_sram_bytes", "ptr_sram_bytes",
    "ptr_bits", "spmat_word_reuse",
)  # fmt: skip
"""And what it streams."""


class Timing(NamedTuple):
    """When the broadcasts of a run happen, and how long it takes.

    Attributes
    ----------
    broadcasts : int32 [items]
        Cycle of each broadcast.
    cycles, scan_cycles, stall_cycles, dram_stall_cycles : int
        As in `Counters`.
    """

    broadcasts: npt.NDArray[np.int32]
    cycles: int
    scan_cycles: int
    stall_cycles: int
    dram_stall_cycles: int


def time_scan(
    image: InterleavedCSC, scan: Scan, fetches: npt.NDArray[np.int64], hw: Hardware
) -> Timing:
    """Time the broadcasts of one input.

    Parameters
    ----------
    image : InterleavedCSC
        The layer.
    scan : Scan
        The broadcasts.
    fetches : int64 [items]
        Cycles that DRAM takes for what each of them streams.
    hw : Hardware
        The machine.

    Raises
    ------
    ImageError
        The run may take more cycles than 32 bits hold.
    """
    lead = 2 + hw.broadcast_latency_cycles
    unstalled_cycles = int(scan.gaps.sum())
    work_cycles = scan.columns.size * max(image.longest_column, lead)
    if unstalled_cycles + work_cycles + int(fetches.sum()) > LATEST:
        raise ImageError(
            f"{image.name}: the run may take more than {LATEST} cycles; use the reference engine"
        )
    broadcasts, last_issue, dram_stall_cycles = time_broadcasts(
        image.counts, scan.columns, scan.gaps, fetches.astype(np.int32), hw.queue_depth, lead
    )
    last_broadcast = int(broadcasts[-1]) if broadcasts.size else 0
    scan_cycles = last_broadcast + scan.rest_cycles
    return Timing(
        broadcasts,
        cycles=last_issue + PIPELINE_CYCLES if last_issue else scan_cycles,
        scan_cycles=scan_cycles,
        stall_cycles=last_broadcast - unstalled_cycles - int(dram_stall_cycles),
        dram_stall_cycles=int(dram_stall_cycles),
    )


class Prepared:
    """One input of a layer, and what its runs on machines with the same image share.

    Parameters
    ----------
    image : InterleavedCSC
        The layer, encoded for all of the machines.
    activations : float32 [cols]
        The input, checked.
    """

    def __init__(self, image: InterleavedCSC, activations: npt.NDArray[np.float32]) -> None:
        self.image, self.activations = image, activations
        self._scans: dict[Any, tuple[Scan, Counts, Counts]] = {}
        self._occupied: dict[Any, tuple[Timing, Counts, Counts, Counts]] = {}
        self._words: dict[Any, Counts] = {}
        self._streams: dict[Any, Stream] = {}

    def _scan(self, hw: Hardware) -> tuple[Scan, Counts, Counts]:
        """Return the broadcasts, and entries and padding zeros of each PE, int64 [n_pes]."""
        key = tuple(getattr(hw, name) for name in SCAN_FIELDS)
        if key not in self._scans:
            scan = scan_activations(load_registers(self.activations, hw), self.image, hw)
            entries = self.image.counts[scan.columns].sum(axis=0, dtype=np.int64)
            padding = self.image.columns.padding[scan.columns].sum(axis=0, dtype=np.int64)
            self._scans[key] = scan, entries, padding
        return self._scans[key]

    def count(self, hw: Hardware) -> Counters:
        """Return the counts of the run on a machine.

        Parameters
        ----------
        hw : Hardware
            The machine.

        Raises
        ------
        ImageError
            The run may take more cycles than 32 bits hold.
        ConfigError
            With so little DRAM bandwidth not even 64 bits hold them.
        """
        image = self.image
        scan, entries, padding = self._scan(hw)
        stream = self._stream(scan, hw)
        timing, busy, last_busy, bypasses = self._occupy(scan, stream, hw)
        words = self._count_words(scan, hw)
        work = Work(
            1, timing.cycles, scan.columns.size, busy, last_busy, bypasses, entries, padding, words,
            stream.spmat_words, stream.pointers,
        )  # fmt: skip
        return Counters(
            cycles=timing.cycles,
            scan_cycles=timing.scan_cycles,
            rows_scanned=scan.rows,
            broadcasts=scan.columns.size,
            stall_cycles=timing.stall_cycles,
            dram_stall_cycles=timing.dram_stall_cycles,
            pe=count_pes(image, hw, work),
        )

    def _occupy(
        self, scan: Scan, stream: Stream, hw: Hardware
    ) -> tuple[Timing, Counts, Counts, Counts]:
        """Return the timing, busy and last busy cycles of each PE, and its bypasses."""
        streams = id(stream) if stream.bits.any() else 0
        key = (id(scan), hw.queue_depth, hw.broadcast_latency_cycles, streams)
        # with a bandwidth, times depend on more than is worth to be kept
        keeps = not streams or hw.dram_gbps == 0
        if keeps and key in self._occupied:
            return self._occupied[key]
        image = self.image
        fetches = count_fetch_cycles(stream.bits, hw.dram_gbps, hw.clock_mhz)
        timing = time_scan(image, scan, fetches, hw)
        earliest = timing.broadcasts + np.int32(2 + hw.broadcast_latency_cycles)
        busy, last_busy = occupy(image.counts, scan.columns, earliest, timing.cycles)
        edge_rows = image.columns.edge_rows
        bypasses = count_bypasses(image.counts, edge_rows, scan.columns, earliest)
        found = timing, busy, last_busy, bypasses
        if keeps:
            self._occupied[key] = found
        return found

    def _stream(self, scan: Scan, hw: Hardware) -> Stream:
        key = (id(scan), *(getattr(hw, name) for name in STREAM_FIELDS))
        if key not in self._streams:
            self._streams[key] = find_stream(self.image, scan, hw)
        return self._streams[key]

    def _count_words(self, scan: Scan, hw: Hardware) -> Counts:
        across = hw.spmat_word_reuse == "across_columns"
        key = (id(scan), hw.entries_per_word, across)
        if key not in self._words:
            self._words[key] = count_words(
                self.image.ptr, scan.columns, hw.entries_per_word, across
            )
        return self._words[key]


def run(image: InterleavedCSC, activations: npt.NDArray[np.float32], hw: Hardware) -> RunResult:
    """Run one input through a layer; see `eiesim.simulate`.

    Parameters
    ----------
    image : InterleavedCSC
        The layer, encoded for `hw`.
    activations : float32 [cols]
        The input, checked.
    hw : Hardware
        The machine.

    Raises
    ------
    ImageError
        The run may take more cycles than 32 bits hold.
    ConfigError
        With so little DRAM bandwidth not even 64 bits hold them.
    """
    counters = Prepared(image, activations).count(hw)
    (output,) = accumulate(image, load_registers(activations, hw)[np.newaxis], hw)
    return RunResult(image.name, "fast", hw, output, counters)


class Work(NamedTuple):
    """What PEs do in one run or in several; of each PE int64 [n_pes].

    Attributes
    ----------
    runs, cycles, broadcasts
        How many runs; their cycles and broadcasts.
    busy, last_busy
        Of each PE: cycles with a column; the last one of them, summed over the runs.
    bypasses, entries, padding
        As in `PeCounters`; entries are all, padding zeros included.
    words, dram_words
        Of each PE: sparse-matrix words read; of these, from DRAM.
    dram_pointers
        Pointers that each PE takes from DRAM.
    """

    runs: int
    cycles: int
    broadcasts: int
    busy: Counts
    last_busy: Counts
    bypasses: Counts
    entries: Counts
    padding: Counts
    words: Counts
    dram_words: Counts
    dram_pointers: int


def count_pes(image: InterleavedCSC, hw: Hardware, work: Work) -> PeCounters:
    """Return the counts of every PE.

    Parameters
    ----------
    image : InterleavedCSC
        The layer.
    hw : Hardware
        The machine.
    work : Work
        What the PEs do.
    """
    macs = work.entries - work.padding
    inputs, outputs = _deal(image.cols, hw.n_pes), _deal(image.rows, hw.n_pes)
    bias_read = find_scanned_bias(image, hw) >= 0
    capacity = hw.accumulators_per_pe
    return PeCounters(
        busy_cycles=work.busy,
        starved_cycles=work.last_busy - work.busy,
        drained_cycles=work.cycles - work.last_busy,
        ptr_reads=np.full(hw.n_pes, work.broadcasts),
        ptr_dram_reads=np.full(hw.n_pes, work.dram_pointers),
        spmat_reads=work.words,
        spmat_dram_words=work.dram_words,
        macs=macs,
        padding_macs=work.padding,
        accumulator_reads=macs - work.bypasses,
        accumulator_writes=macs,
        bypasses=work.bypasses,
        act_register_reads=work.runs * (inputs + bias_read * (np.arange(hw.n_pes) == 0)),
        act_sram_reads=work.runs * np.where(inputs > capacity, inputs, 0),
        act_sram_writes=work.runs * np.where(outputs > capacity, outputs, 0),
    )


def _deal(number: int, n_pes: int) -> Counts:
    """Return how many of so many rows or inputs each PE holds."""
    return (number - np.arange(n_pes, dtype=np.int64) + n_pes - 1) // n_pes
