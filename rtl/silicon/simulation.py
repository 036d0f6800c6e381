"""A netlist, cycle by cycle, with its gates' delays; what a cycle takes by block and part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rtl.silicon._kernels import Bits, Ints, Wiring, settle
from rtl.silicon.netlist import COMPLEMENT, LARGEST_FAN_IN, Netlist
from rtl.silicon.power import Floats, Power

PARTS = ("clock", "register", "combinational")
"""Of Table II: the clock's pins and wires with the clock gates; data and outputs of the flip-flops;
the gates, with all that is read from an SRAM."""
CLOCK_PS = 1250
"""800 MHz."""


class Simulation:
    """A netlist with state; `memories` gives words of SRAMs by the beginning of their names."""

    def __init__(
        self,
        netlist: Netlist,
        power: Power,
        memories: Mapping[str, Sequence[int]] | None = None,
        inertial: bool = True,
    ) -> None:
        self.netlist, self.power = netlist, power
        self.values: Bits = np.zeros(netlist.n_nets, np.uint8)
        self.values[1] = 1
        self.toggles: Ints = np.zeros((2, netlist.n_nets), np.int64)
        self.slowest_ps = 0
        flip_flops, gates = netlist.flip_flops, netlist.clock_gates
        self._d = np.array([it.d for it in flip_flops], np.int64)
        self._q = np.array([it.q for it in flip_flops], np.int64)
        of_net = {it.net: number for number, it in enumerate(gates)}
        self._gate = np.array([of_net.get(it.clock, len(gates)) for it in flip_flops], np.int64)
        self._enable = np.array([it.enable for it in gates] + [1], np.int64)  # the last is open
        self.blocks = sorted(
            {it.block for it in netlist.gates}
            | {it.block for it in flip_flops}
            | {it.block for it in netlist.srams}
            | {"inputs"}
        )
        self._wiring = make_wiring(netlist, power, inertial)
        self._place_nets()
        self._memories = [
            next(words for name, words in (memories or {}).items() if sram.name.startswith(name))
            for sram in netlist.srams
        ]
        self._settle(np.array([(-1 - number, 0) for number in range(len(netlist.gates))]))
        self.toggles[:] = 0
        self.slowest_ps = 0

    def _place_nets(self) -> None:
        """Give each net, flip-flop and clock gate its place among (block, part)."""
        number = {block: k * len(PARTS) for k, block in enumerate(self.blocks)}
        self._net_place = np.full(self.netlist.n_nets, number["inputs"] + 2)
        for gate in self.netlist.gates:
            part = "register" if gate.pin == COMPLEMENT else "combinational"
            self._net_place[gate.net] = number[gate.block] + PARTS.index(part)
        for sram in self.netlist.srams:
            self._net_place[sram.word] = number[sram.block] + 2
        self._ff_place = np.array([number[it.block] for it in self.netlist.flip_flops], np.int64)
        self._net_place[self._q] = self._ff_place + 1
        self._gate_place = np.array([number[it.block] for it in self.netlist.clock_gates], np.int64)

    def read(self, port: str) -> int:
        """Return the value of a port."""
        return sum(int(self.values[net]) << k for k, net in enumerate(self.netlist.ports[port]))

    def force(self, name: str, value: int) -> None:
        """Give nets of the source, registers' outputs, a value; it stays until they are clocked."""
        nets = self.netlist.names[name]
        self._settle(np.array([(net, value >> k & 1) for k, net in enumerate(nets)]))

    def run_cycle(self, inputs: Mapping[str, int]) -> Floats:
        """Clock the netlist and set inputs; return the cycle's energy in pJ: [blocks, parts]."""
        values, power = self.values, self.power
        opened = values[self._enable] == 1
        clocked = opened[self._gate]
        before = 2 * values[self._d] + values[self._q]
        changes = [(net, value) for net, value in self._list_inputs(inputs)]
        changes += self._read_srams()
        moved = clocked & (values[self._d] != values[self._q])
        changes += list(zip(self._q[moved], values[self._d][moved], strict=True))
        self.toggles[:] = 0
        at_half = self._settle(np.array(changes, np.int64).reshape(-1, 2))
        after = 2 * at_half[self._d] + at_half[self._q]
        every = np.arange(len(before))
        clock_fj = power.clocked_fj[every, 0, before] + power.clocked_fj[every, 1, after]
        high, low = self.toggles[:, self._d]
        data_fj = np.where(clocked, power.data_fj[:, 0], power.data_fj[:, 1]) * high
        data_fj += power.data_fj[:, 1] * low
        gated_fj = power.gated_fj[np.arange(len(opened) - 1), opened[:-1].astype(np.int64)]
        fj = np.bincount(
            np.concatenate([self._net_place, self._ff_place, self._ff_place + 1, self._gate_place]),
            np.concatenate(
                [self.toggles.sum(axis=0) * power.toggle_fj, clock_fj * clocked, data_fj, gated_fj]
            ),
            len(self.blocks) * len(PARTS),
        )
        energy_pj: Floats = 1e-3 * fj.astype(np.float64).reshape(-1, len(PARTS))
        return energy_pj

    def _list_inputs(self, inputs: Mapping[str, int]) -> list[tuple[int, int]]:
        return [
            (int(net), value >> k & 1)
            for name, value in inputs.items()
            for k, net in enumerate(self.netlist.ports[name])
        ]

    def _read_srams(self) -> list[tuple[int, int]]:
        changes = []
        for sram, words in zip(self.netlist.srams, self._memories, strict=True):
            if self.values[sram.read]:
                address = sum(int(self.values[net]) << k for k, net in enumerate(sram.address))
                word = words[address] if address < len(words) else 0
                changes += [(int(net), word >> k & 1) for k, net in enumerate(sram.word)]
        return changes

    def _settle(self, changes: Ints) -> Bits:
        at_half = np.empty_like(self.values)
        last = settle(self._wiring, self.values, changes, CLOCK_PS // 2, at_half, self.toggles)
        if last < 0:
            raise RuntimeError("the netlist does not settle: a gate oscillates, or is too slow")
        self.slowest_ps = max(self.slowest_ps, last)
        return at_half


def make_wiring(netlist: Netlist, power: Power, inertial: bool) -> Wiring:
    """Return the gates of a netlist as arrays."""
    inputs = np.zeros((len(netlist.gates), LARGEST_FAN_IN), np.int64)
    sinks: list[list[int]] = [[] for _ in range(netlist.n_nets)]
    for number, gate in enumerate(netlist.gates):
        inputs[number, : len(gate.inputs)] = gate.inputs
        for net in set(gate.inputs):
            sinks[net].append(number)
    first = np.cumsum([0, *map(len, sinks)])
    return Wiring(
        inputs,
        np.array([gate.table for gate in netlist.gates], np.uint64),
        np.array([gate.net for gate in netlist.gates], np.int64),
        np.array([gate for gates in sinks for gate in gates], np.int64),
        first,
        power.rise_ps,
        power.fall_ps,
        inertial,
    )
