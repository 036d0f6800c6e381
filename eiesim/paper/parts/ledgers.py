"""Common work of Deep Compression's Tables 1 to 5 and 7 and Figure 11: ledgers of networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from eiesim.base.published import read_table
from eiesim.catalog.drawn import Distribution, draw_network, find_source
from eiesim.catalog.networks import load_network
from eiesim.catalog.operands import Source, hash_file
from eiesim.catalog.trained import load_trained, trained_names
from eiesim.compress.ledger import TOTAL, Ledger, count_bits, count_net_bytes
from eiesim.importers.net import read_net
from eiesim.importers.npz import read_layer
from eiesim.layer.weights import StoredLayer
from eiesim.paper.experiment import Work
from eiesim.paper.parts.accuracy import NET
from eiesim.paper.parts.workloads import ALEX8

DRAWN, LAPLACE, REAL, TRAINED = "drawn", "drawn, Laplace", "real", "trained here"
FOUR_BITS = "drawn, 4-bit codes"
"""Origins of weights."""
NAMES = {
    "LeNet-300-100": "lenet-300-100",
    "LeNet-5": "lenet-5",
    "AlexNet": "alexnet",
    "VGG-16": "vgg-16",
    "GoogLeNet": "googlenet",
    "SqueezeNet": "squeezenet",
}
"""Printed names of the networks, and their names here."""
ALEXNET = "AlexNet"
STEPS = (*(f"{name}, drawn" for name in NAMES), "real and trained networks")
READS = (*NET, ALEX8)
NO_SQUEEZENET = f"{NET[0]} is missing"
MAGNITUDES: tuple[tuple[str, Distribution], ...] = ((DRAWN, "normal"), (LAPLACE, "laplace"))
ORIGIN = """\
Weights drawn: shapes, densities and bits are the paper's, places are filled as unevenly as in real
layers, and values are the largest of normal weights, shared by k-means, so that the frequencies of
codes follow from the density alone; of Laplace weights (drawn, Laplace) to show what that
assumption decides. Drawn, 4-bit codes: AlexNet's fully connected layers with 4 bits instead of 5.
Trained here: eiesim's own LeNets on MNIST, from models/trained."""


@dataclass(frozen=True, eq=False)
class NetworkBits:
    """A network's ledger.

    Attributes
    ----------
    name
        As in `NAMES`, or ``Alex-8``.
    net_bytes
        Length of the authors' `.net` file by our count, if the network is from one.
    seed
        Of a trained network.
    """

    name: str
    workload: str
    ledger: Ledger
    sources: tuple[Source, ...] = ()
    net_bytes: int | None = None
    seed: int | None = None


@cache
def _count_drawn(network: str, magnitudes: Distribution, fc_bits: int | None = None) -> Ledger:
    """Return the ledger of a drawn network; `fc_bits` replaces the bits of its last layers."""
    spec = load_network(network)
    layers = tuple(
        replace(layer, codebook_bits=fc_bits) if fc_bits and layer.kind == "fc" else layer
        for layer in spec.layers
    )
    return count_bits(tuple(draw_network(replace(spec, layers=layers), 0, magnitudes)))


def work(
    data: Path, drawn: Sequence[tuple[str, Distribution]] = MAGNITUDES
) -> Iterator[tuple[NetworkBits, ...]]:
    """Draw, read and count every network, one part after the other.

    `drawn` are the distributions of weights, with the names of their workloads.
    """
    for name, network in NAMES.items():
        source = (find_source(network),)
        counted = tuple(
            NetworkBits(name, workload, _count_drawn(network, magnitudes), source)
            for workload, magnitudes in drawn
        )
        if name == ALEXNET:
            four_bits = _count_drawn(network, "normal", 4)
            counted += (NetworkBits(name, FOUR_BITS, four_bits, source),)
        yield counted
    yield (*_count_trained(), *_count_real(data))


WORK = Work(STEPS, work, READS)


def _count_trained() -> Iterator[NetworkBits]:
    for name, network in NAMES.items():
        if network not in trained_names():
            continue
        for run in load_trained(network).account["seeds"]:
            content = load_trained(network, run["seed"]).container
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
        ledger = count_bits([StoredLayer(layer, (layer.rows, layer.cols))])
        yield NetworkBits("Alex-8", REAL, ledger, sources)


def choose(
    parts: Iterable[Sequence[NetworkBits]], name: str, workload: str
) -> tuple[NetworkBits, ...]:
    """Return a network of one origin: none, one, or one a seed."""
    return tuple(
        bits for part in parts for bits in part if (bits.name, bits.workload) == (name, workload)
    )


def find_nearest(parts: Iterable[Sequence[NetworkBits]], name: str) -> tuple[NetworkBits, ...]:
    """Return the network nearest to the paper's: trained here, else real, else drawn."""
    rounds = [*parts]
    nearest = (choose(rounds, name, workload) for workload in (TRAINED, REAL, DRAWN))
    return next(filter(None, nearest), ())


def describe_before(ours: Ledger, printed: Mapping[str, str]) -> str:
    """Return a text on the size of a network before Huffman codes, ours and the printed one."""
    paper = 100 / float(printed["rate_percent_pq"])
    return (
        f"before Huffman codes it is {ours.total.shared_rate:.1f} times smaller than dense, in the "
        f"paper's table {paper:.1f} times"
    )


def describe_gap(ours: Ledger, printed: Mapping[str, str]) -> str:
    """Return a text on the size of a network before Huffman codes, and their gain."""
    before, after = (float(printed[f"rate_percent_{stage}"]) for stage in ("pq", "pqh"))
    gain = ours.total.shared_bits / ours.total.file_bits
    return (
        f"{describe_before(ours, printed)}; Huffman codes take it down by {gain:.2f}, in the table "
        f"by {before / after:.2f}"
    )


def find_total(name: str) -> dict[str, str]:
    """Return the total of one of the four networks of Tables 2 to 5."""
    rows = read_table("paper/dc_tables2to5")
    return next(row for row in rows if (row["network"], row["layer"]) == (name, TOTAL))


def list_sources(networks: Iterable[NetworkBits]) -> tuple[Source, ...]:
    """Return the files that networks were read from, each once."""
    return tuple(dict.fromkeys(source for bits in networks for source in bits.sources))
