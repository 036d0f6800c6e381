"""A schedule as CSV, a file for each kind of event."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

import numpy as np
import pandas as pd

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
        for field, kind in NAMED.items():
            if field in columns:
                words = np.array([member.name.lower() for member in kind], object)
                columns[field] = words[columns[field]]
        file = folder / FOLDER / f"{name}.csv"
        pd.DataFrame(columns).to_csv(file, index=False, lineterminator="\n", float_format="%.9g")
