"""A register between two blocks: what is written in cycle t is seen in t + 1."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Generic, TypeVar

import simpy

T = TypeVar("T")
Process = Generator[simpy.Event, None, None]


class Latch(Generic[T]):
    """Hands items from one block to the next, one cycle later, in order."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._items: deque[tuple[float, T]] = deque()
        self._written = env.event()

    def put(self, item: T) -> None:
        """Write an item in this cycle."""
        self._items.append((self._env.now, item))
        if not self._written.triggered:
            self._written.succeed()

    def take(self) -> T | None:
        """Take the item committed before this cycle, or None when there is none."""
        if self._items and self._items[0][0] < self._env.now:
            return self._items.popleft()[1]
        return None

    def wait(self) -> Process:
        """Sleep until a cycle in which `take` gives an item."""
        if not self._items:
            self._written = self._env.event()
            yield self._written
        if self._items[0][0] == self._env.now:
            yield self._env.timeout(1)
