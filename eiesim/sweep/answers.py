"""The answers of a sweep: what meets its constraints, the front, and the best point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eiesim.base.tables import Row
from eiesim.sweep.metrics import REASONS, explain_missing, join_layers
from eiesim.sweep.objectives import Objective
from eiesim.sweep.points import list_axes
from eiesim.sweep.spec import Sweep

POINTS = "points"


def name_judged(sweep: Sweep) -> str:
    """Return what is judged, in words."""
    number = len(sweep.layers)
    return POINTS if number == 1 else f"machines over all {number} layers"


def meets(sweep: Sweep, metrics: Mapping[str, Any]) -> bool:
    """Return whether the metrics of what is judged meet the constraints."""
    return all(condition.holds(metrics[condition.metric]) for condition in sweep.where)


def find_judged(sweep: Sweep, rows: Sequence[Row]) -> list[Row]:
    """Return what is judged, with ``meets``: points, or with several layers machines over all.

    Points with errors and machines that lack a layer are left out.
    """
    sums = [row for row in rows if row["error"] is None]
    if len(sweep.layers) > 1:
        sums = sum_layers(rows, list_axes(sweep), sweep.base.n_pes)
    return [row | {"meets": meets(sweep, row)} for row in sums]


def judge_points(sweep: Sweep, rows: Sequence[Row]) -> list[Row]:
    """Return points, each with whether it meets the constraints.

    With several layers its machine is judged over all of them.
    """
    axes = list_axes(sweep)
    able = {find_place(row, axes) for row in find_judged(sweep, rows) if row["meets"]}
    return [row | {"meets": row["error"] is None and find_place(row, axes) in able} for row in rows]


def find_place(row: Row, axes: Sequence[str]) -> tuple[Any, ...]:
    """Return the values of a row on the axes, which are its machine's."""
    return tuple(row[axis] for axis in axes)


def explain_row(sweep: Sweep, row: Row, objective: Objective) -> str:
    """Return why a row is no answer; empty if it is one."""
    name = objective.metric
    for condition in sweep.where:
        if row[condition.metric] is None:
            return explain_missing(condition.metric, row)
        if not condition.holds(row[condition.metric]):
            return f"{condition} is not met"
    return explain_missing(name, row) if row[name] is None else ""


def find_front(rows: Sequence[Row], objectives: Sequence[Objective]) -> list[Row]:
    """Return the Pareto front of the rows that are answers.

    A row is on the front if each row that is smaller in one objective is larger in another. Of
    equal rows all are on it.
    """
    able = [row for row in rows if is_answer(row, objectives)]
    if not able:
        return []
    values = np.array([list(map(objective.weigh, able)) for objective in objectives]).T
    order = np.lexsort(values.T[::-1])
    values = values[order]  # by the first objective, so that no later row is better than an earlier
    differs = np.append(True, (values[1:] != values[:-1]).any(axis=1))
    left = np.flatnonzero(differs)
    first_of_front = []
    while left.size:
        best, left = left[0], left[1:]
        first_of_front.append(best)
        left = left[(values[left] < values[best]).any(axis=1)]
    firsts = np.flatnonzero(differs)[np.cumsum(differs) - 1]  # the first of the rows equal to each
    on_front = np.sort(order[np.isin(firsts, first_of_front)])
    return [able[number] for number in on_front]


def is_answer(row: Row, objectives: Sequence[Objective]) -> bool:
    """Return whether a row meets the constraints and has every objective."""
    return bool(row["meets"]) and all(row[objective.metric] is not None for objective in objectives)


def find_best(rows: Sequence[Row], objectives: Sequence[Objective]) -> dict[str, Row]:
    """Return the answer that is best in each objective; the first of equal ones."""
    best = {}
    for objective in objectives:
        able = [row for row in rows if is_answer(row, [objective])]
        if able:
            best[str(objective)] = min(able, key=objective.weigh)
    return best


def sum_layers(rows: Sequence[Row], axes: Sequence[str], n_pes: int) -> list[Row]:
    """Return one row a machine, over all layers: sums of times, energies and accesses.

    Machines that lack a layer are left out; an energy that one layer lacks is missing. `n_pes` is
    that of machines where no axis says otherwise.
    """
    layers = {row["layer"] for row in rows}
    groups: dict[Any, dict[str, Row]] = {}
    for row in rows:  # a point that was drawn twice counts once
        if row["error"] is None:
            groups.setdefault(find_place(row, axes), {}).setdefault(row["layer"], row)
    return [
        _sum_rows(list(by_layer.values()), axes, n_pes)
        for by_layer in groups.values()
        if by_layer.keys() == layers
    ]


def _sum_rows(rows: Sequence[Row], axes: Sequence[str], n_pes: int) -> Row:
    first = rows[0]
    reasons = {
        name: next((row[name] for row in rows if row[name] is not None), None) for name in REASONS
    }
    return {
        "number": first["number"],
        "layer": f"{len(rows)} layers",
        **{axis: first[axis] for axis in axes},
        **join_layers(rows, first.get("n_pes", n_pes)),
        "error": None,
        **reasons,
    }
