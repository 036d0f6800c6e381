"""A whole network from one file, and where that tells weights alone from another with its steps."""

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
from eiesim.importers.state_dict import Weights
from eiesim.layer.weights import DenseLayer, StoredLayer

MOST_GRAPH_BYTES = 1 << 22
PROTOTXT = ".prototxt"
OF_A_MODULE = re.compile(r"(?:.*[._])?weight(?:_.*)?")
"""Names of weights that are no module's only ones: of attention, or of a single recurrent cell."""
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
    skipped
        What is left out, and why.
    characters
        Of a character model its vocabulary.
    notes
        What was assumed or put together.
    code_bits
        Bits of the codes, for weights that are shared in the file.
    host
        Of a network in ONNX what the host runs, as `HostGraph.to_bytes` gives it.
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
    layer = read_dump(path).layer
    graph = guess_chain({layer.name: (layer.rows, layer.cols)}, {}, path)
    return NetworkFile(graph, stored={layer.name: StoredLayer(layer, (layer.rows, layer.cols))})


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

    Parameters
    ----------
    path : str
        The file of the weights, for errors.
    steps : str, optional
        A file as `read_steps` takes it. Without one, fully connected and recurrent layers follow
        one another.

    Raises
    ------
    WorkloadError
        Weights and steps do not go together.
    """
    found = keep_norms(trained, path)
    weights, kinds = join_cells(found.layers, path)
    if steps is None:
        _require_chain(found, path)
        shapes = {name: layer.weights.shape for name, layer in weights.items()}
        graph = guess_chain(shapes, kinds, path)
        whole = place_factors(graph, weights, found.factors, path)
        return NetworkFile(
            whole.graph,
            whole.weights,
            notes=found.notes + whole.notes + describe_chain(graph),
            code_bits=found.code_bits,
        )
    described = read_steps(steps)
    whole = place_factors(described.graph, weights, found.factors, path)
    described = replace(described, graph=whole.graph)
    placed = _turn_tables(place_layers(path, described, whole.weights), path)
    return replace(
        placed,
        skipped=placed.skipped + found.skipped,
        notes=found.notes + whole.notes,
        code_bits=found.code_bits,
    )


def _require_chain(found: Weights, path: str) -> None:
    """Refuse what a chain of layers has no place for, so that no part of a network is lost."""
    others = [f"{key} {list(array.shape)}" for key, array in found.others.items()]
    others += [
        f"{name} {list(layer.weights.shape)}"
        for name, layer in found.layers.items()
        if OF_A_MODULE.fullmatch(name) and not IN_A_MODULE.search(name)
    ]
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        raise WorkloadError(
            f"{path}: expected a chain of fully connected or recurrent layers, found what has no "
            f"place in one (such as attention, a normalisation, or a cell that a program calls): "
            f"{', '.join(others[:5])}{more}; {WAYS_OUT}"
        )


def _turn_tables(placed: NetworkFile, path: str) -> NetworkFile:
    """Turn embeddings, which frameworks keep as [vocabulary, numbers], into weights."""
    tables = {step.layer for step in placed.graph.steps if step.op == "embedding"}
    for step in placed.graph.steps:
        if step.op != "embedding" and step.layer in tables:
            raise WorkloadError(
                f"{path}: layer {step.layer!r}: expected an embedding's table to be of that alone, "
                f"found it in step {step.name!r} ({step.op}), too; save it under a second name"
            )
    turned = {
        name: DenseLayer(np.ascontiguousarray(layer.weights.T)) if name in tables else layer
        for name, layer in placed.weights.items()
    }
    return replace(placed, weights=turned)


def read_steps(path: str | Path) -> Described:
    """Read the steps of a network from a `.prototxt`, `.toml` or `.json` file.

    A file that is missing, damaged or holds no steps is a WorkloadError.
    """
    kind = Path(path).suffix.lower()
    if kind == PROTOTXT:
        return read_caffe_graph(path)
    if kind == ".toml":
        return Described(read_graph(load_toml(Path(path))[0], str(path)), ())
    if kind != ".json":
        raise WorkloadError(f"{path}: expected a .prototxt, .toml or .json file with steps")
    content = read_json(path, MOST_GRAPH_BYTES)
    if not isinstance(content, dict):
        raise WorkloadError(f"{path}: expected an object with steps, found other JSON")
    return Described(read_graph(content, str(path)), ())


def place_layers(
    path: str | Path,
    described: Described,
    weights: Mapping[str, DenseLayer] | None = None,
    stored: Mapping[str, StoredLayer] | None = None,
) -> NetworkFile:
    """Join steps and layers: each step finds its layer, and a layer without a step is left out.

    A step whose layer is missing is a WorkloadError; `path` is where the layers are from.
    """
    known = {**(weights or {}), **(stored or {})}
    used = described.graph.layers
    for name in used:
        if name not in known:
            raise WorkloadError(f"{path}: layer {name!r} of the steps: {did_you_mean(name, known)}")
    unused = tuple(Skipped(name, "no step uses it; left out") for name in known if name not in used)
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
            f"{folder}: expected a file, a folder of a character LSTM with manifest.json, or one "
            "of the EIE authors' simulator with ptr/ptr0.dat; "
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
