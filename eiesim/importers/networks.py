"""A whole network from one file, and where that tells weights alone from another with its steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from eiesim.errors import WorkloadError, did_you_mean
from eiesim.graph import STEPS, Graph, Step, read_graph
from eiesim.importers.caffe_graph import read_caffe_graph
from eiesim.importers.cells import join_cells
from eiesim.importers.chain import GIVE_STEPS, guess_chain
from eiesim.importers.char_lstm import read_char_lstm
from eiesim.importers.content import read_content
from eiesim.importers.described import Described, Skipped
from eiesim.importers.dump import is_dump, read_dump
from eiesim.importers.net import read_net
from eiesim.importers.onnx_graph import read_onnx
from eiesim.importers.weights import read_weights_file
from eiesim.layer import DenseLayer, StoredLayer
from eiesim.schema import load_toml

MOST_GRAPH_BYTES = 1 << 22
NET, PROTOTXT, ONNX = ".net", ".prototxt", ".onnx"


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """A network as its files tell it.

    Attributes
    ----------
    graph : Graph
        The steps that can be run.
    weights : mapping of name to DenseLayer
        Weights that are still to be compressed.
    stored : mapping of name to StoredLayer
        Weights that are compressed in the file.
    skipped : tuple of Skipped
        What is left out, and why.
    characters : str
        Of a character model its vocabulary.
    """

    graph: Graph
    weights: Mapping[str, DenseLayer] = field(default_factory=dict)
    stored: Mapping[str, StoredLayer] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    characters: str = ""


def read_network_file(path: str | Path, steps: str | Path | None = None) -> NetworkFile:
    """Read a network.

    Parameters
    ----------
    path : str or Path
        What `read_weights_file` takes, an `.onnx` or `.net` file, a folder of a character LSTM, or
        one of the EIE authors' simulator.
    steps : str or Path, optional
        A `.prototxt`, or a `.toml` or `.json` file as `eiesim.graph.read_graph` takes it. Without
        one, fully connected and recurrent layers follow one another.

    Raises
    ------
    WorkloadError
        A file is missing or damaged, or they do not go together.
    """
    file = Path(path)
    if steps is not None and (file.is_dir() or file.suffix.lower() == ONNX):
        raise WorkloadError(f"{path}: tells its steps itself; leave out {steps}")
    if is_dump(file):
        layer = read_dump(file).layer
        graph = guess_chain({layer.name: (layer.rows, layer.cols)}, {}, str(path))
        return NetworkFile(graph, stored={layer.name: StoredLayer(layer, (layer.rows, layer.cols))})
    if file.is_dir():
        return _read_char_lstm(file)
    if file.suffix.lower() == NET:
        if steps is None:
            raise WorkloadError(
                f"{path}: tells no shapes: give its definition with --graph NAME{PROTOTXT}"
            )
        return place_layers(
            path, read_steps(steps), stored={it.name: it for it in read_net(path, steps)}
        )
    if file.suffix.lower() == ONNX:
        described, of_onnx = read_onnx(path)
        return place_layers(path, described, of_onnx)
    found = read_weights_file(path)
    weights, kinds = join_cells(found.layers, str(path))
    if steps is None:
        shapes = {name: layer.weights.shape for name, layer in weights.items()}
        return NetworkFile(guess_chain(shapes, kinds, str(path)), weights, skipped=found.skipped)
    placed = place_layers(path, read_steps(steps), weights)
    return replace(placed, skipped=placed.skipped + found.skipped)


def read_steps(path: str | Path) -> Described:
    """Read the steps of a network.

    Parameters
    ----------
    path : str or Path
        A `.prototxt`, `.toml` or `.json` file.

    Raises
    ------
    WorkloadError
        It is missing, damaged, or tells no steps.
    """
    kind = Path(path).suffix.lower()
    if kind == PROTOTXT:
        return read_caffe_graph(path)
    if kind == ".toml":
        return Described(read_graph(load_toml(Path(path))[0], str(path)), ())
    if kind != ".json":
        raise WorkloadError(f"{path}: expected a .prototxt, .toml or .json file with steps")
    try:
        content = json.loads(read_content(path, MOST_GRAPH_BYTES))
    except (ValueError, RecursionError) as error:
        raise WorkloadError(f"{path}: expected JSON, found something else: {error}") from error
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

    Parameters
    ----------
    path : str or Path
        Where the layers are from, for errors.
    described : Described
        The steps.
    weights, stored : mapping of name to layer
        Layers, dense or compressed.

    Raises
    ------
    WorkloadError
        The layer of a step is not there.
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


def _read_char_lstm(folder: Path) -> NetworkFile:
    if not (folder / "manifest.json").is_file():
        raise WorkloadError(
            f"{folder}: expected a file, a folder of a character LSTM with manifest.json, or one "
            "of the EIE authors' simulator with ptr/ptr0.dat; "
            f"{GIVE_STEPS}"
        )
    model = read_char_lstm(folder)
    weights = {"embedding": DenseLayer(np.ascontiguousarray(model.embedding.T))}
    steps = [Step("embedding", "embedding", ("characters",), "embedding")]
    for number, cell in enumerate(model.cells, 1):
        name = f"lstm{number}"
        weights[name] = DenseLayer(cell)
        steps.append(Step(name, "lstm", (steps[-1].name,), name))
    weights["output"] = DenseLayer(model.output, model.output_bias)
    steps.append(Step("output", "fc", (steps[-1].name,), "output"))
    graph = Graph({"characters": (STEPS,)}, tuple(steps), ("output",))
    return NetworkFile(graph, weights, characters="".join(model.characters))
