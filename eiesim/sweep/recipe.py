"""A sweep's recipe of compression, and the points that are better than it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from eiesim.base.errors import ConfigError
from eiesim.base.tables import Row
from eiesim.compress.plan import PRUNING
from eiesim.sweep.compression import COMPRESSION, RETRAIN, resolve, split_axis
from eiesim.sweep.points import find_fields, list_axes, list_values
from eiesim.sweep.spec import Sweep

ENERGY = "energy_pj"


def find_recipe(sweep: Sweep, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the first row that is compressed by the recipe, on the machine of the base."""
    return next((row for row in rows if sweep.recipe and is_recipe(sweep, row)), None)


def is_recipe(sweep: Sweep, values: Mapping[str, Any]) -> bool:
    """Return whether values on the axes are the recipe's, on the machine of the base.

    What the recipe does not name may have any value.
    """
    known = {axis: values.get(axis) for axis in list_axes(sweep)}
    point = {axis: value for axis, value in known.items() if value is not None}
    if bool(point.get(RETRAIN, False)) != sweep.recipe.get(RETRAIN, point.get(RETRAIN, False)):
        return False
    if point.get("balance"):
        return False
    try:
        plans, wanted = (resolve(of, sweep.weighed.usual) for of in (point, sweep.recipe))
        fields = find_fields(sweep, point)
    except ConfigError:  # two ways to prune: no point
        return False
    base = asdict(sweep.base)
    on_base = all(
        value == base[field] for field, value in fields.items() if field not in sweep.follows
    )
    return on_base and all(
        getattr(plans[layer], key) == getattr(wanted[layer], key)
        for axis in sweep.recipe if axis != RETRAIN
        for layer, key in _list_named(axis, plans)
    )  # fmt: skip


def _list_named(axis: str, layers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the layers that a key of the recipe is of, and what of them it decides."""
    of, key = split_axis(axis)
    for layer in layers if not of else (of,):
        yield from ((layer, name) for name in (PRUNING if key in PRUNING else (key,)))


def compare_recipe(sweep: Sweep, judged: Sequence[Row]) -> Row | None:
    """Return how many points are better than the recipe in what is right, in energy, or in both.

    An error counts as smaller if the difference is more than its standard error, which is the root
    of the sum of both squares. Compared are points that meet the conditions. None where the sweep
    has no recipe, or the recipe has not run.
    """
    recipe = find_recipe(sweep, judged)
    if sweep.subject is None or recipe is None or recipe[ENERGY] is None:
        return None
    metric = sweep.subject.metric
    able = [row for row in judged if row["meets"] and row[ENERGY] is not None]
    right = [row for row in able if find_gain(recipe, row, metric) > 0]
    frugal = [row for row in able if row[ENERGY] < recipe[ENERGY]]
    both = [row for row in right if row[ENERGY] < recipe[ENERGY]]
    alike = [
        row for row in frugal
        if find_gain(recipe, row, metric) <= 0 and find_gain(row, recipe, metric) <= 0
    ]  # fmt: skip
    same = [row for row in both if _find_machine(sweep, row) == _find_machine(sweep, recipe)]
    return {
        "metric": metric,
        "axes": [axis for axis, values in list_values(sweep).items() if len(values) > 1],
        "recipe": dict(recipe),
        "compared": len(able),
        "better_in_both": len(both),
        "better_in_both_on_its_machine": len(same),
        "right_alone": len(right) - len(both),
        "less_energy_alone": len(frugal) - len(both),
        "less_energy_alike": len(alike),
        "best_in_energy": min(both, key=lambda row: row[ENERGY], default=None),
        "best_in_what_is_right": min(both, key=lambda row: row[metric], default=None),
    }


def _find_machine(sweep: Sweep, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what of a point's machine differs from the base, with what follows its layers."""
    known = {axis: row[axis] for axis in list_axes(sweep) if row[axis] is not None}
    return {**find_fields(sweep, known), "balance": bool(row.get("balance"))}


def find_gain(one: Mapping[str, Any], other: Mapping[str, Any], metric: str) -> float:
    """Return by how much another point is better than the standard error of the difference."""
    both = math.hypot(one[f"{metric}_se"], other[f"{metric}_se"])
    return float(one[metric] - other[metric] - both)


def describe_recipe(sweep: Sweep, compared: Row | None) -> list[str]:
    """Return what the comparison says, in sentences."""
    if not sweep.recipe:
        return []
    if compared is None:
        return ["The recipe is none of the points that have run, or it has no energy."]
    recipe, metric, both = compared["recipe"], compared["metric"], compared["better_in_both"]
    head = f"The recipe is {_describe_point(sweep, recipe, metric)}."
    error = "error" if metric == "error_rate" else "bits a character"
    if not both:
        answer = f"None of {compared['compared']:,} points is better in both {error} and energy."
    else:
        same = compared["better_in_both_on_its_machine"]
        answer = (
            f"{both:,} of {compared['compared']:,} points are better in both {error} and energy, "
            f"{same or 'none'} of them on the machine of the recipe. "
            f"With the least energy: {_describe_point(sweep, compared['best_in_energy'], metric)}. "
            "With the best answers: "
            f"{_describe_point(sweep, compared['best_in_what_is_right'], metric)}."
        )
    more = (
        f"{compared['right_alone']:,} are better in {error} alone. "
        f"{compared['less_energy_alone']:,} are better in energy alone; the {error} of "
        f"{compared['less_energy_alike']:,} of these differs by no more than the standard error of "
        "the difference."
    )
    return [head, answer, more]


def _describe_point(sweep: Sweep, row: Mapping[str, Any], metric: str) -> str:
    axes = [axis for axis, values in list_values(sweep).items() if len(values) > 1]
    values = ", ".join(f"{axis.removeprefix(COMPRESSION)} {_show(row[axis])}" for axis in axes)
    scale, unit = (100, " %") if metric == "error_rate" else (1, " bits a character")
    right = f"{scale * row[metric]:.4g} ± {scale * row[f'{metric}_se']:.2g}{unit}"
    energy_nj = row[ENERGY] / 1000
    energy = f"{energy_nj:,.0f}" if energy_nj >= 1000 else f"{energy_nj:.4g}"
    return f"point {row['number']} ({values}): {right}, {energy} nJ"


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
