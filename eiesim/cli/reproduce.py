"""`eiesim reproduce`: a paper's table again."""

from __future__ import annotations

import argparse
import sys

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
    from eiesim.cli.output import print_table, track  # noqa: PLC0415
    from eiesim.errors import ConfigError  # noqa: PLC0415

    if options.list:
        for name, title in EXPERIMENTS.items():
            print(f"{name:10} {title}")
        return 0
    if not options.name:
        raise ConfigError("reproduce: expected a name; --list shows them")
    from eiesim.benchmark import PAPER_LAYERS  # noqa: PLC0415
    from eiesim.hardware import Hardware  # noqa: PLC0415
    from eiesim.study import experiment  # noqa: PLC0415
    from eiesim.study.reproduce import table4  # noqa: PLC0415

    verdicts = table4.judge(track(table4.run_layers(), PAPER_LAYERS))
    rows = [
        {
            "layer": verdict.layer,
            "quantity": verdict.quantity,
            "paper": float(verdict.paper),
            "ours": verdict.ours,
            "deviation_percent": verdict.deviation_percent,
            "verdict": verdict.text,
        }
        for verdict in verdicts
    ]
    pairs = list(zip(rows, verdicts, strict=True))
    summary = {"title": table4.TITLE, "note": table4.NOTE, "rows": rows}
    if options.json:
        print(experiment.to_json(summary), end="")
    else:
        print(table4.TITLE)
        print_table([row | {"paper": verdict.paper} for row, verdict in pairs])
        within = sum(verdict.within for verdict in verdicts)
        print(f"{within} of {len(rows)} numbers within {table4.TOLERANCE_PERCENT} %.")
        print(table4.NOTE)
    if options.out:
        hw = Hardware.preset(table4.PRESET)
        manifest = experiment.make_manifest(hw, PAPER_LAYERS)
        texts = {
            "table4.csv": experiment.to_csv(rows),
            "summary.json": experiment.to_json(summary),
            "manifest.json": experiment.to_json(manifest),
        }
        print(f"written: {experiment.write_folder(options.out, texts)}", file=sys.stderr)
    return 0
