"""A network in ONNX as products for EIE, and nodes for the host."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eiesim.base.errors import WorkloadError
from eiesim.graph import ANY, Shape, Step
from eiesim.importers.described import Effect, Skipped, Unsupported
from eiesim.importers.onnx_file import Array, OnnxFile, find_graphs
from eiesim.importers.onnx_host import find_piece, find_reads
from eiesim.layer.weights import DenseLayer

PRODUCT = re.compile("Attention|Conv|Einsum|Gemm|GRU|LSTM|MatMul|RNN")
"""Part of the name of an operator that multiplies weights."""
Rule = Callable[["Lowering", Any, str], None]
LONGEST = 200
"""Most bytes of a step's name; converters from TensorFlow join the names of fused nodes."""


def shorten(name: str) -> str:
    """Return a name of at most `LONGEST` bytes."""
    encoded = name.encode()
    return name if len(encoded) <= LONGEST else f"{encoded[:LONGEST].decode(errors='ignore')}..."


@dataclass
class Product:
    """A product with constant weights, a step on EIE: its inputs and its output are tensors."""

    step: Step
    layer: DenseLayer
    output: str


@dataclass
class Lowering:
    """Nodes in order; rules replace them by products and other nodes.

    Attributes
    ----------
    shapes
        Of the tensors, as far as they are known.
    entries
        Replacements of the nodes, each a `Product` or a NodeProto.
    skipped
        Nodes that EIE does not run, and why.
    """

    file: OnnxFile
    shapes: Mapping[str, Shape]
    entries: list[Any] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        graph = self.file.model.graph
        opsets = (
            entry.version
            for entry in self.file.model.opset_import
            if entry.domain in ("", "ai.onnx")
        )
        self.opset = next(opsets, 1)
        self.outputs = {value.name for value in graph.output}
        self.reads = Counter(name for node in graph.node for name in find_reads(node))
        self.there = {value.name for value in graph.input} | set(self.file.constants)
        self.steps = {value.name for value in graph.input}
        self.names = {*self.there, *self.reads, *self.outputs}
        self.names.update(name for node in graph.node for name in node.output)

    def run(self, rules: Mapping[tuple[str, str], Rule]) -> None:
        """Replace all nodes, with rules by domain and operator.

        Raises WorkloadError if two nodes give one tensor.
        """
        for node in self.file.model.graph.node:
            outputs = [name for name in node.output if name]
            name = self._name_step(node.name, outputs or [node.op_type or "node"])
            twice = next((output for output in outputs if output in self.there), None)
            if twice is not None:
                raise WorkloadError(f"node {name!r}: gives {twice!r}, which is there already")
            missing = next((read for read in find_reads(node) if read not in self.there), None)
            if missing is not None or not outputs:
                reason = "gives nothing" if missing is None else f"reads {missing!r}, not there"
                effect = Effect.NONE if missing is None else Effect.PART
                self.skipped.append(Skipped(name, f"{node.op_type}: {reason}; left out", effect))
                continue
            self._take(rules, node, name)
            self.there.update(outputs)

    def _take(self, rules: Mapping[tuple[str, str], Rule], node: Any, name: str) -> None:
        domain = "" if node.domain == "ai.onnx" else node.domain
        before = len(self.entries)
        try:
            rule = rules.get((domain, node.op_type))
            if rule is not None:
                rule(self, node, name)
                return
            inside = [inner for graph in find_graphs(node) for inner in graph.node]
            if any(PRODUCT.search(inner.op_type) for inner in (node, *inside)):
                raise Unsupported(f"not a product that EIE runs{self._list_deciding(node)}")
        except (Unsupported, WorkloadError) as problem:
            del self.entries[before:]
            operator = f"{domain}.{node.op_type}" if domain else node.op_type
            reason = f"{operator}: {problem}; the host runs it"
            self.skipped.append(Skipped(name, reason, Effect.HOST))
        self.entries.append(node)

    def _list_deciding(self, node: Any) -> str:
        """Return a text on the inputs of one number that decide the branch of an If."""
        if node.op_type != "If" or not node.input:
            return ""
        producers = {name: inner for inner in self.file.model.graph.node for name in inner.output}
        _, inputs = find_piece(node.input[0], self.file.constants, producers.get)
        single = [name for name in inputs if all(size == 1 for size in self.shapes.get(name, ANY))]
        return f"; known values of {', '.join(single)} would decide it" if single else ""

    def _name_step(self, node_name: str, outputs: Sequence[str]) -> str:
        """Return a short name that no other step has."""
        names = [shorten(name) for name in (node_name, *outputs) if name]
        for name in names:
            if name not in self.steps:
                break
        else:
            name = f"{names[0]} ({len(self.steps)})"
        self.steps.add(name)
        return name

    def name_tensor(self, stem: str) -> str:
        """Return a name that no other tensor has."""
        name, number = stem, 1
        while name in self.names:
            number += 1
            name = f"{stem} ({number})"
        self.names.add(name)
        return name

    def constant(self, array: Array, stem: str) -> str:
        """Add a constant, and return its tensor."""
        name = self.name_tensor(stem)
        self.file.constants[name] = array
        self.there.add(name)
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node of ONNX's own for the host, and return its one output."""
        from onnx import helper  # noqa: PLC0415 - an extra

        self.entries.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def product(self, step: Step, layer: DenseLayer, output: str) -> None:
        """Add a product; Unsupported if its weights are infinite or NaN."""
        for array in (layer.weights, layer.bias):
            if array is not None and not np.isfinite(array).all():
                raise Unsupported("expected numbers as weights, found infinite or NaN")
        self.entries.append(Product(step, layer, output))

    @property
    def products(self) -> list[Product]:
        """The entries that are steps on EIE."""
        return [entry for entry in self.entries if isinstance(entry, Product)]

    @property
    def nodes(self) -> list[Any]:
        """The entries that the host runs."""
        return [entry for entry in self.entries if not isinstance(entry, Product)]

    def find_product(self, tensor: str) -> Product | None:
        """Return the product that gives a tensor, if one does."""
        return next((entry for entry in reversed(self.products) if entry.output == tensor), None)

    def find_shape(self, tensor: str) -> Shape | None:
        """Return the shape of a tensor, `STEPS` for unknown sizes; None if nothing is known."""
        array = self.file.constants.get(tensor)
        return self.shapes.get(tensor) if array is None else array.shape
