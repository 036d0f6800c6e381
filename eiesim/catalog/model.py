"""A whole network with compressed weights: `.eie` files."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eiesim.base.errors import ConfigError, WorkloadError
from eiesim.catalog.operands import hash_file
from eiesim.catalog.readers import Form, find_reader, read_network
from eiesim.catalog.stored import GRAPH
from eiesim.catalog.trained import decode
from eiesim.compress.container import Container, read_dcz, write_dcz
from eiesim.compress.pipeline import Change, compress_network, describe_moves, share_bias
from eiesim.compress.plan import Plan, read_plan
from eiesim.graph import OPS, Graph, Shape, infer_shapes, read_graph
from eiesim.graph.winograd import transform_weights
from eiesim.importers.described import Effect, Interface, Skipped
from eiesim.importers.network_file import NetworkFile
from eiesim.importers.onnx_host import HOST_OP, HostGraph
from eiesim.layer.weights import DenseLayer, StoredLayer

EIE = ".eie"
NAME, CHARACTERS, HOST, SKIPPED = "network", "characters", "host", "skipped"
"""Keys of the container's metadata, beside `GRAPH`."""


@dataclass(frozen=True, eq=False)
class Model:
    """A network that EIE runs: its steps, and the layers whose weights they use.

    Raises WorkloadError if a layer is missing, or the shapes do not go together.

    Attributes
    ----------
    layers : mapping of name to StoredLayer
        Those that the steps use.
    characters
        Vocabulary of a character model, in the order of the characters' numbers.
    host
        The part of a network in ONNX that the host runs, as `HostGraph.to_bytes` gives it.
    skipped
        Parts of the imported file that EIE does not run, and what that does to the network.
    """

    name: str
    graph: Graph
    layers: Mapping[str, StoredLayer]
    characters: str = ""
    host: bytes = b""
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        _ = self.shapes
        if any(step.op == HOST_OP for step in self.graph.steps):
            self.host_graph.check(self.graph)

    @cached_property
    def host_graph(self) -> HostGraph:
        """The part of a network in ONNX that the host runs."""
        return HostGraph.parse(self.host, "the nodes of the host")

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shapes of inputs and steps by name."""
        return infer_shapes(self.graph, {name: layer.shape for name, layer in self.layers.items()})

    def save(self, path: str | Path) -> None:
        """Write the model to one file, whole or not at all: a `.dcz` container with the graph.

        The name is `NAME.eie` by custom. Raises EieError if the file cannot be written.
        """
        metadata = {NAME: self.name, GRAPH: self.graph.to_json()}
        if self.characters:
            metadata[CHARACTERS] = self.characters
        if self.host:
            metadata[HOST] = base64.b64encode(self.host).decode()
        if self.skipped:
            rows = [[part.name, part.reason, part.effect.name] for part in self.skipped]
            metadata[SKIPPED] = json.dumps(rows, separators=(",", ":"))
        write_dcz(path, [self.layers[name] for name in self.graph.layers], metadata)

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a model that `save` wrote; WorkloadError if it is missing or damaged."""
        return cls._of(read_dcz(path), path)

    @classmethod
    def _of(cls, container: Container, path: str | Path) -> Model:
        if GRAPH not in container.metadata:
            raise WorkloadError(
                f"{path}: expected a network with its steps, found layers alone; make one with "
                "eiesim import"
            )
        try:
            content = json.loads(container.metadata[GRAPH])
        except (ValueError, RecursionError) as error:
            raise WorkloadError(f"{path}: graph: expected JSON, found other text") from error
        if not isinstance(content, dict):
            raise WorkloadError(f"{path}: graph: expected an object, found other JSON")
        name = container.metadata.get(NAME, Path(path).stem)
        layers = {stored.name: stored for stored in container.layers}
        try:
            characters = container.metadata.get(CHARACTERS, "")
            host = base64.b64decode(container.metadata.get(HOST, ""), validate=True)
            skipped = _read_skipped(container.metadata.get(SKIPPED, "[]"))
            return cls(name, read_graph(content, "graph"), layers, characters, host, skipped)
        except ValueError as error:
            raise WorkloadError(f"{path}: {HOST}: expected base64, found {error}") from error
        except WorkloadError as error:
            raise WorkloadError(f"{path}: {error}") from error


