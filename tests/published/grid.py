"""Weights rounded to so few values that codes of 8 bits hold each of them exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from eiesim.importers.onnx_file import find_graphs

Array = npt.NDArray[Any]
MOST_STEPS = 100
"""Of a product's largest weight: with both signs and zero at most 201 values."""
WEIGHTS = {"Conv": (1,), "Gemm": (0, 1), "MatMul": (0, 1), "LSTM": (1, 2, 3)}
"""Where the operands of a product stand that may be weights; an LSTM's biases lie with them."""


def find_step(arrays: Iterable[Array], biases: Iterable[Array] = ()) -> float:
    """Return the power of two by which a product's largest weight has 50 to 100 steps.

    Two biases are added to one number of the matrix, and count twice.
    """
    largest = max(
        [*(float(np.abs(it).max()) for it in arrays), *(2 * np.abs(it).max() for it in biases)]
    )
    return float(2.0 ** np.ceil(np.log2(largest / MOST_STEPS))) if largest else 1.0


def round_to(array: Array, step: float) -> Array:
    """Return an array in whole steps, of its own type."""
    return (np.round(array.astype(np.float64) / step) * step).astype(array.dtype)


def round_onnx(model: onnx.ModelProto) -> None:
    """Round the weights of all products of a network in place, those in branches, too."""
    graphs = list(_list_graphs(model.graph))
    nodes = [node for graph in graphs for node in graph.node]
    producers = {name: node for node in nodes for name in node.output}
    constants = {it.name: it for graph in graphs for it in graph.initializer}
    constants |= {
        node.output[0]: node.attribute[0].t for node in nodes if node.op_type == "Constant"
    }
    for node in nodes:
        places = [place for place in WEIGHTS.get(node.op_type, ()) if place < len(node.input)]
        found = {
            id(it): (it, place == 3)
            for place in places
            for it in _find_tensors(node.input[place], producers, constants) or ()
        }
        tensors = [(it, numpy_helper.to_array(it), is_bias) for it, is_bias in found.values()]
        tensors = [it for it in tensors if it[1].dtype.kind == "f" and it[1].size > 1]
        if tensors:
            step = find_step(
                [array for _, array, is_bias in tensors if not is_bias],
                [array for _, array, is_bias in tensors if is_bias],
            )
            for tensor, array, _ in tensors:
                tensor.CopyFrom(numpy_helper.from_array(round_to(array, step), tensor.name))


def _list_graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for inner in find_graphs(node):
            yield from _list_graphs(inner)


def _find_tensors(name: str, producers: Any, constants: Any) -> list[Any] | None:
    """Return the constants that alone make a tensor; None where it depends on an input."""
    if not name:
        return []
    if name in constants:
        return [constants[name]]
    if name not in producers:
        return None
    tensors = []
    for operand in producers[name].input:
        parts = _find_tensors(operand, producers, constants)
        if parts is None:
            return None
        tensors += parts
    return tensors
