"""Networks in ONNX files: their steps and weights; needs the extra ``onnx``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.errors import WorkloadError
from eiesim.graph import STEPS, Shape, Step
from eiesim.importers.cells import join_gru, join_lstm
from eiesim.importers.content import read_content
from eiesim.importers.described import Builder, Described, Unsupported
from eiesim.layer import DenseLayer

ONNX_LSTM, ONNX_GRU = "iofj", "zrn"
"""Order of ONNX's gates."""
UNCHANGED = ("Dropout", "Identity", "Squeeze")
CELLS = ("LSTM", "GRU")
Floats = npt.NDArray[np.float32]
Attributes = Mapping[str, Any]


@dataclass
class _Reading:
    """What is known while a file is read."""

    builder: Builder
    constants: dict[str, npt.NDArray[Any]]
    readers: Mapping[str, int]
    weights: dict[str, DenseLayer] = field(default_factory=dict)


def read_onnx(path: str | Path) -> tuple[Described, dict[str, DenseLayer]]:
    """Read a network.

    Parameters
    ----------
    path : str or Path
        An `.onnx` file whose weights lie in it.

    Returns
    -------
    described : Described
        Its steps; a node that cannot be run is left out, with the reason.
    weights : dict of name to DenseLayer
        By step.

    Raises
    ------
    WorkloadError
        The file is missing, damaged, of another kind, or the extra ``onnx`` is not installed.

    References
    ----------
    ONNX operators, https://onnx.ai/onnx/operators: Gemm, MatMul, Conv, LSTM, GRU and others.
    """
    graph = _load(path)
    constants = {it.name: _take_constant(it, path) for it in graph.initializer}
    readers: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    sequences = {node.input[0] for node in graph.node if node.op_type in CELLS and node.input}
    inputs = {
        it.name: _take_shape(it, it.name in sequences, path)
        for it in graph.input
        if it.name not in constants
    }
    reading = _Reading(Builder(inputs), constants, readers)
    try:
        for number, node in enumerate(graph.node):
            _add(reading, node, node.name or f"{node.op_type}_{number}")
        described = reading.builder.finish(tuple(it.name for it in graph.output))
    except WorkloadError as error:
        raise WorkloadError(f"{path}: {error}") from error
    if not described.graph.steps:
        raise WorkloadError(f"{path}: expected a node that can be run, found none")
    return described, reading.weights


def _load(path: str | Path) -> Any:
    try:
        import onnx  # noqa: PLC0415 - an extra
        from google.protobuf.message import DecodeError  # noqa: PLC0415
    except ImportError as error:
        raise WorkloadError(
            f"{path}: reading ONNX needs the package onnx: pip install 'eiesim[onnx]'"
        ) from error
    try:
        graph = onnx.load_model_from_string(read_content(path)).graph
    except DecodeError as error:
        raise WorkloadError(f"{path}: expected an ONNX model, found other content") from error
    if not graph.node:
        raise WorkloadError(f"{path}: expected an ONNX model with nodes, found none")
    return graph


def _take_constant(tensor: Any, path: str | Path) -> npt.NDArray[Any]:
    from onnx import TensorProto, numpy_helper  # noqa: PLC0415 - an extra

    if tensor.data_location == TensorProto.EXTERNAL:
        raise WorkloadError(
            f"{path}: {tensor.name}: its numbers lie in another file; save the model as one file"
        )
    try:
        array: npt.NDArray[Any] = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise WorkloadError(f"{path}: {tensor.name}: damaged tensor: {error}") from error
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise WorkloadError(f"{path}: {tensor.name}: expected numbers, found infinite or NaN")
    return array


def _take_shape(value: Any, is_sequence: bool, path: str | Path) -> Shape:
    """Return an input's shape without the batch: first, or second where it is a sequence."""
    sizes = [int(dim.dim_value) for dim in value.type.tensor_type.shape.dim]
    if is_sequence and len(sizes) == 3 and sizes[2] > 0:
        return STEPS, sizes[2]
    if not 2 <= len(sizes) <= 4 or min(sizes[1:]) < 1:
        raise WorkloadError(
            f"{path}: input {value.name!r}: expected a batch and one to three sizes that are "
            f"known, found {sizes} (0 is unknown)"
        )
    return tuple(sizes[1:])


def _add(reading: _Reading, node: Any, name: str) -> None:
    outputs = tuple(it for it in node.output if it)
    if node.op_type == "Constant":
        for attribute in node.attribute:
            if attribute.name == "value":
                reading.constants[outputs[0]] = _take_constant(attribute.t, name)
        return
    data = tuple(it for it in node.input if it and it not in reading.constants)
    missing = reading.builder.find_missing(data)
    try:
        if missing or not data:
            raise Unsupported(f"reads {missing or 'nothing'}, which is not there")
        if node.op_type in UNCHANGED:
            reading.builder.rename(data[0], outputs[0])
        elif node.op_type not in RULES:
            raise Unsupported("not a node that eiesim can run")
        else:
            attributes = {it.name: _take_attribute(it) for it in node.attribute}
            RULES[node.op_type](reading, node, name, attributes)
    except Unsupported as why:
        reading.builder.skip(name, f"{node.op_type}: {why}", outputs, None)