class Imported(NamedTuple):
    """A network from files.

    Attributes
    ----------
    skipped
        Parts that cannot be run, with reasons.
    changes : mapping of name to Change
        Effect of pruning and sharing on the weights of each layer that was compressed here.
    notes
        What was assumed or put together.
    """

    model: Model
    skipped: tuple[Skipped, ...]
    changes: Mapping[str, Change]
    notes: tuple[str, ...] = ()


def import_model(
    path: str | Path,
    steps: str | Path | None = None,
    plan: Plan | None = None,
    use_winograd: bool = False,
    interface: Interface | None = None,
    share_biases: bool = False,
) -> Imported:
    """Read a network from files, and compress what is not compressed yet.

    Raises WorkloadError if a file is missing or damaged, if the files do not go together, or if
    `use_winograd` or `share_biases` changes nothing, and ConfigError if the plan names a layer that
    is not there, or there are no weights to compress.

    Parameters
    ----------
    path
        As in `eiesim.catalog.readers.read_network`.
    steps
        The file of the steps, if `path` has none.
    plan
        How to compress. By default nothing is pruned but zeros, and codes have 8 bits in
        convolutions and 4 bits elsewhere, as in Deep Compression's Table 1, or those of the file
        if its weights are shared. A plan of `read_plan` leaves the default for all that it does not
        name; one made of `LayerPlan` decides everything.
    use_winograd
        Whether convolutions of 3 x 3 with stride 1 are transformed; the transformed weights are
        then pruned.
    interface
        Shapes and values of inputs that an ONNX file leaves open, and the steps whose results are
        wanted; by default those that no other step takes.
    share_biases
        Whether each bias takes the nearest entry of its layer's codebook, so that EIE adds it. By
        default the host adds biases as they are, as it always does after Winograd's transform.
    """
    interface = interface or Interface()
    network = read_network(path, steps, interface)
    if plan is not None and not network.weights:
        raise ConfigError(
            f"{path}: is compressed already, and its codes stay as they are: a plan goes with "
            "weights; leave it out"
        )
    graph = network.graph.keep(interface.outputs) if interface.outputs else network.graph
    weights = {name: layer for name, layer in network.weights.items() if name in graph.layers}
    if use_winograd:
        graph = _transform(graph, weights, str(path))
    full_plan = (plan or read_plan(None)).prefer(_find_default_bits(network, graph))
    compressed = list(compress_network(weights, full_plan))
    stored = {name: layer for name, layer in network.stored.items() if name in graph.layers}
    layers = {**stored, **{step.stored.name: step.stored for step in compressed}}
    if share_biases:
        layers |= _share_biases(graph, layers, str(path))
    changes = {step.stored.name: step.change for step in compressed}
    skipped = _find_needed(network, graph, interface)
    model = Model(Path(path).stem, graph, layers, network.characters, network.host, skipped)
    return Imported(model, network.skipped, changes, network.notes + describe_moves(changes))


def _find_needed(network: NetworkFile, graph: Graph, interface: Interface) -> tuple[Skipped, ...]:
    """Return the parts that EIE does not run and the outputs need: an input stands for them."""
    return tuple(
        part for part in network.skipped
        if part.effect is not Effect.PART or not interface.outputs or part.name in graph.inputs
    )  # fmt: skip


class Weighed(NamedTuple):
    """What of a network is to be compressed.

    Attributes
    ----------
    usual : mapping of name to mapping
        By layer with weights: its defaults that differ from those of `LayerPlan`.
    on_eie
        Those of them that EIE holds: tables of embeddings are the host's.
    sha256
        Of all that the compressed network depends on, beside the plan.
    outputs
        Steps whose results the network gives.
    skipped
        Parts that EIE does not run.
    notes
        What was assumed or put together.
    """

    usual: Mapping[str, Mapping[str, Any]]
    on_eie: tuple[str, ...]
    sha256: str
    outputs: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


