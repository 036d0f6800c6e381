"""What is known of a machine without a run: prices, power and area, looked up once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from eiesim.energy.area import estimate_area
from eiesim.energy.machine import price_clock, price_machine
from eiesim.energy.model import find_chip_power_mw
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
OF_POWER = ("n_pes", "clock_mhz", "entries_per_word")
"""On which the power of a chip depends, beside its prices."""
Line = tuple[float, float]
"""A quantity of a chip whose queues have no slots, and what each slot in every PE adds."""


def measure_machine(hw: Hardware) -> dict[str, Any]:
    """Return the metrics that need no run, None for those that are missing.

    Parameters
    ----------
    hw : Hardware
        The machine.
    """
    return {
        "area_mm2": find_area(hw),
        "chip_power_mw": find_power(hw),
        "sram_bytes": hw.n_pes * (hw.spmat_sram_bytes + hw.ptr_sram_bytes + hw.act_sram_bytes),
    }


def explain_machine(hw: Hardware) -> dict[str, str | None]:
    """Return why a machine has no energy and no area; None where it has.

    Parameters
    ----------
    hw : Hardware
        The machine.
    """
    area, power = _find_areas(_part(hw, "n_pes")), _find_powers(_part(hw, *OF_POWER))
    return {
        "no_energy": power if isinstance(power, str) else None,
        "no_area": area if isinstance(area, str) else None,
    }


@dataclass(frozen=True)
class Part:
    """A machine, known by some of its fields: what is alike in them is looked up once."""

    fields: tuple[Any, ...]
    hw: Hardware = field(compare=False)


def _part(hw: Hardware, *more: str) -> Part:
    return Part(tuple(getattr(hw, name) for name in (*PRICED, *more)), hw)


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

    Parameters
    ----------
    hw : Hardware
        The machine.
    """
    return _at(hw, _find_areas(_part(hw, "n_pes")))


def find_power(hw: Hardware) -> float | None:
    """Return the power of the chip when no PE waits, mW; None where an action has no price.

    Parameters
    ----------
    hw : Hardware
        The machine.
    """
    return _at(hw, _find_powers(_part(hw, *OF_POWER)))


def _at(hw: Hardware, line: Line | str) -> float | None:
    return None if isinstance(line, str) else line[0] + hw.queue_depth * line[1]


FEW, MANY = 8, 16
"""Every slot of the queues adds as much: two depths give all."""


@lru_cache(maxsize=MACHINES)
def _find_areas(part: Part) -> Line | str:
    return _find_line(part, lambda hw: estimate_area(hw).chip_mm2)


@lru_cache(maxsize=MACHINES)
def _find_powers(part: Part) -> Line | str:
    return _find_line(part, lambda hw: find_chip_power_mw(hw, price_machine(hw)))


def _find_line(part: Part, measure: Callable[[Hardware], float]) -> Line | str:
    """Return a quantity by slots, or why there is none; two depths give all others."""
    few, many = 8, 16
    try:
        low, high = (measure(replace(part.hw, queue_depth=depth)) for depth in (few, many))
    except EnergyError as error:
        return str(error)
    slot = (high - low) / (many - few)
    return low - few * slot, slot
