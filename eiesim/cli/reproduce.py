"""`eiesim reproduce`: the papers' tables and figures again."""

from __future__ import annotations

import argparse
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eiesim.base.errors import ConfigError
from eiesim.cli.useless import refuse_useless
from eiesim.paper.registry import DATA, EXPERIMENTS, choose

if TYPE_CHECKING:
    from eiesim.paper.record import Record
    from eiesim.paper.runner import ExperimentPlan

HELP = "Compute the papers' tables and figures again and set them beside the printed numbers."
EPILOG = """\
--out DIR writes index.html, one page with everything and no need of a network; for each experiment
NAME.csv (the printed numbers beside ours), its further tables as CSV and its charts as SVG and PNG;
and for all of them summary.json and manifest.json. The page comes with an experiment's error in its
place, too; the exit code is then 1.

What was computed is kept in $EIESIM_CACHE, or in eiesim in the user's cache folder (for a user
without a home: in the folder for temporary files), by the hash of all that it depends on, and is
not computed again.

--data DIR is a folder with real layers: alex8/layer.npz, lenet/, mnist/, squeezenet/, wavegru/.
Without it what needs them is told to be not reproducible here; README.md says where to get them.

examples:
  eiesim reproduce --list
  eiesim reproduce table4
  eiesim reproduce figure9 table4 --out results
  eiesim reproduce all --out reproduction --force
"""


NOTE_WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="what to reproduce, see --list; all for everything"
    )
    parser.add_argument("--list", action="store_true", help="list what can be reproduced")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument(
        "--out", metavar="DIR", help="write page, tables and charts to a new folder"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the folder if eiesim wrote it before"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N",
        help=f"processes at once (default: one a processor, {os.cpu_count() or 1})",
    )  # fmt: skip
    parser.add_argument("--data", metavar="DIR", help=f"folder of real layers (default: {DATA})")
    parser.add_argument(
        "--train", action="store_true",
        help="first train LeNets with PyTorch and measure the curves of dc_table6 and dc_figure6 "
        "to dc_figure8 anew, on the mnist folder of --data where there is one: an hour",
    )  # fmt: skip
    parser.add_argument(
        "--fresh", action="store_true", help="compute again what was computed before"
    )


def execute(options: argparse.Namespace) -> int:
    """Run experiments, print their numbers beside the paper's, and write the folder."""
    from eiesim.cli.output import print_table, result_folder
    from eiesim.paper.record import FAILED
    from eiesim.runs import store

    if options.list:
        refuse_useless(options, "out force jobs data train fresh", "does not go with --list")
        if options.names:
            raise ConfigError(f"--list lists everything: leave out {options.names[0]}")
        titles = [{"name": name, "title": title} for name, (title, _) in EXPERIMENTS.items()]
        print(store.to_json(titles), end="") if options.json else print_table(titles)
        return 0
    names = choose(options.names)
    if options.jobs is not None and options.jobs < 1:
        raise ConfigError(f"--jobs: expected a whole number from 1 on, found {options.jobs}")
    if options.out is None:
        refuse_useless(options, "force", "goes with --out DIR")
    data = Path(DATA if options.data is None else options.data)
    with result_folder(options.out, options.force) as folder:
        if options.train:
            _train(data)
        records = _compute(names, data, options)
        summary = _summarise(records)
        if folder is not None:
            _write(folder, records, summary, options.words)
    if options.json:
        print(store.to_json(summary), end="")
    else:
        _show(records, brief=options.out is not None)
    return 1 if any(record.state == FAILED for record in records) else 0


def _train(data: Path) -> None:
    from eiesim.base.files import replacing
    from eiesim.cli.output import tell
    from eiesim.paper.parts.error_curves import TRAINED
    from eiesim.runs import store
    from eiesim.training.curves import train_curves

    mnist = data / "mnist"
    rows = train_curves(mnist if mnist.is_dir() else None, TRAINED.parent, tell)
    with replacing(TRAINED) as stream:
        stream.write(store.to_csv(rows).encode())
    tell(f"written: {TRAINED}")


def _compute(names: list[str], data: Path, options: argparse.Namespace) -> list[Record]:
    from eiesim.paper.runner import plan_experiments

    plan = plan_experiments(names, data, options.fresh)
    jobs = options.jobs or os.cpu_count() or 1
    done = plan.records | {record.name: record for record in _run(plan, data, jobs)}
    return [done[name] for name in names]


def _run(plan: ExperimentPlan, data: Path, jobs: int) -> list[Record]:
    from eiesim.cli.output import show_progress
    from eiesim.paper.runner import run_experiments

    with show_progress(plan.steps) as tell:
        return list(run_experiments(plan, data, jobs, tell))


def _summarise(records: Sequence[Record]) -> dict[str, Any]:
    from eiesim import __version__
    from eiesim.paper.record import count_kinds

    experiments = {
        record.name: {
            "title": record.title,
            "state": record.state,
            "note": record.note,
            "verdicts": list(record.verdicts),
            "tables": record.tables,
        }
        for record in records
    }
    return {
        "schema": "eiesim reproduce 2",
        "eiesim": __version__,
        "verdicts": count_kinds(records),
        "experiments": experiments,
    }


def _write(
    folder: Path, records: Sequence[Record], summary: dict[str, Any], words: list[str]
) -> None:
    from eiesim.paper.page import render_reproduction
    from eiesim.report.charts import draw_chart
    from eiesim.runs import store

    for record in records:
        tables = {record.name: list(record.verdicts)} if record.verdicts else {}
        tables |= {f"{record.name}-{table}": rows for table, rows in record.tables.items()}
        store.write_texts(
            folder, {f"{name}.csv": store.to_csv(rows) for name, rows in tables.items()}
        )
        for name, chart in record.charts.items():
            draw_chart(chart, folder, name)
    experiments = {
        record.name: {
            "hardware_toml": record.hardware_toml,
            "energy_table_sha256": record.energy_table,
            "sources": record.sources,
            "seconds": record.seconds,
        }
        for record in records
    }
    manifest = store.make_manifest(None, (), words) | {"experiments": experiments}
    texts = {
        "index.html": render_reproduction(records, words),
        "summary.json": store.to_json(summary),
        "manifest.json": store.to_json(manifest),
    }
    store.write_texts(folder, texts)


def _show(records: Sequence[Record], brief: bool) -> None:
    from eiesim.cli.output import print_table
    from eiesim.paper.record import DONE, FAILED, count_constructed, count_kinds

    done = [record for record in records if record.state == DONE]
    if brief and done:
        print_table([{"name": record.name} | record.count_kinds() for record in done])
    for record in records:
        if record.state == FAILED:
            print(f"{record.name}: failed: {record.note}")
        elif record.state == DONE and not brief:
            _show_record(record)
    if done:
        counts = ", ".join(f"{number} {kind}" for kind, number in count_kinds(done).items())
        print(f"{counts}; {count_constructed(done)} of those that agree do so by construction")


def _show_record(record: Record) -> None:
    from eiesim.cli.output import print_table

    print(record.title)
    columns = ("layer", "quantity", "workload", "unit", "paper", "ours", "deviation_percent",
               "verdict")  # fmt: skip
    if record.verdicts:
        print_table([{column: row[column] for column in columns} for row in record.verdicts])
    for table in record.shown:
        print_table(record.tables[table])
    print(textwrap.fill(record.note, NOTE_WIDTH))
