"""EIE's Table II and section VI: power and area of a PE by module and type, and of the chip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eiesim.base.published import find_claim
from eiesim.catalog.matched import PRESET
from eiesim.energy.area import AreaReport, estimate_area
from eiesim.energy.calibrate import MODULES, PARTS, calibrate, read_table2
from eiesim.energy.estimate import (
    find_pes_power_mw,
    find_steady_power_mw,
    find_wires_power_mw,
)
from eiesim.energy.machine import price_machine
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.verdict import Tolerance, Verdict
from eiesim.runs.clock import note_clock

SUMS = "calibrated, and the sums over modules and over types differ in their last digits"
SIXTY_FOUR_PES = "64 times the PE that is calibrated to Table II"
"""Why the chip's power and area must be the paper's."""
ROUNDED = Tolerance(2, "0.59 W and 40.8 mm2 are printed with two and three digits")
WORK = Work(("steady state",), lambda _: iter((Hardware.preset(PRESET),)))


def judge(parts: Iterable[Hardware]) -> Outcome:
    """Compare power and area of each module and type with the printed ones."""
    (hw,) = parts
    power_mw, area = find_steady_power_mw(hw, price_machine(hw)), estimate_area(hw)
    return Outcome(
        note=f"{_write_note()}\n{note_clock(hw)}",
        hardware=hw,
        verdicts=(*_judge_pe(power_mw, area), *_judge_chip(hw, area)),
        tables={
            "power": [
                {"module": name, **{f"{part}_mw": power_mw[name, part] for part in PARTS}}
                for name in MODULES
            ]
        },
    )


def _judge_pe(power_mw: dict[tuple[str, str], float], area: AreaReport) -> Iterator[Verdict]:
    by_module = {name: sum(power_mw[name, part] for part in PARTS) for name in MODULES}
    by_type = {part: sum(power_mw[name, part] for name in MODULES) for part in PARTS}
    in_pe = [row for row in area.rows if row.component != "lnzd"]
    area_by_type = {part: sum(row.um2_each for row in in_pe if row.part == part) for part in PARTS}
    for quantity, unit, breakdown, ours, percent in (
        ("power_mw", "mW", "total", {"total": sum(by_module.values())}, 1),
        ("power_mw", "mW", "module", by_module, 3),
        ("power_mw", "mW", "component", by_type, 1),
        ("area_um2", "um2", "total", {"total": area.pe_um2}, 1),
        ("area_um2", "um2", "module", area.by_component(), 1),
        ("area_um2", "um2", "component", area_by_type, 1),
    ):
        for name, printed in read_table2(quantity, breakdown).items():
            if name in ours:
                yield Verdict(
                    "one PE", f"{quantity.split('_')[0]}, {name}", unit, _print(printed),
                    ours[name], Tolerance(percent, SUMS), SUMS, "", "calibrated to this table",
                )  # fmt: skip


def _judge_chip(hw: Hardware, area: AreaReport) -> Iterator[Verdict]:
    power_mw = find_pes_power_mw(hw, price_machine(hw))
    for name, unit, claim, ours, put_in in (
        ("power", "mW", "power, 64 PEs", power_mw, SIXTY_FOUR_PES),
        ("area", "mm2", "area, 64 PEs", area.chip_mm2, SIXTY_FOUR_PES),
        ("LNZD units", "units", "LNZD units for 64 PEs", float(hw.lnzd_nodes), ""),
    ):
        yield Verdict(
            "64 PEs", name, unit, find_claim(claim), ours, ROUNDED, "the preset was changed", "",
            put_in,
        )  # fmt: skip


def _print(value: float) -> str:
    return f"{value:g}" if value < 1000 else f"{value:.0f}"


def _write_note() -> str:
    energy, area = (
        ", ".join(f"{module} {factor:.3f}" for module, factor in factors.items())
        for factors in (calibrate().energy_factors, calibrate().area_factors)
    )
    hw = Hardware.preset(PRESET)
    wires_mw = find_wires_power_mw(hw, price_machine(hw))
    return f"""\
Calibrated: the parts of each module are chosen so that both breakdowns of Table II come out; that
they do is no evidence, and so it is with the power and the area of 64 such PEs. Factors on CACTI's
energy per access: {energy}; on its area: {area}. The pointer SRAM's factor is below 1 since
CACTI's two banks of 16 KB alone would take 1.83 mW, more than the 1.807 mW of their whole
module. Compared are PEs and LNZD units, as the paper adds them up; the wires of the broadcast
between them, which eiesim prices besides, would draw {wires_mw:.1f} mW more."""


EXPERIMENT = Experiment(WORK, judge)
