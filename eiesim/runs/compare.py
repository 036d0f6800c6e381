"""Layers on EIE beside what others take for them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass

from eiesim import __version__
from eiesim.base.errors import ConfigError, did_you_mean
from eiesim.base.published import PAPER_LAYERS
from eiesim.base.tables import Row
from eiesim.baselines.published import list_published
from eiesim.baselines.roofline import list_rooflines
from eiesim.baselines.rows import Baseline, read_baseline
from eiesim.catalog.operands import Source
from eiesim.energy.kinds import add_kinds, show_kinds, weigh_kinds
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware
from eiesim.layer.weights import CompressedLayer
from eiesim.report.charts import Chart, Panel
from eiesim.report.report import Report
from eiesim.runs.answers import describe_clock, name_ratio
from eiesim.runs.clock import check_runs
from eiesim.runs.layer import LayerRun
from eiesim.runs.ratios import GEOMEAN, Ratio, compare, take_published, take_simulated
from eiesim.runs.thresholds import describe_approximation, list_unpriced

SCHEMA = "eiesim compare 1"
SHOWN = (
    "layer", "platform", "matrix", "batch", "kind", "time_us", "power_w", "speedup",
    "energy_efficiency",
)  # fmt: skip
RATIOS = ("speedup", "energy_efficiency")
EIE = "eie"


def report_comparison(runs: Sequence[LayerRun], baseline: str, prices: PriceTable) -> Report:
    """Return the report of layers on one machine beside what others take for them.

    Parameters
    ----------
    baseline : str
        ``published``, ``roofline`` or a `baseline.csv` of ``eiesim baseline``.

    Raises
    ------
    ConfigError
        A layer has no baseline with dense weights and batch 1, or the file has problems.
    """
    list_rows = open_baselines(baseline)
    others = [row for run in runs for row in list_rows(run.name, run.operands.layer)]
    ours = [take_simulated(run.name, run.result, run.energy, run.no_energy) for run in runs]
    if baseline == "published":
        ours += [take_published(run.name) for run in runs]
    references = find_references(others, [run.name for run in runs], baseline)
    contenders = [*others, *ours]
    rows = describe_ratios(compare(contenders, references), contenders)
    hw = runs[0].result.hardware
    return Comparison(
        "Layers on EIE beside others", baseline, rows, hw, prices,
        check_runs(hw, prices, [run.result for run in runs]),
        weigh_kinds(add_kinds(run.energy for run in runs if run.energy)),
        tuple(source for run in runs for source in run.operands.sources),
        describe_approximation(hw, {run.name: [run.result] for run in runs}),
    ).report()  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """EIE beside others.

    Attributes
    ----------
    rows : list of dict
        From `describe_ratios`.
    clock : dict
        From `check_runs`.
    kinds : list of dict
        From `weigh_kinds`, of EIE's energy over all rows; empty without.
    notes : sequence of str
        Further lines for the reader.
    charted : collection of str or None
        Layers that charts have; None for all of them.
    """

    title: str
    baseline: str
    rows: list[Row]
    hw: Hardware
    prices: PriceTable
    clock: Row
    kinds: list[Row]
    sources: tuple[Source, ...]
    notes: Sequence[str] = ()
    charted: Collection[str] | None = None

    def report(self) -> Report:
        """Return it as a report."""
        rows, overrides = self.rows, self.prices.overrides
        reasons = dict.fromkeys(row["no_efficiency"] for row in rows if row["no_efficiency"])
        drawn = [row for row in rows if self.charted is None or row["layer"] in self.charted]
        return Report(
            title=self.title,
            summary={
                "schema": SCHEMA, "eiesim": __version__, "baseline": self.baseline,
                "overrides": list(overrides), "unpriced": list_unpriced(self.hw),
                "clock": self.clock, "kinds": self.kinds, "rows": rows,
            },
            answer=(describe_gain(rows),),
            brief=(
                *(part for name in RATIOS for part in _set_beside(rows, name)),
                *dict.fromkeys(
                    f"no energy efficiency: {row['no_efficiency']}"
                    for row in rows if row["platform"] == EIE and row["no_efficiency"]
                ),
                *self.notes,
                *(f"price of {override}" for override in overrides),
                describe_clock(self.clock),
            ),
            shown=(
                [{key: row[key] for key in SHOWN} for row in rows],
                show_kinds(self.kinds),
                *(f"no energy efficiency: {reason}" for reason in reasons),
                f"over {rows[0]['reference']}, batch 1; times per input",
                *self.notes,
                *_describe_measured(rows),
                *(f"price of {override}" for override in overrides),
                self.clock["text"],
            ),
            list_tables=lambda: {"compare": rows, "kinds": self.kinds},
            charts={
                name: _chart_ratios(drawn, name)
                for name in RATIOS
                if any(row[name] is not None for row in drawn if row["batch"] == 1)
            },
            hardware=self.hw,
            sources=self.sources,
        )  # fmt: skip


def describe_gain(rows: Sequence[Row]) -> str:
    """Return how fast EIE is beside the others, over all layers, and what energy it takes."""
    alone = [row for row in rows if row["batch"] == 1]
    ours = [row for row in alone if (row["platform"], row["kind"]) == (EIE, "simulated")][-1]
    layer = ours["layer"]
    others = [row for row in alone if (row["layer"], row["matrix"]) == (layer, "dense")]
    speeds = ", ".join(
        f"{name_ratio(ours['speedup'] / row['speedup'])} {row['platform']} {row['kind']}"
        for row in others
    )
    where = "In the geometric mean of the layers" if layer == GEOMEAN else f"For {layer}"
    text = f"{where} EIE is {speeds} (dense, batch 1)"
    saved = ours["energy_efficiency"]
    if saved is None:
        return f"{text}."
    share = f"1/{saved:,.0f} of" if saved >= 2 else f"{1 / saved:.3g} times"
    return f"{text}, and takes {share} the energy of {ours['reference']}."


def _set_beside(rows: Sequence[Row], quantity: str) -> list[Sequence[Row] | str]:
    """Return a ratio at batch 1 as a table, a row a layer and a column a platform.

    The reference is left out, and all of it where the ratio is never known.
    """
    shown = [row for row in rows if row["batch"] == 1]
    if all(row[quantity] is None for row in shown):
        return []
    several = len({row["kind"] for row in shown if row["platform"] != EIE}) > 1
    layers: dict[str, Row] = {}
    for row in shown:
        name = f"{row['platform']} {row['matrix']} {row['kind']}"
        if name == row["reference"]:
            continue
        if row["platform"] == EIE:
            name = f"{EIE} {row['kind']}"
        elif not several:
            name = f"{row['platform']} {row['matrix']}"
        layers.setdefault(row["layer"], {"layer": row["layer"]})[name] = row[quantity]
    names = list(dict.fromkeys(key for row in layers.values() for key in row))
    return [
        f"{quantity.replace('_', ' ').capitalize()} over {shown[0]['reference']}, batch 1:",
        [{name: row.get(name) for name in names} for row in layers.values()],
    ]


def find_references(
    others: Iterable[Baseline], names: Iterable[str], baseline: str
) -> list[Baseline]:
    """Return the first row of each layer with dense weights and batch 1; ConfigError without."""
    references: dict[str, Baseline] = {}
    for row in others:
        if (row.matrix, row.batch) == ("dense", 1):
            references.setdefault(row.layer, row)
    for name in names:
        if name not in references:
            raise ConfigError(
                f"{baseline}: layer {name}: expected a row with dense weights and batch 1"
            )
    return list(references.values())


def describe_ratios(ratios: Iterable[Ratio], contenders: Iterable[Baseline]) -> list[Row]:
    """Return each ratio as a row, with the contender's time and power where it is no mean."""
    by_key = {row.key: row for row in contenders}
    return [
        _describe(ratio, by_key.get(
            (ratio.layer, ratio.platform, ratio.batch, ratio.matrix, ratio.kind)
        ))
        for ratio in ratios
    ]  # fmt: skip


