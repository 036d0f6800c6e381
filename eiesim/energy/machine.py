"""The prices of one machine: SRAMs by CACTI, logic by Table II, operations by Table I."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from eiesim.base.errors import EnergyError
from eiesim.energy.area import measure_area
from eiesim.energy.calibrate import (
    COMPONENTS,
    PJ_PER_CYCLE,
    TABLE2,
    calibrate,
    count_steady_actions,
)
from eiesim.energy.memories import price_memories
from eiesim.energy.operations import find_arithmetic, list_prices
from eiesim.energy.prices import Price, PriceTable
from eiesim.energy.registers import Factor, compare_moved, compare_queues, compare_registers
from eiesim.energy.technology import BASE_NM, scale_price
from eiesim.energy.wires import price_wires
from eiesim.hardware import Hardware
from eiesim.views import PricedView, QueueView

LOGIC_ACTIONS = {
    "act_queue": {"push": "activation pushed", "pop": "activation popped"},
    "ptr_read": {"look-up": "pointer look-up"},
    "spmat_read": {"entry": "entry"},
    "arithm": {"entry": "entry, its product and sum apart"},
    "act_rw": {
        "register_read": "activation or accumulator read",
        "register_write": "accumulator written",
    },
}
"""Actions of a module's registers and logic, and what each is counted per. Table II does not
separate two actions of a module, so that each gets half of the power."""


def price_machine(hw: Hardware, overrides: str | Path | None = None) -> PriceTable:
    """Return the price of every action of a machine, each with its source.

    Prices of an SRAM outside of what CACTI was run for are missing, and with its area that of the
    broadcast's wires. `overrides` is a CSV file of prices that replace eiesim's own, see
    `PriceTable.override`. Source: EIE, ISCA 2016, Tables I and II, sections IV and VI; CACTI 7;
    Keckler et al., IEEE Micro 31(5), 2011; docs/energy.md gives each step.
    """
    table = price_actions(hw.priced)
    return table if overrides is None else table.override(overrides)


def price_actions(hw: PricedView) -> PriceTable:
    """Return eiesim's own price of every action, as `price_machine` does."""
    logic = [
        *_price_logic(hw),
        *list_prices("arithm", hw.multiplier),
        *list_prices("lnzd"),
    ]
    memory, missing = price_memories(hw)
    prices = memory + [scale_price(price, hw.node_nm) for price in logic]
    try:
        chip_mm2 = measure_area(hw).chip_mm2
    except EnergyError as error:
        nothing = price_wires(hw.operand_bits, hw.n_pes, hw.node_nm, 0.0)
        missing.append(replace(nothing, source=f"its wires cross an unknown area: {error}"))
    else:
        prices.append(price_wires(hw.operand_bits, hw.n_pes, hw.node_nm, chip_mm2))
    prices += list_prices("dram", hw.dram)
    prices.sort(key=lambda price: COMPONENTS.index(price.component))
    return PriceTable(tuple(prices), tuple(missing))


def _price_logic(hw: PricedView) -> Iterator[Price]:
    steady = count_steady_actions()
    for module, actions in LOGIC_ACTIONS.items():
        moved = compare_moved(module, hw)
        for part in ("register", "combinational"):
            energy_pj = calibrate().power_mw[module, part] * PJ_PER_CYCLE
            if (module, part) == ("arithm", "combinational"):
                energy_pj -= find_arithmetic("fixed16").energy_pj
            for action, per in actions.items():
                each_pj = energy_pj / len(actions) / steady[module, action]
                yield _make_logic((module, part, action), each_pj, per, moved)
        yield _price_clock(module, compare_registers(module, hw))


def price_queue_clock(hw: QueueView) -> Price:
    """Return the price of a cycle of the queue's clock, as `price_machine` does."""
    return scale_price(_price_clock("act_queue", compare_queues(hw)), hw.node_nm)


def _price_clock(module: str, held: Factor) -> Price:
    """Return the price of a cycle of a module's clock, at 45 nm."""
    each_pj = calibrate().power_mw[module, "clock"] * PJ_PER_CYCLE
    return _make_logic((module, "clock", "cycle"), each_pj, "cycle of a PE", held)


def _make_logic(key: tuple[str, str, str], value: float, per: str, factor: Factor) -> Price:
    label = factor.label("calibrated", TABLE2)
    return Price(*key, value * factor.times, "pJ", per, BASE_NM, None, *label)
