"""The prices of one machine: SRAMs by CACTI, logic by Table II, operations by Table I."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from eiesim.energy.calibrate import PJ_PER_CYCLE, calibrate, count_steady_actions
from eiesim.energy.operations import find_arithmetic, list_prices
from eiesim.energy.prices import Price, PriceTable
from eiesim.energy.sram import Sram, find_sram
from eiesim.energy.technology import BASE_NM, scale_price
from eiesim.hardware import Hardware

PAPER = Hardware()
TABLE2 = "EIE, ISCA 2016, Table II, filled in by proportional fitting"


def price_machine(hw: Hardware, overrides: str | Path | None = None) -> PriceTable:
    """Return the price of every action of a machine, each with its source.

    Parameters
    ----------
    hw : Hardware
        Its SRAMs, widths, `queue_depth`, `multiplier`, `sram_cell`, `dram` and `node_nm`.
    overrides : str or Path, optional
        A CSV file of prices to put in place of eiesim's own; see `PriceTable.override`.

    Raises
    ------
    EnergyError
        An SRAM lies outside of what CACTI was run for, or the file has problems.

    References
    ----------
    EIE, ISCA 2016, Tables I and II, section VI; CACTI 7; docs/energy.md tells each step.
    """
    logic = [*_price_logic(hw), *list_prices("arithm", hw.multiplier),
             *list_prices("lnzd"), *list_prices("broadcast")]  # fmt: skip
    prices = [
        *_price_memories(hw),
        *(scale_price(price, hw.node_nm) for price in logic),
        *list_prices("dram", hw.dram),
    ]
    table = PriceTable(tuple(sorted(prices, key=lambda price: _ORDER.index(price.component))))
    return table if overrides is None else table.override(overrides)


_ORDER = ("act_queue", "ptr_read", "spmat_read", "arithm", "act_rw", "lnzd", "broadcast", "dram")


def find_memories(hw: Hardware) -> dict[str, tuple[Sram, int]]:
    """Return the SRAM of each module of a PE, and how many banks of it there are.

    Parameters
    ----------
    hw : Hardware
        Its SRAM sizes, `spmat_width_bits`, `ptr_bits`, `node_nm` and `sram_cell`.

    Raises
    ------
    EnergyError
        An SRAM lies outside of what CACTI was run for.
    """
    node, cell = hw.node_nm, hw.sram_cell
    return {
        "ptr_read": (find_sram(hw.ptr_sram_bytes // 2, hw.ptr_bits, node, cell), 2),
        "spmat_read": (find_sram(hw.spmat_sram_bytes, hw.spmat_width_bits, node, cell), 1),
        "act_rw": (find_sram(hw.act_sram_bytes, ACT_BITS, node, cell), 1),
    }


ACT_BITS = 16
"""Bits of an activation in its SRAM (EIE, section VI)."""


def _price_memories(hw: Hardware) -> Iterator[Price]:
    widths = {"ptr_read": hw.ptr_bits, "spmat_read": hw.spmat_width_bits, "act_rw": ACT_BITS}
    for module, (sram, banks) in find_memories(hw).items():
        leakage = Price(
            module, "memory", "leakage", sram.leakage_mw * banks, "mW",
            f"{banks} banks" if banks > 1 else "bank", hw.node_nm, None, sram.kind, sram.source,
        )  # fmt: skip
        yield leakage
        kind, source, factor = sram.kind, sram.source, calibrate().energy_factors.get(module, 1.0)
        if factor != 1:
            kind = "calibrated"
            source = f"{source}; times {factor:.4g}, calibrated to EIE's Table II"
        for action, value in (("read", sram.read_energy_pj), ("write", sram.write_energy_pj)):
            yield Price(
                module, "memory", action, value * factor, "pJ",
                f"{action} of {widths[module]} bits", hw.node_nm, None, kind, source,
            )  # fmt: skip


LOGIC_ACTIONS = {
    "act_queue": {"push": "activation pushed", "pop": "activation popped"},
    "ptr_read": {"look-up": "pointer look-up"},
    "spmat_read": {"entry": "entry"},
    "arithm": {"entry": "entry, its product and sum apart"},
    "act_rw": {"register_read": "activation or accumulator read",
               "register_write": "accumulator written"},
}  # fmt: skip
"""What registers and logic of a module do, and what it is counted per. Where there are two actions,
which Table II does not tell apart, each gets half of the power."""


def _price_logic(hw: Hardware) -> Iterator[Price]:
    steady = count_steady_actions()
    for module, actions in LOGIC_ACTIONS.items():
        for part in ("register", "combinational"):
            power_mw = calibrate().power_mw[module, part]
            if (module, part) == ("arithm", "combinational"):
                power_mw -= find_arithmetic("fixed16").energy_pj / PJ_PER_CYCLE
            for action, per in actions.items():
                value = power_mw * PJ_PER_CYCLE / len(actions) / steady[module, action]
                yield _make_logic(module, part, action, value, per)
        clock = _make_logic(
            module, "clock", "cycle", calibrate().power_mw[module, "clock"] * PJ_PER_CYCLE, "cycle"
        )
        size = compare_registers(module, hw)
        yield (
            clock
            if size == 1
            else replace(
                clock,
                value=clock.value * size,
                kind="scaled",
                source=f"{TABLE2}; times {size:g} for as many times the registers",
            )
        )


def _make_logic(module: str, part: str, action: str, value: float, per: str) -> Price:
    return Price(module, part, action, value, "pJ", per, BASE_NM, None, "calibrated", TABLE2)


def compare_registers(module: str, hw: Hardware) -> float:
    """Return how many times the registers of the paper's chip a module has.

    Parameters
    ----------
    module : str
        Module of Table II.
    hw : Hardware
        Its `queue_depth` and `accumulators_per_pe`.
    """
    if module == "act_queue":
        return hw.queue_depth / PAPER.queue_depth
    if module == "act_rw":
        return hw.accumulators_per_pe / PAPER.accumulators_per_pe
    return 1.0
