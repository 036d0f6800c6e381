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
from eiesim.runs.clock import check_runs
from eiesim.runs.layer import LayerRun
from eiesim.runs.layer_page import render_run
from eiesim.runs.layer_rows import (
    describe_energy,
    describe_kinds,
    describe_layer,
    describe_modules,
    describe_outputs,
    describe_pes,
    describe_problems,
    name_layers,
)
from eiesim.runs.limits import describe_limits
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
        shown=(
            [{key: row[key] for key in (*SHOWN, *more)} for row in rows],
            [{key: row[key] for key in spent} for row in modules],
            show_kinds(kinds),
            *(describe_limits(row, row["layer"]) for row in rows),
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


def _list_details(run: LayerRun) -> Row:
    return {
        "energy": run.energy.to_dict() if run.energy else None,
        "memories": [use._asdict() for use in run.memories],
        "pes": {name: getattr(run.result.counters.pe, name).tolist() for name in PE_FIELDS},
    }
