"""`eiesim sweep`: many machines and layers, each run exactly."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eiesim.cli.useless import refuse_useless

if TYPE_CHECKING:
    from eiesim.runs.store import Row
    from eiesim.sweep.runner import Planned

HELP = "Run a sweep of machines and layers, exactly and in parallel; what is stopped goes on."
EPILOG = """\
SPEC.toml tells what is swept (docs/sweeps.md):

  layers = ["alex-7", "nt-we"]             # names and files as in eiesim run
  where = ["area_mm2 < 50", "fits"]        # what must be met, over all layers
  objectives = ["cycles", "energy_pj"]     # small; "-load_balance": large
  [axes]                                   # fields of the machine; layer.FIELD of drawn layers
  n_pes = [16, 32, 64, 128]
  queue_depth = { from = 2, to = 64, times = 2 }
  "layer.weight_density" = [0.05, 0.1, 0.2]

--store FILE keeps each result (default: SPEC.sqlite). A sweep that was stopped, killed or changed
goes on from it: nothing is run twice. Several processes may share one store, each with its --shard.

--out DIR writes index.html, points.csv, front.csv, sensitivity.csv, summary.json and manifest.json;
--parquet writes points.parquet too (pip install 'eiesim[sweep]').

examples:
  eiesim sweep spec.toml --dry-run
  eiesim sweep spec.toml --out results
  eiesim sweep spec.toml --shard 3/16            one of 16 jobs of a cluster
  eiesim sweep spec.toml --scheduler tcp://10.0.0.1:8786
"""
SHOWN = 10
"""Points of the front that are printed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("spec", metavar="SPEC.toml", help="what is swept")
    parser.add_argument("--store", metavar="FILE", help="SQLite file that keeps the results")
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="processes (default: one for each core, and one alone for little work)",
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="Dask scheduler, or local for a cluster of --jobs workers here (extra dask)",
    )  # fmt: skip
    parser.add_argument("--shard", metavar="I/N", help="run the I-th of N parts, from 1")
    parser.add_argument(
        "--dry-run", action="store_true", help="print points, time and memory, and run nothing"
    )
    parser.add_argument("--json", action="store_true", help="print summary.json instead of tables")
    parser.add_argument("--out", metavar="DIR", help="write a folder of results")
    parser.add_argument("--parquet", action="store_true", help="with --out: points.parquet, too")


def execute(options: argparse.Namespace) -> int:
    """Run the sweep, print its answers, and write the folder."""
    from eiesim.base.errors import escape
    from eiesim.cli.output import result_folder, tell
    from eiesim.runs.store import to_json
    from eiesim.sweep import report
    from eiesim.sweep import runner as run
    from eiesim.sweep.cost import check_jobs
    from eiesim.sweep.journal import open_journal
    from eiesim.sweep.points import count_points
    from eiesim.sweep.spec import read_sweep

    check_jobs(options.jobs)
    if options.scheduler not in (None, "local"):
        refuse_useless(options, "jobs", "does not go with a scheduler that has workers of its own")
    if options.dry_run:
        refuse_useless(options, "store scheduler shard out parquet", "does not go with --dry-run")
    if options.out is None:
        refuse_useless(options, "parquet", "goes with --out DIR")
    shard = _take_shard(options.shard)
    sweep = read_sweep(options.spec)
    points = count_points(sweep)
    if options.dry_run:
        return _tell_plan(run.plan_points(sweep), options.jobs, options.json)
    store = options.store or str(Path(options.spec).with_suffix(".sqlite"))
    with result_folder(options.out) as folder, open_journal(store) as journal:
        with _show(points) as done:
            try:
                how = run.How(options.jobs, options.scheduler or "", shard)
                sweep, planned, rows = run.run_sweep(sweep, journal, how, done)
            except KeyboardInterrupt:
                tell(f"kept in {escape(store)}: the same command goes on from there")
                raise
        summary = report.summarise(sweep, planned, rows)
        if folder is not None:
            report.write_sweep(folder, sweep, planned, rows, summary, options)
    if options.json:
        print(to_json(summary), end="")
    else:
        _print(rows, summary)
    counts = summary["points"]
    return int(counts["with_errors"] > 0 and not counts["done"])


def _take_shard(text: str | None) -> tuple[int, int]:
    from eiesim.base.errors import ConfigError

    if text is None:
        return 0, 1
    part, _, whole = text.partition("/")
    if not (part.isdigit() and whole.isdigit() and 1 <= int(part) <= int(whole)):
        raise ConfigError(f"--shard: expected I/N with I from 1 to N, such as 3/16, found {text!r}")
    return int(part) - 1, int(whole)


def _tell_plan(planned: Planned, jobs: int | None, as_json: bool) -> int:
    from eiesim.cli.output import print_table
    from eiesim.runs.store import to_json
    from eiesim.sweep.cost import estimate_cost

    told = estimate_cost(planned, jobs)
    if as_json:
        print(to_json(told), end="")
    else:
        print_table([told])
    return 0


@contextmanager
def _show(points: int) -> Iterator[Callable[[int], None]]:
    """Show points done, points a second and the time left on a terminal."""
    import sys

    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=points)

        def show(number: int) -> None:
            progress.update(task, advance=number)
            speed = progress.tasks[task].speed
            progress.update(task, description=f"{speed:,.0f}/s" if speed else "starting")

        yield show


def _print(rows: Sequence[Row], summary: dict[str, Any]) -> None:
    from eiesim.cli.output import print_table

    print(", ".join(f"{name.replace('_', ' ')}: {it}" for name, it in summary["points"].items()))
    judged = summary["judged"]
    met = f", of which {judged['meet']} meet all conditions" if summary["where"] else ""
    print(f"judged: {judged['number']} {judged['what']}{met}")
    for it in summary["where"]:
        print(f"{it['condition']}, judged on {it['judged_on']}: met by {it['met_by']}")
    for reason, number in summary["left_out"].items():
        print(f"left out: {number} points: {reason}")
    if summary["front"]:
        print_table(summary["front"][:SHOWN])
        if len(summary["front"]) > SHOWN:
            print(f"and {len(summary['front']) - SHOWN} more on the front")
    for name, row in summary["best"].items():
        print(f"best {name}: number {row['number']}")
    for doubt in filter(None, (summary["clock"], summary["wider_words"])):
        print(doubt)
    _list(rows, "error", "not run")
    _list(rows, "no_energy", "no energy")
    _list(rows, "no_area", "no area")


def _list(rows: Sequence[Row], column: str, words: str) -> None:
    """Print the first points of each reason."""
    reasons: dict[str, list[int]] = {}
    for row in rows:
        if row[column] is not None:
            reasons.setdefault(row[column], []).append(row["number"])
    for reason, numbers in list(reasons.items())[:SHOWN]:
        more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
        print(f"{words}: point {numbers[0]}{more}: {reason}")
    if len(reasons) > SHOWN:
        print(f"{words}: {len(reasons) - SHOWN} more reasons in points.csv")
