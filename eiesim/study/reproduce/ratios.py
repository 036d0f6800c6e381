"""What Figures 6 and 7 share: nine layers on EIE and on others, over the CPU with dense weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eiesim.baselines.published import derive_cpu_power, find_time_us, list_published
from eiesim.baselines.rows import Baseline
from eiesim.benchmark import PAPER_LAYERS
from eiesim.compare import GEOMEAN, Ratio, compare, take_published, take_simulated
from eiesim.energy.machine import price_machine
from eiesim.energy.model import find_chip_power_mw
from eiesim.hardware import Hardware
from eiesim.published import read_table
from eiesim.study.experiment import LayerRun, run_layers
from eiesim.study.figures import Chart, Panel
from eiesim.study.reproduce.outcome import Outcome
from eiesim.study.verdict import Verdict

PRESET = "eie-64pe-45nm"
STEADY = "eie at steady power"
TOLERANCE_PERCENT = 10
"""Of simulated ratios, as in Table IV; published ones must round to the printed digits."""
Row = dict[str, Any]
Runs = Mapping[str, LayerRun]


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
    title, note : str
        As in `Outcome`.
    """

    name: str
    quantity: str
    table: str
    title: str
    note: str


def run_paper_layers() -> Iterator[LayerRun]:
    """Run the nine layers one after the other."""
    hw = Hardware.preset(PRESET)
    return run_layers(PAPER_LAYERS, hw, price_machine(hw))


def list_ratios(runs: Sequence[LayerRun]) -> list[Ratio]:
    """Return the ratios of published and of simulated rows over the CPU, dense, batch 1.

    Parameters
    ----------
    runs : sequence of LayerRun
        The nine runs.
    """
    others = [row for name in PAPER_LAYERS for row in list_published(name, (1,))]
    references = [row for row in others if (row.platform, row.matrix) == ("cpu", "dense")]
    published = [take_published(name) for name in PAPER_LAYERS]
    simulated = [take_simulated(run.name, run.result, run.energy) for run in runs]
    return compare([*others, *published, *simulated, *_hold_power_steady(simulated)], references)


def _hold_power_steady(simulated: Sequence[Baseline]) -> list[Baseline]:
    """Return the same times at the power of a chip that never waits, as the paper counts energy."""
    hw = Hardware.preset(PRESET)
    power_w = find_chip_power_mw(hw, price_machine(hw)) / 1000
    return [replace(row, platform=STEADY, power_w=power_w) for row in simulated]


def judge_figure(runs: Sequence[LayerRun], figure: Figure) -> Outcome:
    """Set each ratio beside the printed one.

    Parameters
    ----------
    runs : sequence of LayerRun
        The nine runs.
    figure : Figure
        Which.
    """
    found, by_name = list_ratios(runs), {run.name: run for run in runs}
    if figure.quantity == "speedup":
        found = [ratio for ratio in found if ratio.platform != STEADY]
    printed = {
        (row["platform"], row["matrix"], row["layer"]): row[figure.quantity]
        for row in read_table(figure.table)
    }
    return Outcome(
        title=figure.title,
        note=figure.note,
        hardware=Hardware.preset(PRESET),
        verdicts=tuple(_judge(ratio, figure, printed, by_name) for ratio in found),
        tables={"table": _tabulate(found, figure.quantity)},
        shown=("table",),
        charts={figure.name: _chart(found, figure)},
        sources=tuple(source for run in runs for source in run.operands.sources),
    )


def _judge(
    ratio: Ratio, figure: Figure, printed: Mapping[tuple[str, str, str], str], runs: Runs
) -> Verdict:
    is_eie = ratio.platform in ("eie", STEADY)
    column = ("eie", "actual") if is_eie else (ratio.platform, ratio.matrix)
    name = ratio.platform if is_eie else f"{ratio.platform} {ratio.matrix}"
    ours = getattr(ratio, figure.quantity)
    exact = ratio.kind == "published"
    reason = _explain_published(ratio) if exact else _explain_simulated(ratio, figure, runs)
    return Verdict(
        ratio.layer, f"{name}, {ratio.kind}", "x", printed[*column, ratio.layer], ours,
        0 if exact else TOLERANCE_PERCENT, reason,
    )  # fmt: skip


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


def _explain_simulated(ratio: Ratio, figure: Figure, runs: Runs) -> str:
    if ratio.layer == GEOMEAN:
        return "the layers' own reasons"
    result = runs[ratio.layer].result
    printed_us = find_time_us(ratio.layer, "eie", 1, "actual")
    time = f"our time is {result.latency_us:.1f} us, Table IV's {printed_us} us (see table4)"
    if figure.quantity == "speedup" or ratio.platform == STEADY:
        return time
    entries, counters, energy = result.entries, result.counters, runs[ratio.layer].energy
    dram = energy.by_component()["dram"] / energy.total_pj if energy else 0
    if dram:
        time = f"{dram:.0%} of the energy fetches from DRAM what the SRAMs do not hold; {time}"
    return (
        f"counted, not power x time: a word serves {entries / counters.spmat_reads:.1f} entries, "
        f"a look-up {entries / counters.ptr_reads:.1f}; Table II's power is for 8 each; {time}"
    )


def _tabulate(found: Sequence[Ratio], quantity: str) -> list[Row]:
    """Return one row a platform and kind, one column a layer, as the figures are laid out."""
    rows: dict[tuple[str, str, str], Row] = {}
    for ratio in found:
        key = (ratio.platform, ratio.matrix, ratio.kind)
        row = rows.setdefault(key, dict(zip(("platform", "matrix", "kind"), key, strict=True)))
        row[ratio.layer] = getattr(ratio, quantity)
    return list(rows.values())


def _chart(found: Sequence[Ratio], figure: Figure) -> Chart:
    groups = (*PAPER_LAYERS, GEOMEAN)
    series = {
        " ".join((row["platform"], row["kind"] if "eie" in row["platform"] else row["matrix"])): [
            row[name] for name in groups
        ]
        for row in _tabulate(found, figure.quantity)
    }
    label = f"{figure.quantity.replace('_', ' ')} over the CPU, dense (x)"
    return Chart(figure.title, (Panel("bars", groups, series, "", label, log=True),), 14.0, 4.5)
