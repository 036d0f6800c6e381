"""What is written of a sweep: tables, answers, and what they were made from."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from eiesim import __version__
from eiesim.base.errors import EieError
from eiesim.catalog.operands import Source, hash_file
from eiesim.runs.store import make_manifest, to_csv, to_json, write_texts
from eiesim.sweep.answers import find_best, find_front, find_judged, name_judged
from eiesim.sweep.doubts import describe_clock, describe_wider_words
from eiesim.sweep.evaluate import Row
from eiesim.sweep.identity import SCHEMA
from eiesim.sweep.metrics import MACHINE, METRICS
from eiesim.sweep.page import render_sweep
from eiesim.sweep.points import list_values
from eiesim.sweep.runner import Planned
from eiesim.sweep.sensitivity import find_sensitivity
from eiesim.sweep.spec import Sweep, name_metric


def summarise(sweep: Sweep, planned: Planned, rows: Sequence[Row]) -> Row:
    """Return a sweep's answers as the content of `summary.json`."""
    axes, whole = list_values(sweep), find_judged(sweep, rows)
    shown = ["number", "layer", *axes, *map(name_metric, sweep.objectives), "clock_fits"]
    errors = sum(row["error"] is not None for row in rows)
    ran = [row for row in rows if row["error"] is None]
    return {
        "schema": SCHEMA,
        "eiesim": __version__,
        "title": sweep.title,
        "objectives": list(sweep.objectives),
        "where": _describe_where(sweep, whole),
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
        "left_out": dict(Counter(it.reason for it in planned.left_out)),
        "judged": {
            "what": name_judged(sweep),
            "number": len(whole),
            "meet": sum(row["meets"] for row in whole),
        },
        "clock": describe_clock(sweep, whole),
        "wider_words": describe_wider_words(sweep, whole),
        "front": [
            {key: row[key] for key in dict.fromkeys(shown)}
            for row in find_front(whole, sweep.objectives)
        ],
        "best": find_best(whole, sweep.objectives),
        "sensitivity": find_sensitivity(whole, axes, sweep.objectives),
    }


def _describe_where(sweep: Sweep, whole: Sequence[Row]) -> list[Row]:
    """Return each condition with what it is judged on, and how many meet it."""

    def judge(metric: str) -> str:
        on = METRICS[metric].judged_on
        return on if len(sweep.layers) > 1 or on == MACHINE else "each point"

    return [
        {
            "condition": str(it),
            "judged_on": judge(it.metric),
            "met_by": sum(it.holds(row[it.metric]) for row in whole),
            "of": len(whole),
        }
        for it in sweep.where
    ]


def write_sweep(
    folder: Path,
    sweep: Sweep,
    planned: Planned,
    rows: Sequence[Row],
    summary: Row,
    options: argparse.Namespace,
) -> None:
    """Write the files of a sweep into a folder.

    Parameters
    ----------
    summary : dict
        From `summarise`.

    Raises
    ------
    EieError
        Parquet is asked for and pyarrow is not installed.
    """
    source = Source(options.spec, hash_file(options.spec))
    manifest = make_manifest(sweep.base, [source], options.words)
    texts = {"summary.json": to_json(summary), "manifest.json": to_json(manifest)}
    if rows:
        texts["index.html"] = render_sweep(sweep, planned, rows, summary, manifest)
    tables = {"points": rows, "front": summary["front"], "sensitivity": summary["sensitivity"]}
    texts |= {f"{name}.csv": to_csv(table) for name, table in tables.items() if table}
    write_texts(folder, texts)
    if options.parquet:
        _write_parquet(folder / "points.parquet", rows)


def _write_parquet(path: Path, rows: Sequence[Row]) -> None:
    try:
        from pyarrow import Table, parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EieError(
            f"--parquet: expected pyarrow, found none ({error}); pip install 'eiesim[sweep]'"
        ) from error
    parquet.write_table(Table.from_pylist(list(rows)), path)
