"""Units by themselves: what is synthesised, and what an operation of them takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtl.silicon.netlist import Netlist
from rtl.silicon.operands import Feed
from rtl.silicon.power import Library, Power
from rtl.silicon.simulation import Simulation
from rtl.silicon.synthesis import Job
from rtl.silicon.waveforms import find_stages, sum_swings_pj

MULTIPLIERS = {bits: Job("multiplier", ("units.sv",), {"BITS": bits}) for bits in (8, 16, 32)}
ADDERS = {bits: Job("adder", ("units.sv",), {"BITS": bits}) for bits in (8, 16, 32)}
NODE = Job("lnzd_node", ("lnzd_node.sv",), {"LANE_BITS": 6})
NODE_WITH_VALUE = Job("lnzd_node", ("lnzd_node.sv",), {"LANE_BITS": 6 + 16})
TREE = Job("lnzd", ("lnzd.sv", "lnzd_node.sv"), {"LANES": 64, "LANE_BITS": 6})
TREE_NODES = 21

Operations = list[dict[str, int]]


@dataclass(frozen=True)
class UnitEnergy:
    """Energy of one operation of a unit, in pJ, by how toggles are counted.

    Attributes
    ----------
    settled_pj
        Each net toggles once at most: glitches are left out.
    events_pj
        With the gates' delays; what is shorter than a gate's delay does not pass it.
    waveforms_pj
        By voltages, see `waveforms`.
    single_pj
        The same with one stage a gate.
    unfiltered_pj
        By events, had every glitch passed every gate.
    slowest_ps
        When the last net has changed.
    """

    settled_pj: float
    events_pj: float
    waveforms_pj: float
    single_pj: float
    unfiltered_pj: float
    slowest_ps: int


def measure_unit(
    netlist: Netlist, library: Library, power: Power, operations: Operations
) -> UnitEnergy:
    """Return the energy of an operation, the mean over a sequence."""
    settled_pj, events_pj, slowest_ps = sum_events(netlist, power, operations)
    waveforms_pj, single_pj = (
        sum_swings_pj(netlist, power, find_stages(netlist, power, library, doubling), operations)
        for doubling in (True, False)
    )
    _, unfiltered_pj, _ = sum_events(netlist, power, operations, inertial=False)
    number = len(operations)
    return UnitEnergy(
        settled_pj / number,
        events_pj / number,
        waveforms_pj / number,
        single_pj / number,
        unfiltered_pj / number,
        slowest_ps,
    )


def sum_events(
    netlist: Netlist, power: Power, operations: Iterable[Mapping[str, int]], inertial: bool = True
) -> tuple[float, float, int]:
    """Return the energy of a sequence of inputs without and with glitches, pJ; the slowest, ps."""
    simulation = Simulation(netlist, power, inertial=inertial)
    settled_fj, events_pj = 0.0, 0.0
    for inputs in operations:
        before = simulation.values.copy()
        events_pj += float(simulation.run_cycle(inputs).sum())
        settled_fj += float((power.toggle_fj * (before != simulation.values)).sum())
    return 1e-3 * settled_fj, events_pj, simulation.slowest_ps


def make_operations(products: npt.NDArray[np.int64], bits: int = 16) -> Operations:
    """Return the inputs of a unit with the operands a and b: [operations, 2]."""
    mask = (1 << bits) - 1
    return [{"a": a & mask, "b": b & mask} for a, b in products.tolist()]


def list_candidates(feed: Feed, n_cycles: int) -> Operations:
    """Return the lanes with a non-zero that was not sent yet, each time that they change."""
    broadcasts = feed.schedule.broadcasts
    waiting = feed.column_values.reshape(-1, 64) != 0
    operations = []
    row = -1
    for column in broadcasts.column[broadcasts.cycle <= n_cycles].tolist():
        while row < column // 64:
            row += 1
            operations.append({"candidates": _join(waiting[row])})
        waiting[row, column % 64] = False
        operations.append({"candidates": _join(waiting[row])})
    return operations


def _join(lanes: npt.NDArray[np.bool_]) -> int:
    return sum(1 << lane for lane in np.flatnonzero(lanes).tolist())
