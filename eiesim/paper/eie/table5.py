"""EIE's Table V: EIE beside other platforms, with a column of ours for each of its two chips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from eiesim.base.published import find_claim, read_table
from eiesim.base.tables import Row
from eiesim.baselines.published import find_time_us
from eiesim.catalog.matched import PUBLISHED
from eiesim.energy.area import estimate_area
from eiesim.energy.estimate import find_pes_power_mw
from eiesim.energy.machine import price_machine
from eiesim.hardware import Hardware
from eiesim.paper.eie.table2 import SIXTY_FOUR_PES
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.verdict import Judgement, Tolerance, Unreproducible, Verdict
from eiesim.runs.clock import note_clock
from eiesim.runs.layer import LayerRun, run_layer

CHIPS = {"EIE 64PE": "eie-64pe-45nm", "EIE 256PE": "eie-256pe-28nm"}
PLATFORMS = {"Core-i7 5930K": "cpu", "GeForce Titan X": "gpu", "Tegra K1": "mgpu"}
LAYER = "alex-7"
DRAWN = "the time of a drawn Alex-7, as in Table IV"
SCALED = "Table II's PE brought to 28 nm: SRAMs by CACTI, logic by the feature size"
PERCENT = 10
ROUNDED = Tolerance(2, "0.59 W and 40.8 mm2 are printed with two and three digits")
CHIP = ("area_mm2", "power_w")
"""Quantities that do not depend on a time."""
OTHER = "DaDianNao"
CLAIMS = {
    "mv_throughput_fps": "throughput over DaDianNao",
    "energy_efficiency_fps_per_j": "energy efficiency over DaDianNao",
    "area_efficiency_fps_per_mm2": "area efficiency over DaDianNao",
}
"""The abstract's claims on 256 PEs at 28 nm, by quantity."""
QUOTED = Tolerance(1, "Table IV prints times to 0.1 us")
QUANTITIES = {
    "area_mm2": "mm2",
    "power_w": "W",
    "mv_throughput_fps": "frames/s",
    "area_efficiency_fps_per_mm2": "frames/s/mm2",
    "energy_efficiency_fps_per_j": "frames/J",
}
PARTS = {
    "area_efficiency_fps_per_mm2": ("mv_throughput_fps", "area_mm2"),
    "energy_efficiency_fps_per_j": ("mv_throughput_fps", "power_w"),
}
"""Quantities that quotients are made of."""
NOTE = """\
Frames are products of Alex-7, drawn from Table III. Power is that of PEs and LNZD units in the
steady state, as in the paper; energy_counted_uj is what eiesim counts for the layer, the wires of
its broadcasts included. The frames per second of CPU, GPU and
mobile GPU follow from Table IV. Power and area of 64 PEs are calibrated to Table II, so that they
agree is no evidence. For 28 nm eiesim scales logic with the feature size (28/45) at the same
voltage, and takes the SRAMs from CACTI between 32 and 22 nm, where the voltage falls, too."""


def work(_data: Path) -> Iterator[LayerRun]:
    """Run Alex-7 on the two chips."""
    for preset in CHIPS.values():
        hw = Hardware.preset(preset)
        yield run_layer(LAYER, hw, price_machine(hw))


WORK = Work(tuple(CHIPS), work)


def judge(parts: Iterable[LayerRun]) -> Outcome:
    """Compare our columns with the paper's."""
    runs = dict(zip(CHIPS, parts, strict=True))
    machines = [run.result.hardware for run in runs.values()]
    printed = {row["platform"]: row for row in read_table("paper/eie_table5")}
    ours = {name: _describe(run) for name, run in runs.items()}
    columns = [{"platform": name, "whose": "paper", **_take(row)} for name, row in printed.items()]
    columns += [{"platform": name, "whose": "ours", **row} for name, row in ours.items()]
    return Outcome(
        note="\n".join([NOTE, *map(note_clock, machines)]),
        hardware=machines[0],
        verdicts=(
            *(verdict for name, hw in zip(CHIPS, machines, strict=True)
              for verdict in _judge(name, hw, ours[name], printed)),
            *_judge_quoted(printed),
        ),
        tables={"platforms": columns},
        shown=("platforms",),
        sources=tuple(source for run in runs.values() for source in run.operands.sources),
    )  # fmt: skip


