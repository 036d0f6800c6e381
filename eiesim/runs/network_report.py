"""The report of a run of a network."""

from __future__ import annotations

from collections.abc import Sequence

from eiesim.base.tables import Row
from eiesim.catalog.model import Model
from eiesim.catalog.operands import Source
from eiesim.energy.kinds import show_kinds
from eiesim.energy.prices import PriceTable
from eiesim.image import name_lacks
from eiesim.report.report import Report
from eiesim.runs.answers import describe_clock, name_energy, name_time, to_uj
from eiesim.runs.layer_rows import describe_lack
from eiesim.runs.limits import describe_longest
from eiesim.runs.network import ExampleRun
from eiesim.runs.network_charts import draw_steps
from eiesim.runs.network_outputs import write_outputs
from eiesim.runs.network_rows import (
    describe_example,
    describe_modules,
    describe_products,
    join_names,
    summarise,
)
from eiesim.runs.thresholds import describe_unpriced

SHOWN = (
    "step", "op", "products", "activation_density", "cycles", "cycles_p50", "cycles_p95",
    "cycles_worst", "latency_us", "energy_pj", "load_balance", "limit", "second_limit",
    "cycles_without_limit", "activations_loaded",
)  # fmt: skip
SHOWN_WITH_THRESHOLD = ("broadcasts", "output_error", "output_error_largest")
STREAMED = ("dram_bytes", "dram_stall_cycles")
TOTAL = (
    "network", "inputs", "cycles", "cycles_p5", "cycles_p50", "cycles_p95", "cycles_p99",
    "cycles_worst", "worst_input", "latency_us", "frames_per_s", "energy_pj", "power_mw",
    "area_mm2", "share_of_macs",
)  # fmt: skip


def report_network(
    model: Model,
    runs: Sequence[ExampleRun],
    prices: PriceTable,
    labels: Sequence[int] | None,
    sources: tuple[Source, ...],
) -> Report:
    """Return the report of at least one input through a network.

    Parameters
    ----------
    labels : sequence of int or None
        The right answers.
    """
    summary = summarise(model, runs, prices, labels)
    right = ""
    if summary["accuracy"] is not None:
        right = f"right: {summary['right']} of {summary['inputs']}, {summary['accuracy']:.2%}"
    modules = describe_modules(runs)
    streamed = STREAMED if summary["dram_bytes"] else ()
    hw = runs[0].steps[0].result.hardware
    thresholds = SHOWN_WITH_THRESHOLD if hw.has_threshold else ()
    return Report(
        title=f"{model.name} on EIE",
        summary=summary,
        answer=(
            _answer(summary),
            *filter(None, (right, describe_longest(summary["steps"], "step"))),
        ),
        brief=(
            _describe_briefly(runs, summary["steps"]),
            _describe_share(summary),
            f"not on EIE: {join_names([part['name'] for part in summary['not_on_eie']])}"
            if summary["not_on_eie"] else "",
            "" if runs[0].no_energy is None else f"no energy: {runs[0].no_energy}",
            describe_unpriced(hw),
            describe_clock(summary["clock"]),
        ),
        shown=(
            *(f"not on EIE: {part['name']}: {part['reason']}" for part in summary["not_on_eie"]),
            [
                {key: row[key] for key in (*SHOWN, *thresholds, *streamed)}
                for row in summary["steps"]
            ],
            [{key: summary[key] for key in TOTAL}],
            show_kinds(summary["kinds"]),
            _describe_share(summary),
            f"no frames a second: {summary['no_frames_per_s']}" if summary["not_on_eie"] else "",
            *_describe_problems(runs[0]),
            describe_unpriced(hw),
            summary["clock"]["text"],
        ),
        list_tables=lambda: {
            "steps": summary["steps"],
            "inputs": [describe_example(number, run, labels) for number, run in enumerate(runs)],
            "products": describe_products(runs, model),
            "energy": modules,
            "kinds": summary["kinds"],
        },
        charts=draw_steps(summary["steps"], modules),
        write_files=lambda folder: write_outputs(folder, [run.outputs for run in runs]),
        hardware=hw,
        sources=sources,
    )  # fmt: skip


def _answer(summary: Row) -> str:
    """Return what an input takes, and how many there are in a second or why that is not known."""
    inputs, rate = summary["inputs"], summary["frames_per_s"]
    text = f"{summary['network']} takes {name_time(summary['latency_us'])} and "
    text += f"{name_energy(summary['energy_pj'])} an input on EIE"
    text += f", in the mean of {inputs}" if inputs > 1 else ""
    if rate is None:
        return f"{text}; no frames a second: {summary['no_frames_per_s']}."
    return f"{text}: {rate:,.0f} inputs a second."


def _describe_briefly(runs: Sequence[ExampleRun], steps: Sequence[Row]) -> list[Row]:
    """Return what a reader asks of the steps first, in microseconds and microjoules."""
    return [
        {
            "step": row["step"],
            "latency_us": row["latency_us"],
            "energy_uj": to_uj(row["energy_pj"]),
            "load_balance": row["load_balance"],
            "limit": row["limit"],
            "memory": name_lacks(step.memories),
        }
        for row, step in zip(steps, runs[0].steps, strict=True)
    ]


def _describe_share(summary: Row) -> str:
    if summary["host_macs"] is None:
        return (
            "how much the host multiplies is not known: it cannot be counted in loops, branches, "
            "and operators that are none of ONNX's own"
        )
    ours, both = summary["dense_macs"], summary["dense_macs"] + summary["host_macs"]
    return f"EIE does {ours:,.0f} of {both:,.0f} multiply-accumulates ({ours / both:.2%})"


def _describe_problems(run: ExampleRun) -> list[str]:
    """Return a sentence for each memory that is too small for a layer, and for lacking energy."""
    lacks = [
        describe_lack(step.name, use) for step in run.steps for use in step.memories if not use.fits
    ]
    return lacks if run.no_energy is None else [*lacks, f"no energy: {run.no_energy}"]