def weigh_network(
    path: str | Path, steps: str | Path | None = None, interface: Interface | None = None
) -> Weighed:
    """Return what of a network `import_model` would compress; arguments and errors are its own.

    A `.eie` file is compressed already: it has no such layers.
    """
    if find_reader(str(path), "network", "weights").form is Form.NETWORK:
        container = read_dcz(path)
        if GRAPH in container.metadata:
            model = Model._of(container, path)
            digest = hashlib.sha256(f"{Path(path).stem} {hash_file(path)}".encode()).hexdigest()
            return Weighed({}, (), digest, model.graph.outputs, model.skipped)
    interface = interface or Interface()
    network = read_network(path, steps, interface)
    graph = network.graph.keep(interface.outputs) if interface.outputs else network.graph
    bits = _find_default_bits(network, graph)
    layers = [name for name in graph.layers if name in network.weights]
    text = json.dumps([Path(path).stem, graph.to_json(), network.characters, bits])
    content_hash = hashlib.sha256(text.encode() + network.host)
    for name in graph.layers:
        stored = network.stored.get(name)
        arrays = network.weights[name] if stored is None else (*decode(stored), stored.index_bits)
        for array in arrays:
            content = np.asarray([] if array is None else array)
            content_hash.update(f"{array is None} {content.dtype} {content.shape}".encode())
            content_hash.update(np.ascontiguousarray(content).tobytes())
    usual = {name: bits.get(name, {}) for name in layers}
    held = dict.fromkeys(step.layer for step in graph.steps if step.on_eie and step.layer in usual)
    skipped = _find_needed(network, graph, interface)
    digest = content_hash.hexdigest()
    return Weighed(usual, tuple(held), digest, tuple(graph.outputs), skipped, network.notes)


def load_model(
    path: str | Path, steps: str | Path | None = None, plan: Plan | None = None
) -> Model:
    """Return a network that EIE can run, from a `.eie` file or from any other with weights.

    What was assumed about another file, such as the order of its layers, is in the notes of
    `import_model`, whose parameters these are. Raises as `import_model` does, and WorkloadError if
    a `.eie` file comes with steps or a plan.
    """
    if find_reader(str(path), "network", "weights").form is not Form.NETWORK:
        return import_model(path, steps, plan).model
    container = read_dcz(path)
    if GRAPH not in container.metadata:
        return import_model(path, steps, plan).model
    if steps is not None or plan is not None:
        raise WorkloadError(f"{path}: tells its steps and is compressed; leave out steps and plan")
    return Model._of(container, path)


def read_compressed(path: str | Path) -> Model | tuple[StoredLayer, ...]:
    """Return the content of a compressed file: a network, or layers alone.

    Raises WorkloadError if it is missing, damaged, or not compressed.
    """
    container = read_dcz(path)
    return Model._of(container, path) if GRAPH in container.metadata else container.layers


def _read_skipped(text: str) -> tuple[Skipped, ...]:
    """Read the parts that EIE does not run, as `Model.save` wrote them."""
    try:
        rows = json.loads(text)
        return tuple(
            Skipped(str(name), str(reason), Effect[effect]) for name, reason, effect in rows
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WorkloadError(
            f"{SKIPPED}: expected rows of a name, a reason and an effect, found others"
        ) from error


def _find_default_bits(network: NetworkFile, graph: Graph) -> dict[str, dict[str, int]]:
    """Return the default bits of codes: those of the file, or 8 in convolutions."""
    bits = {step.layer: 8 for step in graph.steps if step.op == "conv"} | dict(network.code_bits)
    used = [name for name in graph.layers if name in network.weights and name in bits]
    return {name: {"codebook_bits": bits[name]} for name in used}


def _share_biases(
    graph: Graph, layers: Mapping[str, StoredLayer], path: str
) -> dict[str, StoredLayer]:
    """Return the layers that have a bias, with biases that are entries of their codebooks."""
    transformed = {step.layer for step in graph.steps if step.settings.get("winograd")}
    shared = {
        name: StoredLayer(share_bias(layer), layer.shape, None, layer.index_bits)
        for name, layer in layers.items()
        if name not in transformed and layer.bias is not None
    }
    if not shared:
        raise WorkloadError(f"{path}: biases to share: expected a layer with one, found none")
    return shared


def _transform(graph: Graph, weights: dict[str, DenseLayer], path: str) -> Graph:
    """Transform the weights of the convolutions that Winograd's filtering allows."""
    defaults = OPS["conv"].settings
    steps = []
    for step in graph.steps:
        is_plain = step.op == "conv" and all(
            step.settings[key] == defaults[key]
            for key in ("stride", "dilation", "groups", "winograd")
        )
        if is_plain and step.layer in weights and weights[step.layer].weights.shape[2:] == (3, 3):
            dense = weights[step.layer]
            weights[step.layer] = DenseLayer(transform_weights(dense.weights), dense.bias)
            steps.append(replace(step, settings={**step.settings, "winograd": 1}))
        else:
            steps.append(step)
    if tuple(steps) == graph.steps:
        raise WorkloadError(
            f"{path}: Winograd's transform: expected weights of a 3 x 3 convolution with stride 1, "
            "no dilation and one group, found none"
        )
    return Graph(graph.inputs, tuple(steps), graph.outputs)
