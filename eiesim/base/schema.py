"""Ranges of configuration fields, written once: for checks, TOML files and error texts.

A frozen dataclass names the range of each field in its annotation,
``n_pes: Annotated[int, Range(1, 1024, "processing elements")] = 64``; everything else follows.
"""

from __future__ import annotations

import dataclasses
import numbers
import re
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from eiesim.base.errors import ConfigError, EieWarning, did_you_mean

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float
    meaning: str

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"

    def holds(self, value: float) -> bool:
        """Return whether a number is in range; NaN never is, and integers are compared exactly."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]
    meaning: str

    def __str__(self) -> str:
        return " or ".join(repr(value) for value in self.values)


@dataclass(frozen=True)
class Text:
    """Printable text in one line."""

    meaning: str
    empty: bool = True

    def __str__(self) -> str:
        return "printable text"


@dataclass(frozen=True)
class Switch:
    """True or false."""

    meaning: str

    def __str__(self) -> str:
        return "true or false"


Rule = Range | Choice | Text | Switch


@dataclass(frozen=True)
class Field:
    """One field of a configuration: its type, what it accepts and what it means.

    An `optional` one may be None, which is written by leaving it out.
    """

    name: str
    kind: type
    rule: Rule
    default: Any
    optional: bool = False

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is dataclasses.MISSING

    def problem(self, value: object) -> str | None:
        """Return what is wrong with a value, or None."""
        if self._accepts(value) or (self.optional and value is None):
            return None
        number = "a whole number from " if self.kind is int else ""
        number = "a number from " if self.kind is float else number
        return f"{self.name}: expected {number}{self.rule}, found {show_value(value)}"

    def take(self, value: Any) -> Any:
        """Return a value that is accepted as the plain Python value of the field's type."""
        return None if value is None else self.kind(value)

    def _accepts(self, value: object) -> bool:
        rule = self.rule
        if isinstance(rule, Switch):
            return isinstance(value, bool)
        if isinstance(rule, Text):
            return is_name(value) or (rule.empty and value == "")
        if isinstance(rule, Choice):
            return isinstance(value, str) and value in rule.values
        number = numbers.Integral if self.kind is int else numbers.Real
        if isinstance(value, bool) or not isinstance(value, number):
            return False
        return rule.holds(cast(float, value))


def is_name(value: object) -> bool:
    """Return whether a value is printable text in one line, and not empty."""
    return isinstance(value, str) and value.isprintable() and bool(value)


@cache
def fields_of(cls: type) -> dict[str, Field]:
    """Return the fields of a dataclass whose annotations carry a rule, such as a `Range`."""
    hints = get_type_hints(cls, include_extras=True)
    table = {}
    for entry in dataclasses.fields(cls):
        hint = hints[entry.name]
        if get_origin(hint) is not Annotated:
            raise TypeError(f"{cls.__name__}.{entry.name} does not say what it accepts")
        hinted, rule = get_args(hint)
        kinds = [kind for kind in get_args(hinted) or (hinted,) if kind is not type(None)]
        optional = type(None) in get_args(hinted)
        table[entry.name] = Field(entry.name, kinds[0], rule, entry.default, optional)
    return table


def validate(instance: object) -> None:
    """Check every field of a configuration when it is made, and make NumPy numbers plain ones.

    Raises ConfigError with one line per field that is out of range.
    """
    kind: Any = type(instance)
    values = {name: getattr(instance, name) for name in fields_of(kind)}
    problems = find_problems(kind, values)
    if problems:
        raise ConfigError(*(problem for _, problem in problems))
    for name, field in fields_of(kind).items():
        object.__setattr__(instance, name, field.take(values[name]))


