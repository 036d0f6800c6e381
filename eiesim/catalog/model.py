"""A whole network with compressed weights: `.eie` files."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from eiesim.base.errors import ConfigError, WorkloadError
from eiesim.catalog.readers import Form, find_reader, read_network
from eiesim.catalog.stored import GRAPH
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
"""What the container's metadata calls them, beside `GRAPH`."""


@dataclass(frozen=True, eq=False)
class Model:
    """A network that EIE runs: its steps, and the layers whose weights they use.

    Attributes
    ----------
    name : str
        What it is called.
    graph : Graph
        Its steps.
    layers : mapping of name to StoredLayer
        Those that the steps use.
    characters : str
        Of a character model its vocabulary, in the order of their numbers.
    host : bytes
        Of a network in ONNX what the host runs, as `HostGraph.to_bytes` gives it.
    skipped : tuple of Skipped
        What EIE does not run of the file it is from, and what becomes of the network without it.

    Raises
    ------
    WorkloadError
        A layer is missing, or the shapes do not go together.
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
        """What the host runs of a network in ONNX."""
        return HostGraph.parse(self.host, "the nodes of the host")

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shapes of inputs and steps by name."""
        return infer_shapes(self.graph, {name: it.shape for name, it in self.layers.items()})

    def save(self, path: str | Path) -> None:
        """Write the model to one file: a `.dcz` container that tells the graph, too.

        Parameters
        ----------
        path : str or Path
            The file, by custom `NAME.eie`; it is there whole or not at all.

        Raises
        ------
        EieError
            It cannot be written.
        """
        told = {NAME: self.name, GRAPH: self.graph.to_json()}
        if self.characters:
            told[CHARACTERS] = self.characters
        if self.host:
            told[HOST] = base64.b64encode(self.host).decode()
        if self.skipped:
            rows = [[it.name, it.reason, it.effect.name] for it in self.skipped]
            told[SKIPPED] = json.dumps(rows, separators=(",", ":"))
        write_dcz(path, [self.layers[name] for name in self.graph.layers], told)

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a model that `save` wrote.

        Raises
        ------
        WorkloadError
            It is missing, damaged, or holds layers without a graph.
        """
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
    """A network taken from files.

    Attributes
    ----------
    model : Model
        What can be run.
    skipped : tuple of Skipped
        What cannot, with reasons.
    changes : mapping of name to Change
        What pruning and sharing did to the weights of each layer that was compressed here.
    notes : tuple of str
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
    """Take a network from files, and compress what is not compressed yet.

    Parameters
    ----------
    path : str or Path
        As in `eiesim.catalog.readers.read_network`.
    steps : str or Path, optional
        The steps, where the file does not tell them.
    plan : Plan, optional
        How to compress. By default nothing is pruned but zeros, and codes have 8 bits in
        convolutions and 4 bits elsewhere, as in Deep Compression's Table 1, and those of the file
        where its weights are shared. A plan of `read_plan` leaves what it does not name as it is
        by default; one made of `LayerPlan` decides everything.
    use_winograd : bool
        Whether convolutions of 3 x 3 with stride 1 are transformed: what is pruned then are the
        transformed weights.
    interface : Interface, optional
        Shapes and values of inputs that an ONNX file leaves open, and the steps whose results are
        wanted; by default those that no other step takes.
    share_biases : bool
        Whether each bias takes the nearest entry of its layer's codebook, so that EIE adds it; by
        default the host adds biases as they are. Biases behind Winograd's transform stay as they
        are.

    Raises
    ------
    WorkloadError
        A file is missing or damaged, or they do not go together; or there is nothing that
        `use_winograd` or `share_biases` changes.
    ConfigError
        The plan names a layer that is not there, or there are no weights to compress.
    """
    wanted = interface or Interface()
    given = read_network(path, steps, wanted)
    if plan is not None and not given.weights:
        raise ConfigError(
            f"{path}: is compressed already, and its codes stay as they are: a plan goes with "
            "weights; leave it out"
        )
    graph = given.graph.keep(wanted.outputs) if wanted.outputs else given.graph
    weights = {name: layer for name, layer in given.weights.items() if name in graph.layers}
    if use_winograd:
        graph = _transform(graph, weights, str(path))
    chosen = (plan or read_plan(None)).prefer(_find_usual(given, graph))
    compressed = list(compress_network(weights, chosen))
    stored = {name: it for name, it in given.stored.items() if name in graph.layers}
    layers = {**stored, **{step.stored.name: step.stored for step in compressed}}
    if share_biases:
        layers |= _share_biases(graph, layers, str(path))
    changes = {step.stored.name: step.change for step in compressed}
    # of what some outputs do not need, nothing is missing: an input stands for what they need
    skipped = tuple(
        it for it in given.skipped
        if it.effect is not Effect.PART or not wanted.outputs or it.name in graph.inputs
    )  # fmt: skip
    model = Model(Path(path).stem, graph, layers, given.characters, given.host, skipped)
    return Imported(model, given.skipped, changes, given.notes + describe_moves(changes))


