"""DRAM: fetches what the SRAMs do not hold, column by column, ahead of the broadcasts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import simpy

from eiesim.base.errors import ConfigError
from eiesim.base.units import gbps_to_bits_per_cycle
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.reference.act_queue import ActivationQueue
from eiesim.sim.reference.latch import Process


class Dram:
    """One channel that fetches the columns of the broadcasts, in their order, into a stream buffer.

    The buffer holds as many columns as a queue has slots: those that the queues can hold and the
    one that waits for its broadcast. A column leaves it when all PEs have popped it.

    Parameters
    ----------
    column_bits
        Bits to fetch for each broadcast, over all PEs.

    Raises
    ------
    ConfigError
        With so little bandwidth the cycles do not fit 64 bits.
    """

    def __init__(
        self,
        env: simpy.Environment,
        queues: Sequence[ActivationQueue],
        column_bits: Sequence[int],
        hw: Hardware,
    ) -> None:
        self._env = env
        self._queues = queues
        self._capacity = hw.queue_depth
        self._fetch_cycles = [_count_cycles(bits, hw) for bits in column_bits]
        if sum(self._fetch_cycles) >= 2**62:
            raise ConfigError(
                f"dram_gbps: fetching at {hw.dram_gbps} GB/s takes 2**62 cycles or more; raise it"
            )
        self._arrivals: list[float] = []
        self.fetches: list[tuple[int, int]] = []
        """First cycle and length of the fetch for every broadcast."""

    def run(self) -> Process:
        """Fetch column after column; each waits for room in the buffer."""
        for number, cycles in enumerate(self._fetch_cycles):
            for queue in self._queues:
                yield from queue.wait_for_pops(number + 1 - self._capacity)
            self.fetches.append((int(self._env.now), cycles))
            self._arrivals.append(self._env.now + cycles)
            yield self._env.timeout(cycles)

    def wait_for_data(self, number: int) -> Process:
        """Sleep until a cycle in which the data of a broadcast are there.

        Parameters
        ----------
        number
            Which broadcast, from 0. Its fetch has begun when the one before was broadcast:
            that one's data were there, and the room that it takes in the buffer was free.
        """
        if self._arrivals[number] > self._env.now:
            yield self._env.timeout(self._arrivals[number] - self._env.now)


def _count_cycles(bits: int, hw: Hardware) -> int:
    if hw.dram_gbps == 0:
        return min(bits, 1)
    return math.ceil(bits / gbps_to_bits_per_cycle(hw.dram_gbps, hw.clock_mhz))


def count_column_bits(image: InterleavedCSC, columns: Sequence[int], hw: Hardware) -> list[int]:
    """Return the bits that each of the columns takes from DRAM over all PEs."""
    column_bits = [0] * len(columns)
    for pe in range(image.n_pes):
        pointers = image.ptr[:, pe].tolist()
        latched = -1
        for number, column in enumerate(columns):
            looked_up = range(column, column + 2)
            column_bits[number] += hw.ptr_bits * _count_beyond(looked_up, hw.resident_pointers)
            first, end = pointers[column : column + 2]
            if first == end:
                continue
            words = range(first // hw.entries_per_word, (end - 1) // hw.entries_per_word + 1)
            is_latched = hw.spmat_word_reuse == "across_columns" and words[0] == latched
            read = words[1:] if is_latched else words
            column_bits[number] += hw.spmat_width_bits * _count_beyond(read, hw.resident_words)
            latched = words[-1]
    return column_bits


def _count_beyond(numbers: range, resident: int) -> int:
    return len(range(max(numbers.start, resident), numbers.stop))
