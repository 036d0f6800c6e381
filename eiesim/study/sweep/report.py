"""What is written of a sweep: tables, answers, and what they were made from."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from eiesim import __version__
from eiesim.benchmark import find_spec_file, load_spec
from eiesim.errors import EieError
from eiesim.study.experiment import Source, hash_file
from eiesim.study.store import make_manifest, to_csv, to_json, write_texts
from eiesim.study.sweep.answers import find_best, find_front, find_judged, find_sensitivity
from eiesim.study.sweep.evaluate import Row
from eiesim.study.sweep.identity import MATCHED, SCHEMA
from eiesim.study.sweep.page import render_sweep
from eiesim.study.sweep.points import list_axes, list_tasks
from eiesim.study.sweep.run import Planned
from eiesim.study.sweep.spec import Sweep, name_metric

POINT_MS, POINT_SERIAL_MS, IMAGE_MS, MILLION_MS = 0.14, 0.09, 20.0, 120.0
"""Measured on a core of a server: a point whose image is there; what the first process does for it;
an image; and each million of its weights."""
POINT_BYTES, WORKER_BYTES = 3000, 300 << 20


def estimate_cost(planned: Planned, jobs: int) -> Row:
    """Return what a sweep will take, roughly; layers from files are taken to be of Alex-8's size.

    Parameters
    ----------
    planned : Planned
        The points.
    jobs : int
        Processes.
    """
    tasks = list(list_tasks(planned.points))
    points = sum(len(task.machines) for task in tasks)
    images = {task.image: task.layer for task in tasks}
    millions = sum(map(_find_millions, images.values()))
    shared_ms = points * POINT_MS + len(images) * IMAGE_MS + millions * MILLION_MS
    return {
        "points": len(planned.points),
        "to_run": points,
        "left_out": planned.left_out,
        "cannot_be": sum(it.hw is None for it in planned.points),
        "encodings": len(images),
        "estimated_s": (shared_ms / jobs + points * POINT_SERIAL_MS) / 1000,
        "estimated_bytes": points * POINT_BYTES + jobs * WORKER_BYTES,
    }


def _find_millions(layer: str) -> float:
    """Return how many million weights a layer keeps, as far as its description tells."""
    try:
        spec = load_spec(find_spec_file(layer.removeprefix(MATCHED)))
    except EieError:
        return 1.0
    return spec.inputs * spec.outputs * spec.weight_density / 1e6


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
    shown = ["number", "layer", *axes, *map(name_metric, sweep.objectives)]
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
