"""`eiesim export`: a compressed network for other tools."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from eiesim import __version__
from eiesim.base.errors import escape
from eiesim.cli.output import tell

if TYPE_CHECKING:
    from eiesim.report.report import Report

SCHEMA = "eiesim export 1"
TARGET = "FILE"
HELP = "Write a compressed network for another tool, with the weights that EIE multiplies with."
EPILOG = """\
FILE is a network (.eie, from eiesim import) or compressed layers (.dcz, from eiesim compress).

  pt           a state dictionary for PyTorch's load_state_dict (pip install 'eiesim[train]')
  safetensors  the same names; needs no package
  onnx         the whole network, which only an .eie file has (pip install 'eiesim[onnx]')

Weights are float32 numbers of the codebook, pruned ones 0; what the network then gives is what
eiesim run gives on the float32 datapath. A factor that follows a product (weight norm, batch
normalisation) is in its weights and bias.

examples:
  eiesim export model.eie --to onnx -o model.onnx
  eiesim export model.dcz --to safetensors -o model.safetensors
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("file", metavar="FILE", help="network (.eie) or layers (.dcz)")
    parser.add_argument("--to", required=True, metavar="FORM", help="pt, safetensors or onnx")


def make_report(options: argparse.Namespace) -> Report:
    """Read the network and write it."""
    from eiesim.base.files import check_writable
    from eiesim.catalog.model import read_compressed
    from eiesim.catalog.operands import Source, hash_file
    from eiesim.exporters import export_network
    from eiesim.report.report import Report

    check_writable(options.target)
    export_network(read_compressed(options.file), Path(options.target), options.to)
    tell(f"written: {escape(options.target)}")
    source = Source(options.file, hash_file(options.file))
    summary = {"schema": SCHEMA, "eiesim": __version__, "form": options.to, "file": options.target}
    title = f"{Path(options.file).stem}, exported"
    return Report(title=title, summary=summary, shown=(), sources=(source,))
