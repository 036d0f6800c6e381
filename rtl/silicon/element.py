"""A PE in gates, fed with a run; what its modules take by part, and its actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtl.silicon.netlist import Netlist
from rtl.silicon.operands import MACHINE, Feed, join_bits
from rtl.silicon.power import Power
from rtl.silicon.simulation import PARTS, Simulation
from rtl.silicon.synthesis import Job, SiliconError

INSTANCES = {
    "queue": "act_queue", "pointers": "ptr_read", "matrix": "spmat_read", "arithmetic": "arithm",
    "registers": "act_rw",
}  # fmt: skip
"""Modules of a PE, as pe.sv calls them, and as Table II does."""
PE_JOB = Job(
    top="pe",
    files=tuple(f"{name}.sv" for name in (*INSTANCES.values(), "pe", "memory")),
    parameters={
        "QUEUE_DEPTH": 8, "COLUMN_BITS": 12, "POINTERS": 4097, "SOURCE_ROWS": 63,
        "SOURCE_BITS": 6, "ACCUMULATORS": 64, "ROW_BITS": 6, "WORDS": 16384, "WORD_BITS": 14,
    },
    whole=tuple(INSTANCES.values()),
)  # fmt: skip
"""A PE of the paper: 4 K columns, two files of 64 registers, 128 KB of matrix."""


@dataclass(frozen=True)
class PeRun:
    """Energy of a PE's first cycles, and how often each of its actions happened.

    Attributes
    ----------
    energy_pj
        Of each cycle, module and part: [cycles, modules of `INSTANCES`, `PARTS`].
    happened
        Of each action of Table II's modules, how often in each cycle: [cycles].
    """

    name: str
    energy_pj: npt.NDArray[np.float64]
    happened: Mapping[tuple[str, str], npt.NDArray[np.int64]]
    slowest_ps: int

    def count(self, module: str, action: str) -> int:
        """Return how often an action happened."""
        if action == "cycle":
            return len(self.energy_pj)
        return int(self.happened[module, action].sum())

    def sum_pj(self, module: str, part: str) -> float:
        """Return what a part of a module took."""
        place = list(INSTANCES.values()).index(module)
        return float(self.energy_pj[:, place, PARTS.index(part)].sum())


def run_element(netlist: Netlist, power: Power, feed: Feed, n_cycles: int) -> PeRun:
    """Run a PE's netlist; raises SiliconError where it does not write what the engine writes."""
    simulation = Simulation(netlist, power, feed.memories)
    idle = {name: 0 for name in netlist.inputs if name != "clock"}
    for reset in (1, 1, 0):
        simulation.run_cycle(idle | {"reset": reset})
    simulation.force("arithmetic.codebook.registers.bits", join_bits(feed.codebook))
    simulation.force("registers.source.registers.bits", join_bits(feed.source))
    simulation.slowest_ps = 0  # of the run alone
    broadcasts = feed.schedule.broadcasts
    sent = dict(zip(broadcasts.cycle.tolist(), broadcasts.column.tolist(), strict=True))
    rows = np.zeros(n_cycles + 1, np.int64)
    rows[feed.schedule.rows.first_cycle[feed.schedule.rows.first_cycle <= n_cycles]] = 1
    scanned = np.maximum(np.cumsum(rows) - 1, 0)
    places = [simulation.blocks.index(name) for name in INSTANCES]
    energy_pj = np.zeros((n_cycles, len(INSTANCES), len(PARTS)))
    seen = {name: np.zeros(n_cycles, np.int64) for name in ("ptr_read", "write", "bypass")}
    writes: list[tuple[int, int, int]] = []
    for cycle in range(1, n_cycles + 1):
        inputs = idle | {"source_row": int(scanned[cycle])}
        if cycle in sent:
            value = int(feed.column_values[sent[cycle]]) & 0xFFFF
            inputs |= {"take": 1, "arrive": 1, "arrived": sent[cycle] << 16 | value}
        energy_pj[cycle - 1] = simulation.run_cycle(inputs)[places]
        for name, numbers in seen.items():
            numbers[cycle - 1] = simulation.read(name)
        if seen["write"][cycle - 1]:
            writes.append((cycle, simulation.read("write_row"), simulation.read("write_value")))
    if writes != list_writes(feed, n_cycles):
        raise SiliconError(f"{feed.name}: the gates of a PE do not write what the engine writes")
    return PeRun(feed.name, energy_pj, _count(feed, seen, rows, n_cycles), simulation.slowest_ps)


def list_writes(feed: Feed, n_cycles: int) -> list[tuple[int, int, int]]:
    """Return cycle, row and value of the writes that a run makes, by the schedule of the engine."""
    entries = feed.schedule.entries
    sums: dict[int, int] = {}
    writes = []
    half = 1 << MACHINE.weight_fraction_bits >> 1
    products = feed.list_products(len(entries.cycle)).tolist()
    places = zip(entries.cycle.tolist(), entries.row.tolist(), entries.code.tolist(), strict=True)
    for (cycle, row, code), (weight, value) in zip(places, products, strict=True):
        if code == 0:  # a padding zero
            continue
        total = sums.get(row, 0) + ((weight * value + half) >> MACHINE.weight_fraction_bits)
        sums[row] = max(-(1 << 15), min((1 << 15) - 1, total))
        writes.append((cycle + 5, row, sums[row] & 0xFFFF))
    return [write for write in writes if write[0] <= n_cycles]


def _count(
    feed: Feed,
    seen: Mapping[str, npt.NDArray[np.int64]],
    rows: npt.NDArray[np.int64],
    n_cycles: int,
) -> dict[tuple[str, str], npt.NDArray[np.int64]]:
    def mark(cycles: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        return np.bincount(cycles[cycles <= n_cycles], minlength=n_cycles + 1)[1:]

    entries = mark(feed.schedule.entries.cycle)
    return {
        ("act_queue", "push"): mark(feed.schedule.broadcasts.cycle),
        ("act_queue", "pop"): seen["ptr_read"],
        ("ptr_read", "look-up"): seen["ptr_read"],
        ("spmat_read", "entry"): entries,
        ("arithm", "entry"): entries,
        ("arithm", "multiply"): entries,
        ("arithm", "add"): entries,
        ("act_rw", "register_read"): seen["write"] - seen["bypass"] + rows[1:],
        ("act_rw", "register_write"): seen["write"],
    }
