"""The report of a sweep: tables, answers, and what they were made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from types import ModuleType

from eiesim import __version__
from eiesim.base.errors import EieError
from eiesim.base.tables import Row
from eiesim.catalog.operands import Source
from eiesim.energy.kinds import show_kinds
from eiesim.report.report import Report
from eiesim.sweep.answers import find_best, find_front, find_judged, name_judged
from eiesim.sweep.brief import describe_best, shorten
from eiesim.sweep.doubts import describe_clock, describe_wider_words
from eiesim.sweep.identity import SCHEMA
from eiesim.sweep.metrics import METRICS, Over, list_kinds
from eiesim.sweep.page import render_sweep
from eiesim.sweep.planning import Planned
from eiesim.sweep.points import list_values
from eiesim.sweep.recipe import compare_recipe, describe_recipe
from eiesim.sweep.sensitivity import find_accuracy_steps, find_sensitivity
from eiesim.sweep.spec import Sweep

SHOWN = 10
"""Rows of the front, and reasons, that are shown."""


def summarise(sweep: Sweep, planned: Planned, rows: Sequence[Row]) -> Row:
    """Return a sweep's answers as the content of `summary.json`."""
    axes, judged = list_values(sweep), find_judged(sweep, rows)
    metrics = [objective.metric for objective in sweep.objectives]
    shown = ["number", "layer", *axes, *metrics, "clock_fits"]
    errors = sum(row["error"] is not None for row in rows)
    ran = [row for row in rows if row["error"] is None]
    best = find_best(judged, sweep.objectives)
    return {
        "schema": SCHEMA,
        "eiesim": __version__,
        "title": sweep.title,
        "objectives": list(map(str, sweep.objectives)),
        "where": _describe_where(sweep, judged),
        "hardware": asdict(sweep.base),
        "points": {
            "points": len(planned.points),
            "done": len(ran),
            "not_run_yet": len(planned.points) - len(rows),
            "with_errors": errors,
            "left_out": len(planned.left_out),
            "without_energy": sum(row["no_energy"] is not None for row in ran),
            "without_area": sum(row["no_area"] is not None for row in ran),
        },
        "left_out": dict(Counter(reason for _, reason in planned.left_out)),
        "judged": {
            "what": name_judged(sweep),
            "number": len(judged),
            "meet": sum(row["meets"] for row in judged),
        },
        "clock": describe_clock(sweep, judged),
        "wider_words": describe_wider_words(sweep, judged),
        "front": [
            {key: row[key] for key in dict.fromkeys(shown)}
            for row in find_front(judged, sweep.objectives)
        ],
        "best": best,
        "kinds": {name: list_kinds(row) for name, row in best.items()},
        "sensitivity": find_sensitivity(judged, axes, sweep.objectives),
        **_describe_network(sweep, judged),
    }


def _describe_network(sweep: Sweep, judged: Sequence[Row]) -> Row:
    """Return the answers that a sweep of a network has beside the others."""
    if sweep.subject is None:
        return {}
    compared = compare_recipe(sweep, judged)
    return {
        "network": asdict(sweep.subject),
        "notes": [
            *(f"not on EIE: {part.name}: {part.reason}" for part in sweep.weighed.skipped),
            *(f"note: {note}" for note in sweep.weighed.notes),
        ],
        "accuracy": find_accuracy_steps(sweep, judged),
        "recipe": compared,
        "recipe_text": "\n\n".join(describe_recipe(sweep, compared)),
    }


def _describe_where(sweep: Sweep, judged: Sequence[Row]) -> list[Row]:
    """Return each condition with what it is judged on, and how many meet it."""
    table = []
    for condition in sweep.where:
        over = METRICS[condition.metric].over
        whole = len(sweep.layers) > 1 or over is Over.MACHINE
        met_by = sum(condition.holds(row[condition.metric]) for row in judged)
        table.append({
            "condition": str(condition), "judged_on": over.value if whole else "each point",
            "met_by": met_by, "of": len(judged),
        })  # fmt: skip
    return table


