"""Charts of a network: where its cycles and its energy go, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from eiesim.base.tables import Row
from eiesim.report.charts import Chart, Panel
from eiesim.runs.limits import describe_longest, split_cycles

MOST_STEPS = 40
"""That a chart has room for: those that take most."""


def draw_steps(steps: Sequence[Row], modules: Sequence[Row]) -> dict[str, Chart]:
    """Return charts of cycles and energy by step.

    Parameters
    ----------
    steps : sequence of dict
        One row a step, with ``step``, ``cycles`` and the columns of `tabulate_limits`.
    modules : sequence of dict
        One row a step and module, with ``energy_pj``; none without prices.
    """
    charts = {"cycles": _draw_cycles(steps)}
    if modules:
        charts["energy"] = _draw_energy(modules)
    return charts


def _draw_cycles(steps: Sequence[Row]) -> Chart:
    shown = _choose(steps, "cycles")
    names = _label([row["step"] for row in shown])
    return Chart(
        "Cycles by step",
        (Panel("stacked", names, split_cycles(shown), "", "cycles"),),
        describe_longest(steps, "step") + _name_rest(len(steps), len(shown)),
    )


def _draw_energy(modules: Sequence[Row]) -> Chart:
    steps: dict[str, dict[str, float]] = {}
    for row in modules:
        steps.setdefault(row["step"], {})[row["module"]] = row["energy_pj"] / 1000
    rows = [{"step": step, "energy_nj": sum(parts.values())} for step, parts in steps.items()]
    shown = [row["step"] for row in _choose(rows, "energy_nj")]
    names = dict.fromkeys(module for parts in steps.values() for module in parts)
    sums = {name: sum(parts.get(name, 0.0) for parts in steps.values()) for name in names}
    series = {
        name: [steps[step].get(name, 0.0) for step in shown] for name in names if sums[name] > 0
    }
    most = max(sums, key=lambda name: sums[name])
    share = sums[most] / sum(sums.values()) if any(sums.values()) else 0.0
    return Chart(
        "Energy by step and module",
        (Panel("stacked", _label(shown), series, "", "energy (nJ)"),),
        f"Most of it, {share:.0%}, goes into {most}.{_name_rest(len(steps), len(shown))}",
    )


def _label(steps: Sequence[str]) -> tuple[str, ...]:
    """Return names without the folders that all of them begin with."""
    folders = zip(*(step.split("/")[:-1] for step in steps), strict=False)
    shared = len(list(takewhile(lambda parts: len(set(parts)) == 1, folders)))
    return tuple("/".join(step.split("/")[shared:]) for step in steps)


def _choose(rows: Sequence[Row], key: str) -> list[Row]:
    """Return the rows that take most, in their order."""
    largest = sorted(range(len(rows)), key=lambda place: -rows[place][key])[:MOST_STEPS]
    return [rows[place] for place in sorted(largest)]


def _name_rest(number: int, shown: int) -> str:
    return f" Shown are the {shown} of {number} steps that take most." if shown < number else ""
