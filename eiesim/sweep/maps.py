"""Maps of a sweep: the first objective over two axes, and why squares are empty."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eiesim.base.labels import name_column, show_number
from eiesim.base.tables import Row
from eiesim.report.charts import Chart, Panel
from eiesim.sweep.answers import explain_row, is_answer, name_judged
from eiesim.sweep.planning import Planned
from eiesim.sweep.points import find_value, list_values
from eiesim.sweep.spec import Sweep

Square = tuple[Any, Any]
"""Values of the vertical and of the horizontal axis."""
LETTERS = "abcdefghi"
OTHERS = "other reasons"
"""Reasons that are too rare for a letter of their own."""


def draw_maps(
    sweep: Sweep, planned: Planned, rows: Sequence[Row], judged: Sequence[Row]
) -> list[Chart]:
    """Draw the best first objective within the constraints, over each axis and the next.

    Where it is the same in every square, the next objective that differs is drawn.
    """
    axes = {axis: values for axis, values in list_values(sweep).items() if len(values) > 1}
    if not any(is_answer(row, sweep.objectives[:1]) for row in judged):
        return []
    maps = []
    for pair in itertools.pairwise(axes):
        drawn = _put_first(sweep, judged, pair)
        whys = list(_explain(drawn, planned, rows, judged))
        maps.append(_draw_map(drawn, {axis: axes[axis] for axis in pair}, judged, whys))
    return maps


def _put_first(sweep: Sweep, judged: Sequence[Row], pair: tuple[str, str]) -> Sweep:
    """Return the sweep with the first objective that differs between squares before the others."""
    for objective in sweep.objectives:
        best: dict[Square, float] = {}
        for row in judged:
            if is_answer(row, [objective]):
                square = row[pair[1]], row[pair[0]]
                best[square] = min(best.get(square, math.inf), objective.weigh(row))
        if len(set(best.values())) > 1:
            return replace(sweep, objectives=tuple(dict.fromkeys((objective, *sweep.objectives))))
    return sweep


def _explain(
    sweep: Sweep, planned: Planned, rows: Sequence[Row], judged: Sequence[Row]
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield values on the axes, and the reason why they give no answer."""
    axes = list(list_values(sweep))

    def place(values: Mapping[str, Any]) -> dict[str, Any]:
        return {axis: find_value(sweep, values, axis) for axis in axes}

    for point, reason in planned.left_out:
        yield place(point.values), f"left out, {reason}"
    run = {row["number"] for row in rows}
    for point, *_ in planned.points:
        if point.number not in run:
            yield place(point.values), "not run yet"
    for row in rows:
        if row["error"] is not None:
            yield row, "cannot be run"
    for row in judged:
        if why := explain_row(sweep, row, sweep.objectives[0]):
            yield row, why


def _draw_map(
    sweep: Sweep,
    values: Mapping[str, Sequence[Any]],
    judged: Sequence[Row],
    whys: Sequence[tuple[Mapping[str, Any], str]],
) -> Chart:
    (x, across), (y, up) = values.items()
    objective = sweep.objectives[0]
    name = objective.metric
    groups: dict[Square, list[Row]] = {}
    for row in judged:
        if is_answer(row, [objective]):
            groups.setdefault((row[y], row[x]), []).append(row)
    best = {
        square: float(min(group, key=objective.weigh)[name]) for square, group in groups.items()
    }
    least = min(best.values())
    scale = least if least > 0 else 1.0
    lines: Mapping[str, Sequence[float | None]] = {
        _show(value): [
            best[value, other] / scale if (value, other) in best else None for other in across
        ]
        for value in up
    }
    label = name_column(x), name_column(y)
    see = f"The best of {name_judged(sweep)} with these two values"
    see += " that meet all conditions; light is small." if sweep.where else "; light is small."
    if least > 0:
        see = f"{see} In multiples of the smallest, {show_number(least)}."
    empty = _find_empty(set(itertools.product(up, across)) - best.keys(), x, y, whys)
    counts = count_reasons(empty)
    letters = {why: letter for (why, _), letter in zip(counts, LETTERS, strict=False)}
    marks = {
        (up.index(value), across.index(other)): "".join(sorted(letters[why] for why in reasons))
        for (value, other), reasons in empty.items()
    }
    key = "; ".join(f"{letters[why]}, {why} ({number:,})" for why, number in counts)
    see += f" Empty squares: {key}." if key else ""
    panel = Panel("heat", tuple(map(_show, across)), lines, *label, log=least > 0, marks=marks)
    title = f"{name_column(name)} over {label[0]} and {label[1]}"
    return Chart(title, (panel,), see)


def _find_empty(
    squares: set[Square], x: str, y: str, whys: Sequence[tuple[Mapping[str, Any], str]]
) -> dict[Square, set[str]]:
    """Return all reasons why there is no answer in each empty square."""
    empty: dict[Square, set[str]] = {square: set() for square in squares}
    for values, why in whys:
        if (values[y], values[x]) in empty:
            empty[values[y], values[x]].add(why)
    for reasons in empty.values():
        if not reasons:
            reasons.add("not among the points")
    common = {why for why, _ in count_reasons(empty)[: len(LETTERS) - 1]}
    return {
        square: {why if why in common else OTHERS for why in reasons}
        for square, reasons in empty.items()
    }


def count_reasons(empty: Mapping[Square, set[str]]) -> list[tuple[str, int]]:
    """Return each reason with its number of squares, the most frequent first, then by name."""
    counts = Counter(itertools.chain(*empty.values()))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
