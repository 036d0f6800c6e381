"""A whole network from one file, or from one with weights and one with steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.base.schema import load_toml
from eiesim.graph import STEPS, Graph, Step, read_graph
from eiesim.importers.caffe_graph import read_caffe_graph
from eiesim.importers.cells import IN_A_MODULE, join_cells
from eiesim.importers.chain import GIVE_STEPS, describe_chain, guess_chain
from eiesim.importers.char_lstm import read_char_lstm
from eiesim.importers.content import read_json
from eiesim.importers.described import Described, Interface, Skipped
from eiesim.importers.dump import read_dump
from eiesim.importers.factors import place_factors
from eiesim.importers.net import read_net
from eiesim.importers.norms import keep_norms
from eiesim.importers.onnx_graph import read_onnx
from eiesim.importers.rtl_folder import read_rtl
from eiesim.importers.state_dict import Weights
from eiesim.layer.weights import CompressedLayer, DenseLayer, StoredLayer

MOST_GRAPH_BYTES = 1 << 22
PROTOTXT = ".prototxt"
OF_A_MODULE = re.compile(r"(?:.*[._])?weight(?:_.*)?")
"""Names of weights of attention or of a single recurrent cell, whose modules have several."""
WAYS_OUT = (
    f"{GIVE_STEPS}; or, where the operations are none of these, export the model to ONNX, which "
    "holds its steps"
)


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """A network as its files describe it.

    Attributes
    ----------
    graph
        The steps that can be run.
    weights, stored
        Weights that are still to be compressed, and those compressed in the file.
    characters
        Vocabulary of a character model.
    notes
        What was assumed or put together.
    code_bits
        Bits of the codes, for weights that are shared in the file.
    host
        The part of a network in ONNX that the host runs, as `HostGraph.to_bytes` gives it.
    """

    graph: Graph
    weights: Mapping[str, DenseLayer] = field(default_factory=dict)
    stored: Mapping[str, StoredLayer] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    characters: str = ""
    notes: tuple[str, ...] = ()
    code_bits: Mapping[str, int] = field(default_factory=dict)
    host: bytes = b""


def read_dump_network(path: str, steps: str | None = None) -> NetworkFile:
    """Read the one layer of a folder of the EIE authors' simulator."""
    _refuse_steps(path, steps)
    return _place_layer(read_dump(path).layer, path)


def read_rtl_network(path: str, steps: str | None = None) -> NetworkFile:
    """Read the one layer of a folder for the RTL, with the index bits that it was exported for."""
    _refuse_steps(path, steps)
    exported = read_rtl(path)
    return _place_layer(exported.layer, path, exported.hardware.index_bits)


def _place_layer(layer: CompressedLayer, path: str, index_bits: int = 4) -> NetworkFile:
    shape = (layer.rows, layer.cols)
    stored = StoredLayer(layer, shape, index_bits=index_bits)
    return NetworkFile(guess_chain({layer.name: shape}, {}, path), stored={layer.name: stored})


def read_net_network(path: str, steps: str | None = None) -> NetworkFile:
    """Read a `.net` file of Deep Compression's authors, with its steps from a `.prototxt`."""
    if steps is None:
        raise WorkloadError(
            f"{path}: expected the network's definition NAME{PROTOTXT} as its steps, found "
            "none; a .net file holds no shapes"
        )
    layers = {layer.name: layer for layer in read_net(path, steps)}
    return place_layers(path, read_steps(steps), stored=layers)


def read_onnx_network(
    path: str, steps: str | None = None, interface: Interface | None = None
) -> NetworkFile:
    """Read a network in ONNX."""
    _refuse_steps(path, steps)
    network = read_onnx(path, interface)
    return replace(place_layers(path, network.described, network.weights), host=network.host)


def _refuse_steps(path: str, steps: str | None) -> None:
    if steps is not None:
        raise WorkloadError(f"{path}: tells its steps itself; leave out {steps}")


def place_weights(trained: Weights, path: str, steps: str | None = None) -> NetworkFile:
    """Return the network of a file of weights alone, with its steps or a chain of them.

    `path` is the file of the weights, for errors; `steps` a file as `read_steps` takes it. Without
    steps, fully connected and recurrent layers follow one another. Raises WorkloadError if weights
    and steps do not go together.
    """
    normed = keep_norms(trained, path)
    weights, kinds = join_cells(normed.layers, path)
    if steps is None:
        _require_chain(normed, path)
        shapes = {name: layer.weights.shape for name, layer in weights.items()}
        graph = guess_chain(shapes, kinds, path)
        factored = place_factors(graph, weights, normed.factors, path)
        return NetworkFile(
            factored.graph,
            factored.weights,
            notes=normed.notes + factored.notes + describe_chain(graph),
            code_bits=normed.code_bits,
        )
    described = read_steps(steps)
    factored = place_factors(described.graph, weights, normed.factors, path)
    described = replace(described, graph=factored.graph)
    network = _turn_tables(place_layers(path, described, factored.weights), path)
    return replace(
        network,
        skipped=network.skipped + normed.skipped,
        notes=normed.notes + factored.notes,
        code_bits=normed.code_bits,
    )


