"""What Deep Compression's Tables 1 to 5 and 7 and Figure 11 share: ledgers of whole networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eiesim.compress.ledger import Ledger, count_bits, count_net_bytes
from eiesim.importers.net import read_net
from eiesim.importers.npz import read_layer
from eiesim.layer import StoredLayer
from eiesim.network import load_network
from eiesim.study.accuracy import NET
from eiesim.study.drawn_network import Distribution, draw_network, find_source
from eiesim.study.experiment import Source, hash_file
from eiesim.study.workloads import ALEX8
from eiesim.trained import load_trained, trained_names

DRAWN, LAPLACE, REAL, TRAINED = "drawn", "drawn, Laplace", "real", "trained here"
"""Where weights come from."""
NAMES = {
    "LeNet-300-100": "lenet-300-100",
    "LeNet-5": "lenet-5",
    "AlexNet": "alexnet",
    "VGG-16": "vgg-16",
    "GoogLeNet": "googlenet",
    "SqueezeNet": "squeezenet",
}
"""The networks as they are printed, and as they are called here."""
STEPS = (*(f"{name}, drawn" for name in NAMES), "real and trained networks")
READS = (*NET, ALEX8)
MAGNITUDES: tuple[tuple[str, Distribution], ...] = ((DRAWN, "normal"), (LAPLACE, "laplace"))
ORIGIN = """\
Weights drawn: shapes, densities and bits are the paper's, places are filled as unevenly as in real
layers, and values are the largest of normal weights, shared by k-means, so that the frequencies of
codes follow from the density alone; of Laplace weights (drawn, Laplace) to show what that
assumption decides. Trained here: eiesim's own LeNets on MNIST, from models/trained."""


@dataclass(frozen=True, eq=False)
class NetworkBits:
    """A network's ledger.

    Attributes
    ----------
    name : str
        As in `NAMES`, or ``Alex-8``.
    workload : str
        Where its weights come from.
    ledger : Ledger
        Its bits.
    sources : tuple of Source
        Files that were read.
    net_bytes : int or None
        Length of the authors' `.net` file by our count, where the network comes from one.
    seed : int or None
        Of a trained network.
    """

    name: str
    workload: str
    ledger: Ledger
    sources: tuple[Source, ...] = ()
    net_bytes: int | None = None
    seed: int | None = None


@cache
def _count_drawn(own: str, magnitudes: Distribution) -> Ledger:
    """Return the ledger of a network that is drawn, the same for all tables."""
    return count_bits(tuple(draw_network(load_network(own), 0, magnitudes)))


def work(
    data: Path, drawn: Sequence[tuple[str, Distribution]] = MAGNITUDES
) -> Iterator[tuple[NetworkBits, ...]]:
    """Draw, read and count every network, one part after the other.

    Parameters
    ----------
    data : Path
        Folder of real data.
    drawn : sequence of (str, str)
        What weights are drawn from, by the name of the workload.
    """
    for name, own in NAMES.items():
        source = (find_source(own),)
        yield tuple(
            NetworkBits(name, workload, _count_drawn(own, magnitudes), source)
            for workload, magnitudes in drawn
        )
    yield (*_count_trained(), *_count_real(data))


def _count_trained() -> Iterator[NetworkBits]:
    for name, own in NAMES.items():
        if own not in trained_names():
            continue
        for run in load_trained(own).account["seeds"]:
            content = load_trained(own, run["seed"]).container
            ledger = count_bits(content.layers, content.metadata)
            yield NetworkBits(name, TRAINED, ledger, seed=run["seed"])


def _count_real(data: Path) -> Iterator[NetworkBits]:
    if all((data / file).is_file() for file in NET):
        layers = read_net(data / NET[0], data / NET[1])
        sources = tuple(Source(file, hash_file(data / file)) for file in NET)
        yield NetworkBits("SqueezeNet", REAL, count_bits(layers), sources, count_net_bytes(layers))
    if (data / ALEX8).is_file():
        layer, _ = read_layer(data / ALEX8)
        sources = (Source(ALEX8, hash_file(data / ALEX8)),)
        yield NetworkBits(
            "Alex-8", REAL, count_bits([StoredLayer(layer, (layer.rows, layer.cols))]), sources
        )


def choose(
    parts: Iterable[Sequence[NetworkBits]], name: str, workload: str
) -> tuple[NetworkBits, ...]:
    """Return a network of one origin: none, one, or one a seed.

    Parameters
    ----------
    parts : iterable of sequence of NetworkBits
        From `work`.
    name, workload : str
        Which.
    """
    return tuple(
        bits for part in parts for bits in part if (bits.name, bits.workload) == (name, workload)
    )


def find_nearest(parts: Iterable[Sequence[NetworkBits]], name: str) -> tuple[NetworkBits, ...]:
    """Return a network as near to the paper's as there is: trained here, or real, or drawn.

    Parameters
    ----------
    parts : iterable of sequence of NetworkBits
        From `work`.
    name : str
        Of `NAMES`.
    """
    rounds = [*parts]
    found = (choose(rounds, name, workload) for workload in (TRAINED, REAL, DRAWN))
    return next((networks for networks in found if networks), ())


def list_sources(networks: Iterable[NetworkBits]) -> tuple[Source, ...]:
    """Return the files that networks were read from, each once.

    Parameters
    ----------
    networks : iterable of NetworkBits
        The networks.
    """
    return tuple(dict.fromkeys(source for bits in networks for source in bits.sources))
