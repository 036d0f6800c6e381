"""EIE's Table IV: time of nine layers on EIE and on other platforms, in microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eiesim.base.published import PAPER_LAYERS, read_table
from eiesim.baselines.published import find_time_us
from eiesim.baselines.roofline import bound_time_us, read_peaks
from eiesim.catalog.matched import MATCHED, PRESET, PUBLISHED, REAL
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts import workloads
from eiesim.paper.parts.workloads import MISSING, REAL_NAME, WorkloadRun
from eiesim.paper.verdict import Judgement, Tolerance, Unreproducible, Verdict
from eiesim.runs.clock import note_clock
from eiesim.runs.limits import name_imbalance

NOTE = """\
Times of CPU, GPU and mobile GPU are quoted, not measured here; `eiesim baseline` measures this
computer's. What to see: with the paper's own work actual times follow the paper's; one input's
work may be another than that of Table III's averages (the solved densities are in the table)."""
SOLVED = Tolerance(1, "as near as whole columns allow")


def judge(parts: Iterable[WorkloadRun | None]) -> Outcome:
    """Compare the times with the paper's."""
    runs = workloads.list_runs(parts)
    by_name = {(run.name, run.kind): run for run in runs}
    verdicts: list[Judgement] = [verdict for run in runs for verdict in _judge(run, by_name)]
    if (REAL_NAME, REAL) not in by_name:
        verdicts += [
            Unreproducible(REAL_NAME, matrix, "us", find_time_us(REAL_NAME, "eie", 1, matrix),
                           MISSING, REAL)
            for matrix in ("theoretical", "actual")
        ]  # fmt: skip
    hw = Hardware.preset(PRESET)
    return Outcome(
        note=f"{workloads.note_workloads(runs)} {NOTE}\n{note_clock(hw)}",
        hardware=hw,
        verdicts=(*verdicts, *_quote(by_name)),
        tables={"workloads": [workloads.describe_workload(run) for run in runs]},
        shown=("workloads",),
        sources=workloads.list_sources(runs),
    )


def _judge(run: WorkloadRun, runs: dict[tuple[str, str], WorkloadRun]) -> Iterator[Verdict]:
    theoretical, actual = (
        find_time_us(run.name, "eie", 1, matrix) for matrix in ("theoretical", "actual")
    )
    lost_percent = 100 * (1 - float(theoretical) / float(actual))
    tolerance, solved, put_in = workloads.TOLERANCES[run.kind], workloads.TOLERANCES[run.kind], ""
    reason = "the work differs (see the theoretical time)"
    if run.kind == PUBLISHED:
        # one input: Table IV's work takes another density than Table III's average
        reason = (
            "Table IV timed one input, Table III's densities are averages and rounded: its work "
            f"takes {runs[run.name, MATCHED].workload.calibrated}"
        )
    if run.kind == MATCHED:
        solved, put_in = SOLVED, "a density was solved for this time"
        reason = (
            f"beyond perfect balance, the paper loses {lost_percent:.0f} % of its time, the drawn "
            f"layer {100 * (1 - run.result.load_balance):.0f} %, most of it to "
            f"{name_imbalance(run.run.result.limits)}"
        )
    for matrix, printed, ours, within, by_construction in (
        ("theoretical", theoretical, run.result.theoretical_us, solved, put_in),
        ("actual", actual, run.result.latency_us, tolerance, workloads.explain_calibrated(run)),
    ):
        yield Verdict(
            run.name, matrix, "us", printed, ours, within, reason, run.kind, by_construction
        )


def _quote(runs: dict[tuple[str, str], WorkloadRun]) -> Iterator[Unreproducible]:
    """Quote the times of the other platforms, each with the least time that its peaks allow."""
    peaks = {peak.platform: peak for peak in read_peaks()}
    for row in read_table("paper/eie_table4"):
        if row["platform"] not in peaks or row["layer"] not in PAPER_LAYERS:
            continue
        peak, layer = peaks[row["platform"]], runs[row["layer"], PUBLISHED].workload.operands.layer
        bound_us = bound_time_us(layer, peak, int(row["batch"]), row["matrix"])
        yield Unreproducible(
            row["layer"], f"{row['platform']}, {row['matrix']}, batch {row['batch']}", "us",
            row["time_us"],
            f"it was measured on a {peak.name}; its peaks allow {bound_us:.1f} us at least",
        )  # fmt: skip


EXPERIMENT = Experiment(workloads.WORK, judge)
