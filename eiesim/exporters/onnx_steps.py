"""Steps of a network as nodes of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.catalog.model import Model
from eiesim.catalog.trained import decode
from eiesim.exporters.tensors import find_bias, refuse_winograd
from eiesim.graph import PER_OUTPUT, STEPS, Step, find_pooled, host
from eiesim.importers.cells import split_gru, split_lstm
from eiesim.importers.onnx_cells import FAR, ONNX_GRU, ONNX_LSTM

Floats = npt.NDArray[np.float32]
Parts = tuple[Floats, Floats, Floats]
"""Weights of input and state side by side, and their biases."""


class Nodes:
    """Nodes and constants of a model under construction; each step's output has its name.

    Inner tensors cannot have the `taken` names.
    """

    def __init__(self, model: Model, taken: Iterable[str]) -> None:
        self.model = model
        self.nodes: list[Any] = []
        self.constants: dict[str, npt.NDArray[Any]] = {}
        self.taken = set(taken)

    def name(self, step: Step, word: str) -> str:
        """Return a name for an inner tensor of a step."""
        return self._take_name(f"{step.name}/{word}")

    def _take_name(self, name: str) -> str:
        while name in self.taken:
            name += "'"
        self.taken.add(name)
        return name

    def constant(self, name: str, values: Any, dtype: Any = np.int64) -> str:
        """Add a constant, and return its name; whole numbers are sizes or axes."""
        self.constants[name] = np.array(values, dtype)
        return name

    def add(self, operator: str, inputs: Sequence[str], *outputs: str, **attributes: Any) -> str:
        """Add a node, and return its first output."""
        from onnx import helper  # noqa: PLC0415 - an extra

        self.nodes.append(helper.make_node(operator, list(inputs), list(outputs), **attributes))
        return outputs[0]

    def reshape(self, data: str, shape: Sequence[int], output: str) -> str:
        """Add a node that gives data another shape; 0 keeps a size, -1 is the remaining one."""
        sizes = self.constant(self._take_name(f"{output}/shape"), shape)
        return self.add("Reshape", [data, sizes], output)

    def is_sequence(self, name: str) -> bool:
        """Return whether an input or step is a sequence of any length."""
        return self.model.shapes[name][:1] == (STEPS,)


def _multiply(nodes: Nodes, step: Step) -> None:
    stored = nodes.model.layers[step.layer]
    (data,) = step.inputs
    if not step.settings["stacked"]:
        shape = (-1, stored.layer.cols) if nodes.is_sequence(data) else (stored.layer.cols,)
        data = nodes.reshape(data, shape, nodes.name(step, "vectors"))
    matrix = decode(stored).weights.reshape(stored.layer.rows, -1)
    weights = nodes.constant(nodes.name(step, "weights"), matrix.T, np.float32)
    bias = find_bias(stored)
    if bias is None:
        nodes.add("MatMul", [data, weights], step.name)
        return
    sums = nodes.add("MatMul", [data, weights], nodes.name(step, "sums"))
    nodes.add("Add", [sums, nodes.constant(nodes.name(step, "bias"), bias, np.float32)], step.name)


def _convolve(nodes: Nodes, step: Step) -> None:
    refuse_winograd(step)
    stored = nodes.model.layers[step.layer]
    (data,), bias = step.inputs, find_bias(stored)
    inputs = [nodes.constant(nodes.name(step, "weights"), decode(stored).weights, np.float32)]
    if bias is not None:
        inputs.append(nodes.constant(nodes.name(step, "bias"), bias, np.float32))
    settings = {
        "strides": step.settings["stride"], "pads": step.settings["pad"],
        "dilations": step.settings["dilation"], "group": step.settings["groups"],
    }  # fmt: skip
    if step.settings["stacked"]:
        nodes.add("Conv", [data, *inputs], step.name, **settings)
        return
    images = nodes.reshape(data, (1, *nodes.model.shapes[data]), nodes.name(step, "image"))
    output = nodes.add("Conv", [images, *inputs], nodes.name(step, "sums"), **settings)
    nodes.reshape(output, nodes.model.shapes[step.name], step.name)


def _recur(nodes: Nodes, step: Step) -> None:
    matrix = decode(nodes.model.layers[step.layer]).weights
    operator, gates, order = CELLS[step.op]
    weights, input_bias, state_bias = order(matrix, step)
    biases = np.concatenate((input_bias, state_bias))
    hidden = len(weights) // gates
    of_input, of_state = weights[:, :-hidden], weights[:, -hidden:]
    data, *states = step.inputs
    if not step.settings["stacked"]:
        data = nodes.reshape(data, (-1, 1, of_input.shape[1]), nodes.name(step, "sequence"))
    inputs = [data]
    for word, array in (
        ("input", of_input),
        ("state", of_state),
        ("biases", biases),
    ):
        inputs.append(nodes.constant(nodes.name(step, word), array[np.newaxis], np.float32))
    inputs.append("")
    for number, state in enumerate(states):
        inputs.append(nodes.reshape(state, (1, -1, hidden), nodes.name(step, f"begin{number}")))
    words = ("steps", "end", "cell") if operator == "LSTM" else ("steps", "end")
    outputs = [nodes.name(step, word) for word in words]
    attributes: dict[str, Any] = {}
    if operator == "GRU":
        attributes["linear_before_reset"] = int(step.settings["reset"] == "after")
    if operator == "RNN":
        attributes["activations"] = [step.settings["activation"].capitalize()]
    nodes.add(operator, inputs, *outputs, hidden_size=hidden, **attributes)
    shape = (0, -1, hidden) if step.settings["stacked"] else (-1, hidden)
    if not step.settings.get("cell"):
        nodes.reshape(outputs[0], shape, step.name)
        return
    # ONNX returns the last cell state only; readers of this step need no other
    sequence = nodes.reshape(outputs[0], shape, nodes.name(step, "outputs"))
    cell = nodes.reshape(outputs[2], (1, -1, hidden), nodes.name(step, "last"))
    shape_of_all = nodes.add("Shape", [sequence], nodes.name(step, "form"))
    spread = nodes.add("Expand", [cell, shape_of_all], nodes.name(step, "cells"))
    nodes.add("Concat", [sequence, spread], step.name, axis=2)


def _order_lstm(matrix: Floats, _step: Step) -> Parts:
    return split_lstm(matrix, ONNX_LSTM)


def _order_gru(matrix: Floats, step: Step) -> Parts:
    if step.settings["reset"] == "before":
        return _order_rnn(matrix, step)
    return split_gru(matrix, ONNX_GRU, step.layer)


def _order_rnn(matrix: Floats, _step: Step) -> Parts:
    return matrix[:, :-1], matrix[:, -1], np.zeros(len(matrix), np.float32)


CELLS: Mapping[str, tuple[str, int, Callable[[Floats, Step], Parts]]] = {
    "lstm": ("LSTM", 4, _order_lstm), "gru": ("GRU", 3, _order_gru), "rnn": ("RNN", 1, _order_rnn),
}  # fmt: skip
"""By op: ONNX's operator, its gates, and a function for the order of weights and biases."""


