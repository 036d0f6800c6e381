"""The SRAMs of a PE and the prices of their accesses: CACTI, stretched to Table II."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eiesim.base.errors import EnergyError
from eiesim.energy.calibrate import MEMORY_MODULES, calibrate
from eiesim.energy.prices import Price
from eiesim.energy.sram import Sram, find_sram
from eiesim.views import BuiltView, ClockView, PricedView

SramView = PricedView | BuiltView | ClockView
"""Views of a machine that have the SRAMs of a PE."""
ACT_WORD_BITS = 16
"""Narrowest word of an activation SRAM that CACTI was run for, also for narrower activations."""


def find_memory(module: str, hw: SramView) -> tuple[Sram, int]:
    """Return the SRAM of ``ptr_read``, ``spmat_read`` or ``act_rw``, and its banks in a PE.

    Raises EnergyError if the SRAM lies outside of what CACTI was run for.
    """
    size_bytes, width_bits, banks = _find_banks(module, hw)
    return find_sram(size_bytes, width_bits, hw.node_nm, hw.sram_cell), banks


def _find_banks(module: str, hw: SramView) -> tuple[int, int, int]:
    """Return size in bytes, word width in bits, and number of a module's banks."""
    return {
        "ptr_read": (hw.ptr_sram_bytes // 2, hw.ptr_bits, 2),
        "spmat_read": (hw.spmat_sram_bytes, hw.spmat_width_bits, 1),
        "act_rw": (hw.act_sram_bytes, max(hw.operand_bits, ACT_WORD_BITS), 1),
    }[module]


def price_memories(hw: PricedView) -> tuple[list[Price], list[Price]]:
    """Return the prices of every SRAM, and rows with the reason why others are missing."""
    prices: list[Price] = []
    missing: list[Price] = []
    for module in MEMORY_MODULES:
        try:
            sram, banks = find_memory(module, hw)
        except EnergyError as error:
            nothing = Sram(0, 0, 0, 0, 0, 0, kind="CACTI run", source=str(error))
            rows = _price_sram(module, nothing, 1, hw)
            missing += [replace(row, kind=nothing.kind, source=nothing.source) for row in rows]
        else:
            prices += _price_sram(module, sram, banks, hw)
    return prices, missing


def _price_sram(module: str, sram: Sram, banks: int, hw: PricedView) -> Iterator[Price]:
    kind, source, factor = sram.kind, sram.source, calibrate().energy_factors.get(module, 1.0)
    if factor != 1:
        kind = "calibrated"
        source = f"{source}; times {factor:.4g}, calibrated to EIE's Table II"
    width_bits = _find_banks(module, hw)[1]
    for action, value in (("read", sram.read_energy_pj), ("write", sram.write_energy_pj)):
        per = f"{action} of {width_bits} bits"
        yield Price(
            module, "memory", action, value * factor, "pJ", per, hw.node_nm, None, kind, source
        )
    yield Price(
        module, "memory", "leakage", sram.leakage_mw * banks, "mW", "PE", hw.node_nm, None,
        sram.kind, sram.source,
    )  # fmt: skip
