"""A sweep's answers for a reader: microjoules, and multiples of the paper's chip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eiesim.base.tables import Row
from eiesim.energy.registers import PAPER
from eiesim.runs.answers import name_energy, name_time
from eiesim.sweep.answers import name_judged
from eiesim.sweep.doubts import make_machine
from eiesim.sweep.metrics import METRICS
from eiesim.sweep.objectives import Direction
from eiesim.sweep.points import list_axes
from eiesim.sweep.spec import Sweep

PJ = "_pj"
COMPOSED_UNITS = ("pJ us", "pJ us mm2")
"""Of metrics that are products, and say something only beside another machine's."""
NAMED = {"us": name_time, "pJ": name_energy}


def describe_best(sweep: Sweep, judged: Sequence[Row], best: Mapping[str, Row]) -> list[str]:
    """Return where each objective is best, from `find_best`."""
    papers, axes = find_papers(sweep, judged), list_axes(sweep)
    sentences = []
    for name, row in best.items():
        metric = name.removeprefix(Direction.LARGE.value)
        value = _name_value(metric, row[metric], papers.get(row["layer"]))
        place = ", ".join(f"{axis} = {row[axis]}" for axis in axes)
        sentences.append(
            f"{metric}: best of {len(judged)} {name_judged(sweep)} is number {row['number']} "
            f"({place}): {value}."
        )
    return sentences


def _name_value(metric: str, value: float, paper: Row | None) -> str:
    unit = METRICS[metric].unit
    if unit in COMPOSED_UNITS and paper is not None and paper[metric] is not None:
        return f"{value / paper[metric]:.3g} times that of the paper's chip"
    if unit in NAMED:
        return NAMED[unit](value)
    return f"{value:.4g} {unit}".rstrip()


def shorten(
    rows: Sequence[Row], judged: Sequence[Row], sweep: Sweep, keys: Sequence[str]
) -> list[Row]:
    """Return columns of rows: energies in microjoules, composed metrics over the paper's chip.

    A composed metric stays as it is where the sweep does not have the paper's chip.
    """
    papers = find_papers(sweep, judged)
    return [dict(_shorten(key, row[key], papers.get(row["layer"])) for key in keys) for row in rows]


def find_papers(sweep: Sweep, judged: Sequence[Row]) -> dict[str, Row]:
    """Return the row of the paper's chip for each layer, or sum of layers, that has only one."""
    axes = [axis for axis in list_axes(sweep) if hasattr(PAPER, axis)]
    papers: dict[str, list[Row]] = {}
    for row in judged:
        same = all(row[axis] in (None, getattr(PAPER, axis)) for axis in axes)
        if same and make_machine(sweep, row) == PAPER:
            papers.setdefault(row["layer"], []).append(row)
    return {layer: rows[0] for layer, rows in papers.items() if len(rows) == 1}


def _shorten(key: str, value: object, paper: Row | None) -> tuple[str, object]:
    if not isinstance(value, float):
        return key, value
    if key in METRICS and METRICS[key].unit in COMPOSED_UNITS:
        of_paper = None if paper is None else paper[key]
        return (key, value) if of_paper is None else (f"{key}_over_paper", value / of_paper)
    return (f"{key.removesuffix(PJ)}_uj", value / 1e6) if key.endswith(PJ) else (key, value)
