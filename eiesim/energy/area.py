"""Area of a PE and of the chip: Table II, its memories moved by CACTI, its logic by its units."""

from __future__ import annotations

from dataclasses import dataclass

from eiesim.energy.calibrate import MODULES, PARTS, TABLE2, calibrate, read_table2
from eiesim.energy.machine import compare_registers
from eiesim.energy.memories import find_memory
from eiesim.energy.operations import find_arithmetic, find_lnzd_area_um2
from eiesim.energy.technology import BASE_NM, scale_area
from eiesim.hardware import Hardware
from eiesim.views import BuiltView


@dataclass(frozen=True)
class AreaRow:
    """Area of one part of the chip.

    Attributes
    ----------
    component, part : str
        Module of Table II, ``filler_cell`` or ``lnzd``; memory, clock, register or combinational.
    units : int
        How many of it the chip has.
    um2_each, area_mm2 : float
        Area of one; of all.
    kind, source : str
        As in `Price`.
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
    """What a chip measures.

    Attributes
    ----------
    rows : tuple of AreaRow
        Parts of a PE times the PEs, and the LNZD tree.
    n_pes : int
        The PEs.
    """

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
    """Return the area of a machine.

    Parameters
    ----------
    hw : Hardware
        Its PEs, SRAMs, widths, `queue_depth`, `accumulators_per_pe`, `multiplier`, `sram_cell` and
        `node_nm`.

    Raises
    ------
    EnergyError
        An SRAM lies outside of what CACTI was run for.

    References
    ----------
    EIE, ISCA 2016, Table II and section VI (LNZD); CACTI 7; docs/energy.md.
    """
    return measure_area(hw.built)


def measure_area(hw: BuiltView) -> AreaReport:
    """Return the area of a machine, as `estimate_area` does.

    Parameters
    ----------
    hw : BuiltView
        Of the machine.

    Raises
    ------
    EnergyError
        An SRAM lies outside of what CACTI was run for.
    """
    rows = []
    for module in MODULES:
        for part in PARTS:
            area_um2, kind, source = _measure(module, part, hw)
            rows.append(_make_row(module, part, hw.n_pes, area_um2, (kind, source)))
    share = read_table2("area_um2", "module")["filler_cell"] / sum(calibrate().area_um2.values())
    filler_um2 = share * sum(row.um2_each for row in rows)
    label = ("scaled", f"EIE, ISCA 2016, Table II: {share:.2%} of the other cells")
    rows.append(_make_row("filler_cell", "filler", hw.n_pes, filler_um2, label))
    lnzd = find_lnzd_area_um2() * scale_area(hw.node_nm)
    label = _label("published", "EIE, ISCA 2016, section VI: 189 um2 a unit", 1.0, hw)
    rows.append(_make_row("lnzd", "combinational", hw.lnzd_nodes, lnzd, label))
    return AreaReport(tuple(rows), hw.n_pes)


def _measure(module: str, part: str, hw: BuiltView) -> tuple[float, str, str]:
    area_um2 = calibrate().area_um2[module, part]
    if part == "memory" and area_um2:
        sram, banks = find_memory(module, hw)
        factor = calibrate().area_factors[module]
        source = f"{sram.source}; times {factor:.4g}, calibrated to EIE's Table II"
        return banks * sram.area_mm2 * 1e6 * factor, "calibrated", source
    size = compare_registers(module, hw)
    if (module, part) == ("arithm", "combinational"):
        swapped = find_arithmetic(hw.multiplier).area_um2 - find_arithmetic("fixed16").area_um2
        size = 1 + swapped / area_um2
    return (area_um2 * size * scale_area(hw.node_nm), *_label("calibrated", TABLE2, size, hw))


def _label(kind: str, source: str, size: float, hw: BuiltView) -> tuple[str, str]:
    if size != 1:
        kind, source = "scaled", f"{source}; times {size:.4g} for what is in it"
    if hw.node_nm != BASE_NM:
        shrink = f"({hw.node_nm:g}/{BASE_NM:g})^2"
        kind, source = "scaled", f"{source}; scaled from {BASE_NM:g} nm by {shrink}"
    return kind, source


def _make_row(
    component: str, part: str, units: int, um2_each: float, label: tuple[str, str]
) -> AreaRow:
    return AreaRow(component, part, units, um2_each, units * um2_each / 1e6, *label)
