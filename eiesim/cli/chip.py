"""`eiesim chip`: power, area and prices of a machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eiesim.cli.arguments import add_machine_arguments, read_machine

if TYPE_CHECKING:
    from eiesim.report.report import Report

HELP = "Show power and area of a machine, and the price of every action with its source."
EPILOG = """\
Power is that of the steady state: no PE waits, an entry a cycle. `eiesim run` prices what a layer
really does. On the paper's chip each module stands beside EIE's Table II.

--out DIR writes prices.csv, modules.csv, areas.csv, with --vary variations.csv, summary.json,
manifest.json and hardware.toml; a part of prices.csv with other values is what --energy-table
reads.

examples:
  eiesim chip
  eiesim chip --hardware eie-256pe-28nm
  eiesim chip --set multiplier=float32 --set queue_depth=16 --out chip
  eiesim chip --vary n_pes=16,64,256 --vary multiplier=float32,int32,fixed16,fixed8
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add_machine_arguments(parser)
    parser.add_argument(
        "--vary", action="append", default=[], metavar="KEY=A,B,...",
        help="power and area with a field of the hardware at each value; may be repeated",
    )  # fmt: skip


def make_report(options: argparse.Namespace) -> Report:
    """Find a machine's power, area and prices."""
    from eiesim.runs.chip import report_chip

    hw, prices = read_machine(options)
    return report_chip(hw, prices, options.vary, options.energy_table)
