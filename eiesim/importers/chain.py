"""The steps of a network whose file tells weights alone: one layer after the other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from eiesim.errors import WorkloadError
from eiesim.graph import STEPS, Graph, Step

GIVE_STEPS = "tell the steps with --graph FILE (see docs/networks.md)"


def guess_chain(
    shapes: Mapping[str, tuple[int, ...]], kinds: Mapping[str, str], what: str
) -> Graph:
    """Return the steps of a network whose layers follow one another in the file's order.

    Between fully connected layers stands ReLU; behind the last one, nothing. Recurrent layers take
    a sequence.

    Parameters
    ----------
    shapes : mapping of name to tuple of int
        Shapes of the weights.
    kinds : mapping of name to str
        ``lstm`` or ``gru`` for those that are joined matrices; the others are fully connected.
    what : str
        The file, for errors.

    Raises
    ------
    WorkloadError
        There are convolutions, or a layer does not take what the one before gives.
    """
    if not shapes:
        raise WorkloadError(f"{what}: expected weights of at least one layer, found none")
    sizes = {name: _find_sizes(name, shape, kinds.get(name, "fc"), what)
             for name, shape in shapes.items()}  # fmt: skip
    for (name, (_, given)), (later, (taken, _)) in pairwise(sizes.items()):
        if given != taken:
            raise WorkloadError(
                f"{what}: {name} gives {given} numbers and {later} takes {taken}: the layers do "
                f"not follow one another; {GIVE_STEPS}"
            )
    steps: list[Step] = []
    before = "input"
    for name in shapes:
        kind = kinds.get(name, "fc")
        if steps and steps[-1].op == kind == "fc":
            steps.append(Step(f"{before}/relu", "relu", (before,)))
            before = steps[-1].name
        steps.append(Step(name, kind, (before,), name))
        before = name
    taken = next(iter(sizes.values()))[0]
    return Graph({"input": (STEPS, taken) if kinds else (taken,)}, tuple(steps), (before,))


def _find_sizes(name: str, shape: tuple[int, ...], kind: str, what: str) -> tuple[int, int]:
    """Return how many numbers a layer takes and gives."""
    if len(shape) != 2:
        raise WorkloadError(
            f"{what}: {name}: weights {list(shape)} of a convolution tell neither stride nor "
            f"padding: {GIVE_STEPS}"
        )
    if kind == "fc":
        return shape[1], shape[0]
    return shape[1] - shape[0] // 4 - 1, shape[0] // 4
