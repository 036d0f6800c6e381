"""`eiesim explain`: what limits a layer and what would help, or what a counter means."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eiesim.cli.arguments import add_machine_arguments, read_machine
from eiesim.cli.common import refuse_useless

if TYPE_CHECKING:
    from eiesim.report.report import Report

HELP = "Say what limits a layer and what would help, or what a counter or column means."
EPILOG = """\
LAYER is a name or file as for eiesim run. Printed are where its cycles go, as the busiest PE sees
it, what limits it, and what each of some changes would save: deeper queues, rows ordered for equal
work, wider indices, more bandwidth. Each is simulated by itself.

NAME is a counter, or a column or key of what any command gives, such as stall_cycles or
load_balance. Printed are its definition, its unit, its formula, and the file that counts it.

examples:
  eiesim explain nt-we
  eiesim explain vgg-6 --set dram_gbps=10
  eiesim explain queue_starved_cycles
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("name", metavar="LAYER|NAME", help="layer, counter or column")
    parser.add_argument("--inputs", metavar="FILE", help=".npy or .npz file with one input")
    parser.add_argument(
        "--balance", action="store_true", help="order the outputs so that the PEs have equal work"
    )
    add_machine_arguments(parser)


def make_report(options: argparse.Namespace) -> Report:
    """Run the layer and each change, or look the name up."""
    from eiesim.glossary import list_terms, report_term
    from eiesim.runs.explain import report_explanation
    from eiesim.runs.layer import run_layer

    if options.name in list_terms():
        refuse_useless(options, "inputs balance", "goes with a layer, found a counter or column")
        return report_term(options.name)
    hw, prices = read_machine(options)
    return report_explanation(
        run_layer(options.name, hw, prices, inputs=options.inputs, balance=options.balance)
    )
