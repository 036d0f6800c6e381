"""`eiesim reproduce`: a paper's table again."""

from __future__ import annotations

import argparse

from eiesim.errors import ConfigError

HELP = "Compute a table of the EIE paper again and set it beside the printed one."
EPILOG = """\
examples:
  eiesim reproduce --list
  eiesim reproduce table4
  eiesim reproduce table4 --out results
"""
EXPERIMENTS = {"table4": "EIE, Table IV: theoretical and actual time of nine layers"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments.

    Parameters
    ----------
    parser : ArgumentParser
        The command's parser.
    """
    parser.add_argument(
        "name", nargs="?", choices=EXPERIMENTS, metavar="NAME", help="what to reproduce, see --list"
    )
    parser.add_argument("--list", action="store_true", help="list what can be reproduced")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="write table4.csv, summary.json and manifest.json to a new folder",
    )


def execute(options: argparse.Namespace) -> int:
    """Run an experiment, print its numbers beside the paper's, and write the folder.

    Parameters
    ----------
    options : Namespace
        Parsed arguments.
    """
    from eiesim.cli.output import print_table, result_folder, track
    from eiesim.study import store

    if options.list:
        if options.out is not None:
            raise ConfigError("--list writes nothing: leave out --out")
        names = [{"name": name, "title": title} for name, title in EXPERIMENTS.items()]
        print(store.to_json(names), end="") if options.json else print_table(names)
        return 0
    if not options.name:
        raise ConfigError("expected the name of what to reproduce; --list shows them")
    from eiesim.benchmark import PAPER_LAYERS
    from eiesim.hardware import Hardware
    from eiesim.study.reproduce import table4

    with result_folder(options.out) as folder:
        runs = list(track(table4.run_paper_layers(), PAPER_LAYERS))
        verdicts = table4.judge(runs)
        rows = [verdict.to_row() for verdict in verdicts]
        summary = {"title": table4.TITLE, "note": table4.NOTE, "rows": rows}
        if folder is not None:
            sources = [source for run in runs for source in run.operands.sources]
            manifest = store.make_manifest(Hardware.preset(table4.PRESET), sources, options.words)
            texts = {
                "table4.csv": store.to_csv(rows),
                "summary.json": store.to_json(summary),
                "manifest.json": store.to_json(manifest),
            }
            store.write_texts(folder, texts)
    if options.json:
        print(store.to_json(summary), end="")
    else:
        print(table4.TITLE)
        printed = [
            row | {"paper_us": verdict.paper} for row, verdict in zip(rows, verdicts, strict=True)
        ]
        print_table(printed)
        within = sum(verdict.within for verdict in verdicts)
        print(f"{within} of {len(rows)} numbers within {table4.TOLERANCE_PERCENT} %.")
        print(table4.NOTE)
    return 0
