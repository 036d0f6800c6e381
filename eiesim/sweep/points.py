"""Points of a sweep, in their order, and the work that they share."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eiesim.base.errors import ConfigError
from eiesim.hardware import Hardware
from eiesim.sweep.compression import RETRAIN, Usual, follow, is_of_compression
from eiesim.sweep.spec import LAYER, MOST_POINTS, OF_RUN, Sweep
from eiesim.sweep.subject import Lesson, Subject
from eiesim.views import LayoutView

Values = Mapping[str, Any]
MOST_TOGETHER = 500
"""Points of a task, which are lost if it is killed."""


class Point(NamedTuple):
    """A point by its number in the sweep's order, from 0, with its values on the axes.

    Its layer's own input is among the values.
    """

    number: int
    layer: str
    values: Values


class PlannedPoint(NamedTuple):
    """A point with its machine, or the error why there is none.

    Attributes
    ----------
    identity
        Hash of its layer and input.
    key
        Its name in the journal.
    """

    point: Point
    hw: Hardware | None
    identity: str = ""
    key: str = ""
    error: str = ""


class NetworkWork(NamedTuple):
    """What the points of a compressed network share.

    Attributes
    ----------
    usual
        As in `eiesim.sweep.compression.resolve`.
    kept
        Folder of what was compressed and measured; empty for nowhere.
    """

    subject: Subject
    lesson: Lesson | None
    usual: Usual
    kept: str

    def find_lesson(self, shared: Values) -> Lesson | None:
        """Return how weights are trained at a point; None where they are not."""
        return self.lesson if shared.get(RETRAIN) else None


class PointGroup(NamedTuple):
    """Points that share layer, input and image.

    Attributes
    ----------
    shared
        Values of the axes that are not fields of the machine.
    machines
        Number of each point, and its machine.
    identity
        Hash of layer and input.
    image
        Name of the image, the same in all tasks with it.
    folder
        Where workers share images; empty for nowhere.
    work
        The network that is compressed, with its data; None for layers and networks as they are.
    """

    layer: str
    shared: Values
    machines: tuple[tuple[int, Hardware], ...]
    identity: str
    image: str
    folder: str = ""
    work: NetworkWork | None = None


def list_axes(sweep: Sweep) -> list[str]:
    """Return the names of the axes."""
    if sweep.method != "list":
        return list(sweep.axes)
    return list(dict.fromkeys(key for row in sweep.listed for key in row))


def list_values(sweep: Sweep) -> dict[str, tuple[Any, ...]]:
    """Return the values of each axis: numbers by size, others in their order."""
    values_by_axis: Mapping[str, Iterable[Any]] = sweep.axes
    if sweep.method == "list":
        values_by_axis = {
            axis: [find_value(sweep, row, axis) for row in sweep.listed]
            for axis in list_axes(sweep)
        }
    return {axis: _order_values(values) for axis, values in values_by_axis.items()}


def _order_values(values: Iterable[Any]) -> tuple[Any, ...]:
    distinct = dict.fromkeys(values)
    numeric = all(isinstance(value, int | float) for value in distinct)
    return tuple(sorted(distinct) if numeric else distinct)


def find_value(sweep: Sweep, values: Values, axis: str) -> Any:
    """Return a point's value on an axis; on one that it leaves out, the base machine's.

    On an axis that is not of the machine it is None.
    """
    return values.get(axis, getattr(sweep.base, axis, None))


def count_points(sweep: Sweep) -> int:
    """Return how many points a sweep has; raises ConfigError if they are too many."""
    if sweep.method == "list":
        per_layer = len(sweep.listed)
    elif sweep.method in ("grid", "narrow"):
        per_layer = math.prod(map(len, sweep.axes.values()))
    else:
        per_layer = sweep.points
    number = per_layer * len(sweep.layers)
    if number > MOST_POINTS:
        raise ConfigError(
            f"sweep: expected at most {MOST_POINTS} points, found {number}; shorten an axis, or "
            'draw some with method = "latin"'
        )
    return number


def list_points(sweep: Sweep) -> Iterator[Point]:
    """Yield all points: layer after layer, the last axis changing first.

    Raises ConfigError if they are too many.
    """
    count_points(sweep)
    numbers = itertools.count()
    for layer in sweep.layers:
        layer_input = {"inputs": sweep.inputs[layer]} if layer in sweep.inputs else {}
        for values in _list_values(sweep):
            yield Point(next(numbers), layer, {**values, **layer_input})


def _list_values(sweep: Sweep) -> Iterator[Values]:
    names = list(sweep.axes)
    if sweep.method == "list":
        yield from sweep.listed
    elif sweep.method in ("grid", "narrow"):
        for combination in itertools.product(*sweep.axes.values()):
            yield dict(zip(names, combination, strict=True))
    else:
        for indices in _draw(sweep, list(map(len, sweep.axes.values()))):
            yield {
                name: sweep.axes[name][int(index)]
                for name, index in zip(names, indices, strict=True)
            }


def _draw(sweep: Sweep, sizes: Sequence[int]) -> Any:
    """Return indices of values on the axes, int64 [points, axes]."""
    if sweep.method == "random":
        rng = np.random.default_rng(sweep.seed)
        return rng.integers(0, sizes, (sweep.points, len(sizes)))
    from scipy.stats import qmc  # noqa: PLC0415 - half a second

    shares = qmc.LatinHypercube(len(sizes), rng=np.random.default_rng(sweep.seed))
    return (shares.random(sweep.points) * sizes).astype(np.int64)


def split_values(values: Values) -> tuple[Values, Values]:
    """Return the values of a point that are fields of the machine, and the others."""
    of_machine = {
        axis: value
        for axis, value in values.items()
        if not axis.startswith(LAYER) and axis not in OF_RUN and not is_of_compression(axis)
    }
    return of_machine, {axis: values[axis] for axis in values if axis not in of_machine}


def find_fields(sweep: Sweep, values: Values) -> dict[str, Any]:
    """Return the fields of a point's machine that differ from the base, from its values.

    Those that follow the compressed layers are among them. Raises ConfigError if these have two
    ways to prune.
    """
    of_machine, _ = split_values(values)
    return {**follow(values, sweep.weighed, sweep.follows), **of_machine}


def list_tasks(
    points: Sequence[PlannedPoint], work: NetworkWork | None = None
) -> Iterator[PointGroup]:
    """Put points that share layer, input and image together, at most `MOST_TOGETHER` of them.

    Those of a compressed network (`work`) are together whatever their images are, so that it is
    compressed once. A point that is there twice is run once; one without a machine is left out.
    """
    seen: set[str] = set()
    groups: dict[tuple[str, str, LayoutView | None], tuple[Values, list[tuple[int, Hardware]]]] = {}
    for point, hw, identity, key, _ in points:
        if hw is None or key in seen:
            continue
        seen.add(key)
        _, shared = split_values(point.values)
        image = point.layer, identity, None if work else hw.layout
        groups.setdefault(image, (shared, []))[1].append((point.number, hw))
    for (layer, identity, layout), (shared, machines) in groups.items():
        name = hashlib.sha256(repr((identity, layout)).encode()).hexdigest()[:32]
        for first in range(0, len(machines), MOST_TOGETHER):
            together = tuple(machines[first : first + MOST_TOGETHER])
            yield PointGroup(layer, shared, together, identity, name, work=work)
