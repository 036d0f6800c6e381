"""A rough energy of the broadcast's wires, which have no price, beside the total."""

from __future__ import annotations

from math import sqrt

from eiesim.base.errors import EnergyError
from eiesim.energy.area import estimate_area
from eiesim.energy.registers import count_broadcast_bits
from eiesim.hardware import Hardware

PJ_PER_BIT_MM = 310 / 256 / 10
"""Of a wire at 40 nm and 0.9 V: Keckler et al., IEEE Micro 31(5), 2011, see `BASIS`."""
BASIS = (
    "310 pJ for 256 bits over 10 mm (Keckler et al., IEEE Micro 2011, 40 nm); each broadcast takes "
    "an activation and its index of 12 bits to all PEs, over wires from PE to PE that are as long "
    "as a PE is wide"
)


def price_broadcast_pj(hw: Hardware) -> float | None:
    """Return what the wires of one broadcast would take, pJ; None if the area is missing.

    Their number and length are assumed, see `BASIS`.
    """
    try:
        pe_mm = sqrt(estimate_area(hw).pe_um2) / 1000
    except EnergyError:
        return None
    return PJ_PER_BIT_MM * count_broadcast_bits(hw.operand_bits) * (hw.n_pes - 1) * pe_mm
