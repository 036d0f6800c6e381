"""Prices, power and area of a machine, which need no run and are computed once."""

from __future__ import annotations

from functools import lru_cache

from eiesim.base.errors import EnergyError
from eiesim.energy.area import measure_area
from eiesim.energy.clock import keep_up
from eiesim.energy.estimate import find_pes_power_mw, find_wires_power_mw
from eiesim.energy.machine import price_actions, price_clock
from eiesim.energy.prices import Key, Price, PriceTable
from eiesim.energy.technology import scale_price
from eiesim.energy.wires import price_wires
from eiesim.hardware import Hardware
from eiesim.views import BuiltView, ClockView, PricedView, SteadyView

MACHINES = 4096
"""Machines whose prices, powers and areas are remembered."""
FEW, MANY = 8, 16
"""Depths of queues for which power and area are computed. Each slot adds the same, so that two
depths give all others."""
Known = float | str
"""A quantity of a machine, or why it has none."""


def find_clock_fit(hw: Hardware) -> bool | None:
    """Return whether the SRAMs keep up with the clock; None where CACTI was not run for one."""
    return _find_clock_fit(hw.clocked)


@lru_cache(maxsize=MACHINES)
def _find_clock_fit(hw: ClockView) -> bool | None:
    return keep_up(hw)


def explain_machine(hw: Hardware) -> dict[str, str | None]:
    """Return why a machine has no energy and no area; None where it has."""
    power, area = _list_powers(hw)[0], _list_areas(hw)[0]
    return {
        "no_energy": power if isinstance(power, str) else None,
        "no_area": area if isinstance(area, str) else None,
    }


def find_prices(hw: Hardware) -> dict[Key, Price]:
    """Return the price of each action.

    The depth of the queue changes only the price of its clock and, by the area, of the broadcast's
    wires; the others are remembered.
    """
    prices = _find_prices(hw.priced._replace(queue_depth=FEW))
    clock = scale_price(price_clock("act_queue", hw.priced), hw.node_nm)
    wires = _price_wires(hw)
    return {**prices, clock.key: clock, **({wires.key: wires} if wires else {})}


def _price_wires(hw: Hardware) -> Price | None:
    chip_mm2 = find_area(hw)
    if chip_mm2 is None:
        return None
    return price_wires(hw.operand_bits, hw.n_pes, hw.node_nm, chip_mm2)


@lru_cache(maxsize=MACHINES)
def _find_prices(hw: PricedView) -> dict[Key, Price]:
    return {price.key: price for price in price_actions(hw).prices}


def find_area(hw: Hardware) -> float | None:
    """Return the area of the chip, mm2; None where CACTI was not run for an SRAM."""
    return _extend(_list_areas(hw), hw.queue_depth)


def find_power(hw: Hardware) -> float | None:
    """Return the power of the chip when no PE waits, mW; None where an action has no price."""
    pes_mw, wires = _extend(_list_powers(hw), hw.queue_depth), _price_wires(hw)
    if pes_mw is None or wires is None:
        return None
    return pes_mw + find_wires_power_mw(hw, PriceTable((wires,)))


def _extend(known: tuple[Known, Known], queue_depth: int) -> float | None:
    """Return a quantity at any depth from those at `FEW` and `MANY`."""
    low, high = known
    if isinstance(low, str) or isinstance(high, str):
        return None
    return low + (queue_depth - FEW) * (high - low) / (MANY - FEW)


def _list_areas(hw: Hardware) -> tuple[Known, Known]:
    few, many = (_find_area(hw.built._replace(queue_depth=depth)) for depth in (FEW, MANY))
    return few, many


@lru_cache(maxsize=MACHINES)
def _find_area(hw: BuiltView) -> Known:
    try:
        return measure_area(hw).chip_mm2
    except EnergyError as error:
        return str(error)


def _list_powers(hw: Hardware) -> tuple[Known, Known]:
    steady, priced = hw.steady, hw.priced
    few, many = (_find_power(priced._replace(queue_depth=depth), steady) for depth in (FEW, MANY))
    return few, many


@lru_cache(maxsize=MACHINES)
def _find_power(priced: PricedView, steady: SteadyView) -> Known:
    try:
        return find_pes_power_mw(steady, price_actions(priced))
    except EnergyError as error:
        return str(error)
