"""The whole machine: N processing elements and the central control unit on one clock."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt
import simpy

from eiesim.counters import TIMES, TOTALS, Counters, PeCounters, RunResult
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC, overflows_srams
from eiesim.sim.reference.ccu import CentralControlUnit
from eiesim.sim.reference.datapath import make_datapath
from eiesim.sim.reference.dram import Dram, count_column_bits
from eiesim.sim.reference.pe import ProcessingElement
from eiesim.sim.reference.pe_times import count_times


class Array:
    """An EIE machine with a layer and one input loaded.

    Parameters
    ----------
    activations : float32 [cols]
        The input, checked.
    """

    def __init__(
        self, image: InterleavedCSC, activations: npt.NDArray[np.float32], hw: Hardware
    ) -> None:
        self._env = simpy.Environment()
        self.image = image
        self.hw = hw
        self.datapath = make_datapath(hw)
        source = self.datapath.load_activations(activations)
        self.pes = [
            ProcessingElement(
                self._env, number, image, source[number :: hw.n_pes], self.datapath, hw
            )
            for number in range(hw.n_pes)
        ]
        has_bias_row = image.has_bias or hw.bias_row
        queues = [pe.queue for pe in self.pes]
        self.dram = None
        if overflows_srams(image, hw.stream):
            columns = [column for column, activation in enumerate(source) if activation != 0]
            columns += [image.bias_column] * has_bias_row
            self.dram = Dram(self._env, queues, count_column_bits(image, columns, hw), hw)
        self.ccu = CentralControlUnit(
            self._env,
            [pe.registers for pe in self.pes],
            queues,
            [hw.scan.count_load_cycles(row, image.input_rows) for row in range(image.input_rows)],
            self.datapath.load_activations([1.0])[0] if has_bias_row else None,
            self.dram,
        )

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
        return RunResult(self.image.name, "reference", self.hw, self._output(), self._count())

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


def run(image: InterleavedCSC, activations: npt.NDArray[np.float32], hw: Hardware) -> RunResult:
    """Run one input through a layer, the input checked already; see `eiesim.simulate`."""
    return Array(image, activations, hw).run()