def _look_up(nodes: Nodes, step: Step) -> None:
    from onnx import TensorProto  # noqa: PLC0415 - an extra

    table = decode(nodes.model.layers[step.layer]).weights.T
    places = nodes.add("Cast", [step.inputs[0]], nodes.name(step, "places"), to=TensorProto.INT64)
    rows = nodes.constant(nodes.name(step, "table"), table, np.float32)
    nodes.add("Gather", [rows, places], step.name)


def _apply(operator: str) -> Callable[[Nodes, Step], None]:
    def apply(nodes: Nodes, step: Step) -> None:
        nodes.add(operator, step.inputs, step.name)

    return apply


def _share(nodes: Nodes, step: Step) -> None:
    axis = 1 if len(nodes.model.shapes[step.inputs[0]]) == 2 else 0
    nodes.add("Softmax", step.inputs, step.name, axis=axis)


def _pool(nodes: Nodes, step: Step) -> None:
    """Pool an image that is padded first, since runtimes do not agree on cut-off windows."""
    (data,) = step.inputs
    channels, *image = nodes.model.shapes[data]
    kernel, stride, pad = (step.settings[key] for key in ("kernel", "stride", "pad"))
    sides = find_pooled(step.settings, tuple(image))
    after = [
        max((sides[axis] - 1) * stride[axis] + kernel[axis] - image[axis] - pad[axis], 0)
        for axis in (0, 1)
    ]
    padded_batch = nodes.reshape(data, (1, channels, *image), nodes.name(step, "image"))
    pads = nodes.constant(nodes.name(step, "pads"), (0, 0, *pad[:2], 0, 0, *after))
    fill = -np.inf if step.op == "maxpool" else 0
    value = nodes.constant(nodes.name(step, "fill"), np.float32(fill), np.float32)
    padded = nodes.add("Pad", [padded_batch, pads, value], nodes.name(step, "padded"))
    operator = "MaxPool" if step.op == "maxpool" else "AveragePool"
    settings = {"kernel_shape": kernel, "strides": stride}
    pooled = nodes.add(operator, [padded], nodes.name(step, "pooled"), **settings)
    if step.op == "avgpool":
        window = host.SlidingWindow(kernel, stride, pad, sides)
        ones = np.ones((1, *image), np.float32)
        mean = host.pool_mean(ones, window, bool(step.settings["count_padding"]))
        zeros = host.take_windows(ones, window).mean((1, 2))
        factor = nodes.constant(nodes.name(step, "factor"), mean / zeros, np.float32)
        pooled = nodes.add("Mul", [pooled, factor], nodes.name(step, "mean"))
    nodes.reshape(pooled, (channels, *sides), step.name)


