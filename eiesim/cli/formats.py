"""`eiesim formats`: which widths of indices, codes and pointers fit a layer."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eiesim.cli.arguments import add_machine_arguments, read_machine_alone

if TYPE_CHECKING:
    from eiesim.report.report import Report

HELP = "Try index widths for a layer, and say which widths of indices, codes and pointers fit."
EPILOG = """\
LAYER is a name or file as for eiesim run. For indices of 1 to 8 bits it is encoded and run: padding
zeros, their share of the entries, the bits that pointers need, the bits of all entries and
pointers, those of the words in the SRAMs, cycles and nJ. A bitmap, CSR, CSC and dense codes are
counted as storage alone, without biases: EIE does not run them.

examples:
  eiesim formats alex-7
  eiesim formats today/llama-2-7b/q --hardware eie-256pe-28nm --objective energy
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("layer", metavar="LAYER", help="name or file")
    parser.add_argument("--inputs", metavar="FILE", help=".npy or .npz file with one input")
    parser.add_argument(
        "--objective", choices=("bits", "cycles", "energy"), default="bits",
        help="what is to be small (default: %(default)s)",
    )  # fmt: skip
    add_machine_arguments(parser)


def make_report(options: argparse.Namespace) -> Report:
    """Encode and run the layer with each index width."""
    from eiesim.catalog.readers import load_operands
    from eiesim.runs.formats import report_formats

    return report_formats(
        load_operands(options.layer, options.inputs),
        read_machine_alone(options),
        options.objective,
        options.energy_table,
    )
