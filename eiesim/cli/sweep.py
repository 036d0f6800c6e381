"""`eiesim sweep`: many machines and layers, each run exactly."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eiesim.base.errors import ConfigError, escape
from eiesim.cli.common import refuse_useless
from eiesim.cli.output import tell

if TYPE_CHECKING:
    from eiesim.report.report import Report
    from eiesim.sweep.spec import Sweep

HELP = "Run a sweep of machines and layers, exactly and in parallel; what is stopped goes on."
EPILOG = """\
SPEC.toml says what is swept (docs/sweeps.md):

  layers = ["alex-7", "nt-we"]             # names and files as in eiesim run
  where = ["area_mm2 < 50", "fits"]        # what must be met, over all layers
  objectives = ["cycles", "energy_pj"]     # small; "-load_balance": large
  [axes]                                   # fields of the machine; layer.FIELD of drawn layers
  n_pes = [16, 32, 64, 128]
  queue_depth = { from = 2, to = 64, times = 2 }
  "layer.weight_density" = [0.05, 0.1, 0.2]

In place of layers, a network that is compressed, with its data (docs/codesign.md):

  [network]                                # file, graph, output; inputs and labels, or a text
  [compression]                            # axes: keys of a plan; [compression.layers.NAME]
  density = [0.05, 0.1, 0.2]
  retrain = [false, true]                  # by [retraining] (pip install 'eiesim[train]')

--store FILE keeps each result (default: SPEC.sqlite). A sweep that was stopped, killed or changed
goes on from it: nothing is run twice. Several processes may share one store, each with its --shard.

--out DIR writes index.html, points.csv, front.csv, sensitivity.csv, summary.json, manifest.json
and hardware.toml; --parquet writes points.parquet too (pip install 'eiesim[sweep]').

examples:
  eiesim sweep spec.toml --dry-run
  eiesim sweep spec.toml --out results
  eiesim sweep spec.toml --shard 3/16            one of 16 jobs of a cluster
  eiesim sweep spec.toml --scheduler tcp://10.0.0.1:8786
"""


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
    parser.add_argument("--parquet", action="store_true", help="with --out: points.parquet, too")


def make_report(options: argparse.Namespace) -> Report:
    """Run the sweep, or estimate what it takes."""
    from eiesim.report.report import Report
    from eiesim.sweep.cost import check_jobs, estimate_cost
    from eiesim.sweep.planning import plan_points
    from eiesim.sweep.spec import read_sweep

    check_jobs(options.jobs)
    if options.scheduler not in (None, "local"):
        refuse_useless(options, "jobs", "does not go with a scheduler that has workers of its own")
    if options.dry_run:
        refuse_useless(
            options, "store scheduler shard out parquet report", "does not go with --dry-run"
        )
    if options.out is None:
        refuse_useless(options, "parquet", "goes with --out DIR")
    shard = _take_shard(options.shard)
    sweep = read_sweep(options.spec)
    if options.dry_run:
        cost = estimate_cost(plan_points(sweep), options.jobs)
        answer = f"{cost['to_run']:,} points take about {cost['estimated_s']:.2g} s."
        return Report(title="What a sweep takes", summary=cost, answer=(answer,), shown=([cost],))
    return _run(options, sweep, shard)


def _run(options: argparse.Namespace, sweep: Sweep, shard: tuple[int, int]) -> Report:
    from eiesim.catalog.operands import Source, hash_file
    from eiesim.sweep import runner
    from eiesim.sweep.journal import open_journal
    from eiesim.sweep.points import count_points
    from eiesim.sweep.report import report_sweep

    store = options.store
    if store is None:
        store = str(Path(options.spec).with_suffix(".sqlite"))
    points = count_points(sweep)
    with open_journal(store) as journal, _show(points) as done:
        try:
            how = runner.How(options.jobs, options.scheduler or "", shard)
            sweep, planned, rows = runner.run_sweep(sweep, journal, how, done)
        except KeyboardInterrupt:
            tell(f"kept in {escape(store)}: the same command goes on from there")
            raise
    source = Source(options.spec, hash_file(options.spec))
    return report_sweep(sweep, planned, rows, source, options.parquet)


def _take_shard(text: str | None) -> tuple[int, int]:
    if text is None:
        return 0, 1
    part, _, whole = text.partition("/")
    if not (part.isdigit() and whole.isdigit() and 1 <= int(part) <= int(whole)):
        raise ConfigError(f"--shard: expected I/N with I from 1 to N, such as 3/16, found {text!r}")
    return int(part) - 1, int(whole)


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
