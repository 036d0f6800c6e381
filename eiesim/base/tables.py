"""Rows from and as CSV, content as JSON, and names that files can have."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from eiesim.base.errors import ConfigError, EieError, did_you_mean
from eiesim.base.schema import show_value

T = TypeVar("T")
Row = dict[str, Any]
LONGEST_NAME_BYTES = 100
"""Of a user's name within the name of a file, so that the whole name fits any file system."""


def to_json(content: object) -> str:
    """Return content without NaN and infinity as indented JSON with a line end."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def to_csv(rows: Sequence[Row]) -> str:
    """Return one or more rows of the same keys as CSV; true, false and null are as in JSON."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {key: json.dumps(value) if value is None or isinstance(value, bool) else value
             for key, value in row.items()}
        )  # fmt: skip
    return stream.getvalue()


def read_csv(
    path: str | Path,
    parse: Callable[[int, dict[str, str]], T],
    known: Collection[str] = (),
    needed: Collection[str] = (),
) -> list[T]:
    """Read a CSV file with a header line, and refuse it with all of its problems.

    It is UTF-8; a byte order mark, Windows line ends and blank lines are accepted. Raises
    ConfigError if it cannot be read or is not CSV, or with one line for each problem, with file and
    line.

    Parameters
    ----------
    parse
        Makes the result of a row from the number of its line and its words by column. An `EieError`
        from it has the problems of that line.
    known
        Columns that there may be; by default any.
    needed
        Columns that there must be.
    """
    (_, first), *lines = _split(path)
    header = [name.strip() for name in first]
    wrong = [
        f"{show_value(name)}: unknown column, {did_you_mean(name, known)}"
        for name in header
        if known and name not in known
    ]
    wrong += [
        f"{name}: expected one column, found {header.count(name)}"
        for name in dict.fromkeys([*needed, *known])
        if header.count(name) > 1 or (name in needed and name not in header)
    ]
    problems = [f"{path}:1: {problem}" for problem in wrong]
    rows = []
    for number, words in [] if wrong else lines:
        try:
            if len(words) != len(header):
                raise ConfigError(f"expected {len(header)} values, found {len(words)}")
            rows.append(parse(number, dict(zip(header, words, strict=True))))
        except EieError as error:
            problems += [f"{path}:{number}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(*problems)
    return rows


def _split(path: str | Path) -> list[tuple[int, list[str]]]:
    """Return number and words of every line of a CSV file that is not blank, the header first."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = [(reader.line_num, words) for words in reader if any(map(str.strip, words))]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise ConfigError(f"{path}: expected CSV in UTF-8: {error}") from error
    if not lines:
        raise ConfigError(f"{path}: expected a header and rows, found an empty file")
    return lines


def name_files(names: Iterable[str]) -> dict[str, str]:
    """Return for each name the name of a file: short, and different from the others in any case.

    They are a user's names of layers, outputs or networks. Most stay as they are.
    """
    files: dict[str, str] = {}
    used: set[str] = set()
    for name in names:
        plain = re.sub(r"[^\w.,+=@()\[\] -]", "_", name)
        short = plain.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")
        candidate, number = short, 1
        while candidate.casefold() in used:
            number += 1
            candidate = f"{short}-{number}"
        used.add(candidate.casefold())
        files[name] = candidate
    return files
