"""`eiesim run`: layers on a machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from eiesim.cli import run_network
from eiesim.cli.hardware_arguments import add_machine_arguments, read_machine

HELP = "Run layers, or a whole network, on an EIE machine and count cycles and accesses."
EPILOG = """\
LAYER is the name of a benchmark layer (alex-6 alex-7 alex-8 vgg-6 vgg-7 vgg-8 nt-we nt-wd nt-lstm),
a layer of a network that eiesim trained (lenet-300-100/ip1), a .toml file like those in models/, an
image saved by InterleavedCSC.save, a folder of the EIE authors' simulator (ptr/, spm/, act.dat,
arithm.dat), or a .npz file with
  codes     uint8 [rows, cols]   codebook index of every weight, 0 = pruned
  codebook  float32 [2**bits]    shared weights, entry 0 is 0.0
  bias      uint8 [rows]         codebook index of every bias (may be left out)
  act       float32 [cols]       one input (may be left out with --inputs)

A .eie file of eiesim import is a whole network. --inputs FILE then holds inputs (.npy, .npz
or idx), or --draw N draws them. Printed are each step and the total: means, percentiles, and the
worst input. --out writes summary.json, steps.csv, inputs.csv, products.csv (recurrent layers,
step by step) and the outputs.

--out DIR writes summary.json, layers.csv, energy.csv (one row an action: count, price, source),
prices.csv, pes.csv (one row a PE), outputs.csv, hardware.toml and manifest.json; when DIR exists,
DIR-2 and so on is written instead.

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
  eiesim run net.eie --inputs images.npy --labels classes.npy --set codebook_bits=8
"""
SHOWN = (
    "layer", "cycles", "latency_us", "theoretical_us", "load_balance", "broadcasts",
    "stall_cycles", "macs", "padding_macs", "ptr_reads", "spmat_reads", "fits",
)  # fmt: skip
SHOWN_IF_STREAMED = ("dram_stall_cycles", "dram_bytes", "dram_gbps_average", "dram_gbps_needed")


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
    parser.add_argument("--json", action="store_true", help="print summary.json instead of a table")
    parser.add_argument("--out", metavar="DIR", help="write a folder of results")
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="write one page of HTML with charts, tables and the machine",
    )
    run_network.add_arguments(parser)


def execute(options: argparse.Namespace) -> int:
    """Run the layers, print them, and write the folder and the page."""
    from eiesim.importers.kinds import Kind, holds

    if any(holds(word, Kind.CONTAINER) for word in options.layers):
        return run_network.execute(options)
    run_network.refuse_options(options)
    from eiesim.cli.output import print_table, result_folder, track
    from eiesim.runs import store
    from eiesim.runs.clock import check_runs
    from eiesim.runs.layer import run_layers

    hw, prices = read_machine(options)
    with result_folder(options.out) as folder, result_page(options.report) as page:
        work = run_layers(
            options.layers, hw, prices, options.engine, options.inputs, options.balance
        )
        runs = list(track(work, options.layers))
        if folder is not None:
            store.write_run(folder, runs, prices, options.words)
        if page is not None:
            from eiesim.runs.layer_page import render_run

            text = render_run(runs, prices, options.words)
            page.write(text.encode("utf-8", errors="backslashreplace"))
    if options.json:
        print(store.to_json(store.summarise(runs, hw, prices)), end="")
    else:
        rows = [store.describe_layer(run) for run in runs]
        streamed = SHOWN_IF_STREAMED if any(row["dram_bytes"] for row in rows) else ()
        print_table([{key: row[key] for key in (*SHOWN, *streamed)} for row in rows])
        modules = [store.describe_modules(run) for run in runs]
        spent = [key for key in modules[0] if any(row[key] != 0 for row in modules)]
        print_table([{key: row[key] for key in spent} for row in modules])
        for override in prices.overrides:
            print(f"price of {override}")
        for run in runs:
            for problem in store.describe_problems(run):
                print(problem)
        if clock := check_runs(hw, prices, [run.result for run in runs])["text"]:
            print(clock)
    return 0


@contextmanager
def result_page(path: str | None) -> Iterator[IO[bytes] | None]:
    """Give the file of ``--report``, and tell its name once it is whole; None without ``--report``.

    Entered before any work, as the folder of ``--out``.

    Parameters
    ----------
    path : str or None
        What was given to ``--report``.

    Raises
    ------
    EieError
        The file cannot be written.
    """
    if path is None:
        yield None
        return
    from eiesim.base.errors import EieError, escape
    from eiesim.base.files import replacing
    from eiesim.cli.output import tell

    if Path(path).is_dir():
        raise EieError(f"{path!r}: expected the name of a file, found a folder")
    with replacing(path) as stream:
        yield stream
    tell(f"written: {escape(path)}")
