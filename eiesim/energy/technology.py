"""From the 45 nm that the papers' prices hold for to another node: explicit, and labelled."""

from __future__ import annotations

from dataclasses import replace

from eiesim.energy.prices import Price

BASE_NM = 45.0
"""Node of EIE's Tables I and II."""
BASE_CLOCK_MHZ = 800.0
"""Clock that Table II's powers hold for (EIE, section VI)."""


def scale_energy(node_nm: float) -> float:
    """Return the energy of logic at a node, relative to 45 nm: in proportion to the feature size.

    The capacitance shrinks with the feature size, the supply voltage is taken to stay. SRAM does
    not use this: CACTI was run at each node.
    """
    return node_nm / BASE_NM


def scale_area(node_nm: float) -> float:
    """Return the area of logic at a node, relative to 45 nm: the feature size squared."""
    return (node_nm / BASE_NM) ** 2


def scale_price(price: Price, node_nm: float) -> Price:
    """Return a price of logic at 45 nm as it is at another node, labelled so."""
    if node_nm == BASE_NM:
        return price
    return replace(
        price,
        value=price.value * scale_energy(node_nm),
        node_nm=node_nm,
        voltage_v=None,
        kind="scaled",
        source=f"{price.source}; scaled from {BASE_NM:g} nm by {node_nm:g}/{BASE_NM:g}",
    )
