"""What is swept: a file of axes, constraints and objectives."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, replace
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, NamedTuple

from eiesim.base.errors import ConfigError, did_you_mean
from eiesim.base.schema import (
    Field,
    Range,
    Switch,
    Text,
    fields_of,
    find_problems,
    load_toml,
    refuse,
    show_value,
    take_old_keys,
)
from eiesim.catalog.model import Weighed
from eiesim.hardware import Hardware, read_hardware
from eiesim.layer.weights import LayerSpec
from eiesim.sweep.compression import (
    FOLLOWED,
    find_field,
    find_useless,
    flatten,
    is_of_compression,
)
from eiesim.sweep.metrics import METRICS, name_metrics
from eiesim.sweep.network import NO_NETWORK, Problems, check_axes, take_network
from eiesim.sweep.objectives import Objective
from eiesim.sweep.subject import Retraining, Subject

LAYER = "layer."
"""Prefix of the fields of a drawn layer."""
METHODS = ("grid", "random", "latin", "list", "narrow")
MOST_POINTS = 10_000_000
DIGITS = 60
"""Precision of an axis's values, which is far above a float's."""
CONSTRAINT = re.compile(r"\s*(\w+)\s*(?:(<=|>=|==|<|>)\s*([-+.\w]+)\s*)?")
USUAL: Mapping[str, Any] = {
    "title": "", "layers": [], "inputs": {}, "method": "grid", "points": 0, "seed": 0, "where": [],
    "objectives": ["cycles", "energy_pj", "area_mm2"], "base": "eie-64pe-45nm", "hardware": {},
    "axes": {}, "list": [], "network": {}, "retraining": {}, "compression": {}, "recipe": {},
}  # fmt: skip
"""Keys of a sweep's file, with their defaults."""
OF_RUN: Mapping[str, Field] = {
    "inputs": Field("inputs", str, Text("file with one input", empty=False), MISSING),
    "balance": Field("balance", bool, Switch("give all PEs equal work"), MISSING),
    "steps": Field("steps", int, Range(1, 1 << 20, "length of drawn sequences"), MISSING),
}
"""Axes that are neither of the machine nor of a drawn layer."""
KINDS = {str: "text", list: "a list", int: "a whole number", dict: "a table"}


