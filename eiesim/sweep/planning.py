"""The points that a sweep runs, with their machines and keys, and those that it leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from eiesim.base.errors import ConfigError
from eiesim.hardware import Hardware
from eiesim.sweep.compression import describe
from eiesim.sweep.identity import identify, identify_network, identify_weights, make_key
from eiesim.sweep.metrics import METRICS, REASONS, Over, explain_missing, measure_machine
from eiesim.sweep.points import (
    NetworkWork,
    PlannedPoint,
    Point,
    Values,
    find_fields,
    list_points,
    split_values,
)
from eiesim.sweep.priced import price_point
from eiesim.sweep.recipe import is_recipe
from eiesim.sweep.spec import Constraint, Sweep
from eiesim.sweep.subject import Lesson


class LeftOut(NamedTuple):
    """A point that a constraint on the machine alone leaves out, and why."""

    point: Point
    reason: str


class Planned(NamedTuple):
    """The points of a sweep in their order, those that are not run, and what a network's share."""

    points: list[PlannedPoint]
    left_out: list[LeftOut]
    work: NetworkWork | None = None


def plan_points(sweep: Sweep) -> Planned:
    """List the points of a sweep with their machines and keys.

    Raises EieError if a layer is unknown, or there are too many points.
    """
    early = [
        condition for condition in sweep.where if METRICS[condition.metric].over is Over.MACHINE
    ]
    work = _find_work(sweep)
    machines: dict[Any, Hardware | ConfigError] = {}
    identities: dict[Any, str] = {}
    points: list[PlannedPoint] = []
    left_out: list[LeftOut] = []
    for point in list_points(sweep):
        _, shared = split_values(point.values)
        try:
            of_machine = find_fields(sweep, point.values)
        except ConfigError as error:  # its compression cannot be
            points.append(PlannedPoint(point, None, error=str(error)))
            continue
        fields = tuple(of_machine.items())
        if fields not in machines:
            machines[fields] = _make_machine(sweep, of_machine)
        hw = machines[fields]
        if isinstance(hw, ConfigError):
            points.append(PlannedPoint(point, None, error=str(hw)))
            continue
        if early and (reason := _leave_out(early, hw)):
            left_out.append(LeftOut(point, reason))
            continue
        operands = point.layer, tuple(shared.items())
        if operands not in identities:
            identities[operands] = _identify(work, sweep.weighed.sha256, point, shared)
        identity = identities[operands]
        points.append(PlannedPoint(point, hw, identity, make_key(identity, hw)))
    if (
        sweep.recipe
        and sweep.method in ("grid", "list")
        and not any(is_recipe(sweep, point.values) for point in list_points(sweep))
    ):
        raise ConfigError(
            "recipe: expected values that a point of the sweep has on the machine of base and "
            "[hardware], found none such; put them, and that machine, on the axes"
        )
    return Planned(points, left_out, work)


def _find_work(sweep: Sweep) -> NetworkWork | None:
    """Return the network that a sweep compresses, which is kept nowhere yet."""
    if sweep.subject is None:
        return None
    training, scale = sweep.retraining, sweep.subject.scale
    lesson = None if training is None else Lesson(training, scale)
    return NetworkWork(sweep.subject, lesson, sweep.weighed.usual, "")


def _identify(work: NetworkWork | None, network: str, point: Point, shared: Values) -> str:
    if work is None:
        return identify(point.layer, shared)
    compression = describe(shared, work.usual)
    weights = identify_weights(network, compression, work.find_lesson(shared))
    return identify_network(weights, work.subject, shared)


def _leave_out(early: Sequence[Constraint], hw: Hardware) -> str:
    """Return which constraint a machine breaks, or which metric it lacks; empty if it is run."""
    machine = price_point(hw)
    metrics = measure_machine(machine) | {name: getattr(machine, name) for name in REASONS}
    for condition in early:
        if metrics[condition.metric] is None:
            return explain_missing(condition.metric, metrics)
        if not condition.holds(metrics[condition.metric]):
            return f"{condition} is not met"
    return ""


def _make_machine(sweep: Sweep, fields: Mapping[str, Any]) -> Hardware | ConfigError:
    try:
        return replace(sweep.base, **fields)
    except ConfigError as error:
        return error