def find_problems(cls: type, values: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return key and text of every problem of values that are meant for a dataclass."""
    fields = fields_of(cls)
    problems = []
    for key, value in values.items():
        if key not in fields:
            problems.append((key, f"{key}: unknown key, {did_you_mean(key, fields)}"))
        elif problem := fields[key].problem(value):
            problems.append((key, problem))
    for name, field in fields.items():
        if field.required and name not in values:
            problems.append(
                (name, f"{name}: missing, expected {field.rule} ({field.rule.meaning})")
            )
    wrong = {key for key, _ in problems}
    defaults = {name: field.default for name, field in fields.items() if not field.required}
    sound = {key: value for key, value in (defaults | dict(values)).items() if key not in wrong}
    find_conflicts = getattr(cls, "find_conflicts", None)
    return problems + (find_conflicts(sound) if find_conflicts else [])


def take_old_keys(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under the keys of today, in ``cls.RENAMED``; warn of each old one."""
    renamed: Mapping[str, str] = getattr(cls, "RENAMED", {})
    for old in values.keys() & renamed.keys():
        warnings.warn(f"{old}: the key is called {renamed[old]} now", EieWarning, stacklevel=2)
    return {renamed.get(key, key): value for key, value in values.items()}


def read_toml(path: Path, cls: type[T]) -> T:
    """Read a flat TOML file as a configuration, and refuse it with all of its problems.

    Raises ConfigError if the file is missing or not TOML, or keys are unknown, missing or out of
    range: one line per problem, each with the file, and with the line if there is one.
    """
    content, text = load_toml(path)
    values = take_old_keys(cls, content)
    refuse(path, text, find_problems(cls, values))
    return cls(**values)


def read_tables(
    path: Path, head: type, kind: type, key: str, named: bool = False
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the checked values of a TOML file, and those of its tables ``[KEY.NAME]`` by name.

    Raises ConfigError, with one line per problem, if the file is missing, not TOML or wrong.

    Parameters
    ----------
    head, kind
        The configuration dataclasses of the values beside the tables, and of each table.
    named
        Whether `kind` has a field ``name``, which is the name of the table.
    """
    values, text = load_toml(path)
    tables = values.pop(key, {})
    if not isinstance(tables, dict) or not all(
        isinstance(table, dict) for table in tables.values()
    ):
        raise ConfigError(
            f"{path}{find_line(key, text)}: expected tables [{key}.NAME], found {key} = "
            f"{show_value(tables)}"
        )
    places = [(find_line(field, text), problem) for field, problem in find_problems(head, values)]
    for name, table in tables.items():
        if named and "name" in table:
            places.append(("", f"{key}.{name}.name: expected none, the table names the layer"))
            continue
        table_values = {"name": name, **table} if named else table
        places += [
            (find_line(field, text, name), f"{key}.{name}.{problem}")
            for field, problem in find_problems(kind, table_values)
        ]
    if places:
        raise ConfigError(*(f"{path}{line}: {problem}" for line, problem in places))
    return values, tables


def refuse(where: str | Path, text: str, problems: Sequence[tuple[str, str]]) -> None:
    """Raise a ConfigError for the problems of a file, if any, one line each with file and line.

    Parameters
    ----------
    text
        Content of the file; empty if the values come from elsewhere.
    problems : sequence of (key, text)
        As `find_problems` lists them.
    """
    if problems:
        raise ConfigError(
            *(f"{where}{find_line(key, text)}: {problem}" for key, problem in problems)
        )


def load_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Return the values of a TOML file, not checked yet, and its text.

    It is UTF-8; a byte order mark and Windows line ends are accepted. Raises ConfigError if it is
    missing or not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {_reason(error)}") from error
    try:
        return tomllib.loads(text), text
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def write_toml(instance: Any) -> str:
    """Return a configuration as the text of a TOML file that `read_toml` reads back."""
    lines = []
    kind: Any = type(instance)
    for name, field in fields_of(kind).items():
        value = getattr(instance, name)
        if value is None:
            continue
        if isinstance(value, bool):
            word = str(value).lower()
        elif isinstance(value, str):
            word = '"' + "".join(_escape(character) for character in value) + '"'
        else:
            word = repr(value)
        lines.append(f"{name} = {word}  # {field.rule.meaning}")
    return "\n".join(lines) + "\n"


def parse_assignment(cls: type, text: str) -> tuple[str, object]:
    """Return key and value of ``key=value``, the value of the type of the key's field.

    Raises ConfigError if there is no ``=``, the key is unknown, or the value is out of range.
    """
    key, equals, word = (part.strip() for part in str(text).partition("="))
    if not equals or not word.isprintable() or "#" in word:
        raise ConfigError(f"{text!r}: expected key=value")
    fields = fields_of(cls)
    (key,) = take_old_keys(cls, {key: word})
    if key not in fields:
        raise ConfigError(f"{text!r}: unknown key, {did_you_mean(key, fields)}")
    value: object = word
    if not isinstance(fields[key].rule, Text | Choice):
        try:
            value = tomllib.loads(f"value = {word}")["value"]
        except (ValueError, RecursionError):
            value = word
    if problem := fields[key].problem(value):
        raise ConfigError(f"{text!r}: {problem}")
    return key, value


def find_line(key: str, text: str, table: str = "") -> str:
    """Return ``:number`` of the line of a key or table in TOML, or nothing if there is none.

    `table` is the last part of the name of the key's table; if it is empty, the first line counts.
    """
    pattern = re.compile(rf'^\s*\[*["\']?{re.escape(key)}["\']?\s*[=\].]')
    header = re.compile(rf'^\s*\[.*(?<![^."\'\[]){re.escape(table)}["\']?\s*\]')
    inside = not table
    for number, line in enumerate(text.splitlines(), start=1):
        if inside and pattern.match(line):
            return f":{number}"
        if table and line.lstrip().startswith("["):
            inside = header.match(line) is not None
    return ""


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def show_value(value: object) -> str:
    """Return a value as it is written in Python, cut to 80 characters."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return str(error.strerror)
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
