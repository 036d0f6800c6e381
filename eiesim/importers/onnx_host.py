"""The host's part of a network in ONNX: one graph, of which each step is a piece."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

from eiesim.base.errors import WorkloadError
from eiesim.graph import Graph, Step
from eiesim.importers.onnx_file import find_graphs, find_types, is_external, parse_model

HOST_OP = "onnx"
"""The op of a step that is a piece of the host's graph."""


class HostGraph:
    """The nodes between the products of a network, and which tensors its steps give.

    The `model` has the nodes, their constants, and in `metadata_props` by input or step the tensor
    that it gives. Raises WorkloadError if numbers are in other files.
    """

    def __init__(self, model: Any, label: str) -> None:
        if is_external(model):
            raise WorkloadError(f"{label}: expected nodes with their numbers, found a path")
        self.model, self.label = model, label
        self.tensors = {entry.key: entry.value for entry in model.metadata_props}
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.types = find_types(model)
        self.producers = {name: node for node in model.graph.node for name in node.output if name}

    @classmethod
    def parse(cls, content: bytes, label: str) -> HostGraph:
        """Read the result of `to_bytes`; WorkloadError for others or without extra ``onnx``."""
        return cls(parse_model(content, label), label)

    def to_bytes(self) -> bytes:
        """Return the graph as the content of a file."""
        content: bytes = self.model.SerializeToString(deterministic=True)
        return content

    def check(self, graph: Graph) -> None:
        """Raise WorkloadError if a step of a network is not a piece of this graph."""
        for step in graph.steps:
            if step.op == HOST_OP:
                self.find_nodes(step)

    def find_nodes(self, step: Step) -> list[Any]:
        """Return the nodes of a step, in order; WorkloadError if its inputs do not suffice."""
        for name in (step.name, *step.inputs):
            if name not in self.tensors:
                raise WorkloadError(
                    f"{self.label}: step {step.name!r}: {name!r} is no tensor of it"
                )
        stops = {self.tensors[name] for name in step.inputs}

        def find_node(name: str) -> Any:
            if name in stops:
                return None
            if name not in self.producers:
                raise WorkloadError(f"{self.label}: step {step.name!r}: nothing gives {name!r}")
            return self.producers[name]

        nodes, _ = find_piece(self.tensors[step.name], self.constants, find_node)
        return [node for node in self.model.graph.node if id(node) in nodes]

    def make_piece(self, step: Step) -> Any:
        """Return the model of a step: its inputs and its output in the step's order."""
        nodes = self.find_nodes(step)
        piece = start_model(self.model, "piece", nodes)
        inputs = dict.fromkeys(self.tensors[name] for name in step.inputs)
        for values, names in (
            (piece.graph.input, tuple(inputs)),
            (piece.graph.output, (self.tensors[step.name],)),
        ):
            for name in names:
                value = values.add(name=name)
                if name in self.types:
                    value.type.CopyFrom(self.types[name])
                    value.type.tensor_type.ClearField("shape")
        reads = {name for node in nodes for name in find_reads(node)}
        piece.graph.initializer.extend(
            self.constants[name] for name in sorted(reads - set(inputs)) if name in self.constants
        )
        return piece


def start_model(source: Any, name: str, nodes: Iterable[Any]) -> Any:
    """Return a ModelProto of some nodes of a model, in its versions."""
    from onnx import ModelProto  # noqa: PLC0415 - an extra

    model = ModelProto(ir_version=source.ir_version)
    model.opset_import.extend(source.opset_import)
    model.graph.name = name
    model.graph.node.extend(nodes)
    return model


def find_piece(
    tensor: str, constants: Container[str], find_node: Callable[[str], Any]
) -> tuple[dict[int, Any], list[str]]:
    """Return the nodes that compute a tensor, by `id`, and the tensors where the search stops.

    `find_node` returns the node that gives a tensor, or None to stop the search.
    """
    nodes: dict[int, Any] = {}
    inputs: list[str] = []
    waiting, visited = [tensor], set[str]()
    while waiting:
        name = waiting.pop()
        if name in visited or name in constants:
            continue
        visited.add(name)
        node = find_node(name)
        if node is None:
            inputs.append(name)
        else:
            nodes[id(node)] = node
            waiting.extend(find_reads(node))
    return nodes, inputs


def find_reads(node: Any) -> Iterator[str]:
    """Return the tensors that a node reads, also those that the graphs in it take from outside."""
    yield from (name for name in node.input if name)
    waiting = [(graph, frozenset[str]()) for graph in find_graphs(node)]
    while waiting:
        graph, outer = waiting.pop()
        inside = outer | _find_names(graph)
        for inner in graph.node:
            yield from (name for name in inner.input if name and name not in inside)
            waiting.extend((body, inside) for body in find_graphs(inner))
        yield from (value.name for value in graph.output if value.name not in inside)


def _find_names(graph: Any) -> frozenset[str]:
    sparse = (tensor.values for tensor in graph.sparse_initializer)
    named = {value.name for value in (*graph.input, *graph.initializer, *sparse)}
    return frozenset(named.union(*(node.output for node in graph.node)))
