"""`eiesim import`: a network of one's own, made ready for EIE."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from eiesim.base.errors import ConfigError, escape
from eiesim.cli.arguments import add_plan_arguments, read_plan_options
from eiesim.cli.output import tell

if TYPE_CHECKING:
    from eiesim.importers.described import Interface
    from eiesim.report.report import Report

TARGET = "NET.eie"
SIZES, NUMBER = r"\d+(?:,\d+)*", r"-?\d+(?:\.\d*)?(?:e-?\d+)?"
HELP = "Take a network from a file, compress it where it is not, and write it for eiesim run."
EPILOG = """\
FILE is
  weights: .npz, .safetensors or an .index.json of several, PyTorch's .pt, .pth, .ckpt or .bin
  (without PyTorch, nothing in it is executed), or a .caffemodel;
  an .onnx file, which has its steps too (pip install 'eiesim[onnx]');
  a .net file of Deep Compression's authors, or a .dcz file: compressed already, codes stay as they
  are;
  a folder of a character LSTM of ml5.js, with manifest.json;
  a folder of the EIE authors' simulator: ptr/, spm/, act.dat and arithm.dat;
  a folder of eiesim export --to rtl: SHA256SUMS and what it lists.

--graph FILE has the steps where FILE does not: a .prototxt, or a .toml or .json file (see
docs/networks.md). Without one, fully connected layers follow one another with ReLU between them, in
the one order that names and shapes leave; LSTM and GRU modules of PyTorch are found by their names.

--shape and --fix say what an .onnx file leaves open of its inputs. Where they decide which branch
of an If is taken, the branch takes its place, and its products are EIE's.

Of an .onnx file nothing is left out: ONNX Runtime runs what EIE does not, and products among that
are named with the reason. Of a .prototxt, a layer that EIE cannot run is named with its reason, and
the rest goes on: what it would give becomes an input of the network.

--plan and --set are those of eiesim compress, for weights. Nothing is pruned by default but zeros;
codes have 8 bits in convolutions and 4 bits elsewhere, also where a setting names other layers.

--winograd transforms 3 x 3 convolutions of stride 1: 16 products for four outputs instead of 36.
Density and codebook are then those of the transformed weights.

examples:
  eiesim import model.pt -o model.eie --set density=0.1
  eiesim import silero_vad.onnx --shape input=1,576 --shape state=2,1,128 --fix sr=16000 -o vad.eie
  eiesim import lenet.caffemodel --graph lenet.prototxt -o lenet.eie
  eiesim run lenet.eie --inputs images.npy
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("file", metavar="FILE", help="file or folder, see below")
    parser.add_argument("--graph", metavar="FILE", help="file with the steps, see below")
    add_plan_arguments(parser)
    parser.add_argument(
        "--winograd", action="store_true", help="transform 3 x 3 convolutions of stride 1"
    )
    parser.add_argument(
        "--output", action="append", default=[], metavar="STEP",
        help="step whose result is wanted (default: all that no other step takes); may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--share-biases", action="store_true",
        help="give biases the nearest entry of the codebook, so that EIE adds them (default: the "
        "host adds them as they are)",
    )  # fmt: skip
    parser.add_argument(
        "--shape", action="append", default=[], metavar="INPUT=SIZES",
        help="sizes of an input that an .onnx file leaves open, as sound=1,16000; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--fix", action="append", default=[], metavar="INPUT=NUMBER",
        help="number that an input of an .onnx file always is, as rate=16000; may be repeated",
    )  # fmt: skip


def make_report(options: argparse.Namespace) -> Report:
    """Import the network, write it, and describe its layers and what is left out."""
    from eiesim.base.files import check_writable
    from eiesim.catalog.model import EIE, import_model
    from eiesim.runs.imported import report_imported

    if Path(options.target).suffix.lower() != EIE:
        raise ConfigError(f"--out {options.target}: expected a name that ends in {EIE}")
    check_writable(options.target)
    imported = import_model(
        options.file, options.graph, read_plan_options(options), options.winograd,
        _read_interface(options), options.share_biases,
    )  # fmt: skip
    imported.model.save(options.target)
    tell(f"written: {escape(options.target)}")
    return report_imported(imported)


def _read_interface(options: argparse.Namespace) -> Interface:
    """Return what --shape, --fix and --output say; ConfigError lists all that are malformed."""
    from eiesim.importers.described import Interface

    problems: list[str] = []
    shapes = _split(options.shape, SIZES, "--shape", "sizes, as sound=1,16000", problems)
    values = _split(options.fix, NUMBER, "--fix", "number, as rate=16000", problems)
    if problems:
        raise ConfigError(*problems)
    return Interface(
        {name: tuple(map(int, sizes.split(","))) for name, sizes in shapes.items()},
        {name: float(number) for name, number in values.items()},
        tuple(options.output),
    )


def _split(
    texts: list[str], form: str, flag: str, expected: str, problems: list[str]
) -> dict[str, str]:
    """Return the values by input; what has another form is added to the problems."""
    matches = {text: re.fullmatch(rf"(.+)=({form})", text, re.ASCII) for text in texts}
    problems += [
        f"{flag} {text!r}: expected an input and its {expected}"
        for text, match in matches.items()
        if match is None
    ]
    return {match[1]: match[2] for match in matches.values() if match}
