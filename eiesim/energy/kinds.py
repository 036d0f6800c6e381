"""How far an energy rests on prices of each kind, and how it moves when these are off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eiesim.energy.estimate import EnergyReport


def add_kinds(reports: Iterable[EnergyReport]) -> dict[str, float]:
    """Return the energy that rests on prices of each kind, over some runs, pJ."""
    sums: dict[str, float] = {}
    for report in reports:
        for kind, energy_pj in report.by_kind().items():
            sums[kind] = sums.get(kind, 0.0) + energy_pj
    return sums


def weigh_kinds(
    by_kind: Mapping[str, float], quantity: str = "energy", unit: str = "pj"
) -> list[dict[str, Any]]:
    """Return one row a kind of price, the largest first: what of the total rests on it.

    ``share`` is 0 to 1. ``total_if_halved_pj`` and ``total_if_doubled_pj`` are the whole energy
    where all prices of this kind, and no others, are half or twice what they are: a total is a sum
    of counts times prices. A power, too, is such a sum: ``power_mw`` and so on.
    """
    total = sum(by_kind.values())
    return [
        {
            "kind": kind,
            f"{quantity}_{unit}": part,
            "share": part / total if total else 0.0,
            f"total_if_halved_{unit}": total - part / 2,
            f"total_if_doubled_{unit}": total + part,
        }
        for kind, part in sorted(by_kind.items(), key=lambda item: -item[1])
    ]


def show_kinds(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of `weigh_kinds` for a reader: microjoules and percent."""
    return [
        {
            "kind_of_price": row["kind"],
            "energy_uj": row["energy_pj"] / 1e6,
            "share_percent": 100 * row["share"],
            "total_if_halved_uj": row["total_if_halved_pj"] / 1e6,
            "total_if_doubled_uj": row["total_if_doubled_pj"] / 1e6,
        }
        for row in rows
    ]
