"""Tables of numbers that travel with eiesim, each row with its source."""

from __future__ import annotations

import csv
from functools import cache

from eiesim.base.resources import data_path

PAPER_LAYERS = (
    "alex-6", "alex-7", "alex-8", "vgg-6", "vgg-7", "vgg-8", "nt-we", "nt-wd", "nt-lstm",
)  # fmt: skip
"""The nine layers of EIE's Table III, in its order."""


@cache
def read_table(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a table as they are printed.

    Parameters
    ----------
    name : str
        File of `eiesim/data` without its ending, such as ``paper/eie_table4``.
    """
    with data_path(f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))


def find_claim(claim: str) -> str:
    """Return a number of EIE's abstract, text or conclusion as printed.

    Parameters
    ----------
    claim : str
        Its name in eiesim/data/paper/eie_claims.csv.
    """
    return next(row["value"] for row in read_table("paper/eie_claims") if row["claim"] == claim)