def _take(row: dict[str, str]) -> Row:
    numbers = {name: float(row[name]) if row[name] else None for name in QUANTITIES}
    clock_mhz = float(row["clock_mhz"]) if row["clock_mhz"] else None
    return {"node": row["node"], "clock_mhz": clock_mhz} | numbers | {"energy_counted_uj": None}


def _describe(run: LayerRun) -> Row:
    hw = run.result.hardware
    area_mm2 = estimate_area(hw).chip_mm2
    power_w = find_pes_power_mw(hw, price_machine(hw)) / 1000
    frames = 1e6 / run.result.latency_us
    return {
        "node": f"{hw.node_nm:g}nm",
        "clock_mhz": hw.clock_mhz,
        "area_mm2": area_mm2,
        "power_w": power_w,
        "mv_throughput_fps": frames,
        "area_efficiency_fps_per_mm2": frames / area_mm2,
        "energy_efficiency_fps_per_j": frames / power_w,
        "energy_counted_uj": run.energy.total_pj / 1e6 if run.energy else None,
    }


def _judge_quoted(printed: dict[str, dict[str, str]]) -> Iterator[Judgement]:
    """Judge others' throughput by Table IV, and quote the rest."""
    for name, platform in PLATFORMS.items():
        frames = 1e6 / float(find_time_us(LAYER, platform, 1, "dense"))
        yield Verdict(
            name, "throughput, from Table IV", "frames/s", printed[name]["mv_throughput_fps"],
            frames, QUOTED, "", "", "the inverse of Table IV's time",
        )  # fmt: skip
    for name, row in printed.items():
        for quantity, unit in QUANTITIES.items():
            in_table4 = name in PLATFORMS and quantity == "mv_throughput_fps"
            if name not in CHIPS and row[quantity] and not in_table4:
                yield Unreproducible(name, quantity, unit, row[quantity],
                                     "the paper quotes others' measurements")  # fmt: skip


def _judge(
    name: str, hw: Hardware, row: Row, printed: dict[str, dict[str, str]]
) -> Iterator[Verdict]:
    """Judge one chip's column, and the abstract's claims of the larger one."""
    paper, small = printed[name], printed[next(iter(CHIPS))]
    scaled = paper is not small
    reasons = {
        "power_w": f"the paper's is {float(paper['power_w']) / float(small['power_w']):.2f} times "
        f"that of 64 PEs at 45 nm and 800 MHz; ours is {1000 * row['power_w'] / hw.n_pes:.1f} "
        f"mW a PE at {hw.node_nm:g} nm and {hw.clock_mhz:g} MHz (see the note)",
        "area_mm2": f"ours is {row['area_mm2'] / hw.n_pes:.3f} mm2 a PE (see the note)",
        "mv_throughput_fps": f"our time of Alex-7 is {1e6 / row['mv_throughput_fps']:.1f} us, the "
        f"paper's {1e6 / float(paper['mv_throughput_fps']):.1f} us",
    }
    for quantity, unit in QUANTITIES.items():
        reason = "; ".join(reasons[part] for part in PARTS.get(quantity, (quantity,)))
        # what is scaled, and times of drawn layers, may lie off
        causes = [] if quantity in CHIP else [DRAWN]
        causes += [SCALED] if scaled and quantity != "mv_throughput_fps" else []
        tolerance = Tolerance(PERCENT, "; ".join(causes)) if causes else ROUNDED
        yield Verdict(
            name, quantity, unit, paper[quantity], row[quantity], tolerance, reason, PUBLISHED,
            "" if causes else SIXTY_FOUR_PES,
        )  # fmt: skip
        if scaled and quantity in CLAIMS:
            claim = CLAIMS[quantity]
            ours = row[quantity] / float(printed[OTHER][quantity])
            yield Verdict(name, claim, "x", find_claim(claim), ours, tolerance, reason, PUBLISHED)


EXPERIMENT = Experiment(WORK, judge)
