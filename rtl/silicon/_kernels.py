"""The compiled loops: a netlist's gates by events, and by voltages."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
HORIZON_PS = 1 << 15
"""Nothing takes longer to come to rest."""


class Wiring(NamedTuple):
    """Gates as arrays: inputs and truth table of each, and the gates that each net feeds.

    Attributes
    ----------
    sinks, first_sink
        The gates behind net n are ``sinks[first_sink[n]:first_sink[n + 1]]``.
    inertial
        A gate whose inputs come back before its output has changed stays as it is.
    """

    inputs: Ints
    tables: npt.NDArray[np.uint64]
    nets: Ints
    sinks: Ints
    first_sink: Ints
    rise_ps: Ints
    fall_ps: Ints
    inertial: bool


@kernel
def settle(
    wiring: Wiring, values: Bits, changes: Ints, half_ps: int, at_half: Bits, toggles: Ints
) -> int:
    """Let changes of nets run through the gates; return when the last net has changed, or -1.

    Parameters
    ----------
    values
        Of each net, changed in place.
    changes
        Nets that change at time 0, with their new values: int64 [changes, 2]. A net of -1 - g
        stands for gate g, which is evaluated.
    half_ps
        From here on the clock is 0.
    at_half
        Values of each net at that time: written.
    toggles
        Toggles of each net while the clock is 1, and while it is 0; is added to: [2, nets].
    """
    inputs, tables, nets = wiring.inputs, wiring.tables, wiring.nets
    capacity = 64 * (len(nets) + len(changes) + 16)
    node_net = np.empty(capacity, np.int64)
    node_value = np.empty(capacity, np.uint8)
    node_next = np.empty(capacity, np.int64)
    node_valid = np.empty(capacity, np.uint8)
    slots = np.full(HORIZON_PS, -1, np.int64)
    pending = np.full(len(values), -1, np.int64)  # the node of a net that is to change
    target = values.copy()
    stack = np.empty(len(nets), np.int64)
    marked = np.zeros(len(nets), np.uint8)
    count, waiting, last = 0, 0, 0
    depth = 0
    for number in range(len(changes)):
        net = changes[number, 0]
        if net < 0:
            if not marked[-1 - net]:
                marked[-1 - net] = 1
                stack[depth] = -1 - net
                depth += 1
            continue
        if values[net] != changes[number, 1]:
            node_net[count], node_value[count], node_valid[count] = net, changes[number, 1], 1
            node_next[count] = slots[0]
            slots[0] = count
            target[net] = changes[number, 1]
            count += 1
            waiting += 1
    for now in range(HORIZON_PS):
        if now == half_ps:
            at_half[:] = values
        if waiting == 0 and depth == 0:
            if now < half_ps:
                at_half[:] = values
            return last
        node = slots[now]
        while node >= 0:
            waiting -= 1
            net = node_net[node]
            if pending[net] == node:
                pending[net] = -1
            if node_valid[node] and values[net] != node_value[node]:
                values[net] = node_value[node]
                toggles[1 if now >= half_ps else 0, net] += 1
                last = now
                for place in range(wiring.first_sink[net], wiring.first_sink[net + 1]):
                    gate = wiring.sinks[place]
                    if not marked[gate]:
                        marked[gate] = 1
                        stack[depth] = gate
                        depth += 1
            node = node_next[node]
        while depth > 0:
            depth -= 1
            gate = stack[depth]
            marked[gate] = 0
            place = 0
            for k in range(inputs.shape[1]):
                place |= int(values[inputs[gate, k]]) << k
            new = np.uint8((tables[gate] >> np.uint64(place)) & np.uint64(1))
            net = nets[gate]
            if new == target[net]:
                continue
            target[net] = new
            if wiring.inertial and pending[net] >= 0:
                node_valid[pending[net]] = 0
                pending[net] = -1
                continue
            then = now + (wiring.rise_ps[net] if new else wiring.fall_ps[net])
            if not wiring.inertial:  # one delay, so that no change overtakes another
                then = now + (wiring.rise_ps[net] + wiring.fall_ps[net]) // 2
            if count == capacity or then >= HORIZON_PS:
                return -1
            node_net[count], node_value[count], node_valid[count] = net, new, 1
            node_next[count] = slots[then]
            slots[then] = count
            pending[net] = count
            count += 1
            waiting += 1
    return -1


class Stages(NamedTuple):
    """Gates as stages whose output follows their function like a charged capacitor.

    Attributes
    ----------
    fan_in
        Inputs of each gate.
    doubled
        Whether a gate is two stages, the first of which nobody else sees.
    rise_ps, fall_ps
        Time constants of each net.
    """

    inputs: Ints
    tables: npt.NDArray[np.uint64]
    nets: Ints
    fan_in: Ints
    doubled: npt.NDArray[np.bool_]
    rise_ps: Floats
    fall_ps: Floats


@kernel
def follow(stages: Stages, volts: Floats, inner: Floats, gain: float, swings: Floats) -> int:
    """Let voltages run to rest in steps of 1 ps; return the steps, or -1 where they do not rest.

    Parameters
    ----------
    volts, inner
        Of each net, and of the first stage of each gate that is doubled, from 0 to 1: changed.
    gain
        How steeply a stage turns around half of the voltage.
    swings
        Sum of the changes of each net's voltage; is added to.
    """
    levels = np.empty_like(volts)
    for step in range(HORIZON_PS):
        for net in range(len(volts)):
            levels[net] = min(1.0, max(0.0, 0.5 + gain * (volts[net] - 0.5)))
        largest = 0.0
        for gate in range(len(stages.nets)):
            net, goal = stages.nets[gate], 0.0
            for row in range(1 << stages.fan_in[gate]):
                if (stages.tables[gate] >> np.uint64(row)) & np.uint64(1):
                    share = 1.0
                    for k in range(stages.fan_in[gate]):
                        level = levels[stages.inputs[gate, k]]
                        share *= level if row >> k & 1 else 1.0 - level
                        if share == 0.0:
                            break
                    goal += share
            if stages.doubled[gate]:
                time_ps = stages.rise_ps[net] if goal > inner[gate] else stages.fall_ps[net]
                change = (goal - inner[gate]) / time_ps
                goal = min(1.0, max(0.0, 0.5 + gain * (inner[gate] - 0.5)))
                inner[gate] += change
                largest = max(largest, abs(change))
            time_ps = stages.rise_ps[net] if goal > volts[net] else stages.fall_ps[net]
            change = (goal - volts[net]) / time_ps
            volts[net] += change
            swings[net] += abs(change)
            largest = max(largest, abs(change))
        if largest < 1e-4:
            return step
    return -1
