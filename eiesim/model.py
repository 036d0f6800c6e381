"""A whole network with compressed weights: `.eie` files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from eiesim.compress.container import read_dcz, write_dcz
from eiesim.errors import WorkloadError
from eiesim.graph import Graph, Shape, infer_shapes, read_graph
from eiesim.layer import StoredLayer

GRAPH, NAME = "graph", "network"
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

    Raises
    ------
    WorkloadError
        A layer is missing, or the shapes do not go together.
    """

    name: str
    graph: Graph
    layers: Mapping[str, StoredLayer]

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
            return cls(name, read_graph(content, "graph"), layers)
        except WorkloadError as error:
            raise WorkloadError(f"{path}: {error}") from error
