"""What is swept: a file of axes, constraints and objectives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from eiesim.errors import ConfigError, did_you_mean
from eiesim.hardware import Hardware, read_hardware
from eiesim.layer import LayerSpec
from eiesim.schema import fields_of, find_line, find_problems, load_toml, show_value
from eiesim.study.sweep.metrics import METRICS

LAYER = "layer."
"""Before the name of a field of a drawn layer."""
LARGE = "-"
"""Before the name of an objective that is to be large."""
METHODS = ("grid", "random", "latin", "list", "narrow")
MOST_POINTS = 10_000_000
CONSTRAINT = re.compile(r"\s*(\w+)\s*(?:(<=|>=|==|<|>)\s*([-+.\w]+)\s*)?")
USUAL: Mapping[str, Any] = {
    "title": "", "layers": [], "method": "grid", "points": 0, "seed": 0, "where": [],
    "objectives": ["cycles", "energy_pj", "area_mm2"], "base": "eie-64pe-45nm", "hardware": {},
    "axes": {}, "list": [],
}  # fmt: skip
"""What a file may tell, with what holds otherwise."""
KINDS = {str: "text", list: "a list", int: "a whole number", dict: "a table"}
Problems: TypeAlias = "list[tuple[str, str]]"
"""Key and what is wrong with it."""


class Constraint(NamedTuple):
    """A condition on a result: ``area_mm2 < 50``, or ``fits``.

    Attributes
    ----------
    metric : str
        What is compared.
    sign : str
        ``<``, ``<=``, ``==``, ``>=`` or ``>``.
    limit : float
        With what.
    """

    metric: str
    sign: str
    limit: float

    def holds(self, value: Any) -> bool:
        """Return whether a value meets the condition; what is missing does not.

        Parameters
        ----------
        value : float, bool or None
            Of the metric.
        """
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
    title : str
        One line.
    layers : tuple of str
        Names or files as in ``eiesim run``, or `.eie` files of networks.
    base : Hardware
        The machine where no axis says otherwise.
    axes : mapping of str to tuple
        Values of fields of the machine, of drawn layers (``layer.weight_density``), of ``inputs``
        (files) and of ``balance``.
    method : {"grid", "random", "latin", "list", "narrow"}
        All combinations; so many drawn; so many in a Latin hypercube; those listed; or those that
        a search for the best one looks at.
    points : int
        How many are drawn.
    seed : int
        Of the draw.
    listed : tuple of mapping
        With ``list``: the points.
    where : tuple of Constraint
        What a point must meet to be among the answers; those on the machine alone spare its run.
    objectives : tuple of str
        Metrics that are to be small, or with ``-`` before the name large.
    """

    title: str = ""
    layers: tuple[str, ...]
    base: Hardware = field(default_factory=Hardware)
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    method: str = "grid"
    points: int = 0
    seed: int = 0
    listed: tuple[Mapping[str, Any], ...] = ()
    where: tuple[Constraint, ...] = ()
    objectives: tuple[str, ...] = ("cycles", "energy_pj", "area_mm2")


def name_metric(objective: str) -> str:
    """Return the metric that an objective is of.

    Parameters
    ----------
    objective : str
        With or without `LARGE`.
    """
    return objective.removeprefix(LARGE)


def read_sweep(path: str | Path) -> Sweep:
    """Read a sweep.

    Parameters
    ----------
    path : str or Path
        A TOML file; docs/sweeps.md tells its keys.

    Raises
    ------
    ConfigError
        The file has problems; one line each.
    """
    values, text = load_toml(Path(path))
    return make_sweep(values, str(path), text)


def make_sweep(values: Mapping[str, Any], where: str = "sweep", text: str = "") -> Sweep:
    """Check the content of a sweep's file.

    Parameters
    ----------
    values : mapping
        As in the file.
    where : str
        The file, for errors.
    text : str
        Its text, to find lines in.

    Raises
    ------
    ConfigError
        One line for each problem.
    """
    problems: Problems = [
        (key, f"{key!r}: unknown, {did_you_mean(key, USUAL)}") for key in values if key not in USUAL
    ]
    taken = {key: _take(values, key, problems) for key in USUAL}
    _check_method(taken, problems)
    layers = taken["layers"]
    if not layers or not all(isinstance(it, str) for it in layers):
        problems.append(("layers", "layers: expected names or files of layers, found none"))
    base = _take_base(taken["base"], taken["hardware"], problems)
    axes = {key: _take_axis(key, it, problems) for key, it in taken["axes"].items()}
    for row in taken["list"]:
        if not isinstance(row, dict):
            problems.append(("list", f"list: expected tables, found {show_value(row)}"))
        else:
            for key, value in row.items():
                _take_axis(key, [value], problems)
    where_met = [_take_constraint(it, problems) for it in taken["where"]]
    for name in taken["objectives"]:
        if name_metric(str(name)) not in METRICS:
            found = did_you_mean(name_metric(str(name)), METRICS)
            problems.append(("objectives", f"objective {name!r}: {found}"))
    if problems:
        told = [f"{where}{find_line(key, text) if text else ''}: {it}" for key, it in problems]
        raise ConfigError(*told)
    return Sweep(
        title=taken["title"],
        layers=tuple(layers),
        base=base,
        axes=axes,
        method=taken["method"],
        points=taken["points"],
        seed=taken["seed"],
        listed=tuple(taken["list"]),
        where=tuple(it for it in where_met if it is not None),
        objectives=tuple(taken["objectives"]),
    )


