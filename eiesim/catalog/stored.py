"""Networks whose layers are compressed already: in a container, by Deep Compression, or drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from eiesim.base.errors import WorkloadError
from eiesim.catalog.drawn import draw_network, find_source
from eiesim.catalog.networks import load_network
from eiesim.catalog.operands import Source, hash_file
from eiesim.compress.container import read_dcz
from eiesim.graph import Graph, infer_shapes
from eiesim.importers.chain import describe_chain, guess_chain
from eiesim.importers.net import read_net
from eiesim.importers.network_file import NetworkFile, place_layers, read_steps
from eiesim.layer.weights import CompressedLayer, StoredLayer

GRAPH = "graph"
"""Key of the steps of a network in a container's metadata."""


class StoredNetwork(NamedTuple):
    """Compressed layers, the metadata of their file, and where they came from."""

    layers: tuple[StoredLayer, ...]
    metadata: Mapping[str, str]
    sources: tuple[Source, ...]


def read_container(path: str) -> StoredNetwork:
    """Read the layers of a `.dcz` or `.eie` file; a missing or damaged one is a WorkloadError."""
    content = read_dcz(path)
    return StoredNetwork(content.layers, content.metadata, (_cite(path),))


def read_published(path: str, definition: str) -> StoredNetwork:
    """Read the layers of a `.net` file, whose shapes a `.prototxt` defines."""
    sources = (_cite(path), _cite(definition))
    return StoredNetwork(read_net(path, definition), {}, sources)


def draw_named(name: str, seed: int) -> StoredNetwork:
    """Draw the layers of a network of `models/networks/`."""
    layers = tuple(draw_network(load_network(name), seed))
    return StoredNetwork(layers, {"weights": f"drawn, seed {seed}"}, (find_source(name, seed),))


def _cite(path: str) -> Source:
    return Source(str(Path(path)), hash_file(path))


def place_container(path: str, steps: str | None = None) -> NetworkFile:
    """Return the network of a `.dcz` file, with its steps or a chain of its layers.

    Raises WorkloadError if the file is damaged, or holds its steps, as a `.eie` file does.
    """
    container = read_dcz(path)
    if GRAPH in container.metadata:
        raise WorkloadError(
            f"{path}: expected a network to be imported, found one that is (.eie); run it as it is"
        )
    stored = {layer.name: layer for layer in container.layers}
    if steps is not None:
        return _turn_tables(place_layers(path, read_steps(steps), stored=stored))
    graph = guess_chain({name: layer.shape for name, layer in stored.items()}, {}, path)
    return NetworkFile(graph, stored=stored, notes=describe_chain(graph))


def _turn_tables(network: NetworkFile) -> NetworkFile:
    """Transpose embeddings that are [vocabulary, numbers], as in frameworks, if only that fits."""
    tables = {step.layer for step in network.graph.steps if step.op == "embedding"}
    transposed = {
        name: _transpose(layer)
        if name in tables and layer.bias is None and len(layer.shape) == 2
        else layer
        for name, layer in network.stored.items()
    }
    fits = [_fits(network.graph, layers) for layers in (network.stored, transposed)]
    if tables and fits == [False, True]:
        return replace(network, stored=transposed)
    if tables and fits == [True, True]:
        note = f"{', '.join(sorted(tables))}: taken as [numbers, vocabulary]; either would fit"
        return replace(network, notes=(*network.notes, note))
    return network


def _fits(graph: Graph, layers: Mapping[str, StoredLayer]) -> bool:
    try:
        infer_shapes(graph, {name: layer.shape for name, layer in layers.items()})
    except WorkloadError:
        return False
    return True


def _transpose(stored: StoredLayer) -> StoredLayer:
    codes = stored.layer.codes.T.tocsc()
    codes.sort_indices()
    layer = CompressedLayer(codes, stored.layer.codebook, None, stored.name)
    return StoredLayer(layer, stored.shape[::-1], None, stored.index_bits)
