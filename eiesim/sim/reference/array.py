"""The whole machine: N processing elements and the central control unit on one clock."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt
import simpy

from eiesim.counters import TIMES, TOTALS, Counters, DeltaState, PeCounters, RunResult
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC, overflows_srams
from eiesim.sim.reference.act_rw import PeOperands
from eiesim.sim.reference.ccu import CentralControlUnit
from eiesim.sim.reference.datapath import Number, make_datapath
from eiesim.sim.reference.dram import Dram, count_column_bits
from eiesim.sim.reference.lnzd import LeadingNonzeroDetector, find_threshold
from eiesim.sim.reference.pe import ProcessingElement
from eiesim.sim.reference.pe_times import count_times


class Array:
    """An EIE machine with a layer and one input loaded.

    Parameters
    ----------
    activations : float32 [cols]
        The input, checked.
    before
        With a `delta_threshold`, what the step before has left.
    """

    def __init__(
        self,
        image: InterleavedCSC,
        activations: npt.NDArray[np.float32],
        hw: Hardware,
        before: DeltaState | None = None,
    ) -> None:
        self._env = simpy.Environment()
        self.image = image
        self.hw = hw
        self.datapath = make_datapath(hw)
        source = self.datapath.load_activations(activations)
        loaded = self._load(source, before)
        self.pes = [
            ProcessingElement(self._env, number, image, part, self.datapath, hw)
            for number, part in enumerate(loaded)
        ]
        has_bias_row = (image.has_bias or hw.bias_row) and before is None
        threshold = find_threshold(source, hw)
        queues = [pe.queue for pe in self.pes]
        self.dram = None
        if overflows_srams(image, hw.stream):
            columns = self._list_sent(source, loaded, threshold)
            columns += [image.bias_column] * has_bias_row
            self.dram = Dram(self._env, queues, count_column_bits(image, columns, hw), hw)
        self.ccu = CentralControlUnit(
            self._env,
            self.pes,
            [hw.scan.count_load_cycles(row, image.input_rows) for row in range(image.input_rows)],
            self.datapath.load_activations([1.0])[0] if has_bias_row else None,
            self.dram,
            threshold,
        )

    def _load(self, source: list[Number], before: DeltaState | None) -> list[PeOperands]:
        """Deal an input, and what is kept, to the PEs."""
        n_pes, sent = self.hw.n_pes, None
        sums = np.zeros(self.image.rows) if before is None else before.sums
        if self.hw.delta_threshold is not None:
            sent = self.datapath.load_activations(
                np.zeros(len(source)) if before is None else before.sent
            )
        accumulators = self.datapath.load_activations(sums)
        return [
            PeOperands(
                source[number::n_pes],
                None if sent is None else sent[number::n_pes],
                accumulators[number::n_pes],
                before is not None,
            )
            for number in range(n_pes)
        ]

    def _list_sent(
        self, source: list[Number], loaded: list[PeOperands], threshold: float
    ) -> list[int]:
        """List the columns of the inputs that will be broadcast."""
        detector = LeadingNonzeroDetector(threshold)
        columns = []
        for column, value in enumerate(source):
            row, lane = divmod(column, self.hw.n_pes)
            sent = loaded[lane].sent
            change = value if sent is None else self.datapath.subtract(value, sent[row])
            if detector.finds(change):
                columns.append(column)
        return columns

    def start(self, shuffle_seed: int | None = None) -> None:
        """Put the processes before cycle 0.

        Parameters
        ----------
        shuffle_seed
            Start the processes in an order drawn from this seed; the result does not
            depend on it.
        """
        processes = [self.ccu.run()] + [process for pe in self.pes for process in pe.processes()]
        if self.dram is not None:
            processes.append(self.dram.run())
        if shuffle_seed is not None:
            random.Random(shuffle_seed).shuffle(processes)
        for process in processes:
            self._env.process(process)

    def run(self, shuffle_seed: int | None = None) -> RunResult:
        """Run until nothing happens any more; `shuffle_seed` as for `start`."""
        self.start(shuffle_seed)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 as in the fast engine
            self._env.run()
        output, counters = self._output(), self._count()
        return RunResult(
            self.image.name, "reference", self.hw, output, counters, self._find_state(output)
        )

    @property
    def end(self) -> int:
        """Cycle in which nothing happens any more."""
        return int(self._env.now)

    @property
    def has_entries(self) -> bool:
        """Whether there was an entry in any PE."""
        return any(pe.arithm.drained_at for pe in self.pes)

    @property
    def cycles(self) -> int:
        """Cycles until the last write has left the pipeline; those of the scan without entries."""
        return max(pe.arithm.drained_at for pe in self.pes) or self.ccu.scan_cycles

    def _find_state(self, sums: npt.NDArray[np.float32]) -> DeltaState | None:
        """Return what is kept for the next step, None if no changes are sent."""
        if self.hw.delta_threshold is None:
            return None
        sent = np.zeros(self.image.cols, dtype=np.float32)
        for number, pe in enumerate(self.pes):
            sent[number :: self.hw.n_pes] = self.datapath.unload(pe.registers.sent or [])
        return DeltaState(sent, sums)

    def _output(self) -> npt.NDArray[np.float32]:
        output = np.zeros(self.image.rows, dtype=np.float32)
        for number, pe in enumerate(self.pes):
            output[number :: self.hw.n_pes] = self.datapath.unload(pe.registers.accumulators)
        return output

    def _count(self) -> Counters:
        cycles, lead_cycles = self.cycles, self.hw.timing.lead_cycles
        times = [
            count_times(pe.ptr_read.spans, self.ccu, cycles, lead_cycles, self.has_entries)
            for pe in self.pes
        ]
        pe = PeCounters(
            **{name: np.array([getattr(it, name) for it in times]) for name in TIMES},
            **{name: np.array([pe.count(name) for pe in self.pes]) for name in TOTALS},
        )
        return Counters(
            cycles=cycles,
            scan_cycles=self.ccu.scan_cycles,
            rows_scanned=self.ccu.rows,
            broadcasts=len(self.ccu.broadcasts),
            stall_cycles=sum(len(cycles) for cycles in self.ccu.stalls),
            dram_stall_cycles=sum(len(cycles) for cycles in self.ccu.dram_stalls),
            pe=pe,
        )


def run(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    before: DeltaState | None = None,
) -> RunResult:
    """Run one input through a layer, the input checked already; see `eiesim.simulate`."""
    return Array(image, activations, hw, before).run()