def _take(values: Mapping[str, Any], key: str, problems: Problems) -> Any:
    """Return the value of a key, or what it is without one."""
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


def _take_base(name: str, fixed: Mapping[str, Any], problems: Problems) -> Hardware:
    try:
        base = read_hardware(name)
    except ConfigError as error:
        problems += [("base", problem) for problem in error.problems]
        return Hardware()
    known = fields_of(Hardware)
    for key, value in fixed.items():
        if key not in known:
            problems.append((key, f"hardware: {key!r}: unknown, {did_you_mean(key, known)}"))
        else:
            problems += [
                (key, f"hardware: {it}") for _, it in find_problems(Hardware, {key: value})
            ]
    if problems:
        return base
    try:
        return replace(base, **fixed)
    except ConfigError as error:
        problems += [("hardware", problem) for problem in error.problems]
        return base


def _take_axis(key: str, given: Any, problems: Problems) -> tuple[Any, ...]:
    """Return the values of an axis, checked one by one."""
    cls: type
    if key.startswith(LAYER):
        cls, name = LayerSpec, key.removeprefix(LAYER)
    else:
        cls, name = Hardware, key
    known = [
        *fields_of(Hardware),
        *(LAYER + it for it in fields_of(LayerSpec)),
        "inputs",
        "balance",
    ]
    if key not in known:
        problems.append((key, f"axis {key!r}: unknown, {did_you_mean(key, known)}"))
        return ()
    values = _spread(key, given, problems) if isinstance(given, dict) else given
    if not isinstance(values, list | tuple) or not values:
        problems.append((key, f"axis {key}: expected values, found {show_value(given)}"))
        return ()
    for value in values:
        if key in ("inputs", "balance"):
            kind = str if key == "inputs" else bool
            if not isinstance(value, kind):
                told = f"axis {key}: expected {kind.__name__}, found {show_value(value)}"
                problems.append((key, told))
        elif known_problems := find_problems(cls, {name: value}):
            problems += [(key, f"axis {it}") for found, it in known_problems if found == name]
    if len(set(map(repr, values))) < len(values):
        problems.append((key, f"axis {key}: expected each value once, found some twice"))
    return tuple(values)


def _spread(key: str, given: Mapping[str, Any], problems: Problems) -> list[Any]:
    """Return values from a first to a last one, each by a step or so many times the one before."""
    first, last = given.get("from"), given.get("to")
    how = [name for name in ("step", "times") if name in given]
    numbers = [first, last, *(given[name] for name in how)]
    whole = all(isinstance(it, int | float) and not isinstance(it, bool) for it in numbers)
    sound = whole and len(how) == 1 and set(given) == {"from", "to", *how}
    if not sound or numbers[0] > numbers[1] or numbers[2] <= (how == ["times"]):
        problems.append((key, f"axis {key}: expected a list, or from, to and one of step (above 0) "
                         f"and times (above 1), found {show_value(dict(given))}"))  # fmt: skip
        return []
    values: list[Any] = [first]
    while len(values) < MOST_POINTS:
        after = values[-1] + numbers[2] if how == ["step"] else values[-1] * numbers[2]
        if after > numbers[1]:
            break
        values.append(after)
    return values


def _take_constraint(text: Any, problems: Problems) -> Constraint | None:
    found = CONSTRAINT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        problems.append(("where", f"where: expected METRIC < NUMBER, or fits, found {text!r}"))
        return None
    metric, sign, limit = found.groups()
    if metric not in METRICS:
        problems.append(("where", f"where {text!r}: {did_you_mean(metric, METRICS)}"))
        return None
    if sign is None:
        return Constraint(metric, "==", 1.0)
    try:
        return Constraint(metric, sign, float(limit))
    except ValueError:
        problems.append(("where", f"where {text!r}: expected a number, found {limit!r}"))
        return None
