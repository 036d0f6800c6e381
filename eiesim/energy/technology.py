"""Prices and areas at another node than the papers' 45 nm, with a label."""

from __future__ import annotations

from dataclasses import replace

from eiesim.energy.prices import Price

BASE_NM = 45.0
"""Node of EIE's Tables I and II."""
BASE_CLOCK_MHZ = 800.0
"""Clock of Table II's powers (EIE, section VI)."""


def scale_area(node_nm: float) -> float:
    """Return the area of logic at a node, relative to 45 nm: the feature size squared."""
    return (node_nm / BASE_NM) ** 2


def scale_price(price: Price, node_nm: float) -> Price:
    """Return a price of logic at 45 nm as it is at another node, with a label.

    Energy is proportional to the feature size: the capacitance shrinks with it, the supply voltage
    is assumed to stay. SRAM does not use this: CACTI was run at each node.
    """
    if node_nm == BASE_NM:
        return price
    return replace(
        price,
        value=price.value * (node_nm / BASE_NM),
        node_nm=node_nm,
        voltage_v=None,
        kind="scaled",
        source=f"{price.source}; scaled from {BASE_NM:g} nm by {node_nm:g}/{BASE_NM:g}",
    )
