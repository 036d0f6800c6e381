"""What limits a layer, and what would help: each remedy simulated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from eiesim import __version__
from eiesim.base.errors import EieError
from eiesim.base.tables import Row
from eiesim.hardware import Hardware
from eiesim.image import name_lacks
from eiesim.report.charts import Chart, Panel
from eiesim.report.report import Report
from eiesim.runs.layer import LayerRun, lay_out
from eiesim.runs.layer_rows import describe_layer
from eiesim.runs.limits import PARTS, describe_limits

SCHEMA = "eiesim explain 1"
BAR = 40
"""Characters for all cycles of a run."""
DEEPER = (2, 8)
"""How many times as deep queues are tried."""
WIDEST_INDEX_BITS = 8


@dataclass(frozen=True)
class Attempt:
    """A change of the machine, or of the order of the rows, that may save cycles."""

    change: str
    hw: Hardware
    balance: bool


def report_explanation(run: LayerRun) -> Report:
    """Return the report of what limits a layer and what each remedy would save."""
    row = describe_layer(run)
    tried = [_try(attempt, run) for attempt in _list_attempts(run)]
    memory = {remedy["change"]: words for remedy, words in tried}
    remedies = [remedy for remedy, _ in tried]
    able = [remedy for remedy in remedies if remedy["cycles"] is not None]
    able.sort(key=lambda remedy: remedy["cycles"])
    ordered = able + [remedy for remedy in remedies if remedy["cycles"] is None]
    parts = {name: row[key] for name, key in PARTS.items()}
    bar = list(_draw_bar(parts, run.result.cycles))
    return Report(
        title=f"What limits {run.name}",
        summary={
            "schema": SCHEMA,
            "eiesim": __version__,
            "layer": run.name,
            "hardware": asdict(run.result.hardware),
            "cycles": run.result.cycles,
            "parts": parts,
            "limit": row["limit"],
            "second_limit": row["second_limit"],
            "cycles_without_limit": row["cycles_without_limit"],
            "remedies": ordered,
        },
        answer=(describe_limits(row, run.name), _describe_best(able, run.result.cycles)),
        brief=(
            bar,
            [
                {key: remedy[key] for key in ("change", "cycles", "saved_percent")}
                | {"memory": memory[remedy["change"]]}
                for remedy in ordered
            ],
        ),
        shown=(bar, ordered),
        list_tables=lambda: {"remedies": ordered},
        charts={"cycles": _chart_parts(parts, run.name)},
        hardware=run.result.hardware,
        sources=run.operands.sources,
    )


def _list_attempts(run: LayerRun) -> Iterator[Attempt]:
    """List what an architect would try, each change alone."""
    hw, balance = run.result.hardware, run.balance

    def change(**fields: Any) -> Attempt:
        words = (f"{key} = {value} instead of {getattr(hw, key)}" for key, value in fields.items())
        return Attempt(", ".join(words), replace(hw, **fields), balance)

    for times in DEEPER:
        yield change(queue_depth=times * hw.queue_depth)
    if not balance:
        yield Attempt("rows ordered so that the PEs have equal work", hw, True)
    if hw.index_bits < WIDEST_INDEX_BITS:
        yield change(index_bits=WIDEST_INDEX_BITS)
    if hw.broadcast_latency_cycles:
        yield change(broadcast_latency_cycles=0)
    if hw.dram_gbps:
        yield change(dram_gbps=2 * hw.dram_gbps)
        endless = f"dram_gbps = 0, all it takes, instead of {hw.dram_gbps}"
        yield Attempt(endless, replace(hw, dram_gbps=0.0), balance)


def _try(attempt: Attempt, run: LayerRun) -> tuple[Row, str]:
    """Return the cycles with a remedy and where the layer is then, or why it cannot be run so."""
    row: Row = {"change": attempt.change, "cycles": None, "saved_cycles": None,
                "saved_percent": None, "fits": None, "error": None}  # fmt: skip
    try:
        passes = lay_out(run.operands, attempt.hw, attempt.balance)
        cycles = passes.time_without(None)
    except EieError as error:
        return row | {"error": str(error)}, str(error)
    saved = run.result.cycles - cycles
    row |= {
        "cycles": cycles,
        "saved_cycles": saved,
        "saved_percent": 100 * saved / run.result.cycles,
        "fits": all(use.fits for use in passes.memories),
    }
    return row, name_lacks(passes.memories)


def _describe_best(remedies: list[Row], cycles: int) -> str:
    """Return which remedy saves most; remedies are in the order of their cycles."""
    if not remedies or remedies[0]["cycles"] >= cycles:
        return "None of these changes saves a cycle."
    best = remedies[0]
    return (
        f"Most helps {best['change']}: {best['saved_cycles']:,} of {cycles:,} cycles, "
        f"{best['saved_percent']:.0f} %."
    )


def _draw_bar(parts: Row, cycles: int) -> Iterator[Row]:
    """Draw a stacked bar, each part in a row of its own that begins where the last one ends."""
    begin = 0.0
    for name, part_cycles in parts.items():
        first, last = (round(BAR * end / cycles) for end in (begin, begin + part_cycles))
        bar = " " * first + "#" * (last - first)
        share = 100 * part_cycles / cycles
        yield {"part": name, "run": f"{bar:{BAR}}|", "cycles": part_cycles, "percent": share}
        begin += part_cycles


def _chart_parts(parts: Row, name: str) -> Chart:
    series = {part: [cycles] for part, cycles in parts.items() if cycles}
    most = max((it for it in parts if it != "entries"), key=lambda part: parts[part])
    return Chart(
        "Where the cycles go",
        (Panel("stacked", (name,), series, "", "cycles"),),
        f"Beyond the entries most goes to {most}: {parts[most]:,.0f} of "
        f"{sum(parts.values()):,.0f} cycles.",
    )
