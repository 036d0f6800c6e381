"""`eiesim run`: layers on a machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from eiesim.cli import run_network, run_today
from eiesim.cli.arguments import add_machine_arguments, read_machine
from eiesim.cli.output import track

if TYPE_CHECKING:
    from eiesim.report.report import Report

HELP = "Run layers, or a whole network, on an EIE machine and count cycles and accesses."
EPILOG = """\
LAYER is the name of a benchmark layer (alex-6 alex-7 alex-8 vgg-6 vgg-7 vgg-8 nt-we nt-wd nt-lstm),
a layer of a network that eiesim trained (lenet-300-100/ip1), a .toml file like those in models/, an
image saved by InterleavedCSC.save, a folder of the EIE authors' simulator (ptr/, spm/, act.dat,
arithm.dat) or of eiesim export --to rtl, or a .npz file with
  codes     uint8 [rows, cols]   codebook index of every weight, 0 = pruned
  codebook  float32 [2**bits]    shared weights, entry 0 is 0.0
  bias      uint8 [rows]         codebook index of every bias (may be left out)
  act       float32 [cols]       one input (may be left out with --inputs)

A .eie file of eiesim import is a whole network. --inputs FILE then holds inputs (.npy, .npz
or idx), or --draw N draws them. Printed are each step and the total: means, percentiles, and the
worst input. --out writes summary.json, steps.csv, inputs.csv, kinds.csv (energy by kind of
price), products.csv (recurrent layers, step by step) and the outputs.

today/MODEL is a model of today, or a .toml file like those in models/today; today/MODEL/MATRIX is
one of its matrices, a layer. Printed is what a token takes: each matrix, the total, the chips that
hold it, and what is counted but not simulated. The word today stands for all of them, each on a
machine whose codebook is wide enough; --out then writes today.md, the page in docs, too.

--out DIR writes summary.json, layers.csv, energy.csv (one row an action: count, price, source),
kinds.csv (energy by kind of price), prices.csv, pes.csv (one row a PE), outputs.csv, hardware.toml
and manifest.json; when DIR exists, DIR-2 and so on is written instead.

--report FILE writes all but the outputs as one page of HTML that needs no network, with charts of
each PE's cycles and of the energy; when FILE exists it is replaced.

--energy-table FILE is a CSV file with the columns of prices.csv (component, part, action, value,
unit, kind, source; per, node_nm and voltage_v may be left out) and a row for each price to change.

examples:
  eiesim run alex-7 vgg-6
  eiesim run alex-8 --set queue_depth=16 --set spmat_width_bits=128
  eiesim run vgg-6 --dram-gbps 1
  eiesim run alex-6 alex-7 alex-8 --report page.html
  eiesim run layer.npz --inputs image.npy --engine reference --json
  eiesim run today/llama-2-7b --hardware eie-256pe-28nm --set ptr_bits=17
  eiesim run net.eie --inputs images.npy --labels classes.npy --set codebook_bits=8
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("layers", nargs="+", metavar="LAYER", help="name or file, see below")
    add_machine_arguments(parser)
    parser.add_argument(
        "--dram-gbps", action="append", metavar="X", dest="settings", type="dram_gbps={}".format,
        help="bandwidth for what the SRAMs do not hold, in GB/s, as --set dram_gbps=X "
        "(default: all it takes)",
    )  # fmt: skip
    parser.add_argument(
        "--engine",
        choices=("fast", "reference"),
        default="fast",
        help="compiled recurrences, or the discrete-event model (default: fast)",
    )
    parser.add_argument(
        "--inputs", metavar="FILE", help=".npy or .npz file with one input, or a network's"
    )
    parser.add_argument(
        "--balance", action="store_true",
        help="order the outputs so that the PEs have equal work (docs/balance.md)",
    )  # fmt: skip
    run_network.add_arguments(parser)
    run_today.add_arguments(parser)


def make_report(options: argparse.Namespace) -> Report:
    """Run the layers, a whole network, or models of today."""
    from eiesim.catalog.readers import Form, find_form
    from eiesim.runs.layer import run_layers
    from eiesim.runs.layer_report import report_layers

    forms = {find_form(word) for word in options.layers}
    is_today = run_today.ALL in options.layers or Form.TOKEN_MODEL in forms
    if not is_today:
        run_today.refuse_options(options)
    if Form.NETWORK in forms:
        return run_network.make_report(options)
    run_network.refuse_options(options)
    if is_today:
        return run_today.make_report(options)
    hw, prices = read_machine(options)
    work = run_layers(options.layers, hw, prices, options.engine, options.inputs, options.balance)
    return report_layers(list(track(work, options.layers)), prices)