def _take_attribute(attribute: Any) -> Any:
    from onnx import helper  # noqa: PLC0415 - an extra

    return helper.get_attribute_value(attribute)


def _find(reading: _Reading, node: Any, place: int, ndim: int) -> Floats:
    """Return a constant that a node reads."""
    name = node.input[place] if place < len(node.input) else ""
    array = reading.constants.get(name)
    if array is None or array.ndim != ndim or array.dtype != np.float32 or not array.size:
        raise Unsupported(f"expected weights of {ndim} dimensions in the file as input {place}")
    return array


def _find_bias(reading: _Reading, node: Any, place: int, size: int) -> Floats | None:
    if place >= len(node.input) or not node.input[place]:
        return None
    array = reading.constants.get(node.input[place])
    if array is None or array.dtype != np.float32 or array.size not in (1, size):
        raise Unsupported(f"expected a bias of {size} numbers in the file")
    return np.broadcast_to(array.reshape(-1), (size,)).copy()


def _expect(attributes: Attributes, **usual: Any) -> None:
    """Check that attributes, where they are given, have the only value that can be run."""
    for key, value in usual.items():
        found = attributes.get(key, value)
        found = tuple(found) if isinstance(found, list | tuple) else found
        if found != value:
            raise Unsupported(f"{key} {found}, expected {value}")


def _place_layer(reading: _Reading, node: Any, step: Step, layer: DenseLayer) -> None:
    reading.weights[step.name] = layer
    reading.builder.add(step, node.output[0])


def _gemm(reading: _Reading, node: Any, name: str, attributes: Attributes) -> None:
    _expect(attributes, transA=0)
    matrix = _find(reading, node, 1, 2)
    weights = matrix if attributes.get("transB", 0) else matrix.T
    bias = _find_bias(reading, node, 2, len(weights))
    scaled = np.float32(attributes.get("alpha", 1.0)) * weights
    if bias is not None:
        bias = np.float32(attributes.get("beta", 1.0)) * bias
    step = Step(name, "fc", (node.input[0],), name)
    _place_layer(reading, node, step, DenseLayer(np.ascontiguousarray(scaled), bias))


def _matmul(reading: _Reading, node: Any, name: str, _attributes: Attributes) -> None:
    weights = np.ascontiguousarray(_find(reading, node, 1, 2).T)
    _place_layer(reading, node, Step(name, "fc", (node.input[0],), name), DenseLayer(weights))


def _conv(reading: _Reading, node: Any, name: str, attributes: Attributes) -> None:
    _expect(attributes, auto_pad=b"NOTSET")
    weights = _find(reading, node, 1, 4)
    settings = {
        "stride": attributes.get("strides", (1, 1)),
        "pad": attributes.get("pads", (0, 0, 0, 0)),
        "dilation": attributes.get("dilations", (1, 1)),
        "groups": attributes.get("group", 1),
    }
    step = Step(name, "conv", (node.input[0],), name, settings)
    layer = DenseLayer(weights, _find_bias(reading, node, 2, len(weights)))
    _place_layer(reading, node, step, layer)


def _pool(reading: _Reading, node: Any, name: str, attributes: Attributes) -> None:
    _expect(attributes, auto_pad=b"NOTSET", dilations=(1, 1), storage_order=0)
    settings = {
        "kernel": attributes.get("kernel_shape", ()),
        "stride": attributes.get("strides", (1, 1)),
        "pad": attributes.get("pads", (0, 0, 0, 0)),
        "ceil": attributes.get("ceil_mode", 0),
    }
    if node.op_type == "AveragePool":
        settings["count_padding"] = attributes.get("count_include_pad", 0)
    op = "maxpool" if node.op_type == "MaxPool" else "avgpool"
    reading.builder.add(Step(name, op, (node.input[0],), "", settings), node.output[0])


def _lrn(reading: _Reading, node: Any, name: str, attributes: Attributes) -> None:
    settings = {
        "size": attributes.get("size", 0),
        "alpha": attributes.get("alpha", 1e-4),
        "beta": attributes.get("beta", 0.75),
        "k": attributes.get("bias", 1.0),
    }
    reading.builder.add(Step(name, "lrn", (node.input[0],), "", settings), node.output[0])


def _add_tensors(reading: _Reading, node: Any, name: str, _attributes: Attributes) -> None:
    """Add tensors; a constant behind a product without a bias is its bias."""
    constants = [reading.constants[it] for it in node.input if it in reading.constants]
    data = [it for it in node.input if it not in reading.constants]
    if not constants:
        reading.builder.add(Step(name, "add", tuple(data)), node.output[0])
        return
    step = reading.builder.tensors[data[0]]
    layer = reading.weights.get(step)
    alone = reading.readers.get(data[0], 0) == 1
    if layer is None or layer.bias is not None or layer.weights.ndim != 2 or not alone:
        raise Unsupported("expected a constant behind a product alone")
    if constants[0].size != len(layer.weights) or constants[0].dtype != np.float32:
        raise Unsupported(f"expected {len(layer.weights)} numbers, found {constants[0].shape}")
    reading.weights[step] = DenseLayer(layer.weights, constants[0].reshape(-1))
    reading.builder.rename(data[0], node.output[0])


