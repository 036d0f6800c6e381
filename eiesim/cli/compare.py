"""`eiesim compare`: layers on EIE beside what others take for them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eiesim.cli.arguments import add_machine_arguments, read_machine
from eiesim.cli.output import track

if TYPE_CHECKING:
    from eiesim.report.report import Report

HELP = "Set EIE's time and energy for layers beside those of others: speedup, energy efficiency."
EPILOG = """\
LAYER is a name or file as for eiesim run; left out, it is the paper's nine. The reference is the
first platform with dense weights and batch 1: the Core i7 of the paper, or the first of the file.
Ratios of different kinds (published, measured, roofline, simulated) are rows of their own.

--out DIR writes compare.csv, summary.json, manifest.json, hardware.toml and charts of both ratios.

examples:
  eiesim compare
  eiesim compare alex-7 --hardware eie-256pe-28nm
  eiesim baseline alex-7 --out mine && eiesim compare alex-7 --baseline mine/baseline.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("layers", nargs="*", metavar="LAYER", help="name or file, see below")
    parser.add_argument(
        "--baseline", default="published", metavar="published|roofline|FILE",
        help="what to compare with; FILE is the baseline.csv of eiesim baseline --out "
        "(default: %(default)s)",
    )  # fmt: skip
    add_machine_arguments(parser)


def make_report(options: argparse.Namespace) -> Report:
    """Run the layers, and set them beside the others."""
    from eiesim.base.published import PAPER_LAYERS
    from eiesim.runs.compare import report_comparison
    from eiesim.runs.layer import run_layers

    hw, prices = read_machine(options)
    layers = options.layers or PAPER_LAYERS
    runs = list(track(run_layers(layers, hw, prices), layers))
    return report_comparison(runs, options.baseline, prices)
