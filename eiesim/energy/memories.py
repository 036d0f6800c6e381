"""The SRAMs of a PE and the prices of their accesses: CACTI, stretched to Table II."""

from __future__ import annotations

from collections.abc import Iterator

from eiesim.base.errors import EnergyError
from eiesim.energy.calibrate import MEMORY_MODULES, calibrate
from eiesim.energy.prices import Price
from eiesim.energy.sram import Sram, find_sram
from eiesim.views import BuiltView, ClockView, PricedView

SramView = PricedView | BuiltView | ClockView
"""What sees the SRAMs of a PE."""
ACT_WORD_BITS = 16
"""Narrowest word of an activation SRAM that CACTI was run for: narrower activations share one."""


def find_memory(module: str, hw: SramView) -> tuple[Sram, int]:
    """Return the SRAM of a module, and how many banks of it a PE has.

    Parameters
    ----------
    module : ``ptr_read``, ``spmat_read`` or ``act_rw``.

    Raises
    ------
    EnergyError : The SRAM lies outside of what CACTI was run for.
    """
    size_bytes, banks = {
        "ptr_read": (hw.ptr_sram_bytes // 2, 2),
        "spmat_read": (hw.spmat_sram_bytes, 1),
        "act_rw": (hw.act_sram_bytes, 1),
    }[module]
    return find_sram(size_bytes, _find_width_bits(module, hw), hw.node_nm, hw.sram_cell), banks


def _find_width_bits(module: str, hw: SramView) -> int:
    act_bits = max(hw.operand_bits, ACT_WORD_BITS)
    widths = {"ptr_read": hw.ptr_bits, "spmat_read": hw.spmat_width_bits, "act_rw": act_bits}
    return widths[module]


def price_memories(hw: PricedView) -> tuple[list[Price], list[Price]]:
    """Return the prices of every SRAM, and rows that tell why others are missing."""
    prices, missing = [], []
    for module in MEMORY_MODULES:
        try:
            sram, banks = find_memory(module, hw)
        except EnergyError as error:
            reason = str(error)
            nothing = Sram(0, 0, 0, 0, 0, 0, kind="assumed", source=reason)
            missing += list(_price_sram(module, nothing, 1, hw))
        else:
            prices += list(_price_sram(module, sram, banks, hw))
    return prices, missing


def _price_sram(module: str, sram: Sram, banks: int, hw: PricedView) -> Iterator[Price]:
    kind, source, factor = sram.kind, sram.source, calibrate().energy_factors.get(module, 1.0)
    if factor != 1 and kind != "assumed":
        kind = "calibrated"
        source = f"{source}; times {factor:.4g}, calibrated to EIE's Table II"
    for action, value in (("read", sram.read_energy_pj), ("write", sram.write_energy_pj)):
        per = f"{action} of {_find_width_bits(module, hw)} bits"
        yield Price(
            module, "memory", action, value * factor, "pJ", per, hw.node_nm, None, kind, source
        )
    yield Price(
        module, "memory", "leakage", sram.leakage_mw * banks, "mW", "PE", hw.node_nm, None,
        sram.kind, sram.source,
    )  # fmt: skip
