"""EIE's Figures 6 and 7: speedup and energy efficiency over the CPU with dense weights, batch 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from eiesim.base.published import PAPER_LAYERS, read_table
from eiesim.base.tables import Row
from eiesim.baselines.published import derive_cpu_power, find_time_us, list_published
from eiesim.catalog.matched import MATCHED, PRESET, PUBLISHED, REAL
from eiesim.energy.estimate import EnergyReport, find_pes_power_mw
from eiesim.energy.kinds import add_kinds, show_kinds, weigh_kinds
from eiesim.energy.machine import price_machine
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts import workloads
from eiesim.paper.parts.workloads import MISSING, QUOTED, REAL_NAME, WorkloadRun
from eiesim.paper.verdict import EXACT, Tolerance, Unreproducible, Verdict
from eiesim.report.charts import Chart, Panel
from eiesim.runs.ratios import GEOMEAN, Ratio, compare, take_published, take_simulated

SIMULATED, STEADY = "eie, simulated", " at steady power"
PERCENT = 10
DRAWN, CALIBRATED = "times of drawn layers, as in Table IV", "prices that are calibrated"
ONE_DIGIT = "the quotient of the printed times and powers rounds to another digit"


@dataclass(frozen=True)
class RatioFigure:
    """One of the two figures; `quantity` is ``speedup`` or ``energy_efficiency``."""

    name: str
    quantity: str
    table: str
    note: str
    see: str

    @cached_property
    def printed(self) -> dict[tuple[str, str, str], str]:
        """The printed numbers by platform, matrix and layer."""
        return {
            (row["platform"], row["matrix"], row["layer"]): row[self.quantity]
            for row in read_table(self.table)
        }


def list_ratios(runs: Sequence[WorkloadRun]) -> list[Ratio]:
    """Return the ratios of published and of simulated rows over the CPU, dense, batch 1.

    Simulated platforms are called ``eie`` and the workload, and at steady power.
    """
    rows = [row for name in PAPER_LAYERS for row in list_published(name, (1,))]
    references = [row for row in rows if (row.platform, row.matrix) == ("cpu", "dense")]
    published = [take_published(name) for name in PAPER_LAYERS]
    simulated = [
        replace(take_simulated(run.name, run.result, run.run.energy), platform=f"eie {run.kind}")
        for run in runs
    ]
    # as the paper counts energy: at the power of a chip that never waits
    hw = Hardware.preset(PRESET)
    power_w = find_pes_power_mw(hw, price_machine(hw)) / 1000
    steady = [replace(row, platform=row.platform + STEADY, power_w=power_w) for row in simulated]
    return compare([*rows, *published, *simulated, *steady], references)


def judge_figure(parts: Iterable[WorkloadRun | None], figure: RatioFigure) -> Outcome:
    """Compare each ratio with the printed one."""
    runs = workloads.list_runs(parts)
    ratios = list_ratios(runs)
    kinds = {}
    if figure.quantity == "speedup":
        ratios = [ratio for ratio in ratios if not ratio.platform.endswith(STEADY)]
    else:
        kinds = {"kinds": _weigh_workloads(runs)}
    table = _tabulate(ratios, figure.quantity)
    return Outcome(
        note=f"{workloads.note_workloads(runs)} {figure.note}",
        hardware=Hardware.preset(PRESET),
        verdicts=(
            *_judge_simulated(ratios, figure, runs),
            *([] if workloads.list_runs(runs, REAL) else _miss_real(figure)),
            *(_judge_published(ratio, figure) for ratio in ratios if ratio.kind == "published"),
        ),
        tables={
            "table": table,
            **kinds,
            "workloads": [workloads.describe_workload(run) for run in runs],
        },
        shown=("table", *kinds),
        charts={figure.name: _chart(ratios, figure, table)},
        sources=workloads.list_sources(runs),
    )


def _weigh_workloads(runs: Sequence[WorkloadRun]) -> list[Row]:
    """Return how the energy of all layers of each workload rests on prices of each kind."""
    energies: dict[str, list[EnergyReport]] = {}
    for run in runs:
        energies.setdefault(run.kind, []).extend([run.run.energy] if run.run.energy else [])
    return [
        {"workload": workload} | row
        for workload, reports in energies.items()
        for row in show_kinds(weigh_kinds(add_kinds(reports)))
    ]


def _judge_published(ratio: Ratio, figure: RatioFigure) -> Verdict:
    is_eie = ratio.platform == "eie"
    column = ("eie", "actual") if is_eie else (ratio.platform, ratio.matrix)
    name = "eie, Table IV's time" if is_eie else f"{ratio.platform} {ratio.matrix}, quoted"
    return Verdict(
        ratio.layer, name, "x", figure.printed[*column, ratio.layer],
        getattr(ratio, figure.quantity), EXACT, _explain_published(ratio), "", QUOTED,
    )  # fmt: skip


def _judge_simulated(
    ratios: Sequence[Ratio], figure: RatioFigure, runs: Sequence[WorkloadRun]
) -> Iterator[Verdict]:
    by_name = {(run.name, run.kind): run for run in runs}
    for ratio in ratios:
        if ratio.kind != "simulated":
            continue
        workload = ratio.platform.split(" ")[1]
        if ratio.layer == GEOMEAN:
            averaged = [row for row in ratios
                        if row.platform == ratio.platform and row.layer != GEOMEAN]  # fmt: skip
            reason = _explain_mean(averaged, figure)
            matched = [row.layer for row in averaged if workload == MATCHED]
            put_in = workloads.explain_calibrated_mean(matched)
        else:
            run = by_name[ratio.layer, workload]
            reason, put_in = (
                _explain_simulated(ratio, figure, run),
                workloads.explain_calibrated(run),
            )
        steady = STEADY if ratio.platform.endswith(STEADY) else ""
        yield Verdict(
            ratio.layer, f"{SIMULATED}{steady}", "x", figure.printed["eie", "actual", ratio.layer],
            getattr(ratio, figure.quantity), find_tolerance(figure.quantity, workload), reason,
            workload, put_in,
        )  # fmt: skip


def find_tolerance(quantity: str, workload: str) -> Tolerance:
    """Return the tolerance of a ratio: for its time, if drawn, and for its energy's prices."""
    reasons = [] if workload == REAL else [DRAWN]
    if quantity != "speedup":
        reasons.append(CALIBRATED)
    return Tolerance(PERCENT, ", and ".join(reasons)) if reasons else workloads.TOLERANCES[REAL]


