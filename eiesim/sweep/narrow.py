"""Search in a grid too large to run: a coarse one first, then finer ones around the best point."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

from eiesim.base.tables import Row
from eiesim.sweep.answers import find_best, find_judged
from eiesim.sweep.spec import Sweep

Place = tuple[int, ...]
"""Index of a value on each axis."""
Run = Callable[[Sweep], Sequence[Row]]
"""Runs the points of a sweep and returns their rows."""


def narrow(sweep: Sweep, run: Run) -> Sweep:
    """Search for the best point of the first objective; return the points that were run, as a list.

    The first grid has the first, middle and last value of each axis. Each later one has three
    values of each axis around the best point so far, half as far apart as before. The search ends
    if no neighbour is better. It finds the best point if the objective falls towards it along all
    axes, otherwise a local optimum.
    """
    names = list(sweep.axes)
    sizes = [len(sweep.axes[name]) for name in names]
    steps = [max((size - 1) / 2, 1) for size in sizes]
    centre: Place = tuple((size - 1) // 2 for size in sizes)
    seen: dict[Place, None] = {}
    rows: list[Row] = []
    while True:
        around = [
            sorted({min(max(round(index + way * step), 0), size - 1) for way in (-1, 0, 1)})
            for index, step, size in zip(centre, steps, sizes, strict=True)
        ]
        fresh = [place for place in itertools.product(*around) if place not in seen]
        if fresh:
            seen |= dict.fromkeys(fresh)
            rows += run(_make_list(sweep, names, fresh))
        best = _find_place(sweep, rows) or centre
        if best == centre and max(steps) <= 1:
            return _make_list(sweep, names, list(seen))
        centre = best
        steps = [max(step / 2, 1) for step in steps]


def _make_list(sweep: Sweep, names: Sequence[str], places: Sequence[Place]) -> Sweep:
    listed = tuple(
        {name: sweep.axes[name][index] for name, index in zip(names, place, strict=True)}
        for place in places
    )
    return replace(sweep, method="list", listed=listed, axes={})


def _find_place(sweep: Sweep, rows: Sequence[Row]) -> Place:
    """Return where on the axes the best row is; those that meet the constraints come first."""
    judged, objective = find_judged(sweep, rows), sweep.objectives[0]
    best = find_best(judged, [objective])
    best = best or find_best([row | {"meets": True} for row in judged], [objective])
    return tuple(sweep.axes[name].index(row[name]) for row in best.values() for name in sweep.axes)
