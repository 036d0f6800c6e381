"""Axes of compression: keys of a plan, for all layers or for one, and what they make of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, replace
from typing import Any

from eiesim.base.errors import ConfigError, did_you_mean
from eiesim.base.schema import Field, Switch, fields_of
from eiesim.catalog.model import Weighed
from eiesim.compress.plan import LAYERS, PRUNING, LayerPlan, Plan, make_plan

COMPRESSION = "compression."
"""Prefix of the axes of compression: ``compression.density`` is of all layers that have no density
of their own, ``compression.ip1.density`` of one."""
RETRAIN = COMPRESSION + "retrain"
FOLLOWED = ("codebook_bits", "index_bits")
"""Fields of the machine that are by default as wide as the widest of the compressed layers."""
Usual = Mapping[str, Mapping[str, Any]]
"""By layer that is compressed: its defaults that differ from those of `LayerPlan`."""
Values = Mapping[str, Any]


def is_of_compression(axis: str) -> bool:
    """Return whether an axis is of the compression."""
    return axis.startswith(COMPRESSION)


def split_axis(axis: str) -> tuple[str, str]:
    """Return the layer of an axis, empty for all layers, and the key of a plan.

    Examples
    --------
    >>> split_axis("compression.density"), split_axis("compression.ip1.density")
    (('', 'density'), ('ip1', 'density'))
    """
    layer, _, key = axis.removeprefix(COMPRESSION).rpartition(".")
    return layer, key


def find_field(axis: str) -> Field | None:
    """Return what values an axis of compression may have; None if there is no such key."""
    layer, key = split_axis(axis)
    if key == "retrain" and not layer:
        return Field(axis, bool, Switch("train what pruning and sharing left"), MISSING)
    field = fields_of(LayerPlan).get(key)
    return None if field is None else replace(field, name=axis)


def flatten(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the axes of a table ``[compression]``, with what stands behind each key."""
    for key, entry in table.items():
        if key != LAYERS:
            yield COMPRESSION + key, entry
            continue
        for layer, rows in (entry if isinstance(entry, dict) else {}).items():
            for name, values in (rows if isinstance(rows, dict) else {}).items():
                yield f"{COMPRESSION}{layer}.{name}", values


def explain_unknown(axis: str, usual: Usual) -> str | None:
    """Return what is wrong with the name of an axis of compression, or None."""
    layer, key = split_axis(axis)
    if layer and layer not in usual:
        return f"compression: layer {layer!r}: {did_you_mean(layer, usual)}"
    if find_field(axis) is None:
        known = [*fields_of(LayerPlan), *([] if layer else ["retrain"])]
        return f"compression: {key!r}: unknown, {did_you_mean(key, known)}"
    return None


def plan_values(values: Values) -> Plan:
    """Return the plan of a point; ConfigError if two ways to prune meet."""
    common: dict[str, Any] = {}
    layers: dict[str, dict[str, Any]] = {}
    for axis, value in values.items():
        if is_of_compression(axis) and axis != RETRAIN:
            layer, key = split_axis(axis)
            (layers.setdefault(layer, {}) if layer else common)[key] = value
    return make_plan(common, layers)


def resolve(values: Values, usual: Usual) -> dict[str, LayerPlan]:
    """Return how each layer is compressed at a point, in the order of the network.

    A seed that nothing is drawn by is 0. Raises ConfigError if two ways to prune meet.
    """
    plan = plan_values(values).prefer(usual)
    plans = {name: plan.find(name) for name in usual}
    return {
        name: layer if layer.initialisation == "forgy" else replace(layer, seed=0)
        for name, layer in plans.items()
    }


def follow(values: Values, weighed: Weighed, fields: Sequence[str]) -> dict[str, int]:
    """Return fields of the machine that are as wide as the widest layer that EIE holds."""
    if not weighed.usual:  # no network
        return {}
    plans = resolve(values, weighed.usual)
    return {field: max(getattr(plans[name], field) for name in weighed.on_eie) for field in fields}


def describe(values: Values, usual: Usual) -> dict[str, Any]:
    """Return all that the compressed weights of a point depend on beside the network, for JSON."""
    plans = {name: asdict(plan) for name, plan in resolve(values, usual).items()}
    return {"layers": plans, "retrain": bool(values.get(RETRAIN, False))}


def find_useless(axes: Mapping[str, Sequence[Any]], usual: Usual) -> list[tuple[str, str]]:
    """Return (axis, problem) for each axis of compression that changes no layer.

    Such is a key for all layers where each layer has its own, and a seed that nothing is drawn by.
    """
    problems = []
    for axis, values in axes.items():
        if not is_of_compression(axis) or axis == RETRAIN:
            continue
        layer, key = split_axis(axis)
        if not layer and _is_covered(key, axes, usual):
            problems.append((axis, f"axis {axis}: has no effect: every layer has its own; "
                             "leave it out"))  # fmt: skip
        elif len(values) > 1 and not _changes(axis, axes, usual):
            problems.append((axis, f"axis {axis}: has no effect: it changes no layer; leave it "
                             "out"))  # fmt: skip
    return problems


def _is_covered(key: str, axes: Mapping[str, Sequence[Any]], usual: Usual) -> bool:
    keys = tuple(PRUNING) if key in PRUNING else (key,)
    return bool(usual) and all(
        any(f"{COMPRESSION}{layer}.{own}" in axes for own in keys) for layer in usual
    )


def _changes(axis: str, axes: Mapping[str, Sequence[Any]], usual: Usual) -> bool:
    """Return whether the values of an axis give different layers somewhere.

    Tried are the first values of the other axes, and for a seed each initialisation.
    """
    for other in ("", *(name for name in axes if name.endswith("initialisation"))):
        for start in axes[other] if other else (None,):
            first = {name: values[0] for name, values in axes.items() if is_of_compression(name)}
            first |= {other: start} if other else {}
            found = []
            for value in axes[axis]:
                try:
                    found.append(describe(first | {axis: value}, usual))
                except ConfigError:  # the point has this error, and others may have none
                    return True
            if any(plan != found[0] for plan in found):
                return True
    return False
