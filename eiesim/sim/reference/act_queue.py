"""The activation queue in front of a PE (EIE, section IV, first paragraph)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import simpy

from eiesim.sim.reference.datapath import Number
from eiesim.sim.reference.latch import Process


class Broadcast(NamedTuple):
    """A non-zero activation and the number of its column."""

    column: int
    value: Number


class ActivationQueue:
    """A ring of slots of which one stays empty, judged on what was committed before this cycle.

    Parameters
    ----------
    latency_cycles
        Cycles a broadcast is under way. Its slot is taken when it is sent, so that the
        queue never overflows.
    """

    def __init__(self, env: simpy.Environment, depth: int, latency_cycles: int) -> None:
        self._env = env
        self._usable = depth - 1
        self._latency_cycles = latency_cycles
        self._slots: deque[tuple[float, Broadcast]] = deque()
        self._pushed = env.event()
        self._popped = env.event()
        self._pushes = 0
        self._pops = 0
        self._last_push: float = -1
        self._last_pop: float = -1

    @property
    def pops(self) -> int:
        """How many activations were popped until the end of the cycle before."""
        return self._pops - (self._last_pop == self._env.now)

    @property
    def full(self) -> bool:
        """Whether every usable slot was taken at the end of the cycle before."""
        pushes = self._pushes - (self._last_push == self._env.now)
        return pushes - self.pops >= self._usable

    def push(self, broadcast: Broadcast) -> None:
        """Take a slot in this cycle; it can be popped `latency_cycles` + 1 cycles later."""
        self._pushes += 1
        self._last_push = self._env.now
        self._slots.append((self._env.now + self._latency_cycles, broadcast))
        if not self._pushed.triggered:
            self._pushed.succeed()

    def pop(self) -> Broadcast:
        """Take the head; its slot is free from the next cycle on."""
        self._pops += 1
        self._last_pop = self._env.now
        if not self._popped.triggered:
            self._popped.succeed()
        return self._slots.popleft()[1]

    def wait_for_head(self) -> Process:
        """Sleep until a cycle in which the head can be popped."""
        if not self._slots:
            self._pushed = self._env.event()
            yield self._pushed
        arrival = self._slots[0][0]
        if arrival >= self._env.now:
            yield self._env.timeout(arrival + 1 - self._env.now)

    def wait_for_room(self) -> Process:
        """Sleep until a cycle in which the queue is not full."""
        while self.full:
            yield from self._wait_for_pop()

    def wait_for_pops(self, number: int) -> Process:
        """Sleep until a cycle before which `number` activations were popped."""
        while self.pops < number:
            yield from self._wait_for_pop()

    def _wait_for_pop(self) -> Process:
        """Sleep until the cycle after a pop, this cycle's if there is one."""
        if self._last_pop < self._env.now:
            if self._popped.triggered:
                self._popped = self._env.event()
            yield self._popped
        yield self._env.timeout(1)
