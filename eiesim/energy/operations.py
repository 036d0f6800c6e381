"""Prices and areas that do not depend on an SRAM or on Table II: arithmetic, LNZD, wires, DRAM."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from eiesim.base.published import read_table
from eiesim.energy.prices import Price


class Arithmetic(NamedTuple):
    """A multiplier with its adder at 45 nm."""

    energy_pj: float
    area_um2: float


def find_arithmetic(multiplier: str) -> Arithmetic:
    """Return what a multiplication with its addition takes, and the area of both units, at 45 nm.

    `multiplier` is ``float32``, ``int32``, ``fixed16`` or ``fixed8``.
    """
    areas_um2 = [
        float(row["area_um2"]) for row in read_table("energy/areas") if row["variant"] == multiplier
    ]
    energy_pj = sum(price.value for price in list_prices("arithm", multiplier))
    return Arithmetic(energy_pj, sum(areas_um2))


def find_lnzd_area_um2() -> float:
    """Return the area of one LNZD node at 45 nm (EIE, section VI)."""
    return next(
        float(row["area_um2"]) for row in read_table("energy/areas") if row["component"] == "lnzd"
    )


@cache
def list_prices(component: str, variant: str = "") -> tuple[Price, ...]:
    """Return eiesim's own prices of ``arithm``, ``lnzd``, ``broadcast`` or ``dram``.

    They are in eiesim/data/energy/operations.csv.
    """
    return tuple(
        Price(
            component=component,
            part=row["part"],
            action=row["action"],
            value=float(row["energy_pj"]),
            unit="pJ",
            per=row["per"],
            node_nm=float(row["node_nm"]),
            voltage_v=float(row["voltage_v"]) if row["voltage_v"] else None,
            kind=row["kind"],
            source=row["source"],
        )
        for row in read_table("energy/operations")
        if (row["component"], row["variant"]) == (component, variant)
    )
