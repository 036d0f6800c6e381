"""The fast engine: finds the broadcasts, times them, and counts what every PE does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.counters import Counters, Counts, PeCounters, RunResult
from eiesim.errors import ImageError
from eiesim.fixedpoint import dequantise, quantise
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.fast._kernels import (
    accumulate_fixed16,
    accumulate_float32,
    count_bypasses,
    count_words,
    occupy,
    time_broadcasts,
)
from eiesim.sim.scan import PIPELINE_CYCLES, Scan, load_registers, scan_activations
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

    def scan(self, hw: Hardware) -> tuple[Scan, Counts, Counts]:
        """Return the broadcasts, and entries and padding zeros of each PE, int64 [n_pes].

        Parameters
        ----------
        hw : Hardware
            A machine.
        """
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
        scan, entries, padding = self.scan(hw)
        stream = self._stream(scan, hw)
        timing, busy, last_busy, bypasses = self._occupy(scan, stream, hw)
        macs = entries - padding
        inputs, outputs = deal(image.cols, hw.n_pes), deal(image.rows, hw.n_pes)
        bias_read = scan.rows > image.bias_column // hw.n_pes
        pe = PeCounters(
            busy_cycles=busy,
            starved_cycles=last_busy - busy,
            drained_cycles=timing.cycles - last_busy,
            ptr_reads=np.full(hw.n_pes, scan.columns.size),
            ptr_dram_reads=np.full(hw.n_pes, stream.pointers),
            spmat_reads=self._count_words(scan, hw),
            spmat_dram_words=stream.spmat_words,
            macs=macs,
            padding_macs=padding,
            accumulator_reads=macs - bypasses,
            accumulator_writes=macs,
            bypasses=bypasses,
            act_register_reads=inputs + bias_read * (np.arange(hw.n_pes) == 0),
            act_sram_reads=np.where(inputs > hw.accumulators_per_pe, inputs, 0),
            act_sram_writes=np.where(outputs > hw.accumulators_per_pe, outputs, 0),
        )
        return Counters(
            cycles=timing.cycles,
            scan_cycles=timing.scan_cycles,
            rows_scanned=scan.rows,
            broadcasts=scan.columns.size,
            stall_cycles=timing.stall_cycles,
            dram_stall_cycles=timing.dram_stall_cycles,
            pe=pe,
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
    prepared = Prepared(image, activations)
    counters = prepared.count(hw)
    scan, _, _ = prepared.scan(hw)
    output = _accumulate(image, load_registers(activations, hw), scan, hw)
    return RunResult(image.name, "fast", hw, output, counters)


def deal(number: int, n_pes: int) -> npt.NDArray[np.int64]:
    """Return how many of so many rows or inputs each PE holds.

    Parameters
    ----------
    number : int
        Rows, or inputs.
    n_pes : int
        PEs.
    """
    return (number - np.arange(n_pes, dtype=np.int64) + n_pes - 1) // n_pes


def _accumulate(
    image: InterleavedCSC, registers: npt.NDArray[np.float32 | np.int16], scan: Scan, hw: Hardware
) -> npt.NDArray[np.float32]:
    matrix = (*image.columns[:3], scan.columns)
    values: npt.NDArray[Any] = registers[scan.columns[scan.columns < image.cols]]
    bias = [1.0] * (scan.columns.size - values.size)
    if hw.datapath == "float32":
        output = np.zeros(image.rows, dtype=np.float32)
        values = np.append(values, np.array(bias, dtype=np.float32))
        accumulate_float32(*matrix, values, image.codebook, output)
        return output
    raw = np.zeros(image.rows, dtype=np.int16)
    values = np.append(values, quantise(bias, hw.act_fraction_bits))
    weights = quantise(image.codebook, hw.weight_fraction_bits)
    accumulate_fixed16(*matrix, values, weights, raw, hw.weight_fraction_bits)
    return dequantise(raw, hw.act_fraction_bits)
