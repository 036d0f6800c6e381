"""The central control unit: scans the activations and broadcasts those that are not zero."""

from __future__ import annotations

from collections.abc import Sequence

import simpy

from eiesim.sim.reference.act_queue import Broadcast
from eiesim.sim.reference.datapath import Number
from eiesim.sim.reference.dram import Dram
from eiesim.sim.reference.latch import Process
from eiesim.sim.reference.lnzd import LeadingNonzeroDetector
from eiesim.sim.reference.pe import ProcessingElement


class CentralControlUnit:
    """Keeps one row of activations before the detector and broadcasts one of them a cycle.

    Parameters
    ----------
    pes
        Activation j is in PE j mod N, row j div N of its source registers.
    bias
        The bias's 1.0, one more row with this in lane 0; None for no such row.
    load_cycles
        Cycles that the activation SRAM takes before each row of activations can be
        scanned.
    dram
        Where the data of each column are awaited; None where the SRAMs hold everything.
    threshold
        Of the detector; the bias's 1.0 is always sent.
    """

    def __init__(
        self,
        env: simpy.Environment,
        pes: Sequence[ProcessingElement],
        load_cycles: Sequence[int],
        bias: Number | None,
        dram: Dram | None,
        threshold: float,
    ) -> None:
        self._env = env
        self._registers = [pe.registers for pe in pes]
        self._queues = [pe.queue for pe in pes]
        self._detector = LeadingNonzeroDetector(threshold)
        self._input_rows = len(load_cycles)
        self._load_cycles = [*load_cycles, 0]
        self._bias = bias
        self._dram = dram
        self.rows = len(load_cycles) + (bias is not None)
        self.scan_cycles = 0
        self.stalls: list[range] = []
        """Cycles in which each broadcast waited for a full queue."""
        self.dram_stalls: list[range] = []
        """Cycles in which each broadcast waited for its data though no queue was full."""
        self.broadcasts: list[tuple[int, int]] = []
        """Cycle and column of every broadcast."""
        self.values: list[Number] = []
        """Activation of every broadcast."""
        self.row_starts: list[int] = []
        """First cycle in which each row is before the detector."""

    def run(self) -> Process:
        """Scan row after row, in each cycle one broadcast, one stall, or a load."""
        yield self._env.timeout(1)
        for row in range(self.rows):
            yield self._env.timeout(self._load_cycles[row])
            yield from self._scan(row, self._load(row))

    def _load(self, row: int) -> list[Number]:
        if row < self._input_rows:
            return [registers.read_source(row) for registers in self._registers]
        return [self._registers[0].read_bias(self._bias)] + [0] * (len(self._queues) - 1)

    def _scan(self, row: int, activations: list[Number]) -> Process:
        self.row_starts.append(int(self._env.now))
        detector = self._detector if row < self._input_rows else LeadingNonzeroDetector()
        lane = detector.find(activations, -1)
        last_lane = len(activations) - 1
        while lane is not None:
            yield from self._wait_for_room()
            yield from self._wait_for_data()
            self._broadcast(row * len(activations) + lane, activations[lane])
            self.scan_cycles = int(self._env.now)
            yield self._env.timeout(1)
            if lane == last_lane:
                return  # the next row was loaded in the cycle of the broadcast
            lane = detector.find(activations, lane)
        self.scan_cycles = int(self._env.now)
        yield self._env.timeout(1)

    def _wait_for_room(self) -> Process:
        since = int(self._env.now)
        while full := [queue for queue in self._queues if queue.full]:
            yield from full[0].wait_for_room()
        self.stalls.append(range(since, int(self._env.now)))

    def _wait_for_data(self) -> Process:
        since = int(self._env.now)
        if self._dram is not None:
            yield from self._dram.wait_for_data(len(self.broadcasts))
        self.dram_stalls.append(range(since, int(self._env.now)))

    def _broadcast(self, column: int, value: Number) -> None:
        self.broadcasts.append((int(self._env.now), column))
        self.values.append(value)
        row, lane = divmod(column, len(self._queues))
        if row < self._input_rows:
            self._registers[lane].keep_sent(row, value)
        for queue in self._queues:
            queue.push(Broadcast(column, value))
