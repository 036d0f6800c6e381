"""A whole network with compressed weights: `.eie` files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from eiesim.compress.container import read_dcz, write_dcz
from eiesim.compress.pipeline import compress_network, share_bias
from eiesim.compress.plan import LayerPlan, Plan
from eiesim.errors import WorkloadError
from eiesim.graph import OPS, Graph, Shape, infer_shapes, read_graph
from eiesim.importers.chain import guess_chain
from eiesim.importers.described import Skipped
from eiesim.importers.networks import NetworkFile, place_layers, read_network_file, read_steps
from eiesim.layer import DenseLayer, StoredLayer
from eiesim.workload.winograd import transform_weights

EIE, DCZ = ".eie", ".dcz"
GRAPH, NAME, CHARACTERS = "graph", "network", "characters"
"""What the container's metadata calls them."""


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

    Raises
    ------
    WorkloadError
        A layer is missing, or the shapes do not go together.
    """

    name: str
    graph: Graph
    layers: Mapping[str, StoredLayer]
    characters: str = ""

    def __post_init__(self) -> None:
        _ = self.shapes

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
        write_dcz(path, [self.layers[name] for name in self.graph.layers], told)

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a model that `save` wrote.

        Parameters
        ----------
        path : str or Path
            The file.

        Raises
        ------
        WorkloadError
            It is missing, damaged, or holds layers without a graph.
        """
        container = read_dcz(path)
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
            return cls(name, read_graph(content, "graph"), layers, characters)
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
    errors : mapping of name to (float, float)
        How far pruning, and pruning and sharing moved the weights of each layer that was
        compressed here, as in `CompressedStep`.
    """

    model: Model
    skipped: tuple[Skipped, ...]
    errors: Mapping[str, tuple[float, float]]


def import_model(
    path: str | Path,
    steps: str | Path | None = None,
    plan: Plan | None = None,
    use_winograd: bool = False,
    outputs: tuple[str, ...] = (),
    share_biases: bool = False,
) -> Imported:
    """Take a network from files, and compress what is not compressed yet.

    Parameters
    ----------
    path : str or Path
        Weights: see `eiesim.importers.networks.read_network_file`; or a `.dcz` file.
    steps : str or Path, optional
        The steps, where the file does not tell them.
    plan : Plan, optional
        How to compress. By default nothing is pruned but zeros, and codes have 8 bits in
        convolutions and 4 bits elsewhere, as in Deep Compression's Table 1.
    use_winograd : bool
        Whether convolutions of 3 x 3 with stride 1 are transformed: what is pruned then are the
        transformed weights.
    outputs : tuple of str
        Steps whose results are wanted; by default those that no other step takes.
    share_biases : bool
        Whether each bias takes the nearest entry of its layer's codebook, so that EIE adds it; by
        default the host adds biases as they are. Biases behind Winograd's transform stay as they
        are.

    Raises
    ------
    WorkloadError
        A file is missing or damaged, or they do not go together.
    ConfigError
        The plan names a layer that is not there.
    """
    given = _read(path, steps)
    graph = given.graph.keep(outputs) if outputs else given.graph
    weights = {name: layer for name, layer in given.weights.items() if name in graph.layers}
    if use_winograd:
        graph = _transform(graph, weights)
    convolutions = {step.layer for step in graph.steps if step.op == "conv"}
    own = {name: LayerPlan(codebook_bits=8) for name in weights if name in convolutions}
    compressed = list(compress_network(weights, plan or Plan(layers=own)))
    stored = {name: it for name, it in given.stored.items() if name in graph.layers}
    layers = {**stored, **{step.stored.name: step.stored for step in compressed}}
    if share_biases:
        after = {step.layer for step in graph.steps if step.settings.get("winograd")}
        layers |= {name: _share_bias(it) for name, it in layers.items() if name not in after}
    errors = {step.stored.name: (step.pruned_error, step.shared_error) for step in compressed}
    model = Model(Path(path).stem, graph, layers, given.characters)
    return Imported(model, given.skipped, errors)


def load_model(
    path: str | Path, steps: str | Path | None = None, plan: Plan | None = None
) -> Model:
    """Return a network that EIE can run, from a `.eie` file or from any other with weights.

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
    if Path(path).suffix.lower() != EIE:
        return import_model(path, steps, plan).model
    if steps is not None or plan is not None:
        raise WorkloadError(f"{path}: tells its steps and is compressed; leave out steps and plan")
    return Model.load(path)


def _read(path: str | Path, steps: str | Path | None) -> NetworkFile:
    if Path(path).suffix.lower() != DCZ:
        return read_network_file(path, steps)
    stored = {it.name: it for it in read_dcz(path).layers}
    if steps is not None:
        return place_layers(path, read_steps(steps), stored=stored)
    return NetworkFile(guess_chain({name: it.shape for name, it in stored.items()}, {}, str(path)),
                       stored=stored)  # fmt: skip


def _share_bias(stored: StoredLayer) -> StoredLayer:
    return StoredLayer(share_bias(stored), stored.shape, None, stored.index_bits)


def _transform(graph: Graph, weights: dict[str, DenseLayer]) -> Graph:
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
    return Graph(graph.inputs, tuple(steps), graph.outputs)
