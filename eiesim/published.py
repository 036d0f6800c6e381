"""The tables that travel with eiesim in `eiesim/data/paper`, as the papers print them."""

from __future__ import annotations

import csv
from functools import cache

from eiesim.resources import data_path


@cache
def read_table(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a published table as they are printed.

    Parameters
    ----------
    name : str
        File of `eiesim/data/paper` without its ending, such as ``eie_table4``.
    """
    with data_path(f"paper/{name}.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))
