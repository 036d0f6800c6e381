"""The schedule of a run: its events as arrays, each kind a table.

All arrays of a table have one element an event. They are int32, but for values, which are float32.
Cycles are those of the run: 1 is the first one of the scan. Tables with a PE go PE by PE, and
within a PE by cycle; the others go by cycle.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import ConfigError
from eiesim.hardware import Hardware

Int32s = npt.NDArray[np.int32]
Float32s = npt.NDArray[np.float32]


class WaitCause(IntEnum):
    """Why the control unit does not broadcast, or why a PE has no column."""

    SCAN = 0
    QUEUE = 1
    DRAM = 2
    DRAINED = 3


class RequestKind(IntEnum):
    """What is fetched from DRAM: a pointer, or a word of the sparse matrix."""

    POINTER = 0
    WORD = 1


@dataclass(frozen=True)
class Window:
    """A part of a run.

    Attributes
    ----------
    first_cycle, last_cycle
        Events of these cycles are kept; None for no last one.
    pes
        Events of these PEs are kept; None for all PEs.

    Raises
    ------
    ConfigError
        The window is empty.
    """

    first_cycle: int = 0
    last_cycle: int | None = None
    pes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.first_cycle < 0:
            raise ConfigError(f"first_cycle: expected 0 or more, found {self.first_cycle}")
        if self.last_cycle is not None and self.last_cycle < self.first_cycle:
            raise ConfigError(
                f"last_cycle: expected {self.first_cycle}, which is the first one, or more, found "
                f"{self.last_cycle}"
            )
        if self.pes is not None and not self.pes:
            raise ConfigError("pes: expected at least one PE, found none")

    def list_pes(self, n_pes: int) -> Int32s:
        """Return the numbers of the PEs, ascending; ConfigError where the machine lacks one."""
        if self.pes is None:
            return np.arange(n_pes, dtype=np.int32)
        wrong = [pe for pe in self.pes if not 0 <= pe < n_pes]
        if wrong:
            raise ConfigError(f"pes: expected 0 to {n_pes - 1}, found {wrong[0]}")
        return np.unique(np.array(self.pes, np.int32))

    def require(self, cycles: int) -> None:
        """Check that the window begins within a run; ConfigError where it does not."""
        if self.first_cycle > cycles:
            raise ConfigError(
                f"first_cycle: expected 0 to {cycles}, the last cycle of the run, found "
                f"{self.first_cycle}"
            )


class RowSpans(NamedTuple):
    """From when to when each row of activations is before the detector.

    Cycles in which the next row is moved from the activation SRAM count for the row before.
    """

    first_cycle: Int32s
    last_cycle: Int32s
    row: Int32s


class BroadcastEvents(NamedTuple):
    """The broadcasts: a non-zero activation is pushed into all queues.

    `value` is the activation that the register stands for.
    """

    cycle: Int32s
    column: Int32s
    value: Float32s


class StallSpans(NamedTuple):
    """Cycles in which a broadcast waits; `cause` is `WaitCause.QUEUE` or `WaitCause.DRAM`."""

    first_cycle: Int32s
    last_cycle: Int32s
    cause: Int32s


class ColumnSpans(NamedTuple):
    """The columns that each PE works on, empty ones, too.

    Attributes
    ----------
    push_cycle
        The column's activation is broadcast.
    first_cycle, last_cycle
        The PE has the column. Pointer read pops the activation and reads both pointers in the cycle
        before the first one.
    entries, padding
        All entries of the column in this PE; the padding zeros among them.
    """

    pe: Int32s
    column: Int32s
    push_cycle: Int32s
    first_cycle: Int32s
    last_cycle: Int32s
    entries: Int32s
    padding: Int32s

    @property
    def pop_cycle(self) -> Int32s:
        """The activation is popped, and the two pointers are read."""
        return self.first_cycle - np.int32(1)


class WaitSpans(NamedTuple):
    """Cycles of the run in which a PE has no column, and the cause, a `WaitCause`."""

    pe: Int32s
    first_cycle: Int32s
    last_cycle: Int32s
    cause: Int32s


class WordEvents(NamedTuple):
    """Reads of sparse-matrix words; `word` is the number of the word within the PE."""

    cycle: Int32s
    pe: Int32s
    column: Int32s
    word: Int32s


class EntryEvents(NamedTuple):
    """Entries, in the cycle in which pointer read issues them.

    Attributes
    ----------
    code, relative_index
        As in the word; code 0 is a padding zero.
    row
        Row within the PE; that of the matrix is ``row * n_pes + pe``.
    """

    cycle: Int32s
    pe: Int32s
    code: Int32s
    relative_index: Int32s
    row: Int32s

    @property
    def is_padding(self) -> npt.NDArray[np.bool_]:
        """Whether an entry is a padding zero, which writes nothing."""
        return np.equal(self.code, 0)


class WriteEvents(NamedTuple):
    """Writes of accumulators: row within the PE, and the new value that the register stands for."""

    cycle: Int32s
    pe: Int32s
    row: Int32s
    value: Float32s


class FetchSpans(NamedTuple):
    """Cycles in which DRAM sends what a column needs over all PEs."""

    first_cycle: Int32s
    last_cycle: Int32s
    column: Int32s


class RequestEvents(NamedTuple):
    """What is fetched from DRAM, in the cycle in which the fetch of its column begins.

    `kind` is a `RequestKind`, `number` that of the pointer or word within the PE.
    """

    cycle: Int32s
    pe: Int32s
    column: Int32s
    kind: Int32s
    number: Int32s


@dataclass(frozen=True, eq=False)
class Schedule:
    """Who does what in which cycle of a run.

    Events behind the end of the run are in it, too: columns that are empty in a PE, behind the last
    entry of any PE, may be broadcast and popped then. A span is kept whole where it reaches into
    the window.

    Attributes
    ----------
    name
        Of the layer.
    cycles, scan_cycles
        As in `Counters`, of the whole run.
    pes : int32 [pes]
        The PEs of the window.
    """

    name: str
    hardware: Hardware
    window: Window
    cycles: int
    scan_cycles: int
    pes: Int32s
    rows: RowSpans
    broadcasts: BroadcastEvents
    stalls: StallSpans
    columns: ColumnSpans
    waits: WaitSpans
    words: WordEvents
    entries: EntryEvents
    writes: WriteEvents
    fetches: FetchSpans
    requests: RequestEvents

    @property
    def first_cycle(self) -> int:
        """First cycle of the window."""
        return self.window.first_cycle

    @property
    def last_cycle(self) -> int:
        """Last cycle of the run in the window."""
        last = self.window.last_cycle
        return self.cycles if last is None else min(last, self.cycles)


TABLES = tuple(field.name for field in fields(Schedule))[6:]
"""The attributes of `Schedule` that hold events."""
