"""EIE's Figures 11 to 13: speedup, real work and load balance of ten layers on 1 to 256 PEs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from eiesim.base.published import find_claim
from eiesim.base.tables import Row
from eiesim.catalog.matched import MATCHED, PRESET, REAL, Workload
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.curves import Curve, run_machines
from eiesim.paper.parts.workloads import explain_calibrated_mean, note_real, share_layers
from eiesim.paper.verdict import Judgement, Statement, Tolerance, Verdict
from eiesim.report.charts import Chart, Panel
from eiesim.runs.ratios import find_geomean

PES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
DRAWN = Tolerance(10, "the layers are drawn")
SCALES_WELL = 0.8
"""Share of perfect scaling that still counts as near-linear."""
LESS_WORK = 0.001
"""Largest difference of neighbours by a draw's chance, while few columns are shorter yet."""
BETTER_BALANCE, FALLS = 0.005, 0.15
MATCHED_NOTE = "Layers are drawn with the work that Table IV tells on 64 PEs (matched, calibrated)."


@dataclass(frozen=True)
class ScalingFigure:
    """One of the three figures: `column` of the table is drawn, its axis has this `label`.

    What the text says is judged by the nine layers, and by all that are there.
    """

    name: str
    column: str
    label: str
    see: str
    note: str
    judge: Callable[[Sequence[Curve], Sequence[Curve]], Iterator[Judgement]]


def _run(name: str, workload: Workload) -> Curve:
    hw = Hardware.preset(PRESET)
    return run_machines(name, workload, {n_pes: replace(hw, n_pes=n_pes) for n_pes in PES})


WORK = share_layers(_run, ", 1 to 256 PEs")


def judge_figure(parts: Iterable[Curve | None], figure: ScalingFigure) -> Outcome:
    """Compare the text on a figure with the curves."""
    curves = [part for part in parts if part is not None]
    drawn = [curve for curve in curves if curve.workload != REAL]
    table = [row for curve in curves for row in _tabulate(curve)]
    series = {curve.layer: [row[figure.column] for row in _tabulate(curve)] for curve in drawn}
    panel = Panel("lines", tuple(map(str, PES)), series, "PEs", figure.label,
                  log=figure.column == "speedup")  # fmt: skip
    quantity = figure.label.partition(",")[0]
    title = f"{quantity[0].upper()}{quantity[1:]} by number of PEs ({MATCHED})"
    return Outcome(
        note=f"{MATCHED_NOTE} {figure.note} {note_real(curve.workload for curve in curves)}",
        hardware=Hardware.preset(PRESET),
        verdicts=tuple(figure.judge(drawn, curves)),
        tables={"curves": table},
        charts={figure.name: Chart(title, (panel,), figure.see)},
        sources=tuple(source for curve in curves for source in curve.sources),
    )


def _tabulate(curve: Curve) -> list[Row]:
    """Return one row a machine."""
    return [
        {
            "layer": curve.layer,
            "workload": curve.workload,
            "n_pes": n_pes,
            "cycles": point.cycles,
            "entries": point.entries,
            "padding_entries": point.entries - point.macs,
            "speedup": curve.points[1].cycles / point.cycles,
            "real_work": point.real_work,
            "load_balance": point.load_balance,
        }
        for n_pes, point in curve.points.items()
    ]


def _judge_speedup(drawn: Sequence[Curve], _curves: Sequence[Curve]) -> Iterator[Judgement]:
    at_64 = {c.layer: c.points[1].cycles / c.points[64].cycles / 64 for c in drawn}
    worst = min(at_64, key=lambda layer: at_64[layer])
    rest = min(share for layer, share in at_64.items() if layer != worst)
    yield Statement(
        "9 layers", "all but NT-We scale well", "section VI-C, Figure 11",
        f"on 64 PEs {worst} reaches {at_64[worst]:.0%} of 64x, the others {rest:.0%} and more",
        worst == "nt-we" and rest >= SCALES_WELL, "another layer scales badly", MATCHED,
    )  # fmt: skip
    gains = {c.layer: c.points[64].cycles / c.points[256].cycles for c in drawn}
    before, after = (
        find_geomean([curve.points[n_pes].load_balance for curve in drawn]) for n_pes in (64, 256)
    )
    without = find_geomean([gain for layer, gain in gains.items() if layer != worst])
    yield Verdict(
        "geometric mean", "speed of 256 PEs over 64 PEs", "x",
        find_claim("throughput of 256 PEs over 64 PEs"), find_geomean([*gains.values()]), DRAWN,
        f"load balance goes from {before:.0%} to {after:.0%}; without {worst} it is {without:.2f}, "
        "and the paper does not tell over which layers it averages", MATCHED,
        explain_calibrated_mean(gains),
    )  # fmt: skip


