"""Prices of actions, each with its source: tables, and prices of a CSV file in their place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from eiesim.base.errors import EnergyError, did_you_mean
from eiesim.base.schema import is_name, show_value
from eiesim.base.tables import read_csv

KINDS = ("published", "CACTI run", "scaled", "calibrated", "assumed")
UNITS = ("pJ", "mW")
LARGEST = 1e12


class Key(NamedTuple):
    """An action that has a price, of a module of Table II, ``lnzd``, ``broadcast`` or ``dram``."""

    component: str
    part: str
    action: str

    def __str__(self) -> str:
        return " ".join(self)


@dataclass(frozen=True)
class Price:
    """What one action costs.

    Attributes
    ----------
    component
        Module of EIE's Table II, ``lnzd``, ``broadcast`` or ``dram``.
    part
        ``memory``, ``clock``, ``register`` or ``combinational``, as in Table II; ``wire``.
    unit
        ``pJ`` for one action, or ``mW`` for what costs power as long as the run takes.
    per
        What one price is for: an access of n bits, an operation, a cycle.
    voltage_v
        Supply voltage, if the source gives it.
    kind
        ``published``, ``CACTI run``, ``scaled``, ``calibrated`` or ``assumed``.
    source
        Where the number is printed, or how it was made.
    """

    component: str
    part: str
    action: str
    value: float
    unit: str
    per: str
    node_nm: float
    voltage_v: float | None
    kind: str
    source: str

    @property
    def key(self) -> Key:
        """The action that has this price."""
        return Key(self.component, self.part, self.action)


COLUMNS = tuple(field.name for field in fields(Price))
BLANK = ("", "null")
NUMBERS = ("value", "node_nm", "voltage_v")
NEEDED = ("component", "part", "action", "value", "unit", "kind", "source")


@dataclass(frozen=True)
class PriceTable:
    """The prices of one machine; raises EnergyError if two are of the same action.

    Attributes
    ----------
    missing
        Actions without a price, with the reason as their source; their value means nothing.
    overrides
        A sentence for each price that replaces eiesim's own.
    """

    prices: tuple[Price, ...]
    missing: tuple[Price, ...] = ()
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        seen: set[Key] = set()
        for price in (*self.prices, *self.missing):
            if price.key in seen:
                raise EnergyError(f"two prices of {price.key}: expected one")
            seen.add(price.key)

    @cached_property
    def _by_key(self) -> dict[Key, Price]:
        return {price.key: price for price in self.prices}

    def find(self, key: Key) -> Price:
        """Return the price of an action; raises EnergyError if it has none."""
        if key in self._by_key:
            return self._by_key[key]
        reasons = [price.source for price in self.missing if price.key == key]
        raise EnergyError(
            f"no price of {key}: {reasons[0] if reasons else 'the table has no such row'}; "
            "or put a price of your own into an energy table"
        )

    def override(self, path: str | Path) -> PriceTable:
        """Return the table with a CSV file's prices in place of its own; see `read_prices`."""
        table = {price.key: price for price in (*self.prices, *self.missing)}
        missing = {price.key: price for price in self.missing}
        notes = []
        for line, price in read_prices(path, table):
            gap, before = missing.pop(price.key, None), table[price.key]
            if price == before and not gap:
                continue
            table[price.key] = price
            replaced = "none" if gap else f"{before.value:g} {before.unit}"
            notes.append(
                f"{price.key}: {price.value:g} {price.unit} ({path}:{line}) in place of {replaced}"
            )
        return PriceTable(
            tuple(price for price in table.values() if price.key not in missing),
            tuple(missing.values()),
            (*self.overrides, *notes),
        )


def read_prices(path: str | Path, table: Mapping[Key, Price]) -> list[tuple[int, Price]]:
    """Read a table of prices: line and price of each row.

    Raises ConfigError with every problem of the file, each with file, line and key.

    Parameters
    ----------
    path
        A CSV file, UTF-8, with the columns component, part, action, value, unit, kind and source;
        per, node_nm and voltage_v may be left out. A byte order mark, Windows line ends and blank
        lines are accepted.
    table
        The actions that may be priced. Units must be those of its prices, whose per, node_nm and
        voltage_v are used if a row leaves them blank.
    """
    first_lines: dict[Key, int] = {}

    def parse(line: int, row: dict[str, str]) -> tuple[int, Price]:
        words = {name: word.strip() for name, word in row.items()}
        key = Key(words["component"], words["part"], words["action"])
        wrong = list(_check_row(words, key, table))
        if key in first_lines:
            wrong.append(f"{key}: duplicate row, the first is in line {first_lines[key]}")
        if wrong:
            raise EnergyError(*wrong)
        first_lines[key] = line
        return line, _make_price(words, table[key])

    return read_csv(path, parse, COLUMNS, NEEDED)


def _check_row(words: Mapping[str, str], key: Key, table: Mapping[Key, Price]) -> Iterator[str]:
    if key not in table:
        yield f"unknown action: {_suggest(key, table)}"
        return
    if words["unit"] != table[key].unit:
        yield f"{key}: unit: expected {table[key].unit}, found {show_value(words['unit'])}"
    for name in NUMBERS:
        word = words.get(name, "")
        if not _is_price(word) and (word not in BLANK or name == "value"):
            shown = show_value(word)
            yield f"{key}: {name}: expected a number from 0 to {LARGEST:g}, found {shown}"
    if words["kind"] not in KINDS:
        yield f"{key}: kind: {show_value(words['kind'])}: {did_you_mean(words['kind'], KINDS)}"
    if not is_name(words["source"]):
        shown = show_value(words["source"])
        yield f"{key}: source: expected where the price comes from, found {shown}"
    if words.get("per") and not is_name(words["per"]):
        yield f"{key}: per: expected printable text, found {show_value(words['per'])}"


def _suggest(key: Key, table: Mapping[Key, Price]) -> str:
    for number, word in enumerate(key):
        known = {other[number] for other in table if other[:number] == key[:number]}
        if word not in known:
            return f"{Key._fields[number]} {show_value(word)}: {did_you_mean(word, known)}"
    raise AssertionError("every part of the key is known")


def _is_price(word: str) -> bool:
    try:
        value = float(word)
    except ValueError:
        return False
    return math.isfinite(value) and 0 <= value <= LARGEST and "_" not in word


def _make_price(words: Mapping[str, str], before: Price) -> Price:
    changes: dict[str, Any] = {
        name: float(word) if name in NUMBERS else word
        for name, word in words.items()
        if word not in BLANK
    }
    return replace(before, **changes)
