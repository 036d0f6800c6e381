"""The price of a broadcast's wires: an H-tree over the array, as long as the array's area makes it.

EIE, ISCA 2016, section IV: "the selected non-zero activation is broadcast back to all the PEs via a
separate wire placed in an H-tree". How long it is follows from the area; docs/energy.md.
"""

from __future__ import annotations

from math import sqrt

from eiesim.energy.operations import list_prices
from eiesim.energy.prices import Price
from eiesim.energy.registers import count_broadcast_bits

PRICED_BITS, PRICED_MM = 256, 10
"""Bits and millimetres that the published price of a wire is for."""
WIRES_KIND = "scaled"
"""Kind of the price of a broadcast."""


def measure_tree_mm(n_pes: int, chip_mm2: float) -> float:
    """Return the length of an H-tree from the middle of a square array to all of its PEs, mm.

    The H of a square with side s has three bars of s/2; each of its four ends is the middle of a
    quarter, whose H is half as long. Over the log4 n levels that is
    3/2 s (1 + 2 + .. + sqrt(n)/2) = 3/2 s (sqrt(n) - 1), a formula that is used between the powers
    of 4, too.
    """
    return 1.5 * sqrt(chip_mm2) * (sqrt(n_pes) - 1)


def price_wires(operand_bits: int, n_pes: int, node_nm: float, chip_mm2: float) -> Price:
    """Return the price of a broadcast to one PE.

    A broadcast takes all wires of the tree; each PE gets the same share. The price of a wire is not
    scaled with the node: its capacitance for a length stays about the same (Keckler et al., IEEE
    Micro 31(5), 2011), and the voltage is kept as for logic.
    """
    (wire,) = list_prices("broadcast")
    bits, tree_mm = count_broadcast_bits(operand_bits), measure_tree_mm(n_pes, chip_mm2)
    return Price(
        wire.component, wire.part, wire.action, find_send_pj(operand_bits, n_pes, chip_mm2), "pJ",
        "broadcast to one PE", node_nm, wire.voltage_v, WIRES_KIND,
        f"{wire.source}; times {bits} bits and {tree_mm:.3g} mm of H-tree (EIE, section IV) over "
        f"an array of {chip_mm2:.3g} mm2, a share of 1/{n_pes} for each PE",
    )  # fmt: skip


def find_send_pj(operand_bits: int, n_pes: int, chip_mm2: float) -> float:
    """Return what a broadcast to one PE costs, pJ, as `price_wires` does."""
    (wire,) = list_prices("broadcast")
    each_pj = wire.value / PRICED_BITS / PRICED_MM
    tree_mm = measure_tree_mm(n_pes, chip_mm2)
    return each_pj * count_broadcast_bits(operand_bits) * tree_mm / n_pes