def _concat(reading: _Reading, node: Any, name: str, attributes: Attributes) -> None:
    _expect(attributes, axis=1)
    if any(it in reading.constants for it in node.input):
        raise Unsupported("expected no constants")
    reading.builder.add(Step(name, "concat", tuple(node.input)), node.output[0])


def _flatten(reading: _Reading, node: Any, name: str, attributes: Attributes) -> None:
    if node.op_type == "Flatten":
        _expect(attributes, axis=1)
    else:
        shape = reading.constants.get(node.input[1] if len(node.input) > 1 else "")
        if shape is None or shape.shape != (2,):
            raise Unsupported("expected a shape of two sizes in the file: the batch and the rest")
    reading.builder.add(Step(name, "flatten", (node.input[0],)), node.output[0])


def _softmax(reading: _Reading, node: Any, name: str, attributes: Attributes) -> None:
    if attributes.get("axis", -1) not in (-1, 1):
        raise Unsupported(f"axis {attributes['axis']}, expected 1")
    reading.builder.add(Step(name, "softmax", (node.input[0],)), node.output[0])


def _lstm(reading: _Reading, node: Any, name: str, attributes: Attributes) -> None:
    _expect(attributes, input_forget=0)
    of_input, of_state, bias = _take_cell(reading, node, attributes, 4)
    matrix = join_lstm(of_input, of_state, bias[0] + bias[1], ONNX_LSTM)
    _place_cell(reading, node, Step(name, "lstm", (node.input[0],), name), matrix)


def _gru(reading: _Reading, node: Any, name: str, attributes: Attributes) -> None:
    of_input, of_state, biases = _take_cell(reading, node, attributes, 3)
    reset = "after" if attributes.get("linear_before_reset", 0) else "before"
    matrix = join_gru((of_input, of_state), (biases[0], biases[1]), ONNX_GRU, reset)
    step = Step(name, "gru", (node.input[0],), name, {"reset": reset})
    _place_cell(reading, node, step, matrix)


def _take_cell(
    reading: _Reading, node: Any, attributes: Attributes, gates: int
) -> tuple[Floats, Floats, Floats]:
    """Return weights of input and state, and both biases, of a cell in the one form that is run."""
    _expect(attributes, direction=b"forward", layout=0)
    if "clip" in attributes or "activations" in attributes:
        usual = [b"Sigmoid", b"Tanh", b"Tanh"][: gates - 1]
        if "clip" in attributes or list(attributes["activations"]) != usual:
            raise Unsupported("expected the usual activations, without clip")
    for place in range(4, len(node.input)):
        start = reading.constants.get(node.input[place])
        if node.input[place] and (start is None or start.any() or place == 4):
            raise Unsupported("expected no lengths, no peepholes, and a state of zero at first")
    of_input, of_state = (_find(reading, node, place, 3) for place in (1, 2))
    rows, hidden = of_state.shape[1:]
    if rows != gates * hidden or of_input.shape[:2] != (1, rows) or len(of_state) != 1:
        raise Unsupported(f"weights of shapes {of_input.shape} and {of_state.shape}")
    bias = _find_bias(reading, node, 3, 2 * rows)
    halves = np.zeros((2, rows), np.float32) if bias is None else bias.reshape(2, rows)
    return of_input[0], of_state[0], halves


def _place_cell(reading: _Reading, node: Any, step: Step, matrix: Floats) -> None:
    outputs: Sequence[str] = [*node.output, "", ""]
    _place_layer(reading, node, step, DenseLayer(matrix))
    if not outputs[0]:
        reading.builder.tensors[step.name] = step.name
    if outputs[1]:
        source = outputs[0] or step.name
        reading.builder.add(Step(f"{step.name}/last", "last", (source,)), outputs[1])


def _plain(op: str) -> Callable[[_Reading, Any, str, Attributes], None]:
    def add(reading: _Reading, node: Any, name: str, _attributes: Attributes) -> None:
        reading.builder.add(Step(name, op, (node.input[0],)), node.output[0])

    return add


RULES: Mapping[str, Callable[[_Reading, Any, str, Attributes], None]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Conv": _conv,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "LRN": _lrn,
    "Add": _add_tensors,
    "Sum": _add_tensors,
    "Concat": _concat,
    "Flatten": _flatten,
    "Reshape": _flatten,
    "Softmax": _softmax,
    "LSTM": _lstm,
    "GRU": _gru,
    "Relu": _plain("relu"),
    "Sigmoid": _plain("sigmoid"),
    "Tanh": _plain("tanh"),
    "GlobalAveragePool": _plain("global_avgpool"),
}
