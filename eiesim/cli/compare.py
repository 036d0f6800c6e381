"""`eiesim compare`: layers on EIE beside what others take for them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eiesim.cli.arguments import add_machine_arguments, read_machine
from eiesim.cli.common import refuse_useless
from eiesim.cli.examples import (
    NAMES,
    add_example_arguments,
    check_examples,
    list_examples,
    list_sources,
    load_network,
    run_with_progress,
)
from eiesim.cli.output import track

if TYPE_CHECKING:
    from eiesim.report.report import Report

HELP = "Set EIE's time and energy for layers beside those of others: speedup, energy efficiency."
EPILOG = """\
LAYER is a name or file as for eiesim run; left out, it is the paper's nine. The reference is the
first platform with dense weights and batch 1: the Core i7 of the paper, or the first of the file.
Ratios of different kinds (published, measured, roofline, simulated) are rows of their own.

A .eie file is a whole network, and needs inputs. Compared are its products, step by step and all
of them; where a step has many at once, as a convolution has, others multiply them in batches.

--out DIR writes compare.csv, summary.json, manifest.json, hardware.toml and charts of both ratios.

examples:
  eiesim compare
  eiesim compare alex-7 --hardware eie-256pe-28nm
  eiesim baseline alex-7 --out mine && eiesim compare alex-7 --baseline mine/baseline.csv
  eiesim compare net.eie --draw 3 --baseline roofline
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
    group = parser.add_argument_group("with a .eie file")
    group.add_argument("--inputs", metavar="FILE", help=".npy, .npz or idx file with inputs")
    add_example_arguments(group)


def make_report(options: argparse.Namespace) -> Report:
    """Run the layers or the network, and set them beside the others."""
    from eiesim.base.published import PAPER_LAYERS
    from eiesim.catalog.readers import Form, find_form
    from eiesim.runs.compare import report_comparison
    from eiesim.runs.layer import run_layers

    if any(find_form(word) is Form.NETWORK for word in options.layers):
        return _compare_network(options)
    refuse_useless(options, f"inputs {NAMES}", "goes with a .eie file")
    hw, prices = read_machine(options)
    layers = options.layers or PAPER_LAYERS
    runs = list(track(run_layers(layers, hw, prices), layers))
    return report_comparison(runs, options.baseline, prices)


def _compare_network(options: argparse.Namespace) -> Report:
    from eiesim.inference import Setup
    from eiesim.runs.network_compare import report_network_comparison

    check_examples(options)
    hw, prices = read_machine(options)
    model = load_network(options.layers)
    runs = run_with_progress(model, list_examples(options, model), prices, Setup(hw))
    sources = list_sources(options.layers[0], options.inputs)
    return report_network_comparison(model, runs, options.baseline, prices, sources)
