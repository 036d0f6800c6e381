"""The steps of a network whose file has weights alone: one layer after the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from eiesim.base.errors import WorkloadError
from eiesim.graph import STEPS, Graph, Step
from eiesim.importers.cells import REVERSE

GIVE_STEPS = "give the steps in a file of their own (docs/networks.md, Steps)"
MOST_STATES = 10_000
"""States in a search for the order, beyond which it counts as unknown."""
Sizes = Mapping[str, tuple[int, int]]


def guess_chain(
    shapes: Mapping[str, tuple[int, ...]], kinds: Mapping[str, str], label: str
) -> Graph:
    """Return the steps of a network whose layers follow one another.

    The order is the only one in which each layer's inputs are the outputs of the layer before.
    Layers whose names differ in numbers alone follow these numbers. Between fully connected layers
    there is a ReLU; after the last layer there is none. Recurrent layers take a sequence. `kinds`
    is ``lstm`` or ``gru`` for joined matrices; the others are fully connected. Raises WorkloadError
    for convolutions, and if no order fits, or several do.
    """
    if not shapes:
        raise WorkloadError(f"{label}: expected weights of at least one layer, found none")
    layer_sizes = {
        name: _find_sizes(name, shape, kinds.get(name, "fc"), label)
        for name, shape in shapes.items()
    }
    backwards = {name: f"{name}{REVERSE}" for name in kinds if f"{name}{REVERSE}" in kinds}
    sizes = {
        name: (inputs, outputs + layer_sizes[backwards[name]][1] if name in backwards else outputs)
        for name, (inputs, outputs) in layer_sizes.items()
        if name not in backwards.values()
    }
    order = _find_order(sizes, label)
    steps: list[Step] = []
    before = "input"
    for name in order:
        kind = kinds.get(name, "fc")
        if steps and steps[-1].op == kind == "fc":
            steps.append(Step(f"{before}/relu", "relu", (before,)))
            before = steps[-1].name
        if name in backwards:
            steps += _go_both_ways(name, backwards[name], kind, before)
        else:
            steps.append(Step(name, kind, (before,), name))
        before = steps[-1].name
    inputs = sizes[order[0]][0]
    return Graph({"input": (STEPS, inputs) if kinds else (inputs,)}, tuple(steps), (before,))


def _go_both_ways(name: str, backwards: str, kind: str, before: str) -> list[Step]:
    """Return the steps of a level that goes through its sequence in both directions."""
    return [
        Step(name, kind, (before,), name),
        Step(f"{backwards}/input", "reverse", (before,)),
        Step(backwards, kind, (f"{backwards}/input",), backwards),
        Step(f"{backwards}/output", "reverse", (backwards,)),
        Step(f"{name}/both", "concat", (name, f"{backwards}/output")),
    ]


def describe_chain(graph: Graph) -> tuple[str, ...]:
    """Return a note on steps that `guess_chain` guessed; none if there was no choice."""
    if len(graph.steps) < 2:
        return ()
    row = " -> ".join(
        step.name if step.layer else step.op for step in graph.steps if step.op != "reverse"
    )
    return (f"the steps are a guess from the shapes: {row}; if they are others, {GIVE_STEPS}",)


def _find_order(sizes: Sizes, label: str) -> list[str]:
    """Return the only order that fits."""
    groups: dict[str, list[str]] = {}
    for name in sizes:
        groups.setdefault(re.sub(r"\d+", "0", name), []).append(name)
    numbered = [sorted(names, key=_find_numbers) for names in groups.values()]
    for rows in (numbered, [[name] for name in sizes]):
        orders = _list_orders(sizes, rows)
        if len(orders) > 1:
            first, second = (" -> ".join(order) for order in orders)
            raise WorkloadError(
                f"{label}: expected layers that can follow one another in one order, found "
                f"several: {first}, and {second}; {GIVE_STEPS}"
            )
        if orders:
            return orders[0]
    order = [name for names in numbered for name in names]
    pairs = ((a, b) for a, b in pairwise(order) if sizes[a][1] != sizes[b][0])
    name, later = next(pairs, (order[0], order[-1]))
    raise WorkloadError(
        f"{label}: {name} gives {sizes[name][1]} numbers and {later} takes {sizes[later][0]}: the "
        f"layers do not follow one another; {GIVE_STEPS}"
    )


def _find_numbers(name: str) -> list[int]:
    return [int(number[:32]) for number in re.findall(r"\d+", name)]


def _list_orders(sizes: Sizes, rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return up to two orders in which the layers fit; those of a row stay in its order.

    A state is the number of placed layers of each row, and the outputs of the last one. From each
    state at most two ways to the end are stored.
    """
    ends: dict[tuple[tuple[int, ...], int], list[list[str]]] = {}
    start = ((0,) * len(rows), 0)
    lengths = tuple(map(len, rows))
    stack = [start]
    while stack:
        placed, width = state = stack[-1]
        following = {}
        for row, place in enumerate(placed):
            name = rows[row][place] if place < lengths[row] else None
            if name is not None and (state == start or sizes[name][0] == width):
                counts = (*placed[:row], place + 1, *placed[row + 1 :])
                following[name] = counts, sizes[name][1]
        missing = [later for later in following.values() if later not in ends]
        if missing and len(ends) + len(stack) > MOST_STATES:
            return [[*sizes], [*sizes][::-1]]
        stack += missing
        if not missing:
            stack.pop()
            ways = [[name, *order] for name, later in following.items() for order in ends[later]]
            ends[state] = [[]] if placed == lengths else ways[:2]
    return ends[start]


def _find_sizes(name: str, shape: tuple[int, ...], kind: str, label: str) -> tuple[int, int]:
    """Return the number of inputs and of outputs of a layer."""
    if len(shape) != 2:
        raise WorkloadError(
            f"{label}: {name}: weights {list(shape)} of a convolution leave its stride and "
            f"padding open; {GIVE_STEPS}"
        )
    if kind == "fc":
        return shape[1], shape[0]
    return shape[1] - shape[0] // 4 - 1, shape[0] // 4
