"""Every column and key that a command gives has a definition, and every definition is of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eiesim.base.published import PAPER_LAYERS
from eiesim.catalog.layers import benchmark_names
from eiesim.glossary import list_terms
from tests.support.outputs import COMMANDS, Output, Outputs, run_words
from tests.support.schemas import SCHEMAS

BY_NAME = "by name"
"""How the unit of a key ends whose value may be an object with names of the user's as keys."""
ANOTHERS = re.compile(r"^(layer|compression)\.(.*\.)?")
"""What an axis of a sweep begins with that is not of the machine."""


def list_columns(output: Output) -> set[str]:
    """Return all columns and keys of what a command gave."""
    headers = (header for header, _ in output.tables.values())
    keys = {*list_keys(output.summary), *list_keys(output.manifest), *output.shown}
    return keys.union(*headers)


def list_keys(content: Any) -> Iterator[str]:
    """Yield the keys of JSON, but for those that are names of something else."""
    if isinstance(content, list):
        for item in content:
            yield from list_keys(item)
    elif isinstance(content, dict):
        for key, value in content.items():
            yield key
            term = list_terms().get(key)
            are_names = term is not None and term.unit.endswith(BY_NAME)
            named = isinstance(value, dict) and are_names
            yield from list_keys(list(value.values()) if named else value)


def find_undefined(columns: Iterable[str]) -> set[str]:
    plain = {ANOTHERS.sub("", column) for column in columns}
    return plain - list_terms().keys() - set(PAPER_LAYERS)


def find_unused(columns: Iterable[str], experiments: bool) -> set[str]:
    """Return definitions of no column: of experiments, or of all else."""
    return {
        name
        for name, term in list_terms().items()
        if (term.section == "experiments") == experiments and name not in columns
    }


def list_properties(schema: Any) -> Iterator[str]:
    """Yield the keys that a schema names."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            yield from list_properties(part)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_column_is_defined(command: str, outputs: Outputs) -> None:
    assert find_undefined(list_columns(outputs.run(command))) == set()


def test_every_key_of_the_schemas_is_defined() -> None:
    assert find_undefined(list_properties(SCHEMAS)) == set()


def test_every_definition_is_of_a_column(outputs: Outputs) -> None:
    columns = set(list_properties(SCHEMAS["profile"]))  # PyTorch may be missing
    for command in COMMANDS:
        columns |= list_columns(outputs.run(command))
    assert find_unused(columns, experiments=False) == set()
    assert find_unused(columns - {"floor_cycles"}, experiments=False) == {"floor_cycles"}
    assert find_undefined(columns | {"new_us"}) == {"new_us"}


@pytest.mark.slow
@pytest.mark.data
def test_columns_of_experiments(shared_data: Path, in_folder: Path) -> None:
    words = ["reproduce", "all", "--data", str(shared_data)]
    columns = list_columns(run_words(words, in_folder / "results"))
    assert find_undefined(columns) == set()
    assert find_unused(columns, experiments=True) == set()


def test_no_name_is_that_of_a_layer() -> None:
    """`eiesim explain` takes both."""
    assert not list_terms().keys() & set(benchmark_names())


def test_definitions_are_whole() -> None:
    for name, term in list_terms().items():
        assert term.meaning, name
        assert term.unit, name
