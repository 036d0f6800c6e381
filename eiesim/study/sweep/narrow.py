"""Search in a grid too large to run: a coarse one first, then finer ones around the best point."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from eiesim.study.sweep.answers import find_best, sum_layers
from eiesim.study.sweep.evaluate import Row
from eiesim.study.sweep.points import list_axes
from eiesim.study.sweep.spec import Sweep

Place = tuple[int, ...]
Run = Callable[[Sweep], Sequence[Row]]
"""Runs the points of a sweep and returns their rows."""


def narrow(sweep: Sweep, run: Run) -> Sweep:
    """Look for the best point of the first objective.

    The first grid has the first, middle and last value of each axis. Each later one has three
    values of each axis around the best point so far, half as far apart as before; it ends when no
    neighbour is better. That is the best point where the objective falls towards it along all axes,
    and a local one elsewhere.

    Parameters
    ----------
    sweep : Sweep
        With ``method = "narrow"``.
    run : callable
        Runs points.

    Returns
    -------
    Sweep
        The points that were looked at, as a list.
    """
    names = list(sweep.axes)
    sizes = [len(sweep.axes[name]) for name in names]
    steps = [max((size - 1) / 2, 1) for size in sizes]
    centre: Place = tuple((size - 1) // 2 for size in sizes)
    seen: dict[Place, None] = {}
    while True:
        around = [
            sorted({min(max(round(at + way * step), 0), size - 1) for way in (-1, 0, 1)})
            for at, step, size in zip(centre, steps, sizes, strict=True)
        ]
        fresh = [place for place in itertools.product(*around) if place not in seen]
        seen |= dict.fromkeys(fresh)
        looked = _make_list(sweep, names, list(seen))
        best = find_place(looked, names, run(looked) if fresh else (), centre, sweep)
        done = best == centre and max(steps) <= 1
        centre = best
        if done:
            return looked
        steps = [max(step / 2, 1) for step in steps]


def _make_list(sweep: Sweep, names: Sequence[str], places: Sequence[Place]) -> Sweep:
    listed = tuple(
        {name: sweep.axes[name][at] for name, at in zip(names, place, strict=True)}
        for place in places
    )
    return replace(sweep, method="list", listed=listed, axes={})


def find_place(
    looked: Sweep, names: Sequence[str], rows: Sequence[Row], otherwise: Place, sweep: Sweep
) -> Place:
    """Return where on the axes the best row is; those that meet the constraints come first.

    Parameters
    ----------
    looked : Sweep
        The points that were looked at.
    names : sequence of str
        The axes.
    rows : sequence of dict
        Their results.
    otherwise : tuple of int
        What holds where there is no result.
    sweep : Sweep
        The whole grid.
    """
    judged: Sequence[Row] = [row for row in rows if row["error"] is None]
    if len(sweep.layers) > 1:
        sums = sum_layers(judged, list_axes(looked), sweep.base.n_pes)
        judged = [row | {"meets": _meets(sweep, row)} for row in sums]
    objective = sweep.objectives[0]
    best = find_best(judged, [objective])
    best = best or find_best([row | {"meets": True} for row in judged], [objective])
    if not best:
        return otherwise
    row: dict[str, Any] = best[objective]
    return tuple(sweep.axes[name].index(row[name]) for name in names)


def _meets(sweep: Sweep, row: Row) -> bool:
    return all(it.holds(row[it.metric]) for it in sweep.where)
