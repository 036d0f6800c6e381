"""The papers' printed numbers, each row with its source."""

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


def find_time_us(layer: str, platform: str, batch: int, matrix: str) -> str:
    """Return a time of EIE's Table IV in microseconds, as printed.

    Parameters
    ----------
    layer : str
        Name of one of the nine layers.
    platform : str
        ``cpu``, ``gpu``, ``mgpu`` or ``eie``.
    batch : int
        1 or 64.
    matrix : str
        ``dense`` or ``sparse``; for EIE ``theoretical`` or ``actual``.
    """
    wanted = (platform, str(batch), matrix, layer)
    return next(
        row["time_us"]
        for row in read_table("eie_table4")
        if (row["platform"], row["batch"], row["matrix"], row["layer"]) == wanted
    )