class Constraint(NamedTuple):
    """A condition on a result: ``area_mm2 < 50``, or ``fits``."""

    metric: str
    sign: str
    limit: float

    def __str__(self) -> str:
        if isinstance(self.limit, bool):
            return self.metric
        return f"{self.metric} {self.sign} {self.limit:.15g}"

    def holds(self, value: Any) -> bool:
        """Return whether a value of the metric meets the condition; a missing one does not."""
        if value is None:
            return False
        met: Mapping[str, bool] = {
            "<": value < self.limit, "<=": value <= self.limit, "==": value == self.limit,
            ">=": value >= self.limit, ">": value > self.limit,
        }  # fmt: skip
        return met[self.sign]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What is swept.

    Attributes
    ----------
    layers
        Names or files as in ``eiesim run``, or `.eie` files of networks.
    base
        The machine where no axis says otherwise.
    axes
        Values of fields of the machine, of drawn layers (``layer.weight_density``), of ``inputs``
        (files), of ``balance``, and of ``steps`` of drawn sequences.
    inputs
        The file with one input of a layer that is not drawn, by layer.
    method
        ``grid`` is all combinations, ``random`` draws `points` of them with `seed`, ``latin`` draws
        them in a Latin hypercube, ``list`` takes those `listed`, ``narrow`` searches for the best.
    where
        What a point must meet to be an answer. Points whose machine alone breaks it are not run.
    subject, retraining
        The network that is compressed, with its data, and how it is trained; then `layers` has its
        file alone.
    weighed
        What of this network is compressed.
    follows
        Fields of the machine that are as wide as the widest compressed layer.
    recipe
        Values of compression that other points are compared with.
    """

    title: str = ""
    layers: tuple[str, ...]
    base: Hardware = field(default_factory=Hardware)
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    method: str = "grid"
    points: int = 0
    seed: int = 0
    listed: tuple[Mapping[str, Any], ...] = ()
    where: tuple[Constraint, ...] = ()
    objectives: tuple[Objective, ...] = tuple(map(Objective, ("cycles", "energy_pj", "area_mm2")))
    subject: Subject | None = None
    retraining: Retraining | None = None
    weighed: Weighed = NO_NETWORK
    follows: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """The metrics of its points."""
        return name_metrics(self.subject.metric if self.subject else "")


def read_sweep(path: str | Path) -> Sweep:
    """Read a sweep from a TOML file, whose keys docs/sweeps.md describes.

    Raises ConfigError with one line for each problem.
    """
    values, text = load_toml(Path(path))
    return make_sweep(values, str(path), text)


def make_sweep(values: Mapping[str, Any], where: str = "sweep", text: str = "") -> Sweep:
    """Check the content of a sweep's file; `where` and `text` name it in errors, with lines.

    Raises ConfigError with one line for each problem.
    """
    problems: Problems = [
        (key, f"{key!r}: unknown, {did_you_mean(key, USUAL)}") for key in values if key not in USUAL
    ]
    taken = {key: _take(values, key, problems) for key in USUAL}
    _check_method(taken, problems)
    network = take_network(taken, problems)
    if taken["network"] and network.subject is None:
        refuse(where, text, problems)  # what else there is depends on the network
    layers = taken["layers"]
    if network.subject is not None:
        layers = [network.subject.file]
    elif not layers or not all(isinstance(layer, str) for layer in layers):
        problems.append(("layers", "layers: expected names or files of layers, found none"))
    elif len(set(layers)) < len(layers):
        problems.append(("layers", "layers: expected each layer once, found some twice"))
    base = _take_base(taken["base"], taken["hardware"], problems)
    file_axes = dict(flatten(taken["compression"])) | take_old_keys(Hardware, taken["axes"])
    axes = {key: _take_axis(key, values, problems) for key, values in file_axes.items()}
    listed = [_take_point(point, problems) for point in taken["list"]]
    recipe = {key: _take_axis(key, [value], problems) for key, value in flatten(taken["recipe"])}
    check_axes([axes, *listed, recipe], network, problems)
    if not problems:
        problems += find_useless(axes, network.weighed.usual)
    _check_inputs(taken, problems)
    names = name_metrics(network.subject.metric if network.subject else "")
    constraints = [_take_constraint(condition, names, problems) for condition in taken["where"]]
    if network.subject is not None and "objectives" not in values:
        taken["objectives"] = [network.subject.metric, "energy_pj", "area_mm2"]
    objectives = [_take_objective(objective, names, problems) for objective in taken["objectives"]]
    refuse(where, text, problems)
    explicit = {*taken["hardware"], *axes, *(key for point in listed for key in point)}
    return Sweep(
        **{key: taken[key] for key in ("title", "inputs", "method", "points", "seed")},
        layers=tuple(layers),
        base=base,
        axes=axes,
        listed=tuple(listed),
        where=tuple(constraint for constraint in constraints if constraint is not None),
        objectives=tuple(objective for objective in objectives if objective is not None),
        subject=network.subject,
        retraining=network.retraining,
        weighed=network.weighed,
        follows=tuple(key for key in FOLLOWED if network.weighed.on_eie and key not in explicit),
        recipe={key: values[0] for key, values in recipe.items()},
    )


def _take_objective(text: Any, names: Sequence[str], problems: Problems) -> Objective | None:
    try:
        objective = Objective.parse(str(text))
    except ConfigError as error:
        problems.append(("objectives", str(error)))
        return None
    if objective.metric not in names:
        problems.append(("objectives", f"objective {str(text)!r}: {_explain_metric(names)}"))
    return objective


def _explain_metric(names: Sequence[str]) -> str:
    """Return why a metric is none of a sweep's."""
    if "file_bytes" in names:
        return "a network has either error_rate, by labels, or bits_per_character, by a text"
    return "goes with [network], whose data it is of"


def _take(values: Mapping[str, Any], key: str, problems: Problems) -> Any:
    """Return the value of a key, or its default."""
    usual = USUAL[key]
    value = values.get(key, usual)
    if isinstance(value, bool) or not isinstance(value, type(usual)):
        problems.append((key, f"{key}: expected {KINDS[type(usual)]}, found {show_value(value)}"))
        return usual
    return value


def _check_method(taken: Mapping[str, Any], problems: Problems) -> None:
    method, points = taken["method"], taken["points"]
    if method not in METHODS:
        problems.append(("method", f"method {method!r}: {did_you_mean(method, METHODS)}"))
    if method in ("random", "latin") and not 1 <= points <= MOST_POINTS:
        problems.append(("points", f"points: expected 1 to {MOST_POINTS}, found {points}"))
    if taken["seed"] < 0:
        problems.append(("seed", f"seed: expected 0 or more, found {taken['seed']}"))
    if (method == "list") != bool(taken["list"]):
        problems.append(("list", f'list: expected points with method = "list", found {method!r}'))


def _check_inputs(taken: Mapping[str, Any], problems: Problems) -> None:
    """Check the table of inputs, one file a layer."""
    for layer, file in taken["inputs"].items():
        if layer not in taken["layers"]:
            hint = did_you_mean(layer, map(str, taken["layers"]))
            problems.append(("inputs", f"inputs: {layer!r} is none of the layers: {hint}"))
        if not isinstance(file, str):
            shown = show_value(file)
            problems.append(("inputs", f"inputs: {layer}: expected a file, found {shown}"))
    rows = [taken["axes"], *(row for row in taken["list"] if isinstance(row, dict))]
    if taken["inputs"] and any("inputs" in row for row in rows):
        problem = "inputs: expected a table by layer or an axis for all layers, found both"
        problems.append(("inputs", problem))