def report_sweep(
    sweep: Sweep, planned: Planned, rows: Sequence[Row], source: Source | None, parquet: bool
) -> Report:
    """Return the report of a sweep, with its file as the source.

    With `parquet` a folder has the points as Parquet, too; raises EieError if pyarrow is missing.
    """
    summary = summarise(sweep, planned, rows)
    if parquet:
        _import_parquet()
    counts, judged = summary["points"], find_judged(sweep, rows)
    return Report(
        title=sweep.title or "Sweep",
        summary=summary,
        answer=tuple(_answer(sweep, judged, summary)),
        brief=tuple(_show_briefly(sweep, judged, summary)),
        shown=tuple(_show(rows, summary)),
        list_tables=lambda: {
            "points": rows, "front": summary["front"], "sensitivity": summary["sensitivity"],
            **({"accuracy": summary["accuracy"]} if "accuracy" in summary else {}),
        },
        write_files=lambda folder: _write_parquet(folder, rows) if parquet else None,
        page=lambda manifest: render_sweep(sweep, planned, rows, summary, manifest),
        has_index=bool(rows),
        hardware=sweep.base,
        sources=() if source is None else (source,),
        failed=counts["with_errors"] > 0 and not counts["done"],
    )  # fmt: skip


def _answer(sweep: Sweep, judged: Sequence[Row], summary: Row) -> Iterator[str]:
    """Yield where each objective is best, or that it is not known."""
    yield from describe_best(sweep, judged, summary["best"])
    if not summary["best"]:
        met = "none meets all conditions" if summary["where"] else "none has an objective"
        yield f"No best one of {len(judged)} {name_judged(sweep)}: {met}."


def _show_briefly(
    sweep: Sweep, judged: Sequence[Row], summary: Row
) -> Iterator[Sequence[Row] | str]:
    counts = summary["points"].items()
    yield ", ".join(f"{name.replace('_', ' ')}: {number}" for name, number in counts if number)
    front = summary["front"]
    yield "On the front:" if front else ""
    yield shorten(front[:SHOWN], judged, sweep, list(front[0])) if front else ""
    if len(front) > SHOWN:
        yield f"and {len(front) - SHOWN} more on the front"
    yield from summary.get("notes", [])
    yield summary.get("recipe_text", "")


def _show(rows: Sequence[Row], summary: Row) -> Iterator[Sequence[Row] | str]:
    counts = summary["points"].items()
    yield ", ".join(f"{name.replace('_', ' ')}: {number}" for name, number in counts)
    judged = summary["judged"]
    met = f", of which {judged['meet']} meet all conditions" if summary["where"] else ""
    yield f"judged: {judged['number']} {judged['what']}{met}"
    for row in summary["where"]:
        yield f"{row['condition']}, judged on {row['judged_on']}: met by {row['met_by']}"
    for reason, number in summary["left_out"].items():
        yield f"left out: {number} points: {reason}"
    yield summary["front"][:SHOWN]
    if len(summary["front"]) > SHOWN:
        yield f"and {len(summary['front']) - SHOWN} more on the front"
    for name, row in summary["best"].items():
        yield f"best {name}: number {row['number']}"
    for name, kinds in list(summary["kinds"].items())[:1]:
        if kinds:
            yield f"energy of the best {name}, by kind of price:"
            yield show_kinds(kinds)
    yield from summary.get("notes", [])
    yield summary.get("recipe_text", "")
    yield summary["clock"] or ""
    yield summary["wider_words"] or ""
    for column, words in (("error", "not run"), ("no_energy", "no energy"), ("no_area", "no area")):
        yield from _list_reasons(rows, column, words)


def _list_reasons(rows: Sequence[Row], column: str, words: str) -> Iterator[str]:
    """Yield the first points of each reason."""
    reasons: dict[str, list[int]] = {}
    for row in rows:
        if row[column] is not None:
            reasons.setdefault(row[column], []).append(row["number"])
    for reason, numbers in list(reasons.items())[:SHOWN]:
        more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
        yield f"{words}: point {numbers[0]}{more}: {reason}"
    if len(reasons) > SHOWN:
        yield f"{words}: {len(reasons) - SHOWN} more reasons in points.csv"


def _import_parquet() -> ModuleType:
    try:
        return import_module("pyarrow.parquet")
    except ImportError as error:
        raise EieError(
            f"parquet: expected pyarrow, found none ({error}); pip install 'eiesim[sweep]'"
        ) from error


def _write_parquet(folder: Path, rows: Sequence[Row]) -> None:
    table = import_module("pyarrow").Table.from_pylist(list(rows))
    _import_parquet().write_table(table, folder / "points.parquet")
