"""The fast engine: finds the broadcasts, times them, and counts what every PE does."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import ImageError
from eiesim.counters import Counters, Counts, DeltaState, RunResult, Totals
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.fast._count_kernels import count_words, occupy, sum_columns
from eiesim.sim.fast._time_kernels import time_broadcasts
from eiesim.sim.fast.outputs import compute_step
from eiesim.sim.fast.work import Occupied, PEWork, count_work
from eiesim.sim.scan import (
    PIPELINE_CYCLES,
    Scan,
    count_kept,
    load_registers,
    scan_activations,
)
from eiesim.sim.stream import Stream, count_fetch_cycles, find_stream
from eiesim.views import FetchView, ScanView, StreamView, TimingView, WordView

LATEST = (1 << 31) - (1 << 12)
"""Last cycle that the kernels' 32-bit times hold, with room for the pipeline."""
KEPT, KEPT_LONG = 4096, 256
"""Results of each kind that are kept for one image and input: numbers of each PE, and arrays as
long as the input."""


class Timing(NamedTuple):
    """When the broadcasts of a run happen, and how long it takes.

    Attributes
    ----------
    broadcasts, dram_stalls : int32 [items]
        Cycle of each broadcast; cycles in which it waited for DRAM though no queue was full.
    """

    broadcasts: npt.NDArray[np.int32]
    dram_stalls: npt.NDArray[np.int32]
    cycles: int
    scan_cycles: int
    stall_cycles: int
    dram_stall_cycles: int
    has_entries: bool


def time_scan(
    image: InterleavedCSC,
    scan: Scan,
    fetches: npt.NDArray[np.int64],
    hw: TimingView,
    counts: npt.NDArray[Any] | None = None,
    empty_cycles: int = 1,
) -> Timing:
    """Time the broadcasts of one input.

    Parameters
    ----------
    fetches : int64 [items]
        Cycles that DRAM takes for what each of them streams.
    counts : unsigned [columns, n_pes]
        Entries that take a cycle; None for all of the image's.
    empty_cycles
        Cycles that a column without an entry takes: 1 in every machine.

    Raises
    ------
    ImageError
        The run may take more cycles than 32 bits hold.
    """
    unstalled_cycles = int(scan.gaps.sum())
    work_cycles = scan.columns.size * max(image.longest_column, hw.lead_cycles)
    if unstalled_cycles + work_cycles + int(fetches.sum()) > LATEST:
        raise ImageError(
            f"{image.name}: the run may take more than {LATEST} cycles; use the reference engine"
        )
    broadcasts, last_issue, dram_stalls = time_broadcasts(
        image.counts if counts is None else counts,
        scan.columns,
        scan.gaps,
        fetches.astype(np.int32),
        hw.queue_depth,
        hw.lead_cycles,
        empty_cycles,
    )
    last_broadcast = int(broadcasts[-1]) if broadcasts.size else 0
    scan_cycles = last_broadcast + scan.rest_cycles
    dram_stall_cycles = int(dram_stalls.sum())
    return Timing(
        broadcasts,
        dram_stalls,
        cycles=last_issue + PIPELINE_CYCLES if last_issue else scan_cycles,
        scan_cycles=scan_cycles,
        stall_cycles=last_broadcast - unstalled_cycles - dram_stall_cycles,
        dram_stall_cycles=dram_stall_cycles,
        has_entries=last_issue > 0,
    )


class Scanned(NamedTuple):
    """What the registers hold of an input, its broadcasts, and what they bring each PE.

    Attributes
    ----------
    registers : float32 or int16 [cols]
    entries, padding : int64 [n_pes]
    """

    registers: npt.NDArray[np.float32 | np.int16]
    scan: Scan
    entries: Counts
    padding: Counts


class ReadTotals(NamedTuple):
    """Totals of the words and pointers that a run reads, as in `Counters`.

    Attributes
    ----------
    any_bits
        Whether DRAM takes time for them.
    """

    spmat_reads: int
    spmat_dram_words: int
    ptr_dram_reads: int
    any_bits: bool


