"""Rows as CSV and content as JSON, and names that files can have."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

Row = dict[str, Any]
LONGEST_NAME_BYTES = 100
"""Of a user's name within the name of a file: with what is added it fits any file system."""


def to_json(content: object) -> str:
    """Return content without NaN and infinity as indented JSON with a line end."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def to_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV with a header line; true, false and null as in JSON.

    Parameters
    ----------
    rows : sequence of dict
        At least one row; all with the same keys.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {key: json.dumps(value) if value is None or isinstance(value, bool) else value
             for key, value in row.items()}
        )  # fmt: skip
    return stream.getvalue()


def name_files(names: Iterable[str]) -> dict[str, str]:
    """Return for each name one that a file can have: short, and unlike the others' in any case.

    Parameters
    ----------
    names : iterable of str
        Names of a user's: of a layer, an output, a network. Most stay as they are.
    """
    files: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^\w.,+=@()\[\] -]", "_", name)
        short = plain.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")
        candidate, number = short, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{short}-{number}"
        taken.add(candidate.casefold())
        files[name] = candidate
    return files
