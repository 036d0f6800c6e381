"""Every output fits its schema, and one of another shape does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import eiesim
from eiesim.base.tables import to_json
from tests.support.outputs import COMMANDS, Outputs
from tests.support.paths import DOCS
from tests.support.schemas import SCHEMAS, list_problems, name_schema

OF_PARTS = ("parts", "sweep-point", "manifest")
"""Schemas of what has no version of its own."""
WITHOUT_SCHEMA = ("sweep-estimate", "reproduce-list")
"""Commands whose JSON says nothing of its form: an estimate, and a list of names."""


def read_cell(text: str) -> Any:
    """Return a cell of a CSV file as what it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


@pytest.mark.parametrize("command", COMMANDS)
def test_outputs_fit(command: str, outputs: Outputs) -> None:
    output = outputs.run(command)
    if command in WITHOUT_SCHEMA:
        assert "schema" not in output.summary
        return
    assert list_problems(output.summary, name_schema(output.summary["schema"])) == []
    if (manifest := output.manifest) is not None:
        schema = name_schema(manifest["schema"]) if "schema" in manifest else "manifest"
        assert list_problems(manifest, schema) == []
    _, points = output.tables.get("points.csv", ([], []))
    for row in points:
        assert list_problems({key: read_cell(row[key]) for key in row}, "sweep-point") == []


def test_a_profile_fits() -> None:
    torch = pytest.importorskip("torch")
    linear = torch.nn.Linear(20, 16)
    summary = eiesim.profile(linear, torch.rand(3, 20)).summary
    assert list_problems(json.loads(to_json(summary)), "profile") == []


def test_every_schema_is_used(outputs: Outputs) -> None:
    contents = [
        content
        for command in COMMANDS
        for content in (outputs.run(command).summary, outputs.run(command).manifest)
        if content and "schema" in content
    ]
    used = {name_schema(content["schema"]) for content in contents}
    assert used | {"profile", *OF_PARTS} == SCHEMAS.keys()


OPTIONAL = {
    "network-run": ("sequence_steps", "steps_per_s"),
    "sweep": ("network", "notes", "accuracy", "recipe", "recipe_text"),
    "text": ("written",),
}
"""Keys that only some have: of sequences, of a network that is swept, of a text that is written."""


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - WITHOUT_SCHEMA))
def test_another_shape_takes_another_version(command: str, outputs: Outputs) -> None:
    summary = outputs.run(command).summary
    schema = name_schema(summary["schema"])
    *words, version = summary["schema"].split()
    assert list_problems(summary | {"more": 1}, schema)
    assert list_problems(summary | {"schema": " ".join([*words, str(int(version) + 1)])}, schema)
    for key in summary:
        if key not in OPTIONAL.get(schema, ()):
            assert list_problems({name: summary[name] for name in summary if name != key}, schema)


OPEN = ("parts.$defs.fields", "sweep-point.$defs.columns")
"""What other objects, which are closed, are made of."""


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_object_takes_unknown_keys(name: str) -> None:
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    for place, part in walk(schema, name):
        if "properties" in part and place not in OPEN:
            closed = part.get("additionalProperties", part.get("unevaluatedProperties"))
            assert closed is False, place


def walk(part: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(part, dict):
        yield place, part
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from walk(inner, f"{place}.{key}")


def test_the_page_of_files_lists_them() -> None:
    page = Path(DOCS / "reference" / "files.md").read_text("utf-8")
    (section,) = re.findall(r"## JSON Schemas\n(.*?)(?=\n## |\Z)", page, re.DOTALL)
    listed = re.findall(r"^\| `([\w-]+)\.json`", section, re.MULTILINE)
    assert sorted(listed) == sorted(SCHEMAS)
