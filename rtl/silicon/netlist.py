"""A synthesised netlist as plain arrays: nets, gates, flip-flops, clock gates, SRAMs.

A net is the number that Yosys gives it; nets 0 and 1 are the constants. A gate is one output of a
combinational cell, so that a full adder is two gates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rtl.silicon.liberty import Group, find_truth_table

Ints = npt.NDArray[np.int64]
LARGEST_FAN_IN = 6
COMPLEMENT = "QN"
"""A flip-flop's second output, which is a gate of no delay behind the first one."""


@dataclass(frozen=True)
class Gate:
    """One output of a combinational cell: its net is a function of nets, the first the lowest bit.

    Attributes
    ----------
    arcs
        Name of the cell's pin behind each of the inputs.
    """

    cell: str
    block: str
    pin: str
    net: int
    inputs: tuple[int, ...]
    arcs: tuple[str, ...]
    table: int


@dataclass(frozen=True)
class FlipFlop:
    """A rising-edge flip-flop; its `clock` is a net, a clock gate's output or the clock itself."""

    cell: str
    block: str
    d: int
    q: int
    clock: int


@dataclass(frozen=True)
class ClockGate:
    """A cell that hands its `clock` on to `net` in the cycles in which `enable` is 1."""

    cell: str
    block: str
    clock: int
    enable: int
    net: int


@dataclass(frozen=True)
class SramPort:
    """What a black box of an SRAM is connected to."""

    block: str
    name: str
    read: int
    address: Ints
    word: Ints


@dataclass(frozen=True)
class Netlist:
    """Cells and nets of one synthesised module.

    Attributes
    ----------
    ports
        Nets of each port, the lowest bit first.
    pins
        Net, cell and pin of each input pin of a cell.
    names
        Nets of each name of the source, the lowest bit first.
    """

    n_nets: int
    ports: Mapping[str, Ints]
    inputs: tuple[str, ...]
    gates: tuple[Gate, ...]
    flip_flops: tuple[FlipFlop, ...]
    clock_gates: tuple[ClockGate, ...]
    srams: tuple[SramPort, ...]
    pins: tuple[tuple[int, str, str], ...]
    names: Mapping[str, Ints]


def read_netlist(module: Mapping[str, Any], library: Group) -> Netlist:
    """Return the netlist of a module as Yosys writes it in JSON, its gates in topological order."""
    gates: list[Gate] = []
    flip_flops: list[FlipFlop] = []
    clock_gates: list[ClockGate] = []
    srams: list[SramPort] = []
    pins: list[tuple[int, str, str]] = []
    for name, content in module["cells"].items():
        kind, nets = content["type"], {k: _to_nets(v) for k, v in content["connections"].items()}
        block = _find_block(name)
        if kind == "$scopeinfo":
            continue
        if kind == "sram":
            srams.append(SramPort(block, name, int(nets["read"][0]), nets["address"], nets["word"]))
            continue
        cell = library.find("cell", kind)
        one = {pin: int(bits[0]) for pin, bits in nets.items() if bits.size}
        pins += [(one[pin.name], kind, pin.name) for pin in list_inputs(cell) if pin.name in one]
        if cell.select("ff"):
            flip_flops.append(FlipFlop(kind, block, one["D"], one["Q"], one["CK"]))
            if "QN" in one:
                gates.append(Gate(kind, block, COMPLEMENT, one["QN"], (one["Q"],), (), 0b01))
        elif "clock_gating_integrated_cell" in cell.values:
            clock_gates.append(ClockGate(kind, block, one["CK"], one["E"], one["GCK"]))
        else:
            gates += _list_gates(kind, block, cell, one)
    ports = {name: _to_nets(port["bits"]) for name, port in module["ports"].items()}
    entering = tuple(name for name, port in module["ports"].items() if port["direction"] == "input")
    every = [*(pin[0] for pin in pins), *(gate.net for gate in gates), *(it.q for it in flip_flops)]
    n_nets = 1 + max(every + [int(nets.max()) for nets in ports.values() if nets.size])
    n_nets = max([n_nets, *(1 + int(sram.word.max()) for sram in srams)])
    return Netlist(
        n_nets, ports, entering, tuple(_sort(gates)), tuple(flip_flops), tuple(clock_gates),
        tuple(srams), tuple(pins),
        {name: _to_nets(it["bits"]) for name, it in module["netnames"].items()},
    )  # fmt: skip


def list_inputs(cell: Group) -> list[Group]:
    """Return the input pins of a cell."""
    return [pin for pin in cell.select("pin") if pin.values.get("direction") == "input"]


def _to_nets(bits: list[int | str]) -> Ints:
    return np.array([bit if isinstance(bit, int) else int(bit == "1") for bit in bits], np.int64)


def _find_block(name: str) -> str:
    found = re.match(r"(?:\$flatten\\)?(\w+)\.", name)
    return found[1] if found else "top"


def _list_gates(kind: str, block: str, cell: Group, nets: Mapping[str, int]) -> Iterator[Gate]:
    arcs = [pin.name for pin in list_inputs(cell)]
    for pin in cell.select("pin"):
        if "function" in pin.values and pin.name in nets:
            table = find_truth_table(pin.values["function"], arcs)
            inputs = tuple(nets[arc] for arc in arcs)
            yield Gate(kind, block, pin.name, nets[pin.name], inputs, tuple(arcs), table)


def _sort(gates: list[Gate]) -> list[Gate]:
    driver = {gate.net: gate for gate in gates}
    done: set[int] = set()
    ordered: list[Gate] = []
    for gate in gates:
        stack = [gate]
        while stack:
            top = stack[-1]
            waiting = [driver[it] for it in top.inputs if it in driver and it not in done]
            stack.extend(waiting)
            if not waiting:
                stack.pop()
                if top.net not in done:
                    done.add(top.net)
                    ordered.append(top)
    return ordered