def open_baselines(baseline: str) -> Callable[[str, CompressedLayer], list[Baseline]]:
    """Return what gives the rows of a layer from its name and the layer; a file is read once.

    Raises ConfigError if the file has problems; so does what is returned, if nothing is known of a
    layer.
    """
    if baseline == "published":
        return lambda name, _: _list_published(name)
    if baseline == "roofline":
        return lambda _, layer: list_rooflines(layer, (1, 64))
    rows = read_baseline(baseline)

    def list_measured(name: str, _: CompressedLayer) -> list[Baseline]:
        of_layer = [row for row in rows if row.layer == name]
        if not of_layer:
            known = {row.layer for row in rows}
            raise ConfigError(f"{baseline}: layer {name!r}: not there, {did_you_mean(name, known)}")
        return of_layer

    return list_measured


def _list_published(name: str) -> list[Baseline]:
    if name not in PAPER_LAYERS:
        raise ConfigError(
            f"layer {name!r}: nothing is published of it; take the baseline roofline, or "
            "the baseline.csv of eiesim baseline"
        )
    return list_published(name, (1, 64))


def _describe(ratio: Ratio, row: Baseline | None) -> Row:
    return asdict(ratio) | {
        "time_us": row and row.time_us,
        "power_w": row and row.power_w,
        "no_efficiency": _explain(ratio, row),
        "source": row and row.source,
    }


def _explain(ratio: Ratio, row: Baseline | None) -> str | None:
    """Return which power is missing for an energy efficiency; None where none is."""
    if ratio.energy_efficiency is not None:
        return None
    if row is None:
        return "a layer has no energy efficiency"
    if row.power_w is None:
        return f"the power of {row.platform} {row.matrix} {row.kind} is unknown"
    return f"the power of the reference, {ratio.reference}, is unknown"


def _describe_measured(rows: Sequence[Row]) -> list[str]:
    """Return how each measured row that a layer is compared with was measured."""
    return [
        f"{row['layer']}: over {row['time_us']:.4g} us, {row['source']}"
        for row in rows
        if row["kind"] == "measured" and row["batch"] == 1 and row["source"] is not None
        and row["reference"] == f"{row['platform']} {row['matrix']} {row['kind']}"
    ]  # fmt: skip


def _chart_ratios(rows: Sequence[Row], quantity: str) -> Chart:
    """Return bars of one ratio by layer, batch 1."""
    shown = [row for row in rows if row["batch"] == 1]
    groups = tuple(dict.fromkeys(row["layer"] for row in shown))
    series: dict[str, list[float | None]] = {}
    for row in shown:
        name = f"{row['platform']} {row['matrix']}, {row['kind']}"
        series.setdefault(name, [None] * len(groups))[groups.index(row["layer"])] = row[quantity]
    words = quantity.replace("_", " ")
    panel = Panel("bars", groups, series, "", f"{words} over {shown[0]['reference']} (x)", log=True)
    see = f"The higher a bar, the more its platform gains over {shown[0]['reference']}."
    return Chart(f"{words.capitalize()}, batch 1", (panel,), see, 4.0 + 1.1 * len(groups), 4.5)
