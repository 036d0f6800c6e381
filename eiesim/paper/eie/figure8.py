"""EIE's Figure 8: load balance by the depth of the activation queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from eiesim.base.published import find_claim
from eiesim.base.tables import Row
from eiesim.catalog.matched import MATCHED, PRESET, REAL, Workload
from eiesim.hardware import Hardware
from eiesim.image import encode
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.curves import Curve, run_machines
from eiesim.paper.parts.workloads import explain_calibrated_mean, note_real, share_layers
from eiesim.paper.verdict import Statement, Tolerance, Verdict
from eiesim.report.charts import Chart, Panel
from eiesim.sim.bounds import bound_cycles

LABELS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""The paper's; a ring of twice as many slots stands behind each, of which one stays empty."""
ABOUT_HALF = Tolerance(20, "the paper says 'around half'")
NOTE = """\
Layers are drawn with the work of Table IV (matched, calibrated).
Load balance is the time the entries take with perfect balance over the actual time. The paper's
labels 1 to 256 are what its authors' simulator ran with 2 to 512 slots, of which one stays empty:
Table IV was made with 8 slots, which is the label 4 here. What to see: the curves rise steeply to
the label 4 or 8 and are flat from there; NT-We, whose PEs hold one entry a column, lies lowest."""


@dataclass(frozen=True)
class DepthCurve(Curve):
    """One layer by label, and its cycles with all PEs in lock-step: no queue at all."""

    lock_step_cycles: int

    @property
    def lock_step(self) -> float:
        """Load balance in lock-step."""
        return self.points[1]._replace(cycles=self.lock_step_cycles).load_balance


def _run(name: str, workload: Workload) -> DepthCurve:
    hw, operands = Hardware.preset(PRESET), workload.operands
    machines = {label: replace(hw, queue_depth=2 * label) for label in LABELS}
    bounds = bound_cycles(encode(operands.layer, hw), operands.activations, hw)
    curve = run_machines(name, workload, machines)
    return DepthCurve(**vars(curve), lock_step_cycles=bounds.ceiling_cycles)


WORK = share_layers(_run, ", 2 to 512 slots")


def judge(parts: Iterable[DepthCurve | None]) -> Outcome:
    """Compare the text on the figure with the curves."""
    curves = [part for part in parts if part is not None]
    drawn = [curve for curve in curves if curve.workload != REAL]
    return Outcome(
        note=f"{NOTE} {note_real(curve.workload for curve in curves)}",
        hardware=Hardware.preset(PRESET),
        verdicts=(_judge_idle(curves, drawn), *_judge_text(drawn)),
        tables={"curves": [row for curve in curves for row in _list_points(curve)]},
        charts={"figure8": _chart(drawn)},
        sources=tuple(source for curve in curves for source in curve.sources),
    )


def _judge_idle(curves: list[DepthCurve], drawn: list[DepthCurve]) -> Verdict:
    idle = [100 * (1 - curve.points[1].load_balance) for curve in drawn]
    lock_step = [100 * (1 - curve.lock_step) for curve in drawn]
    authors = "".join(
        f"the real Alex-8 idles {100 * (1 - curve.points[1].load_balance):.0f} % with two slots; "
        for curve in curves
        if curve.workload == REAL
    )
    return Verdict(
        f"mean of {len(drawn)} layers", "idle cycles at label 1", "%",
        find_claim("share of idle cycles at queue depth 1").removeprefix("about "),
        sum(idle) / len(idle), ABOUT_HALF,
        f"{authors}with no queue at all, all PEs in lock-step, the drawn layers would idle "
        f"{sum(lock_step) / len(lock_step):.0f} %", MATCHED,
        explain_calibrated_mean(curve.layer for curve in drawn),
    )  # fmt: skip


def _judge_text(curves: list[DepthCurve]) -> Iterator[Statement]:
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
    worst = min(curves, key=lambda curve: curve.points[8].load_balance)
    yield Statement(
        "9 layers", "NT-We is balanced worst, its columns are too short for 64 PEs",
        "section VI-C",
        f"{worst.layer} is worst at 8, with {worst.points[8].load_balance:.0%}",
        worst.layer == "nt-we", "another layer is worse", MATCHED,
    )  # fmt: skip


def _gain(curve: DepthCurve, low: int, high: int) -> float:
    """Return the fall of the time from one label to another, in percent."""
    return 100 * (1 - curve.points[high].cycles / curve.points[low].cycles)


def _list_points(curve: DepthCurve) -> list[Row]:
    return [
        {
            "layer": curve.layer,
            "workload": curve.workload,
            "paper_label": label,
            "queue_depth": 2 * label,
            "cycles": point.cycles,
            "load_balance": point.load_balance,
            "lock_step_load_balance": curve.lock_step,
        }
        for label, point in curve.points.items()
    ]


def _chart(curves: list[DepthCurve]) -> Chart:
    panel = Panel(
        "lines", tuple(map(str, LABELS)),
        {curve.layer: [point.load_balance for point in curve.points.values()] for curve in curves},
        "queue depth, paper's label (half the slots)", "load balance, theoretical over actual time",
    )  # fmt: skip
    see = "Up to a depth of 8 a deeper queue helps much, beyond it hardly; NT-We stays lowest."
    return Chart(f"Load balance by depth of the activation queue ({MATCHED})", (panel,), see)


EXPERIMENT = Experiment(WORK, judge)
