"""The effect of each axis, from pairs of machines that differ in it alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eiesim.base.tables import Row
from eiesim.sweep.answers import find_place
from eiesim.sweep.compression import is_of_compression
from eiesim.sweep.objectives import Objective
from eiesim.sweep.points import list_values
from eiesim.sweep.recipe import find_gain
from eiesim.sweep.spec import Sweep
from eiesim.views import OutputView

Pair = tuple[Row, Row]


def find_sensitivity(
    rows: Sequence[Row], axes: Mapping[str, Sequence[Any]], objectives: Sequence[Objective]
) -> list[Row]:
    """Return how much each objective changes from each value of an axis to the next.

    Compared are pairs of judged rows that differ in this axis alone, if both meet the constraints.
    A row a step of an axis and objective: ``pairs``; in how many of them the objective is
    ``smaller``, ``equal`` and ``larger`` with the second value; ``times``, the geometric mean of
    the second over the first, with the least and the most; and ``why_empty``, why there is none.
    """
    return [
        {"axis": axis, "from": start, "to": end, "objective": name, **_compare(pairs, name)}
        for axis, values in axes.items()
        for start, end, pairs in list_pairs(rows, list(axes), axis, values)
        for name in dict.fromkeys(objective.metric for objective in objectives)
    ]


def list_pairs(
    rows: Sequence[Row], axes: Sequence[str], axis: str, values: Sequence[Any]
) -> Iterator[tuple[Any, Any, list[Pair]]]:
    """Yield two neighbours on an axis, with the pairs of rows that differ in it alone."""
    others = [name for name in axes if name != axis]
    groups: dict[tuple[Any, ...], dict[Any, Row]] = {}
    for row in rows:
        groups.setdefault(find_place(row, others), {})[row[axis]] = row
    for start, end in itertools.pairwise(values):
        yield (
            start,
            end,
            [
                (group[start], group[end])
                for group in groups.values()
                if {start, end} <= group.keys()
            ],
        )


def _compare(pairs: Sequence[Pair], name: str) -> Row:
    able = [pair for pair in pairs if all(row["meets"] for row in pair)]
    values = [(first[name], second[name]) for first, second in able]
    known = [pair for pair in values if None not in pair]
    result: Row = {
        "pairs": len(known),
        "smaller": sum(second < first for first, second in known),
        "equal": sum(second == first for first, second in known),
        "larger": sum(second > first for first, second in known),
        **dict.fromkeys(("times", "times_least", "times_most", "why_empty")),
    }
    if not pairs:
        return result | {"why_empty": "no two that ran differ in this axis alone"}
    if not able:
        return result | {"why_empty": f"in none of {_count(len(pairs))} both meet the conditions"}
    if not known:
        return result | {"why_empty": f"{name} is missing in each of {_count(len(able))}"}
    if zeros := sum(min(pair) <= 0 for pair in known):
        return result | {"why_empty": f"{name} is 0 in {zeros:,} of {_count(len(known))}"}
    times = [second / first for first, second in known]
    mean = math.exp(math.fsum(map(math.log, times)) / len(times))
    return result | {"times": mean, "times_least": min(times), "times_most": max(times)}


def _count(pairs: int) -> str:
    return "1 pair" if pairs == 1 else f"{pairs:,} pairs"


def describe_axes(sensitivity: Sequence[Row], objective: Objective) -> list[str]:
    """Return a sentence an axis: where the objective changes most, and in how many pairs."""
    name = objective.metric
    sentences = []
    for axis in dict.fromkeys(row["axis"] for row in sensitivity):
        rows = [row for row in sensitivity if (row["axis"], row["objective"]) == (axis, name)]
        steps = [row for row in rows if row["times"] is not None]
        pairs = sum(row["pairs"] for row in steps)
        if not steps:
            sentences.append(f"{axis}: {rows[0]['why_empty']}.")
        elif all(row["equal"] == row["pairs"] for row in steps):
            sentences.append(f"{axis}: {name} is the same in {_count(pairs)}.")
        else:
            most = max(steps, key=lambda row: abs(math.log(row["times"])))
            sentences.append(
                f"{axis}: {name} changes most from {most['from']} to {most['to']}, "
                f"{most['times']:.3g} times in the mean of {_count(most['pairs'])}, smaller in "
                f"{most['smaller']:,}, equal in {most['equal']:,}, larger in {most['larger']:,}."
            )
    return sentences


def find_accuracy_steps(sweep: Sweep, rows: Sequence[Row]) -> list[Row]:
    """Return how much what is right changes from each value of an axis to the next.

    Compared are pairs of compressed networks that differ in this axis alone; each counts once,
    whatever machines it ran on. ``change`` is the mean of the second less the first, of the error
    rate in percentage points; ``beyond_se`` are the pairs whose difference is more than its
    standard error.
    """
    if sweep.subject is None:
        return []
    metric = sweep.subject.metric
    axes = {
        axis: values for axis, values in list_values(sweep).items()
        if is_of_compression(axis) or axis in OutputView._fields
    }  # fmt: skip
    distinct = list({find_place(row, list(axes)): row for row in rows}.values())
    return [
        {"axis": axis, "from": start, "to": end, "metric": metric, **_change(pairs, metric)}
        for axis, values in axes.items()
        for start, end, pairs in list_pairs(distinct, list(axes), axis, values)
    ]


def _change(pairs: Sequence[Pair], metric: str) -> Row:
    scale = 100 if metric == "error_rate" else 1
    changes = [scale * (second[metric] - first[metric]) for first, second in pairs]
    return {
        "pairs": len(pairs),
        "change": math.fsum(changes) / len(changes) if changes else None,
        "change_least": min(changes, default=None),
        "change_most": max(changes, default=None),
        "beyond_se": sum(
            max(find_gain(*pair, metric), find_gain(*pair[::-1], metric)) > 0 for pair in pairs
        ),
    }
