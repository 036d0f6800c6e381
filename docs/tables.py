"""Markdown that the reference is made of, read off the code."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING
from importlib import import_module
from typing import Any

import eiesim
from eiesim.base.schema import Field, fields_of
from eiesim.cli.main import build_parser
from eiesim.energy.prices import COLUMNS as PRICE_COLUMNS
from eiesim.energy.prices import NEEDED
from eiesim.glossary import Term, list_terms
from eiesim.graph.step import OPS
from eiesim.sweep.spec import USUAL

HIDDEN = ("--help", "--version")
"""Options that each command has and that need no entry."""
CLASSES = {name for name in eiesim.__all__ if name[0].isupper()}
ELSEWHERE = {"compress": "eiesim.compress.pipeline.compress"}
"""Where autodoc finds a function whose public name is a module's, too."""


def list_commands() -> str:
    """Return a section for each command: its arguments, and what its help says below them."""
    (commands,) = (
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return "\n".join(
        line for name, parser in commands.choices.items() for line in _describe(name, parser)
    )


def list_keys(place: str) -> str:
    """Return a table of the keys of a class with rules, or of a mapping of fields.

    Parameters
    ----------
    place
        Module and name, with a dot between them.

    Examples
    --------
    >>> print(list_keys("eiesim.sweep.spec.OF_RUN"))
    | key | meaning | default | value |
    |---|---|---|---|
    | `inputs` | file with one input | must be given | printable text |
    | `balance` | give all PEs equal work | must be given | true or false |
    | `steps` | length of drawn sequences | must be given | 1 to 1048576 |
    """
    module, _, name = place.rpartition(".")
    source = getattr(import_module(module), name)
    fields: Mapping[str, Field] = source if isinstance(source, Mapping) else fields_of(source)
    return _tabulate(
        ("key", "meaning", "default", "value"),
        (
            (f"`{name}`", field.rule.meaning, _show_default(field.default), _show_rule(field))
            for name, field in fields.items()
        ),
    )


def list_sweep_keys() -> str:
    """Return a table of the keys of a sweep's file, with their defaults."""
    return _tabulate(
        ("key", "default"), ((f"`{key}`", _show_default(value)) for key, value in USUAL.items())
    )


def list_price_columns() -> str:
    """Return a table of the columns of a file of prices."""
    return _tabulate(
        ("column", "needed"),
        ((f"`{name}`", "yes" if name in NEEDED else "no") for name in PRICE_COLUMNS),
    )


def list_operations() -> str:
    """Return a table of the operations of a network's steps, with their settings."""
    return _tabulate(
        ("op", "meaning", "runs on", "settings and defaults"),
        (
            (f"`{name}`", op.meaning, "EIE" if op.on_eie else "host",
             ", ".join(f"`{key}` = {_show_default(value)}" for key, value in op.settings.items()))
            for name, op in OPS.items()
        ),
    )  # fmt: skip


def list_names(section: str) -> str:
    """Return the table of one section of the glossary."""
    return _tabulate(
        ("name", "meaning", "unit", "formula", "raised in"),
        (_show_term(name, term) for name, term in list_terms().items() if term.section == section),
    )


def list_public() -> str:
    """Return autodoc's directives for everything that `eiesim` exports."""
    lines = []
    for name in sorted(set(eiesim.__all__) - {"__version__"}, key=str.lower):
        place = ELSEWHERE.get(name, f"eiesim.{name}")
        if name in CLASSES:
            block = f".. autoclass:: {place}\n   :members:\n   :exclude-members: __new__"
        else:
            block = f".. autofunction:: {place}"
        lines += [f"## {name}", "", "```{eval-rst}", block, "```", ""]
    return "\n".join(lines)


TABLES: Mapping[str, Callable[..., str]] = {
    "commands": list_commands, "keys": list_keys, "sweep-keys": list_sweep_keys,
    "price-columns": list_price_columns, "operations": list_operations, "names": list_names,
    "public": list_public,
}  # fmt: skip
"""What the directive `from-code` may be asked for."""


def _describe(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield from (f"## eiesim {name}", "", parser.description or "", "")
    usage = parser.format_usage().removeprefix("usage: ").rstrip()
    yield from ("```text", usage, "```", "")
    for action in parser._actions:
        if set(action.option_strings) & set(HIDDEN):
            continue
        yield from (_name_argument(action), f": {_explain_argument(action, parser.prog)}", "")
    if parser.epilog:
        yield from ("```text", parser.epilog.rstrip(), "```", "")


def _name_argument(action: argparse.Action) -> str:
    """Return an argument as help shows it: ``-o DIR``, ``--out DIR``."""
    value = "" if action.nargs == 0 else f" {_name_value(action)}"
    if not action.option_strings:
        return f"`{value.strip()}`"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings)


def _name_value(action: argparse.Action) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar or not action.choices:
        return action.metavar or action.dest.upper()
    return "|".join(map(str, action.choices))


def _explain_argument(action: argparse.Action, prog: str) -> str:
    return _escape((action.help or "") % {**vars(action), "prog": prog})


def _show_rule(field: Field) -> str:
    rule = str(field.rule)
    return f"`{rule}`" if "'" in rule else rule


def _show_default(value: Any) -> str:
    """Return a default as TOML has it."""
    if value is MISSING:
        return "must be given"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, bool):
        return str(value).lower()
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _show_term(name: str, term: Term) -> tuple[str, ...]:
    formula = f"`{term.formula}`" if term.formula else "counted" if term.block else ""
    return (f"`{name}`", term.meaning, term.unit, formula, f"`{term.block}`" if term.block else "")


def _tabulate(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _escape(text: str) -> str:
    """Return text whose special characters Markdown leaves alone."""
    return "".join("\\" + letter if letter in "*_<>[]`$" else letter for letter in text)
