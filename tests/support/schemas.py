"""The schemas of what users process, and what an output must fit."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from eiesim.base.resources import PACKAGE

FOLDER = PACKAGE / "data" / "schemas"
SCHEMAS: dict[str, Any] = {
    file.stem: json.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.json"))
}
REGISTRY: Registry[Any] = Registry().with_resources(
    (f"{name}.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)


def name_schema(version: str) -> str:
    """Return the schema's file by what an output says of itself: ``eiesim network run 1``."""
    return "-".join(version.split()[1:-1])


def list_problems(content: Any, schema: str) -> list[str]:
    validator = Draft202012Validator({"$ref": f"{schema}.json"}, registry=REGISTRY)
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in validator.iter_errors(content)
    ]