class Prepared:
    """One input of a layer, and what its runs on machines with the same image share.

    Results are kept by views of the machine, and depend on them alone. The activations, float32
    [cols], are checked already; `before` is what the step before has left, with a
    `delta_threshold`.
    """

    def __init__(
        self,
        image: InterleavedCSC,
        activations: npt.NDArray[np.float32],
        before: DeltaState | None = None,
    ) -> None:
        @lru_cache(KEPT_LONG)
        def scan(hw: ScanView) -> Scanned:
            registers = load_registers(activations, hw, before)
            broadcasts = scan_activations(registers, image, hw, before)
            sums = sum_columns(image.counts, image.columns.padding, broadcasts.columns)
            return Scanned(registers, broadcasts, *sums)

        @lru_cache(KEPT_LONG)
        def stream(seen: ScanView, hw: StreamView) -> Stream:
            return find_stream(image, scan(seen).scan, hw)

        @lru_cache(KEPT)
        def read_words(seen: ScanView, hw: WordView) -> Counts:
            across = hw.spmat_word_reuse == "across_columns"
            return count_words(image.ptr, scan(seen).scan.columns, hw.entries_per_word, across)

        @lru_cache(KEPT)
        def time(
            seen: ScanView, dram: tuple[StreamView, FetchView | None] | None, hw: TimingView
        ) -> Occupied:
            broadcasts = scan(seen).scan
            fetches = np.zeros(broadcasts.columns.size, np.int64)
            if dram is not None:
                fetches = count_fetch_cycles(stream(seen, dram[0]).bits, dram[1])
            return _occupy(image, broadcasts, fetches, hw)

        @lru_cache(KEPT)
        def total_reads(seen: ScanView, hw: StreamView) -> ReadTotals:
            words = read_words(seen, WordView(hw.entries_per_word, hw.spmat_word_reuse))
            streamed = stream(seen, hw)
            return ReadTotals(
                int(words.sum()), int(streamed.spmat_words.sum()),
                hw.n_pes * streamed.pointers, bool(streamed.bits.any()),
            )  # fmt: skip

        @lru_cache(KEPT)
        def total_rest(
            seen: ScanView, dram: tuple[StreamView, FetchView | None] | None, hw: TimingView
        ) -> Totals:
            none = np.zeros(seen.n_pes, np.int64)
            return self._count(seen, time(seen, dram, hw), none, none, 0).add_pes()

        self.image, self._activations, self._before = image, activations, before
        self._scan, self._stream, self._read_words, self._time = scan, stream, read_words, time
        self._total_reads, self._total_rest = total_reads, total_rest

    def count(self, hw: Hardware) -> Counters:
        """Return the counts of the run on a machine; raises what `eiesim.simulate` does."""
        seen = hw.scan
        stream = self._stream(seen, hw.stream)
        # where nothing is streamed, times do not depend on DRAM
        dram = (hw.stream, hw.fetch) if stream.bits.any() else None
        occupied = self._time(seen, dram, hw.timing)
        words = self._read_words(seen, hw.words)
        return self._count(seen, occupied, words, stream.spmat_words, stream.pointers)

    def total(self, hw: Hardware) -> Totals:
        """Return the totals of `count`, added up once for all machines with equal views."""
        seen, stream = hw.scan, hw.stream
        *reads, any_bits = self._total_reads(seen, stream)
        dram = (stream, hw.fetch) if any_bits else None
        words, dram_words, dram_pointers = reads
        return self._total_rest(seen, dram, hw.timing)._replace(
            spmat_reads=words, spmat_dram_words=dram_words, ptr_dram_reads=dram_pointers
        )

    def _count(
        self, seen: ScanView, occupied: Occupied, words: Counts, dram_words: Counts, pointers: int
    ) -> Counters:
        _, scan, entries, padding = self._scan(seen)
        kept = count_kept(self.image, scan.columns, seen, self._before is not None)
        work = PEWork(
            1, scan.rows, scan.columns.size, occupied, entries, padding, words,
            dram_words, pointers, *kept,
        )  # fmt: skip
        return count_work(self.image, seen, work)

    def run(self, hw: Hardware) -> RunResult:
        """Return outputs and counts of the run on a machine; raises what `eiesim.simulate` does."""
        counters = self.count(hw)
        registers = self._scan(hw.scan).registers
        output, state = compute_step(self.image, self._activations, registers, hw, self._before)
        return RunResult(self.image.name, "fast", hw, output, counters, state)


def _occupy(
    image: InterleavedCSC, scan: Scan, fetches: npt.NDArray[np.int64], hw: TimingView
) -> Occupied:
    timing = time_scan(image, scan, fetches, hw)
    times = occupy(
        image.counts, image.columns.edge_rows, scan.columns, timing.broadcasts, scan.gaps,
        timing.dram_stalls, hw.lead_cycles, timing.cycles, timing.has_entries,
    )  # fmt: skip
    return Occupied(
        timing.cycles, timing.scan_cycles, timing.stall_cycles, timing.dram_stall_cycles, *times
    )


def run(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    before: DeltaState | None = None,
) -> RunResult:
    """Run one input through a layer, the input checked already; see `eiesim.simulate`."""
    return Prepared(image, activations, before).run(hw)
