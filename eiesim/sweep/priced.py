"""Prices, power, area and clock of a machine, which need no run; what machines share is kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from eiesim.base.errors import EnergyError
from eiesim.energy.actions import ACTIONS
from eiesim.energy.area import measure_area
from eiesim.energy.clock import keep_up
from eiesim.energy.estimate import find_pes_power_mw, find_sends_power_mw
from eiesim.energy.machine import price_actions, price_queue_clock
from eiesim.energy.prices import Key, PriceTable
from eiesim.energy.wires import WIRES_KIND, find_send_pj
from eiesim.hardware import Hardware
from eiesim.views import ClockView, PricedView, QueueView, SteadyView

MACHINES = 4096
"""Machines whose prices, powers and areas are remembered."""
FEW, MANY = 8, 16
"""Depths of queues for which power and area are computed. Each slot adds the same, so that two
depths give all others."""
QUEUE_CLOCK = list(ACTIONS).index(Key("act_queue", "clock", "cycle"))
SEND = list(ACTIONS).index(Key("broadcast", "wire", "send"))
"""Places of the actions whose prices depend on the depth of the queue."""
Known = float | str
"""A quantity of a machine, or why it has none."""


class Rate(NamedTuple):
    """Value and kind of a price, as `Price` has them."""

    value: float
    kind: str


class PricedMachine(NamedTuple):
    """A machine with what is known of it without a run.

    Attributes
    ----------
    power_mw
        Of the chip when no PE waits; None where an action has no price.
    area_mm2
        Of the chip; None where CACTI was not run for an SRAM.
    clock_fits
        Whether the SRAMs keep up with the clock; None where CACTI was not run for one.
    rates
        The price of each of `ACTIONS`; None where one is missing.
    no_energy, no_area
        Why there is none; None where there is.
    """

    hw: Hardware
    power_mw: float | None
    area_mm2: float | None
    clock_fits: bool | None
    rates: Sequence[Rate] | None
    no_energy: str | None
    no_area: str | None


class _Depths(NamedTuple):
    """Power of all PEs and area at the depths `FEW` and `MANY`; the rates at `FEW`."""

    powers: tuple[Known, Known]
    areas: tuple[Known, Known]
    rates: tuple[Rate, ...] | None


def price_point(hw: Hardware) -> PricedMachine:
    """Return what is known of a machine without a run.

    The depth of the queue changes only the price of its clock and, by the area, of the broadcast's
    wires; the others are remembered.
    """
    powers, areas, known = _price_depths(hw.priced._replace(queue_depth=FEW), hw.steady)
    pes_mw, chip_mm2 = (_extend(pair, hw.queue_depth) for pair in (powers, areas))
    power_mw, rates = None, None
    if pes_mw is not None and chip_mm2 is not None and known is not None:
        send_pj = find_send_pj(hw.operand_bits, hw.n_pes, chip_mm2)
        power_mw = pes_mw + find_sends_power_mw(hw, send_pj)
        rates = list(known)
        rates[QUEUE_CLOCK] = _price_queue_clock(hw.queue)
        rates[SEND] = Rate(send_pj, WIRES_KIND)
    why = (quantity[0] if isinstance(quantity[0], str) else None for quantity in (powers, areas))
    return PricedMachine(hw, power_mw, chip_mm2, _find_clock_fit(hw.clocked), rates, *why)


def _extend(known: tuple[Known, Known], queue_depth: int) -> float | None:
    """Return a quantity at any depth from those at `FEW` and `MANY`."""
    low, high = known
    if isinstance(low, str) or isinstance(high, str):
        return None
    return low + (queue_depth - FEW) * (high - low) / (MANY - FEW)


@lru_cache(maxsize=MACHINES)
def _price_depths(few: PricedView, steady: SteadyView) -> _Depths:
    depths = few, few._replace(queue_depth=MANY)
    (table, area), (many_table, many_area) = map(_price, depths)
    powers = _find_power(steady, table), _find_power(steady, many_table)
    rates = {price.key: Rate(price.value, price.kind) for price in table.prices}
    known = None if table.missing else tuple(rates[key] for key in ACTIONS)
    return _Depths(powers, (area, many_area), known)


@lru_cache(maxsize=MACHINES)
def _price(hw: PricedView) -> tuple[PriceTable, Known]:
    """Return all prices of a machine, and its area or why it has none."""
    try:
        area: Known = measure_area(hw).chip_mm2
    except EnergyError as error:
        area = str(error)
    return price_actions(hw), area


def _find_power(steady: SteadyView, prices: PriceTable) -> Known:
    try:
        return find_pes_power_mw(steady, prices)
    except EnergyError as error:
        return str(error)


@lru_cache(maxsize=MACHINES)
def _price_queue_clock(hw: QueueView) -> Rate:
    price = price_queue_clock(hw)
    return Rate(price.value, price.kind)


@lru_cache(maxsize=MACHINES)
def _find_clock_fit(hw: ClockView) -> bool | None:
    return keep_up(hw)
