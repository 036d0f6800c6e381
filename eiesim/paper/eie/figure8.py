"""EIE's Figure 8: load balance by the depth of the activation queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eiesim.base.published import PAPER_LAYERS, find_claim
from eiesim.catalog.matched import MATCHED, PRESET, REAL, Workload
from eiesim.catalog.operands import Source
from eiesim.hardware import Hardware
from eiesim.image import encode
from eiesim.paper.experiment import Experiment, Outcome, Work
from eiesim.paper.parts.layer_runs import tell_calibrated_mean
from eiesim.paper.parts.workloads import ALEX8, list_matched_and_real, note_real
from eiesim.paper.verdict import Judgement, Statement, Tolerance, Verdict
from eiesim.report.charts import Chart, Panel
from eiesim.sim.bounds import bound_cycles
from eiesim.sweep.evaluate import measure_machines

LABELS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""The paper's; a ring of twice as many slots stands behind each, of which one stays empty."""
STEPS = (*(f"{name}, 2 to 512 slots" for name in PAPER_LAYERS), "alex-8, real, 2 to 512 slots")
READS = (ALEX8,)
ABOUT_HALF = Tolerance(20, "the paper says 'around half'")
Row = dict[str, Any]
NOTE = """\
Layers are drawn with the work of Table IV (matched, calibrated).
Load balance is the time the entries take with perfect balance over the actual time. The paper's
labels 1 to 256 are what its authors' simulator ran with 2 to 512 slots, of which one stays empty:
Table IV was made with 8 slots, which is the label 4 here. What to see: the curves rise steeply to
the label 4 or 8 and are flat from there; NT-We, whose PEs hold one entry a column, lies lowest."""


@dataclass(frozen=True)
class DepthCurve:
    """Load balance of one layer by label, and with all PEs in lock-step: no queue at all."""

    layer: str
    workload: str
    cycles: tuple[int, ...]
    load_balances: tuple[float, ...]
    lock_step: float
    sources: tuple[Source, ...]


def work(data: Path) -> Iterator[DepthCurve | None]:
    """Run each layer with every depth, one after the other; None for a missing one."""
    for name, workload in list_matched_and_real(data):
        yield _run(name, workload) if workload else None


WORK = Work(STEPS, work, READS)


def _run(name: str, workload: Workload) -> DepthCurve:
    hw, operands = Hardware.preset(PRESET), workload.operands
    image = encode(operands.layer, hw)
    lock_step_cycles = bound_cycles(image, operands.activations, hw).ceiling_cycles
    machines = [replace(hw, queue_depth=2 * label) for label in LABELS]
    rows = measure_machines(operands.layer, operands.activations, machines)
    work_cycles = (rows[0]["macs"] + rows[0]["padding_macs"]) / hw.n_pes
    return DepthCurve(
        name,
        workload.kind,
        tuple(row["cycles"] for row in rows),
        tuple(row["load_balance"] for row in rows),
        work_cycles / lock_step_cycles,
        operands.sources,
    )


def judge(parts: Iterable[DepthCurve | None]) -> Outcome:
    """Set what the text says of the figure beside what the curves show."""
    curves = [part for part in parts if part is not None]
    drawn = [curve for curve in curves if curve.workload != REAL]
    return Outcome(
        note=f"{NOTE} {note_real(curve.workload for curve in curves)}",
        hardware=Hardware.preset(PRESET),
        verdicts=tuple(_judge(curves)),
        tables={"curves": [row for curve in curves for row in _list_points(curve)]},
        charts={"figure8": _chart(drawn)},
        sources=tuple(source for curve in curves for source in curve.sources),
    )


def _judge(curves: list[DepthCurve]) -> Iterator[Judgement]:
    drawn = [curve for curve in curves if curve.workload != REAL]
    idle, lock_step = (
        [100 * (1 - balance) for balance in balances]
        for balances in zip(*((c.load_balances[0], c.lock_step) for c in drawn), strict=True)
    )
    real = [100 * (1 - curve.load_balances[0]) for curve in curves if curve.workload == REAL]
    authors = "".join(f"the real Alex-8 idles {percent:.0f} % with two slots; " for percent in real)
    yield Verdict(
        f"mean of {len(drawn)} layers", "idle cycles at label 1", "%",
        find_claim("share of idle cycles at queue depth 1").removeprefix("about "),
        sum(idle) / len(idle), ABOUT_HALF,
        f"{authors}with no queue at all, all PEs in lock-step, the drawn layers would idle "
        f"{sum(lock_step) / len(lock_step):.0f} %", MATCHED,
        tell_calibrated_mean(curve.layer for curve in drawn),
    )  # fmt: skip
    yield from _judge_text(drawn)


def _judge_text(curves: list[DepthCurve]) -> Iterator[Judgement]:
    before, after = (
        [_gain(curve, low, high) for curve in curves] for low, high in ((1, 8), (8, 256))
    )
    yield Statement(
        "9 layers", "returns diminish beyond a depth of 8", "section VI-C",
        f"from 1 to 8 the time falls by {min(before):.0f} to {max(before):.0f} %, "
        f"from 8 to 256 by {min(after):.1f} to {max(after):.1f} %",
        all(low > high for low, high in zip(before, after, strict=True)),
        "a layer gains more beyond 8 than before", MATCHED,
    )  # fmt: skip
    worst = min(curves, key=lambda curve: curve.load_balances[LABELS.index(8)])
    yield Statement(
        "9 layers", "NT-We is balanced worst, its columns are too short for 64 PEs",
        "section VI-C",
        f"{worst.layer} is worst at 8, with {worst.load_balances[LABELS.index(8)]:.0%}",
        worst.layer == "nt-we", "another layer is worse", MATCHED,
    )  # fmt: skip


def _gain(curve: DepthCurve, low: int, high: int) -> float:
    """Return by how many percent the time falls from one label to another."""
    before, after = (curve.cycles[LABELS.index(label)] for label in (low, high))
    return 100 * (1 - after / before)


def _list_points(curve: DepthCurve) -> list[Row]:
    return [
        {
            "layer": curve.layer,
            "workload": curve.workload,
            "paper_label": label,
            "queue_depth": 2 * label,
            "cycles": cycles,
            "load_balance": balance,
            "lock_step_load_balance": curve.lock_step,
        }
        for label, cycles, balance in zip(LABELS, curve.cycles, curve.load_balances, strict=True)
    ]


def _chart(curves: list[DepthCurve]) -> Chart:
    panel = Panel(
        "lines",
        tuple(map(str, LABELS)),
        {curve.layer: curve.load_balances for curve in curves},
        "queue depth, paper's label (half the slots)",
        "load balance, theoretical over actual time",
    )
    see = "Up to a depth of 8 a deeper queue helps much, beyond it hardly; NT-We stays lowest."
    return Chart(f"Load balance by depth of the activation queue ({MATCHED})", (panel,), see)


EXPERIMENT = Experiment(WORK, judge)
