"""A schedule as CSV, a file for each kind of event."""

from __future__ import annotations

import csv
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy.typing as npt

from eiesim.sim.tracing import Schedule, WaitCause
from eiesim.sim.tracing.schedule import TABLES, RequestKind

VERSION = 1
FOLDER = "events"
NAMED: dict[str, type[IntEnum]] = {"cause": WaitCause, "kind": RequestKind}
"""Fields whose numbers are written as words, in small letters."""


def write_csv(schedule: Schedule, folder: Path) -> None:
    """Write `events/TABLE.csv` for each table of the schedule, an empty one with its header."""
    (folder / FOLDER).mkdir()
    for name in TABLES:
        columns = getattr(schedule, name)._asdict()
        file = folder / FOLDER / f"{name}.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*map(_list_values, columns, columns.values()), strict=True))


def _list_values(field: str, values: npt.NDArray[Any]) -> list[Any]:
    if field in NAMED:
        words = {int(member): member.name.lower() for member in NAMED[field]}
        return [words[value] for value in values.tolist()]
    if values.dtype.kind == "f":
        return [f"{value:.9g}" for value in values.tolist()]  # all digits of a float32
    return list(values.tolist())
