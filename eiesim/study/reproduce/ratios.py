"""What Figures 6 and 7 share: nine layers on EIE and on others, over the CPU with dense weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eiesim.baselines.published import derive_cpu_power, find_time_us, list_published
from eiesim.baselines.rows import Baseline
from eiesim.compare import GEOMEAN, Ratio, compare, take_published, take_simulated
from eiesim.energy.machine import price_machine
from eiesim.energy.model import find_chip_power_mw
from eiesim.hardware import Hardware
from eiesim.published import PAPER_LAYERS, read_table
from eiesim.study.figures import Chart, Panel
from eiesim.study.reproduce import layers
from eiesim.study.reproduce.outcome import Outcome
from eiesim.study.verdict import EXACT, Tolerance, Verdict
from eiesim.study.workloads import MATCHED, PRESET, PUBLISHED, REAL, WorkloadRun

STEADY = " at steady power"
TOLERANCE = Tolerance(10, "times of drawn layers, as in Table IV, and prices that are calibrated")
QUOTED = "a quotient of the papers' own numbers"
Row = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One of the two figures.

    Attributes
    ----------
    name : str
        Of the experiment and its chart.
    quantity : str
        ``speedup`` or ``energy_efficiency``.
    table : str
        The printed numbers, in eiesim/data/paper.
    note : str
        As in `Outcome`.
    see : str
        As in `Chart`.
    """

    name: str
    quantity: str
    table: str
    note: str
    see: str


def list_ratios(runs: Sequence[WorkloadRun]) -> list[Ratio]:
    """Return the ratios of published and of simulated rows over the CPU, dense, batch 1.

    Parameters
    ----------
    runs : sequence of WorkloadRun
        The runs. Simulated platforms are called ``eie`` and the workload, and at steady power.
    """
    others = [row for name in PAPER_LAYERS for row in list_published(name, (1,))]
    references = [row for row in others if (row.platform, row.matrix) == ("cpu", "dense")]
    published = [take_published(name) for name in PAPER_LAYERS]
    simulated = [
        replace(take_simulated(run.name, run.result, run.run.energy), platform=f"eie {run.kind}")
        for run in runs
    ]
    return compare([*others, *published, *simulated, *_hold_power_steady(simulated)], references)


def _hold_power_steady(simulated: Sequence[Baseline]) -> list[Baseline]:
    """Return the same times at the power of a chip that never waits, as the paper counts energy."""
    hw = Hardware.preset(PRESET)
    power_w = find_chip_power_mw(hw, price_machine(hw)) / 1000
    return [replace(row, platform=row.platform + STEADY, power_w=power_w) for row in simulated]


def judge_figure(parts: Iterable[WorkloadRun | None], figure: Figure) -> Outcome:
    """Set each ratio beside the printed one.

    Parameters
    ----------
    parts : iterable of WorkloadRun or None
        The runs.
    figure : Figure
        Which.
    """
    runs = layers.list_runs(parts)
    found = list_ratios(runs)
    by_name = {(run.name, run.kind): run for run in runs}
    if figure.quantity == "speedup":
        found = [ratio for ratio in found if not ratio.platform.endswith(STEADY)]
    printed = {
        (row["platform"], row["matrix"], row["layer"]): row[figure.quantity]
        for row in read_table(figure.table)
    }
    return Outcome(
        note=figure.note,
        hardware=Hardware.preset(PRESET),
        verdicts=tuple(
            _judge(ratio, figure, printed, by_name)
            for kind in ("simulated", "published")
            for ratio in found
            if ratio.kind == kind
        ),
        tables={
            "table": _tabulate(found, figure.quantity),
            "workloads": [layers.describe_workload(run) for run in runs],
        },
        shown=("table",),
        charts={figure.name: _chart(found, figure)},
        sources=layers.list_sources(runs),
    )


