"""`eiesim export`: a compressed network for other tools."""

from __future__ import annotations

import argparse
from pathlib import Path

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
    parser.add_argument("-o", "--out", required=True, metavar="FILE", help="file to write")


def execute(options: argparse.Namespace) -> int:
    """Read the network and write it."""
    from eiesim.base.errors import escape
    from eiesim.base.files import check_writable
    from eiesim.catalog.model import read_compressed
    from eiesim.cli.output import tell
    from eiesim.exporters import export_network

    check_writable(options.out)
    export_network(read_compressed(options.file), Path(options.out), options.to)
    tell(f"written: {escape(options.out)}")
    return 0
