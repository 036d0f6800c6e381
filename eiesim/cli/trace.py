"""`eiesim trace`: a layer's run cycle by cycle, as a page and as files for other programs."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from eiesim.base.errors import ConfigError
from eiesim.cli.arguments import add_hardware_arguments, read_machine_alone
from eiesim.cli.output import track

if TYPE_CHECKING:
    from eiesim.report.report import Report

MOST_PES = 1 << 16
DEFAULT_FORMAT = "perfetto"
HELP = "Show or write who does what in which cycle of a layer's run."
EPILOG = """\
LAYER and --inputs are as in eiesim run. --report writes a page on which to see the array over time,
from the whole run to single cycles. DIR is a new folder with summary.json, manifest.json,
hardware.toml and the files of each format; docs/trace.md documents them.

  vcd        trace.vcd with layouts for GTKWave and Surfer (pip install 'eiesim[trace]')
  fst        trace.fst, the same signals compressed (pip install 'eiesim[trace]')
  perfetto   trace.json for ui.perfetto.dev: a track for each PE; 1 us is 1 cycle
  csv        events/: a file for each kind of event
  ramulator  dram.csv (address, type, cycle) and ramulator.trace, where DRAM is read

examples:
  eiesim trace alex-8 --report alex-8.html
  eiesim trace alex-8 -o trace
  eiesim trace alex-8 -o trace --format vcd,csv --from 1000 --to 1200 --pes 0-7
  eiesim trace vgg-6 -o trace --format ramulator --set dram_gbps=1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("layer", metavar="LAYER", help="name or file, as in eiesim run")
    add_hardware_arguments(parser)
    parser.add_argument("--inputs", metavar="FILE", help=".npy or .npz file with one input")
    parser.add_argument(
        "--format", metavar="A,B,...", dest="formats",
        help=f"vcd, fst, perfetto, csv, ramulator (default: {DEFAULT_FORMAT})",
    )  # fmt: skip
    parser.add_argument(
        "--from", type=int, default=0, metavar="CYCLE", dest="first_cycle",
        help="first cycle to keep (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--to", type=int, metavar="CYCLE", dest="last_cycle",
        help="last cycle to keep (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--pes", metavar="0-7,12", help="PEs to keep: numbers and ranges (default: all)"
    )


def make_report(options: argparse.Namespace) -> Report:
    """Trace the layer; the files are written with the report."""
    from eiesim.catalog.readers import load_operands
    from eiesim.runs.trace import check_formats, trace_operands
    from eiesim.sim.tracing import Window

    if options.out is None and options.report is None:
        raise ConfigError("trace: expected --report FILE for a page, or --out DIR for files")
    if options.out is None and options.formats is not None:
        raise ConfigError("--format goes with --out DIR")
    names = DEFAULT_FORMAT if options.formats is None else options.formats
    formats = check_formats(
        [] if options.out is None else [name.strip() for name in names.split(",")]
    )
    pes = None if options.pes is None else parse_pes(options.pes)
    window = Window(options.first_cycle, options.last_cycle, pes)
    hw = read_machine_alone(options)
    window.list_pes(hw.n_pes)
    found = trace_operands(load_operands(options.layer, options.inputs), hw, window, formats)

    def write_files(folder: Path) -> None:
        for _ in track(found.write(folder), formats):
            pass

    return found.report(write_files)


def parse_pes(text: str) -> tuple[int, ...]:
    """Return the PEs of a text such as ``0-7,12``.

    Raises
    ------
    ConfigError
        It is not of that form.
    """
    numbers: list[int] = []
    for word in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", word, re.ASCII)
        if found is None:
            raise ConfigError(f"pes {text!r}: expected numbers and ranges such as 0-7,12")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise ConfigError(f"pes {text!r}: expected a range that ascends, found {word.strip()}")
        numbers += range(first, min(last, first + MOST_PES) + 1)
    return tuple(numbers)
