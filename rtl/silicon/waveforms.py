"""The second way to count what a netlist of gates takes: voltages instead of events.

Each gate is a resistor and a capacitor that follow the gate's function: its output nears the goal
with the time constant that gives the library's delay, delay / ln 2. A static CMOS stage inverts; so
a gate that does not only invert, by the `timing_sense` of its arcs, is two stages with half of the
delay each. Energy is half of C V^2 and the cell's own times the swing, so that a glitch that does
not reach the rail takes a part. Of the simulation by events it shares the library's delays and
energies of a full toggle, and nothing of how changes are found, filtered or counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

import numpy as np
import numpy.typing as npt

from rtl.silicon._kernels import Stages, follow
from rtl.silicon.netlist import Netlist
from rtl.silicon.power import Library, Power
from rtl.silicon.simulation import Simulation, make_wiring

GAIN = 8.0
"""Of a stage around half of the voltage; from 4 to 16 a multiplication changes by 1 %."""


def find_stages(netlist: Netlist, power: Power, library: Library, doubling: bool = True) -> Stages:
    """Return the gates as stages; without `doubling` each is one, whatever its function."""
    wiring = make_wiring(netlist, power, inertial=True)
    doubled = np.array(
        [doubling and not _only_inverts(it.cell, it.pin, library) for it in netlist.gates]
    )
    share = np.ones(netlist.n_nets)
    share[wiring.nets[doubled]] = 0.5
    return Stages(
        wiring.inputs, wiring.tables, wiring.nets,
        np.array([len(gate.inputs) for gate in netlist.gates], np.int64),
        doubled, share * power.rise_ps / log(2), share * power.fall_ps / log(2),
    )  # fmt: skip


def _only_inverts(cell: str, pin: str, library: Library) -> bool:
    arcs = library.find_pin(cell, pin).select("timing")
    return all(arc.values["timing_sense"] == "negative_unate" for arc in arcs)


def sum_swings_pj(
    netlist: Netlist, power: Power, stages: Stages, operations: Sequence[Mapping[str, int]]
) -> float:
    """Return the energy of a sequence of inputs of a netlist without registers, in pJ."""
    start = Simulation(netlist, power)  # all inputs 0, settled
    volts: npt.NDArray[np.float64] = start.values.astype(float)
    swings = np.zeros_like(volts)
    for inputs in operations:
        for name, value in inputs.items():
            for k, net in enumerate(netlist.ports[name]):
                swings[net] += abs((value >> k & 1) - volts[net])
                volts[net] = value >> k & 1
        if follow(stages, volts, volts[stages.nets], GAIN, swings) < 0:
            raise RuntimeError("the voltages do not come to rest")
        volts = np.round(volts)
    return float(1e-3 * (swings * power.toggle_fj).sum())
