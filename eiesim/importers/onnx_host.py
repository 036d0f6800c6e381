"""What the host runs of a network in ONNX: one graph, of which each step is a piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from eiesim.base.errors import WorkloadError
from eiesim.graph import Graph, Step
from eiesim.importers.onnx_file import find_graphs, find_types, is_external, parse_model

HOST_OP = "onnx"
"""The op of a step that is a piece of the host's graph."""


class HostGraph:
    """The nodes between the products of a network, and which tensors its steps give.

    The `model` holds the nodes, their constants, and in `metadata_props` by input or step the
    tensor that it gives. Numbers in other files are a WorkloadError.
    """

    def __init__(self, model: Any, what: str) -> None:
        if is_external(model):
            raise WorkloadError(f"{what}: expected nodes with their numbers, found a path")
        self.model, self.what = model, what
        self.tensors = {it.key: it.value for it in model.metadata_props}
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.types = find_types(model)
        self.producers = {name: node for node in model.graph.node for name in node.output if name}

    @classmethod
    def parse(cls, content: bytes, what: str) -> HostGraph:
        """Read what `to_bytes` gave; WorkloadError for other bytes or without extra ``onnx``."""
        return cls(parse_model(content, what), what)

    def to_bytes(self) -> bytes:
        """Return it as the content of a file."""
        content: bytes = self.model.SerializeToString(deterministic=True)
        return content

    def check(self, graph: Graph) -> None:
        """Raise WorkloadError where a step of a network is not a piece of this graph."""
        for step in graph.steps:
            if step.op == HOST_OP:
                self.find_nodes(step)

    def find_nodes(self, step: Step) -> list[Any]:
        """Return the nodes of a step, in order; WorkloadError where its inputs do not suffice."""
        for name in (step.name, *step.inputs):
            if name not in self.tensors:
                raise WorkloadError(f"{self.what}: step {step.name!r}: {name!r} is no tensor of it")
        stops = {self.tensors[name] for name in step.inputs}
        found: dict[int, Any] = {}
        waiting, seen = [self.tensors[step.name]], set(stops)
        while waiting:
            name = waiting.pop()
            if name in seen or name in self.constants:
                continue
            seen.add(name)
            if name not in self.producers:
                raise WorkloadError(f"{self.what}: step {step.name!r}: nothing gives {name!r}")
            node = self.producers[name]
            found[id(node)] = node
            waiting.extend(find_reads(node))
        return [node for node in self.model.graph.node if id(node) in found]

    def make_piece(self, step: Step) -> Any:
        """Return the model of a step: its inputs and its output in the step's order."""
        from onnx import ModelProto  # noqa: PLC0415 - an extra

        nodes = self.find_nodes(step)
        piece = ModelProto(ir_version=self.model.ir_version)
        piece.opset_import.extend(self.model.opset_import)
        piece.graph.name = "piece"
        piece.graph.node.extend(nodes)
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
    own: Iterable[str] = (
        *(value.name for value in graph.input),
        *(tensor.name for tensor in graph.initializer),
        *(sparse.values.name for sparse in graph.sparse_initializer),
        *(name for node in graph.node for name in node.output),
    )
    return frozenset(own)
