"""`eiesim export`: a compressed network for other tools, or a layer for the RTL or a simulator."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from eiesim import __version__
from eiesim.base.errors import ConfigError, WorkloadError, did_you_mean, escape
from eiesim.cli.common import refuse_useless
from eiesim.cli.output import tell

if TYPE_CHECKING:
    from eiesim.catalog.operands import Source
    from eiesim.report.report import Report

SCHEMA = "eiesim export 1"
TARGET = "FILE|DIR"
HELP = (
    "Write a compressed network for another tool, or a layer for the RTL or the authors' simulator."
)
EPILOG = """\
FILE is a network (.eie, from eiesim import) or compressed layers (.dcz, from eiesim compress).

  pt           a state dictionary for PyTorch's load_state_dict (pip install 'eiesim[train]')
  safetensors  the same names; needs no package
  onnx         the whole network, which only an .eie file has (pip install 'eiesim[onnx]')
  rtl          a folder: of a layer and an input, the memories of every PE, and the cycles, reads,
               writes and outputs that the RTL must give (docs/rtl.md); the numbers are 16-bit
               fixed point
  authors      a folder as the EIE authors' simulator reads it: ptr/, spm/, act.dat and arithm.dat

For rtl and authors, FILE is a layer as in eiesim run, which reads both folders back.

Weights are float32 numbers of the codebook, pruned ones 0; what the network then gives is what
eiesim run gives on the float32 datapath. A factor that follows a product (weight norm, batch
normalisation) is in its weights and bias.

examples:
  eiesim export model.eie --to onnx -o model.onnx
  eiesim export model.dcz --to safetensors -o model.safetensors
  eiesim export alex-8 --to rtl --set n_pes=32 -o alex-8-rtl
  eiesim run alex-8-rtl --hardware alex-8-rtl/hardware.toml
"""
RTL, AUTHORS = "rtl", "authors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("file", metavar="FILE", help="network (.eie), layers (.dcz), or a layer")
    parser.add_argument(
        "--to", required=True, metavar="FORM", help="pt, safetensors, onnx, rtl or authors"
    )  # fmt: skip
    parser.add_argument(
        "--hardware", metavar="NAME|FILE",
        help="rtl, authors: preset or .toml file of the machine (default: eie-64pe-45nm)",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", metavar="KEY=VALUE",
        help="rtl, authors: change a field of the hardware, such as n_pes=16; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--inputs", metavar="FILE", help="rtl, authors: .npy or .npz file with one input"
    )  # fmt: skip
    parser.add_argument(
        "--format", metavar="FORM",
        help="rtl: memories as hex for $readmemh (default), mif for Intel's tools or coe for AMD's",
    )  # fmt: skip


def make_report(options: argparse.Namespace) -> Report:
    """Read the network or the layer, and write it."""
    from eiesim.exporters import FORMATS
    from eiesim.report.report import Report

    forms = (*FORMATS, RTL, AUTHORS)
    if options.to not in forms:
        raise WorkloadError(f"form {options.to!r}: {did_you_mean(options.to, forms)}")
    if options.to != RTL:
        refuse_useless(options, "format", "goes with --to rtl")
    export = _export_layer if options.to in (RTL, AUTHORS) else _export_network
    written, sources = export(options)
    tell(f"written: {escape(written)}")
    summary = {"schema": SCHEMA, "eiesim": __version__, "form": options.to, "file": written}
    title = f"{Path(options.file).stem}, exported"
    return Report(title=title, summary=summary, shown=(), sources=sources)


def _export_network(options: argparse.Namespace) -> tuple[str, tuple[Source, ...]]:
    from eiesim.base.files import check_writable
    from eiesim.catalog.model import read_compressed
    from eiesim.catalog.operands import Source, hash_file
    from eiesim.exporters import export_network

    refuse_useless(options, "hardware set inputs", "goes with --to rtl and authors")
    check_writable(options.target)
    export_network(read_compressed(options.file), Path(options.target), options.to)
    return options.target, (Source(options.file, hash_file(options.file)),)


def _export_layer(options: argparse.Namespace) -> tuple[str, tuple[Source, ...]]:
    from eiesim.catalog.readers import load_operands
    from eiesim.exporters.authors import export_authors
    from eiesim.exporters.rtl import export_rtl
    from eiesim.hardware import Hardware, read_hardware
    from eiesim.image import encode

    settings = options.set or []
    if options.to == AUTHORS:
        _refuse_settings(settings)
    hw = Hardware() if options.hardware is None else read_hardware(options.hardware)
    hw = hw.with_settings(settings)
    operands = load_operands(options.file, options.inputs)
    image = encode(operands.layer, hw)
    if options.to == AUTHORS:
        folder = export_authors(image, operands.activations, options.target)
    else:
        form = "hex" if options.format is None else options.format
        folder = export_rtl(image, operands.activations, hw, options.target, form)
    return str(folder), operands.sources


def _refuse_settings(settings: list[str]) -> None:
    """Refuse fields of the hardware that the authors' folder does not depend on."""
    from eiesim.views import LayoutView

    acting = (*LayoutView._fields, "codebook_bits")
    keys = [text.partition("=")[0].strip() for text in settings]
    useless = [key for key in keys if key not in acting]
    if useless:
        raise ConfigError(
            *(f"--set {key}: --to authors depends on {', '.join(acting)} alone" for key in useless)
        )