def _miss_real(figure: RatioFigure) -> Iterator[Unreproducible]:
    """Name the rows of the real layer, which is missing."""
    for steady in ("",) if figure.quantity == "speedup" else ("", STEADY):
        paper = figure.printed["eie", "actual", REAL_NAME]
        yield Unreproducible(REAL_NAME, f"{SIMULATED}{steady}", "x", paper, MISSING, REAL)


def _deviate(ratio: Ratio, figure: RatioFigure) -> float:
    """Return the deviation of a ratio of EIE from the printed one, in percent."""
    paper = float(figure.printed["eie", "actual", ratio.layer])
    return 100 * (float(getattr(ratio, figure.quantity)) / paper - 1)


def _explain_mean(ratios: Iterable[Ratio], figure: RatioFigure) -> str:
    """Name the layers that lie furthest from the printed ones."""
    off = {ratio.layer: _deviate(ratio, figure) for ratio in ratios}
    worst = sorted(off, key=lambda layer: -abs(off[layer]))[:3]
    return ", ".join(f"{layer} lies {off[layer]:+.0f} % off" for layer in worst)


def _explain_published(ratio: Ratio) -> str:
    if ratio.platform == "eie" and ratio.layer == GEOMEAN:
        drawn_otherwise = [layer for layer in PAPER_LAYERS if _is_drawn_otherwise(layer)]
        return f"it was drawn with other times than Table IV's of {' and '.join(drawn_otherwise)}"
    if ratio.platform != "eie" or not _is_drawn_otherwise(ratio.layer):
        return ONE_DIGIT
    return (
        f"Table IV prints {find_time_us(ratio.layer, 'eie', 1, 'actual')} us, the figure was drawn "
        f"with {derive_cpu_power(ratio.layer)[0]} us: the only time that gives Figures 6 and 7 "
        "together"
    )


def _is_drawn_otherwise(layer: str) -> bool:
    """Return whether Figures 6 and 7 were drawn with another time than Table IV's."""
    return str(derive_cpu_power(layer)[0]) != find_time_us(layer, "eie", 1, "actual")


