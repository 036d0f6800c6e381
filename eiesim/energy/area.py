"""Area of a PE and of the chip: Table II, its memories scaled by CACTI, its logic by its units."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from eiesim.base.errors import EieError
from eiesim.energy.calibrate import MODULES, PARTS, TABLE2, calibrate, read_table2
from eiesim.energy.memories import find_memory
from eiesim.energy.operations import find_arithmetic, find_lnzd_area_um2
from eiesim.energy.registers import Factor, compare_registers
from eiesim.energy.technology import BASE_NM, scale_area
from eiesim.hardware import Hardware
from eiesim.views import BuiltView, PricedView

AreaView = BuiltView | PricedView
"""Views of a machine that have all that its area depends on."""


@dataclass(frozen=True)
class AreaRow:
    """Area of one part of the chip; kind and source are as in `Price`.

    Its component is a module of Table II, ``filler_cell`` or ``lnzd``.
    """

    component: str
    part: str
    units: int
    um2_each: float
    area_mm2: float
    kind: str
    source: str


@dataclass(frozen=True)
class AreaReport:
    """Area of a chip by component and part."""

    rows: tuple[AreaRow, ...]
    n_pes: int

    @property
    def chip_mm2(self) -> float:
        """Area of all PEs and of the LNZD tree, mm2."""
        return sum(row.area_mm2 for row in self.rows)

    @property
    def pe_um2(self) -> float:
        """Area of one PE, um2."""
        return sum(row.um2_each for row in self.rows if row.component != "lnzd")

    def by_component(self) -> dict[str, float]:
        """Return the area of one unit of each component, um2."""
        sums: dict[str, float] = {}
        for row in self.rows:
            sums[row.component] = sums.get(row.component, 0.0) + row.um2_each
        return sums


def estimate_area(hw: Hardware) -> AreaReport:
    """Return the area of a machine; raises EnergyError if CACTI was not run for an SRAM.

    Source: EIE, ISCA 2016, Table II and section VI (LNZD); CACTI 7; docs/energy.md.
    """
    return measure_area(hw.built)


def measure_area(hw: AreaView) -> AreaReport:
    """Return the area of a machine, as `estimate_area` does."""
    rows = [
        _make_row(module, part, hw.n_pes, *_measure(module, part, hw))
        for module in MODULES
        for part in PARTS
    ]
    share = read_table2("area_um2", "module")["filler_cell"] / sum(calibrate().area_um2.values())
    filler_um2 = share * sum(row.um2_each for row in rows)
    label = ("scaled", f"EIE, ISCA 2016, Table II: {share:.2%} of the other cells")
    rows.append(_make_row("filler_cell", "filler", hw.n_pes, filler_um2, *label))
    lnzd_um2 = find_lnzd_area_um2() * scale_area(hw.node_nm)
    label = _label("published", "EIE, ISCA 2016, section VI: 189 um2 a unit", hw)
    rows.append(_make_row("lnzd", "combinational", hw.lnzd_nodes, lnzd_um2, *label))
    return AreaReport(tuple(rows), hw.n_pes)


class _WordWidth(NamedTuple):
    bits: int
    sram_mm2: float
    chip_mm2: float


def describe_wider_words(hw: Hardware, widths_bits: Sequence[int]) -> str:
    """Return a sentence if wider words of the sparse-matrix SRAM make the chip smaller.

    Only the shape that CACTI chooses for the array makes it so. Widths that the machine cannot have
    are skipped. The sentence is on the pair of neighbouring widths that differs most.
    """
    machines = []
    for width_bits in sorted(set(widths_bits)):
        with suppress(EieError):
            machine = replace(hw, spmat_width_bits=width_bits)
            sram, _ = find_memory("spmat_read", machine.built)
            chip_mm2 = estimate_area(machine).chip_mm2
            machines.append(_WordWidth(width_bits, sram.area_mm2, chip_mm2))
    pairs = [pair for pair in pairwise(machines) if pair[1].chip_mm2 < pair[0].chip_mm2]
    if not pairs:
        return ""
    narrow, wide = max(pairs, key=lambda pair: pair[0].chip_mm2 - pair[1].chip_mm2)
    return (
        f"area: words of {wide.bits} bits make the chip smaller than words of {narrow.bits} bits, "
        f"{wide.chip_mm2:.1f} instead of {narrow.chip_mm2:.1f} mm2, only by the shapes that CACTI "
        f"chooses for an SRAM of {hw.spmat_sram_bytes} bytes, {wide.sram_mm2:.3f} and "
        f"{narrow.sram_mm2:.3f} mm2; that is no law of wide words"
    )


def _measure(module: str, part: str, hw: AreaView) -> tuple[float, str, str]:
    area_um2 = calibrate().area_um2[module, part]
    if part == "memory" and area_um2:
        sram, banks = find_memory(module, hw)
        factor = calibrate().area_factors[module]
        source = f"{sram.source}; times {factor:.4g}, calibrated to EIE's Table II"
        return banks * sram.area_mm2 * 1e6 * factor, "calibrated", source
    size = compare_registers(module, hw)
    if (module, part) == ("arithm", "combinational"):
        size = _compare_arithmetic(area_um2, size, hw.multiplier)
    label = _label(*size.label("calibrated", TABLE2), hw)
    return (area_um2 * size.times * scale_area(hw.node_nm), *label)


def _compare_arithmetic(area_um2: float, registers: Factor, multiplier: str) -> Factor:
    """Return what the logic of the arithmetic unit is multiplied by.

    The multiplier and its adder are swapped; the rest, the codebook's look-up, scales with the
    registers.
    """
    paper_um2 = find_arithmetic("fixed16").area_um2
    swapped_um2 = find_arithmetic(multiplier).area_um2 - paper_um2
    grown_um2 = (area_um2 - paper_um2) * (registers.times - 1)
    why = f"the {multiplier} multiplier and adder, and {registers.why}"
    return Factor(1 + (swapped_um2 + grown_um2) / area_um2, why)


def _label(kind: str, source: str, hw: AreaView) -> tuple[str, str]:
    if hw.node_nm != BASE_NM:
        shrink = f"({hw.node_nm:g}/{BASE_NM:g})^2"
        kind, source = "scaled", f"{source}; scaled from {BASE_NM:g} nm by {shrink}"
    return kind, source


def _make_row(
    component: str, part: str, units: int, um2_each: float, kind: str, source: str
) -> AreaRow:
    return AreaRow(component, part, units, um2_each, units * um2_each / 1e6, kind, source)
