"""What is known of a machine without a run: its prices and its area, looked up once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from eiesim.energy.area import estimate_area
from eiesim.energy.machine import price_clock, price_machine
from eiesim.energy.prices import Key
from eiesim.energy.technology import scale_price
from eiesim.errors import EnergyError
from eiesim.hardware import Hardware

MACHINES = 4096
"""Of which prices and areas are remembered."""
PRICED = (
    "spmat_width_bits", "spmat_sram_bytes", "ptr_sram_bytes", "ptr_bits",
    "act_sram_bytes", "accumulators_per_pe", "node_nm", "multiplier", "sram_cell",
)  # fmt: skip
"""Fields of a machine on which prices depend, beside `queue_depth` and `dram`, and its area, beside
`queue_depth` and `n_pes`."""


def measure_machine(hw: Hardware) -> dict[str, Any]:
    """Return the metrics that need no run.

    Parameters
    ----------
    hw : Hardware
        The machine.
    """
    return {
        "area_mm2": find_area(hw),
        "sram_bytes": hw.n_pes * (hw.spmat_sram_bytes + hw.ptr_sram_bytes + hw.act_sram_bytes),
    }


@dataclass(frozen=True)
class Part:
    """A machine, known by some of its fields: what is alike in them is looked up once."""

    fields: tuple[Any, ...]
    hw: Hardware = field(compare=False)


def _part(hw: Hardware, last: str) -> Part:
    return Part(tuple(getattr(hw, name) for name in (*PRICED, last)), hw)


def find_prices(hw: Hardware) -> dict[Key, float]:
    """Return the price of each action, pJ, or pJ a nanosecond.

    The depth of the queue changes the price of its clock alone: the others are looked up.

    Parameters
    ----------
    hw : Hardware
        The machine.
    """
    clock = scale_price(price_clock("act_queue", hw), hw.node_nm)
    return {**_find_prices(_part(hw, "dram")), clock.key: clock.value}


@lru_cache(maxsize=MACHINES)
def _find_prices(part: Part) -> dict[Key, float]:
    return {price.key: price.value for price in price_machine(part.hw).prices}


def find_area(hw: Hardware) -> float | None:
    """Return the area of the chip, mm2; None where CACTI was not run for an SRAM.

    Every slot of the queues adds as much: two depths tell all.

    Parameters
    ----------
    hw : Hardware
        The machine.
    """
    found = _find_areas(_part(hw, "n_pes"))
    return None if found is None else found[0] + hw.queue_depth * found[1]


@lru_cache(maxsize=MACHINES)
def _find_areas(part: Part) -> tuple[float, float] | None:
    """Return the area without slots, and of one slot in every PE."""
    few, many = 8, 16
    try:
        low, high = (
            estimate_area(replace(part.hw, queue_depth=depth)).chip_mm2 for depth in (few, many)
        )
    except EnergyError:
        return None
    slot = (high - low) / (many - few)
    return low - few * slot, slot