def _average(nodes: Nodes, step: Step) -> None:
    nodes.add("ReduceMean", step.inputs, step.name, axes=[1, 2], keepdims=0)


def _concatenate(nodes: Nodes, step: Step) -> None:
    axis = 1 if nodes.is_sequence(step.inputs[0]) else 0
    nodes.add("Concat", step.inputs, step.name, axis=axis)


def _flatten(nodes: Nodes, step: Step) -> None:
    shape = (0, -1) if nodes.is_sequence(step.inputs[0]) else (-1,)
    nodes.reshape(step.inputs[0], shape, step.name)


def _take_last(nodes: Nodes, step: Step) -> None:
    last = nodes.constant(nodes.name(step, "place"), -1)
    nodes.add("Gather", [step.inputs[0], last], step.name, axis=0)


def _reverse(nodes: Nodes, step: Step) -> None:
    limits = [nodes.constant(nodes.name(step, str(place)), [limit])
              for place, limit in enumerate((-1, FAR, 0, -1))]  # fmt: skip
    nodes.add("Slice", [step.inputs[0], *limits], step.name)


def _scale(nodes: Nodes, step: Step) -> None:
    shape = nodes.model.shapes[step.inputs[0]]
    later_axes = (1,) * (len(shape) - 1 - nodes.is_sequence(step.inputs[0]))
    rows = [np.asarray(step.settings[key], np.float32) for key in PER_OUTPUT]
    factor, offset = (
        nodes.constant(
            nodes.name(step, key), row.reshape(-1, *later_axes) if row.ndim else row, np.float32
        )
        for key, row in zip(PER_OUTPUT, rows, strict=True)
    )
    scaled = nodes.add("Mul", [step.inputs[0], factor], nodes.name(step, "scaled"))
    nodes.add("Add", [scaled, offset], step.name)


def _normalise(nodes: Nodes, step: Step) -> None:
    shape = nodes.model.shapes[step.name]
    settings = dict(step.settings)
    image = nodes.reshape(step.inputs[0], (1, *shape), nodes.name(step, "image"))
    bias = settings.pop("k")
    output = nodes.add("LRN", [image], nodes.name(step, "normalised"), bias=bias, **settings)
    nodes.reshape(output, shape, step.name)


RULES: Mapping[str, Callable[[Nodes, Step], None]] = {
    "fc": _multiply, "conv": _convolve, "lstm": _recur, "gru": _recur, "rnn": _recur,
    "embedding": _look_up,
    "relu": _apply("Relu"), "sigmoid": _apply("Sigmoid"), "tanh": _apply("Tanh"),
    "add": _apply("Sum"), "softmax": _share, "maxpool": _pool, "avgpool": _pool,
    "global_avgpool": _average, "concat": _concatenate, "flatten": _flatten, "last": _take_last,
    "reverse": _reverse, "scale": _scale, "lrn": _normalise,
}  # fmt: skip