def _judge_real_work(drawn: Sequence[Curve], curves: Sequence[Curve]) -> Iterator[Judgement]:
    rising = all(
        after.real_work > before.real_work - LESS_WORK
        for curve in curves
        for before, after in pairwise(curve.points.values())
    )
    first, last = ([curve.points[n_pes].real_work for curve in drawn] for n_pes in (1, 256))
    yield Statement(
        "9 layers", "more PEs have fewer padding zeros", "section VI-C, Figure 12",
        f"real work rises from {min(first):.0%} to {max(first):.0%} on one PE to "
        f"{min(last):.0%} to {max(last):.0%} on 256",
        rising, "a layer has more padding zeros on more PEs", MATCHED,
    )  # fmt: skip


def _judge_balance(drawn: Sequence[Curve], curves: Sequence[Curve]) -> Iterator[Judgement]:
    falling = all(
        after.load_balance < before.load_balance + BETTER_BALANCE
        for curve in curves
        for before, after in pairwise(curve.points.values())
    )
    few, many = ([curve.points[n_pes].load_balance for curve in drawn] for n_pes in (4, 256))
    yield Statement(
        "9 layers", "more PEs are balanced worse", "section VI-C, Figure 13",
        f"from {min(few):.0%} and more on 4 PEs to {min(many):.0%} to {max(many):.0%} on 256",
        falling, "a layer is balanced better on more PEs", MATCHED,
    )  # fmt: skip
    first, last = (
        [curve.points[n_pes].load_balance * curve.points[n_pes].real_work
         for curve in drawn if curve.layer != "nt-we"]
        for n_pes in (1, 64)
    )  # fmt: skip
    changes = [after / before - 1 for before, after in zip(first, last, strict=True)]
    yield Statement(
        "8 layers, without NT-We", "fewer padding zeros make up for it up to 64 PEs",
        "section VI-C: efficiency stays nearly constant for most benchmarks",
        f"real work times load balance changes from 1 to 64 PEs by {min(changes):+.0%} to "
        f"{max(changes):+.0%}",
        all(after >= (1 - FALLS) * before for before, after in zip(first, last, strict=True)),
        f"a layer loses more than {FALLS:.0%} of its efficiency", MATCHED,
    )  # fmt: skip


FIGURES = (
    ScalingFigure(
        "figure11",
        "speedup",
        "speedup over one PE, x",
        "Near-linear speedup up to 64 PEs and beyond, but for NT-We.",
        f"""\
Speedup is over one PE, which holds the whole layer, whatever its SRAMs hold: what they do not comes
from DRAM with all the bandwidth it takes. What to see: near-linear up to 64 PEs, in part better,
since with more PEs there are fewer padding zeros (Figure 12); beyond, the load gets less even
(Figure 13). A layer scales well that reaches {SCALES_WELL:.0%} of 64x on 64 PEs.""",
        _judge_speedup,
    ),
    ScalingFigure(
        "figure12",
        "real_work",
        "real work, share of all entries",
        "With more PEs padding zeros disappear; the sparser the layer, the more there were.",
        """\
Real work: entries processed that are no padding zeros, over all entries processed. What to see:
with more PEs each holds fewer rows, zeros in a row get fewer, and 4 bits suffice. From 16 rows in a
PE on down there is no padding zero at all, since no gap can exceed 15.""",
        _judge_real_work,
    ),
    ScalingFigure(
        "figure13",
        "load_balance",
        "load balance, theoretical over actual time",
        "The more PEs, the less even the load; NT-We falls first.",
        f"""\
Load balance: the time the entries take with perfect balance over the actual time, 8 slots in each
queue. It may rise by {BETTER_BALANCE:.1%} from one machine to the next, a draw's chance;
efficiency, real work times load balance, is nearly constant that falls by {FALLS:.0%} at most. What
to see: the more PEs, the fewer entries of a column each holds, and the more their numbers
differ.""",
        _judge_balance,
    ),
)
FIGURE_11, FIGURE_12, FIGURE_13 = (
    Experiment(WORK, partial(judge_figure, figure=figure)) for figure in FIGURES
)
