"""Tables of numbers that are shipped with eiesim, each row with its source."""

from __future__ import annotations

from functools import cache

from eiesim.base.resources import data_path
from eiesim.base.tables import read_csv

PAPER_LAYERS = (
    "alex-6", "alex-7", "alex-8", "vgg-6", "vgg-7", "vgg-8", "nt-we", "nt-wd", "nt-lstm",
)  # fmt: skip
"""The nine layers of EIE's Table III, in its order."""


@cache
def read_table(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a CSV file of `eiesim/data`, such as ``paper/eie_table4``, as printed."""
    return tuple(read_csv(data_path(f"{name}.csv"), lambda _, words: words))


def find_claim(claim: str) -> str:
    """Return a number of EIE's text as printed, by its name in eiesim/data/paper/eie_claims.csv."""
    return next(row["value"] for row in read_table("paper/eie_claims") if row["claim"] == claim)
