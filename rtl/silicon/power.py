"""Energies of a netlist's nets and flip-flops, and delays of its gates, from the library's tables.

Energies are in fJ, capacitances in fF, times in ps. The library's tables of energies are in its
unit of capacitance times volts squared, which is fJ, and leave out what charges the load. A net
that toggles takes half of C V^2, C being the pins on it and its wire, and what the cell that drives
it takes inside. Wires are the library's default wire-load model. Tables are read at the net's load
and at the slew of the gate's inputs; one number stands for a toggle, the mean over rise and fall,
over the inputs and over their conditions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from rtl.silicon.liberty import Group
from rtl.silicon.netlist import ClockGate, Netlist

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SLEW_NS = 0.02
"""Of the clock and of what comes from outside: a fast edge of the library, whose tables go from
0.001 to 0.2 ns."""
ENERGY = ("rise_power", "fall_power")


@dataclass(frozen=True)
class Table:
    """Numbers over slew (ns) and load (fF); linear between its points, constant outside of them."""

    slews: Floats
    loads: Floats
    values: Floats

    def interpolate(self, slew_ns: float, load_ff: float = 0.0) -> float:
        """Return the value at a slew and a load."""
        if not self.slews.size:
            return float(self.values[0])
        if not self.loads.size:
            return float(np.interp(slew_ns, self.slews, self.values))
        rows = [np.interp(load_ff, self.loads, row) for row in self.values]
        return float(np.interp(slew_ns, self.slews, rows))


class Library:
    """A cell library's tables and capacitances, looked up."""

    def __init__(self, liberty: Group) -> None:
        self.liberty = liberty
        self.voltage_v = float(liberty.values["nom_voltage"])
        wire = liberty.find("wire_load", liberty.values["default_wire_load"])
        lengths = [words for key, words in wire.tuples if key == "fanout_length"]
        self._fan_outs, self._lengths = np.array(lengths, float).T
        self._slope = float(wire.values["slope"])
        self._ff_per_length = float(wire.values["capacitance"])
        self.find_pin = cache(lambda cell, pin: liberty.find("cell", cell).find("pin", pin))
        self.find_table = cache(self._find_table)

    def find_area_um2(self, cell: str) -> float:
        """Return the area of a cell."""
        return float(self.liberty.find("cell", cell).values["area"])

    def find_capacitance_ff(self, cell: str, pin: str) -> float:
        """Return the capacitance of an input pin."""
        return float(self.find_pin(cell, pin).values["capacitance"])

    def find_wire_ff(self, fan_out: int) -> float:
        """Return the capacitance of a net's wire by the library's default wire-load model."""
        beyond = max(0.0, fan_out - self._fan_outs[-1]) * self._slope
        length = float(np.interp(fan_out, self._fan_outs, self._lengths)) + beyond
        return self._ff_per_length * length if fan_out else 0.0

    def find_half_cv2_fj(self, load_ff: float) -> float:
        """Return what a toggle of a capacitance takes."""
        return load_ff * self.voltage_v**2 / 2

    def _find_table(
        self,
        cell: str,
        pin: str,
        kinds: tuple[str, ...],
        arc: str = "",
        when: frozenset[str] = frozenset(),
    ) -> Table:
        """Return the mean of a pin's tables of these kinds.

        `arc` is the input that causes the change, `when` what the condition must hold.
        """
        found = [
            table
            for group in self.find_pin(cell, pin).groups
            if group.values.get("related_pin", "") == arc
            and when <= set(group.values.get("when", "").split(" & "))
            for table in group.groups
            if table.kind in kinds
        ]
        full = max(found, key=lambda table: table.read_numbers("values").size)
        slews, loads = full.read_numbers("index_1"), full.read_numbers("index_2")
        shape = tuple(it.size for it in (slews, loads) if it.size) or (1,)
        values = [
            np.broadcast_to(numbers.reshape(shape) if numbers.size > 1 else numbers, shape)
            for numbers in (table.read_numbers("values") for table in found)
        ]
        return Table(slews, loads, np.mean(values, axis=0))


@dataclass(frozen=True)
class Power:
    """What the nets, flip-flops and clock gates of a netlist take.

    Attributes
    ----------
    load_ff, toggle_fj, rise_ps, fall_ps
        Of each net: its capacitance, the energy of a toggle, the delays of the cell that drives it.
    clocked_fj
        Of each flip-flop: a rise and a fall of its clock by 2 D + Q: [flip-flops, 2, 4].
    data_fj
        Of each flip-flop: a toggle of D while the clock is 1, and while it is 0: [flip-flops, 2].
    gated_fj
        Of each clock gate: a cycle in which it is closed, and in which it is open: [gates, 2].
    """

    load_ff: Floats
    toggle_fj: Floats
    rise_ps: Ints
    fall_ps: Ints
    clocked_fj: Floats
    data_fj: Floats
    gated_fj: Floats


