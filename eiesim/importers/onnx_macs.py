"""Multiply-accumulates of the host's part of a network in ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eiesim.importers.onnx_file import Array, find_graphs
from eiesim.importers.onnx_lowering import PRODUCT
from eiesim.importers.onnx_runtime import Session

Sizes = Sequence[int]
Shapes = Mapping[str, Sizes]


class MacCounter:
    """Counts the multiply-accumulates of a piece of a `HostGraph`, by shapes of the runtime."""

    def __init__(self, piece: Any, label: str) -> None:
        from onnx import TensorProto, helper  # noqa: PLC0415 - an extra

        nodes = [node for node in piece.graph.node if _is_product(node)]
        self.nodes = [node for node in nodes if node.op_type in RULES]
        self.unknown = [node for node in nodes if node.op_type not in RULES]
        self.session: Session | None = None
        if not self.nodes:
            return
        self.names = list(dict.fromkeys(
            name for node in self.nodes for name in (*node.input, node.output[0]) if name
        ))  # fmt: skip
        model = type(piece)()
        model.CopyFrom(piece)
        model.graph.ClearField("output")
        for number, name in enumerate(self.names):
            shape = f"{name}: shape {number}"
            model.graph.node.append(helper.make_node("Shape", [name], [shape]))
            model.graph.output.append(
                helper.make_tensor_value_info(shape, TensorProto.INT64, [None])
            )
        self.session = Session(model, label)
        self.counts: dict[tuple[Sizes, ...], dict[str, int | None]] = {}

    def count(self, operands: Mapping[str, Array]) -> dict[str, int | None]:
        """Return the multiply-accumulates by the node's first output; None if not known."""
        unknown: dict[str, int | None] = {node.output[0]: None for node in self.unknown}
        if self.session is None:
            return unknown
        key = tuple(array.shape for array in operands.values())
        if key not in self.counts:
            arrays = self.session.run(operands)
            shapes = {
                name: tuple(sizes.tolist()) for name, sizes in zip(self.names, arrays, strict=True)
            }
            counted = {node.output[0]: RULES[node.op_type](node, shapes) for node in self.nodes}
            self.counts[key] = unknown | counted
        return self.counts[key]


def _is_product(node: Any) -> bool:
    inside = [inner for graph in find_graphs(node) for inner in graph.node]
    return bool(PRODUCT.search(node.op_type)) or any(map(_is_product, inside))


def _multiply(node: Any, shapes: Shapes) -> int:
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


def _multiply_transposed(node: Any, shapes: Shapes) -> int:
    is_transposed = any(entry.name == "transA" and entry.i for entry in node.attribute)
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if is_transposed else 1]


def _convolve(node: Any, shapes: Shapes, weights: int = 1) -> int:
    return math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[weights]][1:])


def _spread(node: Any, shapes: Shapes) -> int:
    return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])


def _sum_products(node: Any, shapes: Shapes) -> int | None:
    (equation,) = (entry.s.decode() for entry in node.attribute if entry.name == "equation")
    terms = equation.replace(" ", "").split("->")[0].split(",")
    if "." in equation:
        return None
    sizes: dict[str, int] = {}
    for term, name in zip(terms, node.input, strict=True):
        sizes |= zip(term, shapes[name], strict=True)
    return math.prod(sizes.values())


def _recur(node: Any, shapes: Shapes) -> int:
    steps = math.prod(shapes[node.input[0]][:2])
    return steps * sum(math.prod(shapes[name]) for name in node.input[1:3])


RULES: Mapping[str, Callable[[Any, Shapes], int | None]] = {
    "MatMul": _multiply, "MatMulInteger": _multiply, "QLinearMatMul": _multiply,
    "Gemm": _multiply_transposed, "Conv": _convolve, "ConvInteger": _convolve,
    "QLinearConv": lambda node, shapes: _convolve(node, shapes, 3), "ConvTranspose": _spread,
    "Einsum": _sum_products, "LSTM": _recur, "GRU": _recur, "RNN": _recur,
}  # fmt: skip
"""By operator, from its node and the shapes of its inputs and outputs."""
