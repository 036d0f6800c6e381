"""The report of layers on a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from eiesim import __version__
from eiesim.base.tables import Row
from eiesim.counters import PE_FIELDS
from eiesim.energy.kinds import add_kinds, show_kinds, weigh_kinds
from eiesim.energy.prices import PriceTable
from eiesim.report.report import Report
from eiesim.runs.answers import (
    describe_clock,
    describe_speedups,
    find_speedups,
    name_energy,
    name_time,
)
from eiesim.runs.clock import check_runs
from eiesim.runs.layer import LayerRun
from eiesim.runs.layer_page import render_run
from eiesim.runs.layer_rows import (
    describe_briefly,
    describe_doubts,
    describe_energy,
    describe_kinds,
    describe_layer,
    describe_modules,
    describe_outputs,
    describe_pes,
    describe_problems,
    name_layers,
)
from eiesim.runs.limits import describe_limits, describe_longest
from eiesim.runs.ratios import find_geomean
from eiesim.runs.thresholds import describe_unpriced, list_unpriced

SCHEMA = "eiesim run 2"
SHOWN = (
    "layer", "cycles", "latency_us", "theoretical_us", "load_balance", "limit", "broadcasts",
    "stall_cycles", "macs", "padding_macs", "ptr_reads", "spmat_reads", "fits",
)  # fmt: skip
SHOWN_WITH_THRESHOLD = ("sent_activations", "output_error", "output_error_largest")
SHOWN_IF_STREAMED = ("dram_stall_cycles", "dram_bytes", "dram_gbps_average", "dram_gbps_needed")


def report_layers(runs: Sequence[LayerRun], prices: PriceTable) -> Report:
    """Return the report of at least one run on one machine."""
    hw = runs[0].result.hardware
    rows = [describe_layer(run) for run in runs]
    clock = check_runs(hw, prices, [run.result for run in runs])
    streamed = SHOWN_IF_STREAMED if any(row["dram_bytes"] for row in rows) else ()
    more = (*(SHOWN_WITH_THRESHOLD if hw.has_threshold else ()), *streamed)
    brief = [
        describe_briefly(run, row) | {key: row[key] for key in more}
        for run, row in zip(runs, rows, strict=True)
    ]
    fields = dict.fromkeys(key for row in brief for key in row)  # the paper's layers have more
    modules = [describe_modules(run) for run in runs]
    spent = [key for key in modules[0] if any(row[key] != 0 for row in modules)]
    kinds = weigh_kinds(add_kinds(run.energy for run in runs if run.energy))
    return Report(
        title=f"EIE: {name_layers(rows)}",
        summary={
            "schema": SCHEMA,
            "eiesim": __version__,
            "hardware": asdict(hw),
            "clock": clock,
            "kinds": kinds,
            "overrides": list(prices.overrides),
            "unpriced": list_unpriced(hw),
            "layers": [row | _list_details(run) for run, row in zip(runs, rows, strict=True)],
        },
        answer=_answer(runs, rows),
        brief=(
            [{key: row.get(key) for key in fields} for row in brief],
            *(problem for run in runs for problem in describe_doubts(run)),
            *(f"price of {override}" for override in prices.overrides),
            describe_clock(clock),
        ),
        shown=(
            [{key: row[key] for key in (*SHOWN, *more)} for row in rows],
            [{key: row[key] for key in spent} for row in modules],
            show_kinds(kinds),
            *(describe_limits(row, row["layer"]) for row in rows if len(rows) > 1),
            *(f"price of {override}" for override in prices.overrides),
            *(problem for run in runs for problem in describe_problems(run)),
            describe_unpriced(hw),
            clock["text"],
        ),
        list_tables=lambda: {
            "layers": rows,
            "energy": [row for run in runs for row in describe_energy(run)],
            "kinds": [row for run in runs for row in describe_kinds(run)],
            "prices": [asdict(price) for price in prices.prices],
            "pes": [row for run in runs for row in describe_pes(run)],
            "outputs": [row for run in runs for row in describe_outputs(run)],
        },
        page=lambda manifest: render_run(runs, prices, manifest),
        hardware=hw,
        sources=tuple(source for run in runs for source in run.operands.sources),
    )


def _answer(runs: Sequence[LayerRun], rows: Sequence[Row]) -> tuple[str, ...]:
    """Return what the layers take, how much faster than the paper's CPU and GPU, and the limit."""
    speedups = [find_speedups(run.operands.sources[0].given, run.result.latency_us) for run in runs]
    time = name_time(sum(row["latency_us"] for row in rows))
    energies = [row["energy_pj"] for row in rows]
    energy = name_energy(None if None in energies else sum(energies))
    if len(rows) == 1:
        text, mean = f"{rows[0]['layer']} takes {time} and {energy} on EIE", ""
        limit = describe_limits(rows[0], rows[0]["layer"])
    else:
        text = f"{name_layers(rows)} take {time} and {energy} on EIE, one after the other"
        mean = "in the geometric mean, "
        limit = describe_longest(rows, "layer")
    if all(speedups):
        means = {name: find_geomean([it[name] for it in speedups]) for name in speedups[0]}
        text += f": {mean}{describe_speedups(means)} (dense, batch 1)"
    return f"{text}.", limit


def _list_details(run: LayerRun) -> Row:
    return {
        "energy": run.energy.to_dict() if run.energy else None,
        "memories": [use._asdict() for use in run.memories],
        "pes": {name: getattr(run.result.counters.pe, name).tolist() for name in PE_FIELDS},
    }
