"""Points of a sweep, in their order, and the work that they share."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eiesim.base.errors import ConfigError
from eiesim.hardware import Hardware
from eiesim.sweep.spec import LAYER, MOST_POINTS, OF_RUN, Sweep
from eiesim.views import LayoutView

Values = Mapping[str, Any]
MOST_TOGETHER = 500
"""Points of a task: what is lost at most when it is killed."""


class Point(NamedTuple):
    """One point.

    Attributes
    ----------
    number : int
        In the sweep's order, from 0.
    layer : str
        Name or file.
    values : mapping
        By axis; beside them the layer's own input.
    """

    number: int
    layer: str
    values: Values


class PlannedPoint(NamedTuple):
    """A point with what its run needs.

    Attributes
    ----------
    point : Point
        The point.
    hw : Hardware or None
        Its machine; None where there cannot be one.
    identity : str
        What its layer and input are, by content.
    key : str
        Its name in the journal.
    error : str
        Why its machine cannot be.
    """

    point: Point
    hw: Hardware | None
    identity: str = ""
    key: str = ""
    error: str = ""


class PointGroup(NamedTuple):
    """Points that share layer, input and image.

    Attributes
    ----------
    layer : str
        Name or file.
    shared : mapping
        Values of the axes that are not the machine's alone.
    machines : tuple of (int, Hardware)
        Number of each point, and its machine.
    identity : str
        What layer and input are, by content.
    image : str
        Of their image, the same in all tasks with it.
    folder : str
        Where workers share images; empty for nowhere.
    """

    layer: str
    shared: Values
    machines: tuple[tuple[int, Hardware], ...]
    identity: str
    image: str
    folder: str = ""


def list_axes(sweep: Sweep) -> list[str]:
    """Return the names of the axes."""
    if sweep.method != "list":
        return list(sweep.axes)
    return list(dict.fromkeys(key for row in sweep.listed for key in row))


def list_values(sweep: Sweep) -> dict[str, tuple[Any, ...]]:
    """Return the values of each axis: numbers by size, others in their order."""
    found = {
        axis: dict.fromkeys(find_value(sweep, row, axis) for row in sweep.listed)
        if sweep.method == "list"
        else dict.fromkeys(sweep.axes[axis])
        for axis in list_axes(sweep)
    }
    return {
        axis: tuple(sorted(values) if all(map(_is_number, values)) else values)
        for axis, values in found.items()
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def find_value(sweep: Sweep, values: Values, axis: str) -> Any:
    """Return where a point is on an axis; on one that it leaves out, where the machine is."""
    return values.get(axis, getattr(sweep.base, axis, None))


def count_points(sweep: Sweep) -> int:
    """Return how many points a sweep has.

    Raises
    ------
    ConfigError
        They are too many.
    """
    if sweep.method == "list":
        own = len(sweep.listed)
    elif sweep.method in ("grid", "narrow"):
        own = math.prod(len(values) for values in sweep.axes.values())
    else:
        own = sweep.points
    number = own * len(sweep.layers)
    if number > MOST_POINTS:
        raise ConfigError(
            f"sweep: expected at most {MOST_POINTS} points, found {number}; shorten an axis, or "
            'draw some with method = "latin"'
        )
    return number


def list_points(sweep: Sweep) -> Iterator[Point]:
    """Yield all points: layer after layer, the last axis changing first.

    Raises
    ------
    ConfigError
        They are too many.
    """
    count_points(sweep)
    numbers = itertools.count()
    for layer in sweep.layers:
        own = {"inputs": sweep.inputs[layer]} if layer in sweep.inputs else {}
        for values in _list_values(sweep):
            yield Point(next(numbers), layer, {**values, **own})


def _list_values(sweep: Sweep) -> Iterator[Values]:
    names = list(sweep.axes)
    if sweep.method == "list":
        yield from sweep.listed
    elif sweep.method in ("grid", "narrow"):
        for combination in itertools.product(*sweep.axes.values()):
            yield dict(zip(names, combination, strict=True))
    else:
        sizes = [len(values) for values in sweep.axes.values()]
        for row in _draw(sweep, sizes):
            yield {
                name: sweep.axes[name][int(place)] for name, place in zip(names, row, strict=True)
            }


def _draw(sweep: Sweep, sizes: Sequence[int]) -> Any:
    """Return places on the axes, int64 [points, axes]."""
    if sweep.method == "random":
        rng = np.random.default_rng(sweep.seed)
        return rng.integers(0, sizes, (sweep.points, len(sizes)))
    from scipy.stats import qmc  # noqa: PLC0415 - half a second

    shares = qmc.LatinHypercube(len(sizes), rng=np.random.default_rng(sweep.seed))
    return (shares.random(sweep.points) * sizes).astype(np.int64)


def split_values(values: Values) -> tuple[Values, Values]:
    """Return the values of a point that are fields of the machine, and the others.

    Parameters
    ----------
    values : mapping
        By axis.
    """
    own = {it: values[it] for it in values if not it.startswith(LAYER) and it not in OF_RUN}
    return own, {it: values[it] for it in values if it not in own}


def list_tasks(points: Sequence[PlannedPoint]) -> Iterator[PointGroup]:
    """Put points that share layer, input and image together, at most `MOST_TOGETHER` of them.

    Parameters
    ----------
    points : sequence of PlannedPoint
        One that is there twice is run once; one without a machine is left out.
    """
    seen: set[str] = set()
    groups: dict[tuple[str, str, LayoutView], tuple[Values, list[tuple[int, Hardware]]]] = {}
    for point, hw, identity, key, _ in points:
        if hw is None or key in seen:
            continue
        seen.add(key)
        _, shared = split_values(point.values)
        image = point.layer, identity, hw.layout
        groups.setdefault(image, (shared, []))[1].append((point.number, hw))
    for (layer, identity, layout), (shared, machines) in groups.items():
        name = hashlib.sha256(repr((identity, layout)).encode()).hexdigest()[:32]
        for first in range(0, len(machines), MOST_TOGETHER):
            some = tuple(machines[first : first + MOST_TOGETHER])
            yield PointGroup(layer, shared, some, identity, name)
