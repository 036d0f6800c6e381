"""What a sweep says: what meets its constraints, the front, and the best point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eiesim.base.tables import Row
from eiesim.sweep.metrics import (
    REASONS,
    explain_missing,
    join_layers,
)
from eiesim.sweep.objectives import Objective
from eiesim.sweep.points import list_axes
from eiesim.sweep.spec import Sweep

POINTS = "points"


def name_judged(sweep: Sweep) -> str:
    """Return what is judged, in words."""
    number = len(sweep.layers)
    return POINTS if number == 1 else f"machines over all {number} layers"


def meets(sweep: Sweep, metrics: Mapping[str, Any]) -> bool:
    """Return whether a result meets the constraints.

    Parameters
    ----------
    metrics : mapping
        Of what is judged.
    """
    return all(it.holds(metrics[it.metric]) for it in sweep.where)


def find_judged(sweep: Sweep, rows: Sequence[Row]) -> list[Row]:
    """Return what is judged: the points, or with several layers each machine over all of them.

    Returns
    -------
    list of dict
        Rows with ``meets``. Points with errors and machines that lack a layer are left out.
    """
    sums = [row for row in rows if row["error"] is None]
    if len(sweep.layers) > 1:
        sums = sum_layers(rows, list_axes(sweep), sweep.base.n_pes)
    return [row | {"meets": meets(sweep, row)} for row in sums]


def judge_points(sweep: Sweep, rows: Sequence[Row]) -> list[Row]:
    """Return points with whether what is judged of them meets the constraints.

    With several layers that is the point's machine over all layers.
    """
    axes = list_axes(sweep)
    able = {find_place(row, axes) for row in find_judged(sweep, rows) if row["meets"]}
    return [row | {"meets": row["error"] is None and find_place(row, axes) in able} for row in rows]


def find_place(row: Row, axes: Sequence[str]) -> tuple[Any, ...]:
    """Return the values of a row on the axes: its machine."""
    return tuple(row[axis] for axis in axes)


def explain_row(sweep: Sweep, row: Row, objective: Objective) -> str:
    """Return why a row is no answer; nothing where it is one."""
    name = objective.metric
    for it in sweep.where:
        if row[it.metric] is None:
            return explain_missing(it.metric, row)
        if not it.holds(row[it.metric]):
            return f"{it} is not met"
    return explain_missing(name, row) if row[name] is None else ""


def find_front(rows: Sequence[Row], objectives: Sequence[Objective]) -> list[Row]:
    """Return the rows that no other one is better than: the Pareto front.

    A row is on the front if each that is smaller in one objective is larger in another. Of equal
    ones all are on it.

    Parameters
    ----------
    rows : sequence of dict
        Those that meet the constraints and have every objective are looked at.
    """
    able = [row for row in rows if is_answer(row, objectives)]
    if not able:
        return []
    values = np.array([[objective.weigh(row) for objective in objectives] for row in able])
    order = np.lexsort(values.T[::-1])
    front: list[int] = []
    kept = np.empty((0, len(objectives)))
    for place in order:  # by the first objective: none that comes later is better than an earlier
        own = values[place]
        no_worse = (kept <= own).all(axis=1)
        if (no_worse & (kept < own).any(axis=1)).any():
            continue
        front.append(int(place))
        kept = np.vstack((kept, own))
    return [able[place] for place in sorted(front)]


def is_answer(row: Row, objectives: Sequence[Objective]) -> bool:
    """Return whether a row meets the constraints and has every objective."""
    return bool(row["meets"]) and all(row[it.metric] is not None for it in objectives)


def find_best(rows: Sequence[Row], objectives: Sequence[Objective]) -> dict[str, Row]:
    """Return the best row of each objective; the first of equal ones.

    Parameters
    ----------
    rows : sequence of dict
        As in `find_front`.
    """
    best = {}
    for objective in objectives:
        able = [row for row in rows if is_answer(row, [objective])]
        if able:
            best[str(objective)] = min(able, key=objective.weigh)
    return best


def sum_layers(rows: Sequence[Row], axes: Sequence[str], n_pes: int) -> list[Row]:
    """Return one row a machine, over all layers: sums of times, energies and accesses.

    Machines that lack a layer are left out; an energy that one layer lacks is missing.

    Parameters
    ----------
    n_pes : int
        PEs of machines where no axis says otherwise.
    """
    layers = {row["layer"] for row in rows}
    groups: dict[Any, dict[str, Row]] = {}
    for row in rows:  # a point that was drawn twice counts once
        if row["error"] is None:
            groups.setdefault(find_place(row, axes), {}).setdefault(row["layer"], row)
    return [
        _sum_rows(list(own.values()), axes, n_pes)
        for own in groups.values()
        if own.keys() == layers
    ]


def _sum_rows(own: Sequence[Row], axes: Sequence[str], n_pes: int) -> Row:
    first = own[0]
    reasons = {
        name: next((row[name] for row in own if row[name] is not None), None) for name in REASONS
    }
    return {
        "number": first["number"],
        "layer": f"{len(own)} layers",
        **{axis: first[axis] for axis in axes},
        **join_layers(own, first.get("n_pes", n_pes)),
        "error": None,
        **reasons,
    }