def find_power(netlist: Netlist, library: Library) -> Power:
    """Look up what each net, flip-flop and clock gate of a netlist takes."""
    pins_ff, fan_out = np.zeros(netlist.n_nets), np.zeros(netlist.n_nets, np.int64)
    for net, cell, pin in netlist.pins:
        pins_ff[net] += library.find_capacitance_ff(cell, pin)
        fan_out[net] += 1
    wires_ff = np.array([library.find_wire_ff(int(it)) for it in fan_out])
    shares_ff = wires_ff / np.maximum(fan_out, 1)
    load_ff = pins_ff + wires_ff
    toggle_fj = library.find_half_cv2_fj(1.0) * load_ff
    toggle_fj[:2] = 0.0  # constants
    rise_ps, fall_ps = np.ones((2, netlist.n_nets), np.int64)
    slews_ns = np.full(netlist.n_nets, SLEW_NS)
    for flip_flop in netlist.flip_flops:
        output = Output(
            library, flip_flop.cell, "Q", float(load_ff[flip_flop.q]), (("CK", SLEW_NS),)
        )
        # the complement toggles with it
        complement = Output(library, flip_flop.cell, "QN", 0.0, (("CK", SLEW_NS),))
        toggle_fj[flip_flop.q] += output.average(*ENERGY) + complement.average(*ENERGY)
        slews_ns[flip_flop.q] = output.average("rise_transition", "fall_transition")
    for gate in netlist.gates:
        arcs = tuple((arc, float(slews_ns[it])) for arc, it in zip(gate.arcs, gate.inputs))  # noqa: B905
        if arcs:
            output = Output(library, gate.cell, gate.pin, float(load_ff[gate.net]), arcs)
            toggle_fj[gate.net] += output.average(*ENERGY)
            rise_ps[gate.net] = max(1, round(1e3 * output.average("cell_rise")))
            fall_ps[gate.net] = max(1, round(1e3 * output.average("cell_fall")))
            slews_ns[gate.net] = output.average("rise_transition", "fall_transition")
    for clock_gate in netlist.clock_gates:
        enable = library.find_table(clock_gate.cell, "E", ENERGY, when=frozenset({"!CK"}))
        toggle_fj[clock_gate.enable] += enable.interpolate(SLEW_NS)
    clocked = [_find_clocked_fj(it.cell, shares_ff[it.clock], library) for it in netlist.flip_flops]
    data = [_find_data_fj(it.cell, library) for it in netlist.flip_flops]
    gated = [
        _find_gated_fj(it, shares_ff[it.clock], load_ff[it.net], library)
        for it in netlist.clock_gates
    ]
    return Power(
        load_ff, toggle_fj, rise_ps, fall_ps, np.reshape(clocked, (-1, 2, 4)),
        np.reshape(data, (-1, 2)), np.reshape(gated, (-1, 2)),
    )  # fmt: skip


@dataclass(frozen=True)
class Output:
    """An output of a cell at its load, with the inputs that change it and their slews."""

    library: Library
    cell: str
    pin: str
    load_ff: float
    arcs: tuple[tuple[str, float], ...]

    def average(self, *kinds: str) -> float:
        """Return the mean of these tables over the inputs."""
        numbers = [
            self.library.find_table(self.cell, self.pin, kinds, arc).interpolate(slew, self.load_ff)
            for arc, slew in self.arcs
        ]
        return sum(numbers) / len(numbers)


def _find_clocked_fj(cell: str, wire_ff: float, library: Library) -> Floats:
    """Return a rise and a fall of the clock, its pin and wire too, by 2 D + Q: [2, 4]."""
    pin_fj = library.find_half_cv2_fj(library.find_capacitance_ff(cell, "CK") + wire_ff)
    states = [frozenset({"D" if d else "!D", "Q" if q else "!Q"}) for d in (0, 1) for q in (0, 1)]
    return pin_fj + np.array(
        [
            [library.find_table(cell, "CK", (kind,), when=it).interpolate(SLEW_NS) for it in states]
            for kind in ENERGY
        ]
    )


def _find_data_fj(cell: str, library: Library) -> list[float]:
    return [
        library.find_table(cell, "D", ENERGY, when=frozenset({clock})).interpolate(SLEW_NS)
        for clock in ("CK", "!CK")
    ]


def _find_gated_fj(
    gate: ClockGate, wire_ff: float, load_ff: float, library: Library
) -> list[float]:
    """Return a closed and an open cycle; what it drives is counted at the flip-flops."""
    cell = gate.cell
    pin_fj = 2 * library.find_half_cv2_fj(library.find_capacitance_ff(cell, "CK") + wire_ff)
    closed = library.find_table(cell, "CK", ENERGY, when=frozenset({"!E"})).interpolate(SLEW_NS)
    opened = library.find_table(cell, "GCK", ENERGY, "CK").interpolate(SLEW_NS, load_ff)
    return [pin_fj + 2 * closed, pin_fj + 2 * opened]
