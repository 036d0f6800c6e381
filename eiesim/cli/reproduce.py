"""`eiesim reproduce`: the papers' tables and figures again."""

from __future__ import annotations

import argparse
import os
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from eiesim.base.errors import ConfigError
from eiesim.cli.common import check_ranges, refuse_useless
from eiesim.cli.output import show_progress, tell
from eiesim.paper.registry import DATA, EXPERIMENTS, choose

if TYPE_CHECKING:
    from eiesim.paper.record import Record
    from eiesim.report.report import Report

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
Without it, what needs them is shown as not reproducible here; docs/explanation/nearness.md says
where to get them.

examples:
  eiesim reproduce --list
  eiesim reproduce table4
  eiesim reproduce figure9 table4 --out results
  eiesim reproduce all --out reproduction --force
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="what to reproduce, see --list; all for everything"
    )
    parser.add_argument("--list", action="store_true", help="list what can be reproduced")
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


def make_report(options: argparse.Namespace) -> Report:
    """Run experiments, or list them."""
    from eiesim.paper.report import report_experiments
    from eiesim.report.report import Report

    if options.list:
        refuse_useless(options, "out report force jobs data train fresh", "does not go with --list")
        if options.names:
            raise ConfigError(f"--list lists everything: leave out {options.names[0]}")
        titles = [{"name": name, "title": title} for name, (title, _) in EXPERIMENTS.items()]
        return Report(title="What can be reproduced", summary=titles, shown=(titles,))
    names = choose(options.names)
    check_ranges(options, jobs=(1, inf))
    if options.out is None:
        refuse_useless(options, "force", "goes with --out DIR")
    data = Path(DATA if options.data is None else options.data)
    if options.train:
        _train(data)
    return report_experiments(_compute(names, data, options), brief=options.out is not None)


def _train(data: Path) -> None:
    from eiesim.base.files import replacing
    from eiesim.base.tables import to_csv
    from eiesim.paper.parts.error_curves import TRAINED
    from eiesim.training.curves import train_curves

    mnist = data / "mnist"
    rows = train_curves(mnist if mnist.is_dir() else None, TRAINED.parent, tell)
    with replacing(TRAINED) as stream:
        stream.write(to_csv(rows).encode())
    tell(f"written: {TRAINED}")


def _compute(names: list[str], data: Path, options: argparse.Namespace) -> list[Record]:
    from eiesim.paper.runner import plan_experiments, run_experiments

    plan = plan_experiments(names, data, options.fresh)
    jobs = options.jobs or os.cpu_count() or 1
    with show_progress(plan.steps) as advance:
        records = {record.name: record for record in run_experiments(plan, data, jobs, advance)}
    return [(plan.records | records)[name] for name in names]