def _take_base(name: str, fixed: Mapping[str, Any], problems: Problems) -> Hardware:
    try:
        base = read_hardware(name)
    except ConfigError as error:
        problems += [("base", problem) for problem in error.problems]
        return Hardware()
    known, fixed = fields_of(Hardware), take_old_keys(Hardware, fixed)
    for key, value in fixed.items():
        if key not in known:
            problems.append((key, f"hardware: {key!r}: unknown, {did_you_mean(key, known)}"))
        else:
            for _, problem in find_problems(Hardware, {key: value}):
                problems.append((key, f"hardware: {problem}"))
    if problems:
        return base
    try:
        return replace(base, **fixed)
    except ConfigError as error:
        problems += [("hardware", problem) for problem in error.problems]
        return base


def _take_axis(key: str, entry: Any, problems: Problems) -> tuple[Any, ...]:
    """Return the values of an axis, checked one by one, each of its field's type."""
    of_drawn = {LAYER + name: field for name, field in fields_of(LayerSpec).items()}
    known = {**fields_of(Hardware), **of_drawn, **OF_RUN}
    if is_of_compression(key):
        known = {key: kind} if (kind := find_field(key)) else {}
    if key not in known:
        if not is_of_compression(key):  # with [network] `check_axes` says which layers there are
            problems.append((key, f"axis {key!r}: unknown, {did_you_mean(key, known)}"))
        return ()
    values = _spread(key, entry, problems) if isinstance(entry, dict) else entry
    if is_of_compression(key) and not isinstance(values, list | tuple):
        values = [values]
    if not isinstance(values, list | tuple) or not values:
        problems.append((key, f"axis {key}: expected values, found {show_value(entry)}"))
        return ()
    wrong = [problem for value in values if (problem := known[key].problem(value))]
    problems += [(key, f"axis {problem}") for problem in wrong]
    typed = () if wrong else tuple(map(known[key].take, values))
    if len(set(typed)) < len(typed):
        problems.append((key, f"axis {key}: expected each value once, found some twice"))
    return typed


def _take_point(entry: Any, problems: Problems) -> dict[str, Any]:
    """Return a listed point."""
    if not isinstance(entry, dict):
        problems.append(("list", f"list: expected tables, found {show_value(entry)}"))
        return {}
    values = take_old_keys(Hardware, entry)
    taken = {key: _take_axis(key, [value], problems) for key, value in values.items()}
    return {key: values[0] for key, values in taken.items() if values}


def _spread(key: str, entry: Mapping[str, Any], problems: Problems) -> list[Any]:
    """Return values from a first to a last one, each a step or a factor from the one before.

    They are computed as decimal numbers, as they stand in a file, so that they equal those of a
    list: 0.1, 0.2, 0.3.
    """
    how = [name for name in ("step", "times") if name in entry]
    numbers = [entry.get(name) for name in ("from", "to", *how)]
    sound = len(how) == 1 and set(entry) == {"from", "to", *how} and all(map(_is_finite, numbers))
    value, last, by = (Decimal(str(number)) for number in numbers) if sound else (Decimal(),) * 3
    times = how == ["times"]
    if not sound or value > last or by <= times or (times and value <= 0):
        problems.append((key, f"axis {key}: expected a list, or from, to and one of step (above 0) "
                         "and times (above 1, and from above 0), found "
                         f"{show_value(dict(entry))}"))  # fmt: skip
        return []
    kind = int if all(isinstance(number, int) for number in numbers) else float
    values: list[Any] = []
    with localcontext(prec=DIGITS):
        while value <= last and len(values) <= MOST_POINTS:
            values.append(kind(value))
            value = value * by if times else value + by
    if len(values) > MOST_POINTS:
        problems.append((key, f"axis {key}: expected at most {MOST_POINTS} values, found more"))
        return []
    return values


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _take_constraint(text: Any, names: Sequence[str], problems: Problems) -> Constraint | None:
    match = CONSTRAINT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        problems.append(
            ("where", f"where: expected METRIC < NUMBER, or fits or clock_fits, found {text!r}")
        )
        return None
    metric, sign, limit = match.groups()
    if metric not in METRICS:
        problems.append(("where", f"where {text!r}: {did_you_mean(metric, METRICS)}"))
        return None
    if metric not in names:
        problems.append(("where", f"where {text!r}: {_explain_metric(names)}"))
        return None
    if sign is None:
        return Constraint(metric, "==", True)
    try:
        number = float(limit)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        problems.append(("where", f"where {text!r}: expected a number, found {limit!r}"))
        return None
    return Constraint(metric, sign, number)