def _explain_simulated(ratio: Ratio, figure: RatioFigure, run: WorkloadRun) -> str:
    result, energy = run.result, run.run.energy
    printed_us = find_time_us(ratio.layer, "eie", 1, "actual")
    time = f"our time is {result.latency_us:.1f} us, Table IV's {printed_us} us (see table4)"
    if _is_drawn_otherwise(ratio.layer):
        time += f", and the figure was drawn with {derive_cpu_power(ratio.layer)[0]} us"
    if figure.quantity == "speedup" or ratio.platform.endswith(STEADY):
        return time
    entries, counters = result.entries, result.counters
    parts = energy.by_component() if energy else {}
    dram, wires = (parts[name] / energy.total_pj if energy else 0 for name in ("dram", "broadcast"))
    if dram:
        time = f"{dram:.0%} of the energy fetches from DRAM what the SRAMs do not hold; {time}"
    if wires:
        time = f"{wires:.0%} goes into the broadcast's wires, which 0.59 W lack; {time}"
    return (
        f"counted, not power x time: a word serves {entries / counters.spmat_reads:.1f} entries, "
        f"a look-up {entries / counters.ptr_reads:.1f}; Table II's power is for 8 each; {time}"
    )


def _tabulate(ratios: Sequence[Ratio], quantity: str) -> list[Row]:
    """Return one row a platform, one column a layer, as the figures are laid out."""
    rows: dict[tuple[str, str, str], Row] = {}
    for ratio in ratios:
        key = (ratio.platform, ratio.matrix, ratio.kind)
        row = rows.setdefault(key, {
            "platform": ratio.platform, "matrix": ratio.matrix, "kind": ratio.kind,
            **dict.fromkeys((*PAPER_LAYERS, GEOMEAN)),
        })  # fmt: skip
        row[ratio.layer] = getattr(ratio, quantity)
    return list(rows.values())


def _chart(ratios: Sequence[Ratio], figure: RatioFigure, table: Sequence[Row]) -> Chart:
    """Draw the figure's seven platforms as published, and EIE as simulated."""
    groups = (*PAPER_LAYERS, GEOMEAN)
    names = {
        "eie": "EIE, paper",
        f"eie {PUBLISHED}": "EIE, ours, published",
        f"eie {MATCHED}": "EIE, ours, matched",
    }
    series = {
        names.get(row["platform"], f"{row['platform']} {row['matrix']}, paper"):
            [row[name] for name in groups]
        for row in table
        if not row["platform"].endswith(STEADY) and row["platform"] != f"eie {REAL}"
    }  # fmt: skip
    matched = [row for row in ratios if row.platform == f"eie {MATCHED}" and row.layer != GEOMEAN]
    below = sum(_deviate(row, figure) < 0 for row in matched)
    see = f"Ours, matched, lies below the paper's on {below} of {len(matched)} layers."
    quantity = figure.quantity.replace("_", " ")
    panel = Panel("bars", groups, series, "", f"{quantity} over the CPU, dense (x)", log=True)
    title = f"{quantity.capitalize()} over the CPU, dense, batch 1"
    return Chart(title, (panel,), f"{figure.see} {see}", 7.4, 3.8)


FIGURE_6 = Experiment(
    workloads.WORK,
    partial(
        judge_figure,
        figure=RatioFigure(
            "figure6",
            "speedup",
            "paper/eie_fig6",
            f"""\
Quoted: the quotient of Table IV's times, which must round to the printed number. Simulated: our
cycles under the CPU's printed time; drawn layers within {PERCENT} %.
What to see: Figure 6 follows from Table IV but for EIE on NT-We and NT-LSTM, and so its mean.""",
            "EIE is one to three orders of magnitude above the CPU.",
        ),
    ),
)
FIGURE_7 = Experiment(
    workloads.WORK,
    partial(
        judge_figure,
        figure=RatioFigure(
            "figure7",
            "energy_efficiency",
            "paper/eie_fig7",
            f"""\
Quoted: Table IV's times and Deep Compression's Table 9 powers, EIE at 0.600 W; it must round to
the printed number. The powers of the NT layers are printed nowhere and were derived from Figures
6 and 7 themselves: that these come out again is no evidence. Simulated: our times with the energy
that was counted, and at the steady power of Table II, which is how the paper counts; within
{PERCENT} %. What to see: at steady power EIE's efficiency is the paper's where its time is.
Counted it is lower where columns are short or skipped, so that both SRAMs are read more often than
every 8 cycles, where layers stream from DRAM, and by the wires of the broadcast: the paper's power
is that of PEs and LNZD units, and so is our steady one.""",
            "EIE is three to five orders of magnitude above the CPU; the paper multiplies time by "
            "the power of a steady state, ours counts every access.",
        ),
    ),
)
