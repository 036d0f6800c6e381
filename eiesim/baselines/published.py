"""The papers' printed times of others."""

from __future__ import annotations

from eiesim.published import read_table


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
