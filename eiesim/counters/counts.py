"""What a run counts, per PE and in total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from eiesim.base.units import bits_to_bytes
from eiesim.hardware import Hardware

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PeCounters:
    """Counts of every PE, int64 [n_pes] each.

    Attributes
    ----------
    busy_cycles
        Cycles in which pointer read has a column: `macs`, `padding_macs` and `empty_column_cycles`.
    empty_column_cycles
        Cycles of columns in which the PE has no entry, one each.
    starved_cycles
        Cycles without a column before the PE's last one, or before the end of a run that has no
        entry in any PE: the sum of the three counts that follow.
        What is broadcast in cycle t can be worked on in t + 2 + `broadcast_latency_cycles`. The
        cause of a starved cycle is what kept the control unit from broadcasting as many cycles
        before.
    scan_starved_cycles
        Starved while the scan had no non-zero to send: the run had not begun, or a row was loaded.
    queue_starved_cycles
        Starved while a full queue held the broadcast.
    dram_starved_cycles
        Starved while DRAM held the broadcast though no queue was full.
    drained_cycles
        Cycles after the PE's last column, until the run ends; 0 in a run without any entry.
    ptr_reads
        Pointer look-ups; each reads both banks, start and end of a column.
    ptr_dram_reads
        Pointers that came from DRAM, at most two a look-up.
    spmat_reads
        Words read by way of the sparse-matrix SRAM.
    spmat_dram_words
        Of `spmat_reads`, the words that came from DRAM.
    macs
        Multiply-accumulates: entries with a code other than 0.
    padding_macs
        Entries with code 0, the padding zeros: they take a cycle and write nothing.
    accumulator_reads, accumulator_writes
        Accesses of the accumulators, the destination activation registers.
    bypasses
        Multiply-accumulates that took the accumulator's value from the pipeline, since its last
        write, issued one or two cycles before, was not committed yet.
    act_register_reads
        Source activation registers read for the scan, the bias's 1.0 included.
    act_sram_reads, act_sram_writes
        Activations moved between the activation SRAM and a register file that cannot hold all of
        the PE's inputs (reads) or outputs (writes): each once. 0 where the register files suffice.
        With a `delta_threshold` also what is kept there: each input's value when it was sent last
        is read once a step, and written if its change is sent; sums that the registers cannot hold
        are read again in the next step.
    """

    busy_cycles: Counts
    empty_column_cycles: Counts
    starved_cycles: Counts
    scan_starved_cycles: Counts
    queue_starved_cycles: Counts
    dram_starved_cycles: Counts
    drained_cycles: Counts
    ptr_reads: Counts
    ptr_dram_reads: Counts
    spmat_reads: Counts
    spmat_dram_words: Counts
    macs: Counts
    padding_macs: Counts
    accumulator_reads: Counts
    accumulator_writes: Counts
    bypasses: Counts
    act_register_reads: Counts
    act_sram_reads: Counts
    act_sram_writes: Counts

    def __post_init__(self) -> None:
        counts = np.array([getattr(self, name) for name in PE_FIELDS], dtype=np.int64)
        counts.setflags(write=False)
        for name, of_pes in zip(PE_FIELDS, counts, strict=True):
            object.__setattr__(self, name, of_pes)


PE_FIELDS = tuple(field.name for field in fields(PeCounters))
STARVED = ("scan_starved_cycles", "queue_starved_cycles", "dram_starved_cycles")
CAUSES = ("macs", "padding_macs", "empty_column_cycles", *STARVED, "drained_cycles")
"""What a PE does in a cycle: for each PE, these add up to the cycles of the run."""
TIMES = (
    "busy_cycles", "empty_column_cycles", "starved_cycles", *STARVED, "drained_cycles",
)  # fmt: skip
TOTALS = tuple(name for name in PE_FIELDS if name not in TIMES)


class Totals(NamedTuple):
    """Counts of a run, those of `PeCounters` added over all PEs."""

    cycles: int
    scan_cycles: int
    rows_scanned: int
    broadcasts: int
    stall_cycles: int
    dram_stall_cycles: int
    ptr_reads: int
    ptr_dram_reads: int
    spmat_reads: int
    spmat_dram_words: int
    macs: int
    padding_macs: int
    accumulator_reads: int
    accumulator_writes: int
    bypasses: int
    act_register_reads: int
    act_sram_reads: int
    act_sram_writes: int


class _PerPe:
    """A count of every PE, int64 [n_pes], as `PeCounters` has it under the same name."""

    def __set_name__(self, _: type, name: str) -> None:
        self.name = name

    def __get__(self, counters: Any, _: type) -> Counts:
        return cast(Counts, getattr(counters.pe, self.name))


class _Total:
    """A count of `PeCounters` under the same name, over all PEs."""

    def __set_name__(self, _: type, name: str) -> None:
        self.name = name

    def __get__(self, counters: Any, _: type) -> int:
        return int(getattr(counters.pe, self.name).sum())


@dataclass(frozen=True, eq=False)
class Counters:
    """Counts of a run. Accesses are totals here and per PE in `pe`; times of PEs are per PE.

    Attributes
    ----------
    cycles
        Cycles until the write of the last entry has left the pipeline; when there was no entry at
        all, the cycles of the scan.
    scan_cycles
        Cycle in which the scan of the activations ended.
    rows_scanned
        Rows of `n_pes` activations that were before the detector, the bias's row included.
    broadcasts
        Activations, the bias's 1.0 included, that were pushed into the queues.
    stall_cycles
        Cycles in which a broadcast waited for a full queue.
    dram_stall_cycles
        Cycles in which a broadcast waited for its column's data though no queue was full.
    pe : PeCounters
        Counts of every PE.

    Raises
    ------
    ValueError
        For a PE, the counts of `CAUSES` do not add up to `cycles`, or busy and starved cycles are
        not the sums of theirs.
    """

    cycles: int
    scan_cycles: int
    rows_scanned: int
    broadcasts: int
    stall_cycles: int
    dram_stall_cycles: int
    pe: PeCounters

    def __post_init__(self) -> None:
        causes = np.array([getattr(self.pe, name) for name in CAUSES])
        busy, starved = causes[:3].sum(axis=0), causes[3:6].sum(axis=0)
        if (causes < 0).any() or (busy + starved + causes[6] != self.cycles).any():
            raise ValueError("the causes of the PEs' cycles do not add up to the cycles")
        if (busy != self.busy_cycles).any() or (starved != self.starved_cycles).any():
            raise ValueError("busy and starved cycles are not the sums of their causes")

    busy_cycles = _PerPe()
    empty_column_cycles = _PerPe()
    starved_cycles = _PerPe()
    scan_starved_cycles = _PerPe()
    queue_starved_cycles = _PerPe()
    dram_starved_cycles = _PerPe()
    drained_cycles = _PerPe()
    ptr_reads = _Total()
    ptr_dram_reads = _Total()
    spmat_reads = _Total()
    spmat_dram_words = _Total()
    macs = _Total()
    padding_macs = _Total()
    accumulator_reads = _Total()
    accumulator_writes = _Total()
    bypasses = _Total()
    act_register_reads = _Total()
    act_sram_reads = _Total()
    act_sram_writes = _Total()

    def add_pes(self) -> Totals:
        """Return every count of the whole run."""
        return Totals(*[int(getattr(self, name)) for name in Totals._fields])

    def totals(self) -> dict[str, int]:
        """Return every count of the whole run by name."""
        return self.add_pes()._asdict()


def count_dram_bytes(counts: Counters | Totals, hw: Hardware) -> int:
    """Return the bytes streamed from DRAM: words and pointers that the SRAMs do not hold."""
    return bits_to_bytes(
        counts.spmat_dram_words * hw.spmat_width_bits + counts.ptr_dram_reads * hw.ptr_bits
    )


RUN_FIELDS = tuple(field.name for field in fields(Counters) if field.name != "pe")


def add_counters(parts: Sequence[Counters]) -> Counters:
    """Return the counts of runs on one machine, at least one, one after the other."""
    if len(parts) == 1:
        return parts[0]
    pe = PeCounters(
        *(np.sum([getattr(part.pe, name) for part in parts], axis=0) for name in PE_FIELDS)
    )
    of_runs = {name: sum(getattr(part, name) for part in parts) for name in RUN_FIELDS}
    return Counters(pe=pe, **of_runs)
