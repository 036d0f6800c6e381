"""`eiesim compress`: networks made small, and where their bits go."""

from __future__ import annotations

import argparse
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from eiesim.base.errors import ConfigError
from eiesim.cli.arguments import add_plan_arguments, read_plan_options
from eiesim.cli.common import check_ranges, refuse_useless
from eiesim.cli.output import tell, track

if TYPE_CHECKING:
    from eiesim.report.report import Report
    from eiesim.runs.compressed import Network

HELP = "Prune a network, let its weights share codebooks, and write a file as small as it says."
EPILOG = """\
NETWORK is
  a .npz file of weights, float32 [outputs, inputs] or [outputs, inputs, height, width] each, called
  NAME or NAME.weight, a bias NAME.bias beside it; a .safetensors or .caffemodel file, or one of
  PyTorch's (.pt, .pth, .ckpt, .bin): pruned and shared here, without retraining;
  a .dcz file, or a .net file of Deep Compression's authors with --prototxt: compressed already;
  alexnet, vgg-16, googlenet, squeezenet, lenet-5, lenet-300-100 or neuraltalk: weights drawn with
  the densities of the papers;
  with --train, a network of eiesim's own (lenet-300-100, lenet-5, ...): trained, pruned with
  retraining, shared and fine-tuned with PyTorch (pip install 'eiesim[train]').

The table is the ledger: bits of dense weights, after pruning, after sharing, and in the file; the
parts add up to the file on disk. Beside it stand cycles and energy of fully connected layers on
EIE, with inputs drawn at random, and what sharing did to the weights: relative and largest error,
changed signs, entries of the codebook that are used, and those that k-means left empty and that
were moved. Arrays that are left out are named.

--plan FILE is a .toml file with keys for all layers and a table [layers.NAME] for each that
differs. Keys, there and for --set:
  density, threshold or quality   share to keep; smallest magnitude to keep; the same in standard
                                  deviations of the layer (default: what is zero goes)
  codebook_bits, index_bits       1 to 8 bits of a code and of a relative index (default: 4, 4)
  initialisation, seed            linear, density, forgy or optimal codebooks (default: linear)

--out DIR writes NAME.dcz, ledger.csv, summary.json, manifest.json, hardware.toml and a chart of the
file's parts.
--stages DIR keeps each stage; what is there and still fits is not computed again.

examples:
  eiesim compress weights.npz --set density=0.1 --out small
  eiesim compress weights.npz --plan plan.toml --set fc8.codebook_bits=5 --stages stages
  eiesim compress small/weights.dcz
  eiesim compress lenet-300-100 --train --out lenet
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("network", metavar="NETWORK", help="file or name, see below")
    add_plan_arguments(parser)
    parser.add_argument("--prototxt", metavar="FILE", help="definition of a .net file's network")
    parser.add_argument(
        "--train", action="store_true", help="train NETWORK, one of eiesim's own, and compress it"
    )
    parser.add_argument(
        "--data", metavar="DIR",
        help="with --train: folder of MNIST's four files (default: what needs no file)",
    )  # fmt: skip
    parser.add_argument(
        "--balance-pes", type=int, metavar="N",
        help="with --train: PEs that keep equally many weights each (docs/balance.md; default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of the training, of drawn weights and of inputs (default: 0)",
    )
    parser.add_argument("--stages", metavar="DIR", help="keep stages here and go on from them")
    parser.add_argument(
        "--hardware", default="eie-64pe-45nm", metavar="NAME|FILE",
        help="machine to count cycles on (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--activation-density", type=float, default=1.0, metavar="X",
        help="share of inputs that are not zero (default: 1)",
    )  # fmt: skip


def make_report(options: argparse.Namespace) -> Report:
    """Compress the network, and count where its bits go."""
    from eiesim.energy.machine import price_machine
    from eiesim.hardware import read_hardware
    from eiesim.runs.compressed import Input, report_compressed

    check_ranges(options, activation_density=(0, 1), seed=(0, inf), balance_pes=(1, 1024))
    hw = read_hardware(options.hardware)
    network = _train(options) if options.train else _load(options)
    activations = Input(options.activation_density, options.seed)
    return report_compressed(network, hw, price_machine(hw), activations)


def _load(options: argparse.Namespace) -> Network:
    from eiesim.catalog.readers import read_weights_file
    from eiesim.compress.pipeline import compress_network
    from eiesim.compress.plan import read_plan
    from eiesim.runs.compressed import collect, read_compressed

    refuse_useless(options, "data", "goes with --train")
    refuse_useless(options, "balance-pes", "goes with --train; without it, --set balance_pes=N")
    plan = read_plan_options(options)
    path = Path(options.network)
    network = read_compressed(options.network, options.prototxt, options.seed)
    if network is not None:
        if plan is not None or options.stages is not None:
            raise ConfigError(
                f"{path}: is compressed already: --plan, --set and --stages go with weights"
            )
        return network
    stages = None if options.stages is None else Path(options.stages)
    weights = read_weights_file(path)
    usual = {name: {"codebook_bits": bits} for name, bits in weights.code_bits.items()}
    chosen = (plan or read_plan(None)).prefer(usual)
    steps = list(track(compress_network(weights.layers, chosen, stages), list(weights.layers)))
    return collect(path, weights, steps)


def _train(options: argparse.Namespace) -> Network:
    from eiesim.paper.cache import find_folder
    from eiesim.runs.compressed import read_compressed
    from eiesim.training.training import train_network

    if options.plan is not None or options.settings or options.prototxt is not None:
        raise ConfigError("--plan, --set and --prototxt do not go with --train")
    default = find_folder() / "training" / f"{options.network}-seed{options.seed}"
    stages = default if options.stages is None else Path(options.stages)
    data = None if options.data is None else Path(options.data)
    pes = options.balance_pes or 1
    result = train_network(options.network, data, options.seed, stages, tell, pes)
    tell(f"stages are kept in {stages}")
    network = read_compressed(str(result.path))
    assert network is not None
    return network