def _require_chain(weights: Weights, path: str) -> None:
    """Refuse weights that have no place in a chain, so that no part of a network is lost."""
    others = [f"{key} {list(array.shape)}" for key, array in weights.others.items()]
    others += [
        f"{name} {list(layer.weights.shape)}"
        for name, layer in weights.layers.items()
        if OF_A_MODULE.fullmatch(name) and not IN_A_MODULE.search(name)
    ]
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        raise WorkloadError(
            f"{path}: expected a chain of fully connected or recurrent layers, found what has no "
            f"place in one (such as attention, a normalisation, or a cell that a program calls): "
            f"{', '.join(others[:5])}{more}; {WAYS_OUT}"
        )


def _turn_tables(network: NetworkFile, path: str) -> NetworkFile:
    """Transpose embeddings, which are [vocabulary, numbers] in frameworks."""
    tables = {step.layer for step in network.graph.steps if step.op == "embedding"}
    for step in network.graph.steps:
        if step.op != "embedding" and step.layer in tables:
            raise WorkloadError(
                f"{path}: layer {step.layer!r}: expected an embedding's table to be of that alone, "
                f"found it in step {step.name!r} ({step.op}), too; save it under a second name"
            )
    transposed = {
        name: DenseLayer(np.ascontiguousarray(layer.weights.T)) if name in tables else layer
        for name, layer in network.weights.items()
    }
    return replace(network, weights=transposed)


def read_steps(path: str | Path) -> Described:
    """Read the steps of a network from a `.prototxt`, `.toml` or `.json` file.

    Raises WorkloadError if it is missing, damaged or has no steps.
    """
    kind = Path(path).suffix.lower()
    if kind == PROTOTXT:
        return read_caffe_graph(path)
    if kind == ".toml":
        return Described(read_graph(load_toml(Path(path))[0], str(path)), ())
    if kind != ".json":
        raise WorkloadError(f"{path}: expected a .prototxt, .toml or .json file with steps")
    return Described(read_graph(read_json(path, MOST_GRAPH_BYTES), str(path)), ())


def place_layers(
    path: str | Path,
    described: Described,
    weights: Mapping[str, DenseLayer] | None = None,
    stored: Mapping[str, StoredLayer] | None = None,
) -> NetworkFile:
    """Join steps and layers of a file `path`; a layer without a step is left out.

    Raises WorkloadError if the layer of a step is missing.
    """
    layers = {**(weights or {}), **(stored or {})}
    used = described.graph.layers
    for name in used:
        if name not in layers:
            raise WorkloadError(
                f"{path}: layer {name!r} of the steps: {did_you_mean(name, layers)}"
            )
    unused = tuple(
        Skipped(name, "no step uses it; left out") for name in layers if name not in used
    )
    return NetworkFile(
        described.graph,
        {name: weights[name] for name in used if weights and name in weights},
        {name: stored[name] for name in used if stored and name in stored},
        described.skipped + unused,
    )


def read_character_network(path: str, steps: str | None = None) -> NetworkFile:
    """Read a folder of a character LSTM."""
    _refuse_steps(path, steps)
    folder = Path(path)
    if not (folder / "manifest.json").is_file():
        raise WorkloadError(
            f"{folder}: expected a file, a folder of a character LSTM with manifest.json, one of "
            "the EIE authors' simulator with ptr/ptr0.dat, or one for the RTL with SHA256SUMS; "
            f"{GIVE_STEPS}"
        )
    model = read_char_lstm(folder)
    weights = {"embedding": DenseLayer(np.ascontiguousarray(model.embedding.T))}
    chain = [Step("embedding", "embedding", ("characters",), "embedding")]
    for number, cell in enumerate(model.cells, 1):
        name = f"lstm{number}"
        weights[name] = DenseLayer(cell)
        chain.append(Step(name, "lstm", (chain[-1].name,), name))
    weights["output"] = DenseLayer(model.output, model.output_bias)
    chain.append(Step("output", "fc", (chain[-1].name,), "output"))
    graph = Graph({"characters": (STEPS,)}, tuple(chain), ("output",))
    return NetworkFile(graph, weights, characters="".join(model.characters))
