"""What a sweep says: the front, the best point, and what each axis does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.study.sweep.metrics import METRICS, derive_metrics
from eiesim.study.sweep.points import list_axes
from eiesim.study.sweep.spec import LARGE, Sweep, name_metric

Row = dict[str, Any]

SUMMED = (
    "cycles", "latency_us", "stall_cycles", "macs", "padding_macs", "ptr_reads", "spmat_reads",
    "dram_bytes",
)  # fmt: skip


def meets(sweep: Sweep, metrics: Mapping[str, Any]) -> bool:
    """Return whether a result meets the constraints.

    Parameters
    ----------
    sweep : Sweep
        Its constraints.
    metrics : mapping
        Of a point.
    """
    return all(it.holds(metrics[it.metric]) for it in sweep.where)


def find_judged(sweep: Sweep, rows: Sequence[Row]) -> list[Row]:
    """Return what is judged: the points, or with several layers each machine over all of them.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    rows : sequence of dict
        Its results.
    """
    if len(sweep.layers) == 1:
        return [row for row in rows if row["error"] is None]
    sums = sum_layers(rows, list_axes(sweep), sweep.base.n_pes)
    return [row | {"meets": meets(sweep, row)} for row in sums]


def find_front(rows: Sequence[Row], objectives: Sequence[str]) -> list[Row]:
    """Return the rows that no other one is better than: the Pareto front.

    A row is on the front if each that is smaller in one objective is larger in another. Of equal
    ones all are on it.

    Parameters
    ----------
    rows : sequence of dict
        Those that meet the constraints and have every objective are looked at.
    objectives : sequence of str
        Names of metrics; with ``-`` before it, one that is to be large.
    """
    able = [row for row in rows if is_answer(row, objectives)]
    if not able:
        return []
    values = np.array([[weigh(row, name) for name in objectives] for row in able])
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


def is_answer(row: Row, objectives: Sequence[str]) -> bool:
    """Return whether a row meets the constraints and has every objective.

    Parameters
    ----------
    row : dict
        A row of a sweep.
    objectives : sequence of str
        Names of metrics.
    """
    return bool(row["meets"]) and all(row[name_metric(it)] is not None for it in objectives)


def weigh(row: Row, objective: str) -> float:
    """Return an objective of a row as a number that is to be small.

    Parameters
    ----------
    row : dict
        With the objective's metric.
    objective : str
        Its name.
    """
    value = float(row[name_metric(objective)])
    return -value if objective.startswith(LARGE) else value


def find_best(rows: Sequence[Row], objectives: Sequence[str]) -> dict[str, Row]:
    """Return the best row of each objective; the first of equal ones.

    Parameters
    ----------
    rows : sequence of dict
        As in `find_front`.
    objectives : sequence of str
        Names of metrics.
    """
    best = {}
    for name in objectives:
        able = [row for row in rows if is_answer(row, [name])]
        if able:
            best[name] = min(able, key=lambda row: weigh(row, name))
    return best


def find_sensitivity(
    rows: Sequence[Row], axes: Sequence[str], objectives: Sequence[str]
) -> list[Row]:
    """Return how much each objective changes along each axis.

    For each value of an axis, the geometric mean of the objective over all points with it, over the
    smallest of these means; constraints are not asked for, so that a grid stays one.

    Parameters
    ----------
    rows : sequence of dict
        Of a sweep.
    axes, objectives : sequence of str
        Their names.

    Returns
    -------
    list of dict
        A row an axis, value and objective: ``mean`` and ``times``.
    """
    told = []
    for axis in axes:
        for name in map(name_metric, objectives):
            means = _find_means(rows, axis, name)
            least = min(means.values(), default=1.0)
            told += [
                {"axis": axis, "value": value, "objective": name, "mean": mean,
                 "times": mean / least}
                for value, mean in means.items()
            ]  # fmt: skip
    return told


def _find_means(rows: Sequence[Row], axis: str, name: str) -> Mapping[Any, float]:
    groups: dict[Any, list[float]] = {}
    for row in rows:
        if row[name] is not None and float(row[name]) > 0:
            groups.setdefault(row[axis], []).append(float(row[name]))
    logs: Mapping[Any, npt.NDArray[np.float64]] = {it: np.log(own) for it, own in groups.items()}
    return {value: float(np.exp(own.mean())) for value, own in logs.items()}


def sum_layers(rows: Sequence[Row], axes: Sequence[str], n_pes: int) -> list[Row]:
    """Return one row a machine, over all layers: sums of times, energies and accesses.

    Machines that lack a layer are left out; an energy that one layer lacks is missing.

    Parameters
    ----------
    rows : sequence of dict
        Of a sweep over several layers.
    axes : sequence of str
        Its axes.
    n_pes : int
        PEs of machines where no axis says otherwise.
    """
    layers = {row["layer"] for row in rows}
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        if row["error"] is None:
            groups.setdefault(tuple(row[axis] for axis in axes), []).append(row)
    return [
        _sum_rows(own, axes, n_pes)
        for own in groups.values()
        if {row["layer"] for row in own} == layers
    ]


def _sum_rows(own: Sequence[Row], axes: Sequence[str], n_pes: int) -> Row:
    first = own[0]
    sums: Row = {name: sum(row[name] for row in own) for name in SUMMED}
    lacks = any(row["energy_pj"] is None for row in own)
    energy_pj = None if lacks else sum(row["energy_pj"] for row in own)
    work = (sums["macs"] + sums["padding_macs"]) / first.get("n_pes", n_pes)
    found = {
        **sums,
        **derive_metrics(sums["latency_us"], energy_pj, first["area_mm2"]),
        "load_balance": work / sums["cycles"],
        "sram_bytes": first["sram_bytes"],
        "fits": all(row["fits"] for row in own),
        "chips": max(row["chips"] for row in own),
    }
    return {
        "number": first["number"],
        "layer": f"{len(own)} layers",
        **{axis: first[axis] for axis in axes},
        **{name: found[name] for name in METRICS},
        "error": None,
    }