def _judge(
    ratio: Ratio,
    figure: Figure,
    printed: Mapping[tuple[str, str, str], str],
    runs: Mapping[tuple[str, str], WorkloadRun],
) -> Verdict:
    ours = getattr(ratio, figure.quantity)
    if ratio.kind == "published":
        is_eie = ratio.platform == "eie"
        column = ("eie", "actual") if is_eie else (ratio.platform, ratio.matrix)
        name = "eie, Table IV's time" if is_eie else f"{ratio.platform} {ratio.matrix}, quoted"
        paper, reason = printed[*column, ratio.layer], _explain_published(ratio)
        return Verdict(ratio.layer, name, "x", paper, ours, EXACT, reason, "", QUOTED)
    _, workload, *_ = ratio.platform.split(" ")
    name = "eie, simulated" + (STEADY if ratio.platform.endswith(STEADY) else "")
    reason, constructed = "the layers' own reasons", ""
    if ratio.layer != GEOMEAN:
        run = runs[ratio.layer, workload]
        reason = _explain_simulated(ratio, figure, run)
        constructed = layers.tell_calibrated(run)
    paper = printed["eie", "actual", ratio.layer]
    return Verdict(ratio.layer, name, "x", paper, ours, TOLERANCE, reason, workload, constructed)


def _explain_published(ratio: Ratio) -> str:
    if ratio.platform != "eie":
        return "the quotient of the printed times and powers rounds to another digit"
    if ratio.layer == GEOMEAN:
        return "NT-We and NT-LSTM differ"
    drawn_us, _ = derive_cpu_power(ratio.layer)
    printed_us = find_time_us(ratio.layer, "eie", 1, "actual")
    if str(drawn_us) == printed_us:
        return "the quotient of the printed times and powers rounds to another digit"
    return (
        f"Table IV prints {printed_us} us, the figure was drawn with {drawn_us} us: the only time "
        "that gives Figures 6 and 7 together"
    )


def _explain_simulated(ratio: Ratio, figure: Figure, run: WorkloadRun) -> str:
    result, energy = run.result, run.run.energy
    printed_us = find_time_us(ratio.layer, "eie", 1, "actual")
    drawn_us, _ = derive_cpu_power(ratio.layer)
    time = f"our time is {result.latency_us:.1f} us, Table IV's {printed_us} us (see table4)"
    if str(drawn_us) != printed_us:
        time += f", and the figure was drawn with {drawn_us} us"
    if figure.quantity == "speedup" or ratio.platform.endswith(STEADY):
        return time
    entries, counters = result.entries, result.counters
    dram = energy.by_component()["dram"] / energy.total_pj if energy else 0
    if dram:
        time = f"{dram:.0%} of the energy fetches from DRAM what the SRAMs do not hold; {time}"
    return (
        f"counted, not power x time: a word serves {entries / counters.spmat_reads:.1f} entries, "
        f"a look-up {entries / counters.ptr_reads:.1f}; Table II's power is for 8 each; {time}"
    )


def _tabulate(found: Sequence[Ratio], quantity: str) -> list[Row]:
    """Return one row a platform, one column a layer, as the figures are laid out."""
    rows: dict[tuple[str, str, str], Row] = {}
    for ratio in found:
        key = (ratio.platform, ratio.matrix, ratio.kind)
        columns = dict.fromkeys((*PAPER_LAYERS, GEOMEAN))
        row = rows.setdefault(
            key, dict(zip(("platform", "matrix", "kind"), key, strict=True)) | columns
        )
        row[ratio.layer] = getattr(ratio, quantity)
    return list(rows.values())


def _chart(found: Sequence[Ratio], figure: Figure) -> Chart:
    """Draw the figure's seven platforms as published, and EIE as simulated."""
    groups = (*PAPER_LAYERS, GEOMEAN)
    series = {
        _name_series(row): [row[name] for name in groups]
        for row in _tabulate(found, figure.quantity)
        if not row["platform"].endswith(STEADY) and row["platform"] != f"eie {REAL}"
    }
    label = f"{figure.quantity.replace('_', ' ')} over the CPU, dense (x)"
    title = f"{figure.quantity.replace('_', ' ').capitalize()} over the CPU, dense, batch 1"
    panel = Panel("bars", groups, series, "", label, log=True)
    return Chart(title, (panel,), figure.see, 7.4, 3.8)


def _name_series(row: Row) -> str:
    names = {
        "eie": "EIE, paper",
        f"eie {PUBLISHED}": "EIE, ours, published",
        f"eie {MATCHED}": "EIE, ours, matched",
    }
    name: str = names.get(row["platform"], f"{row['platform']} {row['matrix']}, paper")
    return name
