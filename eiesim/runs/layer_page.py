"""One's own layers on one's own machine, as one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from eiesim.base.labels import show_number
from eiesim.base.tables import Row
from eiesim.energy.kinds import show_kinds
from eiesim.energy.prices import PriceTable
from eiesim.report import markup
from eiesim.report.charts import Chart, Panel
from eiesim.report.markup import Html
from eiesim.report.page import Section, date_line, describe_manifest, render_page
from eiesim.runs.clock import check_runs
from eiesim.runs.layer import LayerRun
from eiesim.runs.layer_rows import (
    describe_energy,
    describe_kinds,
    describe_layer,
    describe_modules,
    describe_pes,
    describe_problems,
    name_layers,
)
from eiesim.runs.limits import PARTS, describe_limits, name_limit, split_cycles

TOPICS = {
    "Layer and input": (
        "source", "engine", "inputs", "outputs", "weights", "weight_density", "padding_zeros",
        "nonzero_activations", "activation_density", "nonfinite_outputs", "fits",
    ),
    "Time": (
        "latency_us", "theoretical_us", "load_balance", "cycles", "floor_cycles", "ceiling_cycles",
        "scan_cycles", "stall_cycles", "dram_stall_cycles", "busy_cycles_mean",
        "starved_cycles_mean", "drained_cycles_mean", "clock_fits",
    ),
    "Limits": ("limit", "second_limit", "cycles_without_limit", "busiest_pe", *PARTS.values()),
    "Energy": ("energy_pj", "power_mw"),
}  # fmt: skip
REST = "Accesses and operations"
"""What the columns are of that belong to no topic above."""
COMPARED = (
    "layer", "cycles", "latency_us", "theoretical_us", "load_balance", "limit", "macs",
    "padding_macs", "stall_cycles", "dram_bytes", "energy_pj", "fits",
)  # fmt: skip
SUMMED = (
    "cycles", "latency_us", "theoretical_us", "macs", "padding_macs", "stall_cycles", "dram_bytes",
    "energy_pj",
)  # fmt: skip
PE_CYCLES = {
    "entries": "macs",
    "padding zeros": "padding_macs",
    "empty columns": "empty_column_cycles",
    "starved by the scan": "scan_starved_cycles",
    "starved by a full queue": "queue_starved_cycles",
    "starved by DRAM": "dram_starved_cycles",
    "drained": "drained_cycles",
}
"""What a PE does in a cycle: `eiesim.counters.CAUSES`."""
PES_AT_MOST = 256
"""Rows of a table of PEs."""


def render_run(runs: Sequence[LayerRun], prices: PriceTable, manifest: Row) -> str:
    """Return the page of some layers on one machine, with a manifest of `Report.make_manifest`."""
    hw = runs[0].result.hardware
    rows = [describe_layer(run) for run in runs]
    layers = tuple(
        _make_section(f"layer-{number}", run, row)
        for number, (run, row) in enumerate(zip(runs, rows, strict=True), start=1)
    )
    about = [markup.table(manifest["sources"], "sources"), describe_manifest(manifest)]
    sections = [
        *([Section("compared", "Layers compared", _compare(runs, rows))] if len(runs) > 1 else []),
        Section("layers", "Layers", parts=layers),
        Section("machine", "Machine and prices", _show_machine(hw.to_toml(), prices)),
        Section("about", "How this page was made", markup.join(about)),
    ]
    machine = f"{hw.n_pes} PEs, {hw.queue_depth} slots, {hw.clock_mhz:g} MHz, {hw.node_nm:g} nm"
    clock = check_runs(hw, prices, [run.result for run in runs])["text"]
    problems = [problem for run in runs for problem in describe_problems(run)]
    summary = markup.join(
        [
            markup.paragraphs(f"{machine}."),
            _show_totals(rows),
            *_warn("\n".join(problems)),
            *_warn(clock),
        ]
    )
    return render_page(f"EIE: {name_layers(rows)}", summary, sections, date_line(manifest))


def total_layers(rows: Sequence[Row]) -> Row:
    """Return what layers take one after the other, as one row; load balance is of the sums.

    Parameters
    ----------
    rows : sequence of dict
        From `describe_layer`.
    """
    sums: Row = {
        key: None if any(row[key] is None for row in rows) else sum(row[key] for row in rows)
        for key in SUMMED
    }
    return {
        "layer": "all layers",
        **sums,
        "load_balance": sums["theoretical_us"] / sums["latency_us"],
        "limit": name_limit(rows),
        "fits": all(row["fits"] for row in rows),
    }


def _show_totals(rows: Sequence[Row]) -> Html:
    total = total_layers(rows)
    energy_uj = None if total["energy_pj"] is None else total["energy_pj"] / 1e6
    return markup.tiles(
        [
            (show_number(total["cycles"]), "cycles", ""),
            (f"{show_number(total['latency_us'])} µs", "time", ""),
            (f"{100 * total['load_balance']:.1f} %", "load balance", ""),
            (f"{show_number(energy_uj)} µJ", "energy", ""),
        ]
    )


def _warn(text: str) -> list[Html]:
    return [markup.notice(text, markup.BAD)] if text else []


def _compare(runs: Sequence[LayerRun], rows: Sequence[Row]) -> Html:
    shown = [{key: row[key] for key in COMPARED} for row in (*rows, total_layers(rows))]
    figures = [markup.figure(_chart_layers(rows), "compared-layers")]
    if all(run.energy for run in runs):
        figures.append(markup.figure(_chart_energy(runs), "compared-energy"))
    return markup.join([*figures, markup.table(shown, "layers")])


def _chart_layers(rows: Sequence[Row]) -> Chart:
    names = tuple(row["layer"] for row in rows)
    worst = min(rows, key=lambda row: row["load_balance"])
    return Chart(
        "Where the cycles go, and load balance",
        (
            Panel("stacked", names, split_cycles(rows), "", "cycles"),
            Panel("bars", names, {"": [row["load_balance"] for row in rows]}, "", "load balance"),
        ),
        f"{worst['layer']} has the lowest load balance, {worst['load_balance']:.0%}. "
        f"{describe_limits(worst, worst['layer'])}",
    )


def _chart_energy(runs: Sequence[LayerRun]) -> Chart:
    """Return stacked bars, one a layer; for one layer alone bars, one a module."""
    rows = [describe_modules(run) for run in runs]
    keys = [key for key in rows[0] if key.endswith("_uj") and key != "energy_uj"]
    shares = {
        key.removesuffix("_uj"): [row[key] for row in rows]
        for key in keys
        if any(row[key] for row in rows)
    }
    sums = {name: sum(values) for name, values in shares.items()}
    most = max(sums, key=lambda name: sums[name])
    if len(runs) > 1:
        groups, kind, series = tuple(row["layer"] for row in rows), "stacked", shares
    else:
        groups, kind, series = tuple(sums), "bars", {"": list(sums.values())}
    return Chart(
        "Energy by module",
        (Panel(kind, groups, series, "", "energy (µJ)"),),
        f"Most of it, {100 * sums[most] / sum(sums.values()):.0f} %, goes into {most}.",
        height_inches=2.8,
    )


def _make_section(anchor: str, run: LayerRun, row: Row) -> Section:
    known = {"layer", "no_energy", *(key for keys in TOPICS.values() for key in keys)}
    topics = TOPICS | {REST: tuple(key for key in row if key not in known)}
    pes, energy, name = describe_pes(run), describe_energy(run), row["layer"]
    content = [
        *_warn("\n".join(describe_problems(run))),
        markup.paragraphs(describe_limits(row, run.name)),
        markup.figure(_chart_pes(pes, row), f"{anchor}-pes"),
        *([markup.figure(_chart_energy([run]), f"{anchor}-energy")] if energy else []),
        *(markup.facts(topic, {key: row[key] for key in keys}) for topic, keys in topics.items()),
        *_show_kinds(run),
        markup.table([use._asdict() for use in run.memories], f"{name}-memories"),
        *([_fold("Energy, action by action", energy, f"{name}-energy")] if energy else []),
        _fold("Counters of each PE", pes, f"{name}-pes"),
    ]
    badge = ("fits", markup.GOOD) if row["fits"] else ("does not fit", markup.BAD)
    return Section(anchor, name, markup.join(content), markup.badge(*badge), {"layer": name})


def _show_kinds(run: LayerRun) -> list[Html]:
    """Return what the energy rests on, and how it moves with the prices of each kind."""
    rows = show_kinds(describe_kinds(run))
    if not rows:
        return []
    about = (
        "Energy by kind of price, and what the whole would be with the prices of this kind halved "
        "or doubled:"
    )
    return [markup.paragraphs(about), markup.table(rows, f"{run.name}-kinds")]


def _fold(title: str, rows: Sequence[Row], name: str) -> Html:
    shown = [{key: row[key] for key in row if key != "layer"} for row in rows]
    table = markup.table(shown, name, PES_AT_MOST, fold=False)
    return markup.folded(f"{title}: {len(rows):,} rows", table)


def _chart_pes(pes: Sequence[Row], row: Row) -> Chart:
    most = pes[row["busiest_pe"]]
    mean = sum(pe["busy_cycles"] for pe in pes) / len(pes)
    cycles = {name: [pe[key] for pe in pes] for name, key in PE_CYCLES.items()}
    series = {name: many for name, many in cycles.items() if any(many)}
    return Chart(
        "Cycles of each PE",
        (Panel("stacked", tuple(str(pe["pe"]) for pe in pes), series, "PE", "cycles"),),
        f"PE {most['pe']} is busy longest, {most['busy_cycles']:,} cycles; the mean is "
        f"{mean:,.0f}. Whatever the queues and DRAM, the run takes "
        f"{row['floor_cycles']:,} or more.",
        height_inches=2.8,
    )


def _show_machine(toml: str, prices: PriceTable) -> Html:
    rows = [asdict(price) for price in prices.prices]
    return markup.join(
        [
            markup.preformatted(toml, "hardware.toml, for --hardware"),
            *(markup.paragraphs(f"Price of {override}.") for override in prices.overrides),
            markup.folded(f"Prices: {len(rows):,} rows", markup.table(rows, "prices", fold=False)),
        ]
    )
