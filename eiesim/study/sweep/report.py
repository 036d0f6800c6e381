"""What is written of a sweep: tables, answers, and what they were made from."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from eiesim import __version__
from eiesim.errors import EieError
from eiesim.study.experiment import Source, hash_file
from eiesim.study.store import make_manifest, to_csv, to_json, write_texts
from eiesim.study.sweep.answers import find_best, find_front, find_sensitivity, sum_layers
from eiesim.study.sweep.evaluate import Row
from eiesim.study.sweep.page import render_sweep
from eiesim.study.sweep.points import list_axes
from eiesim.study.sweep.run import Planned, count_tasks, meets
from eiesim.study.sweep.spec import Sweep

SCHEMA = "eiesim sweep 1"
POINT_MS = 0.4
"""Measured on one core of a server of 2020: a point of Alex-8's size whose image is there."""
TASK_MS = 25.0
"""And an image: encoded and prepared."""
POINT_BYTES, WORKER_BYTES = 3000, 300 << 20


def estimate_cost(planned: Planned, jobs: int) -> Row:
    """Return what a sweep will take, roughly: of layers of Alex-8's size.

    Parameters
    ----------
    planned : Planned
        The points.
    jobs : int
        Processes.
    """
    points, tasks = count_tasks(planned)
    return {
        "points": len(planned.points),
        "to_run": points,
        "left_out": planned.left_out,
        "cannot_be": len(planned.errors),
        "encodings": tasks,
        "estimated_s": (points * POINT_MS + tasks * TASK_MS) / 1000 / jobs,
        "estimated_bytes": points * POINT_BYTES + jobs * WORKER_BYTES,
    }


def summarise(sweep: Sweep, planned: Planned, rows: Sequence[Row]) -> Row:
    """Return a sweep's answers as the content of `summary.json`.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    planned : Planned
        Its points.
    rows : sequence of dict
        Its results.
    """
    axes, whole = list_axes(sweep), find_judged(sweep, rows)
    shown = ["number", "layer", *axes, *(it.removeprefix("-") for it in sweep.objectives)]
    errors = sum(row["error"] is not None for row in rows)
    return {
        "schema": SCHEMA,
        "eiesim": __version__,
        "title": sweep.title,
        "objectives": list(sweep.objectives),
        "where": [f"{it.metric} {it.sign} {it.limit:g}" for it in sweep.where],
        "hardware": asdict(sweep.base),
        "points": {
            "points": len(planned.points),
            "done": len(rows) - errors,
            "not_run_yet": len(planned.points) - len(rows),
            "with_errors": errors,
            "left_out": planned.left_out,
            "meet_the_constraints": sum(bool(row["meets"]) for row in whole),
        },
        "front": [
            {key: row[key] for key in dict.fromkeys(shown)}
            for row in find_front(whole, sweep.objectives)
        ],
        "best": find_best(whole, sweep.objectives),
        "sensitivity": find_sensitivity(rows, axes, sweep.objectives),
    }


def find_judged(sweep: Sweep, rows: Sequence[Row]) -> list[Row]:
    """Return what is judged: the points, or with several layers each machine over all of them.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    rows : sequence of dict
        Its results.
    """
    if len(sweep.layers) == 1:
        return [row for row in rows if row["error"] is None]
    sums = sum_layers(rows, list_axes(sweep), sweep.base.n_pes)
    return [row | {"meets": meets(sweep, row)} for row in sums]


def write_sweep(
    folder: Path, sweep: Sweep, rows: Sequence[Row], summary: Row, options: argparse.Namespace
) -> None:
    """Write the files of a sweep into a folder.

    Parameters
    ----------
    folder : Path
        An empty folder.
    sweep : Sweep
        The sweep.
    rows : sequence of dict
        Its results.
    summary : dict
        From `summarise`.
    options : Namespace
        Of the command line.

    Raises
    ------
    EieError
        Parquet is asked for and pyarrow is not installed.
    """
    source = Source(options.spec, hash_file(options.spec))
    manifest = make_manifest(sweep.base, [source], options.words)
    texts = {"summary.json": to_json(summary), "manifest.json": to_json(manifest)}
    if rows:
        texts["index.html"] = render_sweep(sweep, find_judged(sweep, rows), summary, manifest)
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
