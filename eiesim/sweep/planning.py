"""What a sweep runs: its points with their machines and keys, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from eiesim.base.errors import ConfigError
from eiesim.hardware import Hardware
from eiesim.sweep.identity import identify, make_key
from eiesim.sweep.metrics import METRICS, Over, explain_missing, measure_machine
from eiesim.sweep.points import (
    PlannedPoint,
    Point,
    list_points,
    split_values,
)
from eiesim.sweep.priced import explain_machine
from eiesim.sweep.spec import Constraint, Sweep


class LeftOut(NamedTuple):
    """A point that a constraint on the machine alone leaves out, and why."""

    point: Point
    reason: str


class Planned(NamedTuple):
    """The points of a sweep.

    Attributes
    ----------
    points : list of PlannedPoint
        In their order.
    left_out : list of LeftOut
        Those that are not run.
    """

    points: list[PlannedPoint]
    left_out: list[LeftOut]


def plan_points(sweep: Sweep) -> Planned:
    """List the points of a sweep with their machines and keys.

    Raises
    ------
    EieError
        A layer is unknown, or there are too many points.
    """
    early = [it for it in sweep.where if METRICS[it.metric].over is Over.MACHINE]
    machines: dict[Any, Hardware | ConfigError] = {}
    identities: dict[Any, str] = {}
    points: list[PlannedPoint] = []
    left_out: list[LeftOut] = []
    for point in list_points(sweep):
        own, shared = split_values(point.values)
        at = tuple(own.items())
        if at not in machines:
            machines[at] = _make_machine(sweep, own)
        hw = machines[at]
        if isinstance(hw, ConfigError):
            points.append(PlannedPoint(point, None, error=str(hw)))
            continue
        if early and (reason := _leave_out(early, hw)):
            left_out.append(LeftOut(point, reason))
            continue
        what = point.layer, tuple(shared.items())
        if what not in identities:
            identities[what] = identify(point.layer, shared)
        key = make_key(identities[what], hw)
        points.append(PlannedPoint(point, hw, identities[what], key))
    return Planned(points, left_out)


def _leave_out(early: Sequence[Constraint], hw: Hardware) -> str:
    """Return which constraint a machine breaks, or what is missing of it; nothing if it is run."""
    metrics = measure_machine(hw)
    for it in early:
        if metrics[it.metric] is None:
            return explain_missing(it.metric, explain_machine(hw))
        if not it.holds(metrics[it.metric]):
            return f"{it} is not met"
    return ""


def _make_machine(sweep: Sweep, own: Mapping[str, Any]) -> Hardware | ConfigError:
    try:
        return replace(sweep.base, **own)
    except ConfigError as error:
        return error