def load_model(
    path: str | Path, steps: str | Path | None = None, plan: Plan | None = None
) -> Model:
    """Return a network that EIE can run, from a `.eie` file or from any other with weights.

    What of other files was assumed, such as the order of their layers, `import_model` says in its
    notes.

    Parameters
    ----------
    path : str or Path
        A file that `Model.save` or ``eiesim import`` wrote, or one as in `import_model`.
    steps, plan
        As in `import_model`; not for a `.eie` file.

    Raises
    ------
    WorkloadError
        As in `import_model`, or a `.eie` file comes with steps or a plan.
    ConfigError
        The plan names a layer that is not there.
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
    """Return what a compressed file holds: a network, or layers alone.

    Raises
    ------
    WorkloadError
        It is missing, damaged, or not compressed.
    """
    container = read_dcz(path)
    return Model._of(container, path) if GRAPH in container.metadata else container.layers


def _read_skipped(text: str) -> tuple[Skipped, ...]:
    """Read what `Model.save` wrote of the layers that EIE does not run."""
    try:
        rows = json.loads(text)
        return tuple(Skipped(str(name), str(why), Effect[effect]) for name, why, effect in rows)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WorkloadError(
            f"{SKIPPED}: expected rows of a name, a reason and an effect, found others"
        ) from error


def _find_usual(given: NetworkFile, graph: Graph) -> dict[str, dict[str, int]]:
    """Return bits of codes where nobody chose them: of the file, or 8 in convolutions."""
    bits = {step.layer: 8 for step in graph.steps if step.op == "conv"} | dict(given.code_bits)
    used = [name for name in graph.layers if name in given.weights and name in bits]
    return {name: {"codebook_bits": bits[name]} for name in used}


def _share_biases(
    graph: Graph, layers: Mapping[str, StoredLayer], path: str
) -> dict[str, StoredLayer]:
    """Return the layers whose biases take entries of their codebooks."""
    after = {step.layer for step in graph.steps if step.settings.get("winograd")}
    shared = {
        name: StoredLayer(share_bias(it), it.shape, None, it.index_bits)
        for name, it in layers.items()
        if name not in after and it.bias is not None
    }
    if not shared:
        raise WorkloadError(f"{path}: biases to share: expected a layer with one, found none")
    return shared


def _transform(graph: Graph, weights: dict[str, DenseLayer], path: str) -> Graph:
    """Transform the weights of convolutions that Winograd's filtering can do."""
    usual = OPS["conv"].settings
    steps = []
    for step in graph.steps:
        plain = step.op == "conv" and all(
            step.settings[key] == usual[key] for key in ("stride", "dilation", "groups", "winograd")
        )
        if plain and step.layer in weights and weights[step.layer].weights.shape[2:] == (3, 3):
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
