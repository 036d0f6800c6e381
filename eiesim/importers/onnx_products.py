"""The products of a network in ONNX that EIE runs, operator by operator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eiesim.graph import STEPS, Step
from eiesim.importers.described import Unsupported
from eiesim.importers.onnx_cells import lower_gru, lower_lstm, lower_rnn
from eiesim.importers.onnx_integers import OPERATORS, explain_integers, explain_lstm
from eiesim.importers.onnx_lowering import Lowering, Product, Rule
from eiesim.importers.onnx_weights import (
    expect,
    find_bias,
    find_data,
    find_weights,
    read_attributes,
    read_sizes,
)
from eiesim.layer.weights import DenseLayer

ACTIVATIONS = {b"Relu": "Relu", b"Sigmoid": "Sigmoid", b"Tanh": "Tanh"}
"""Activations of ONNX Runtime's fused operators."""


def _gemm(low: Lowering, node: Any, name: str) -> None:
    attributes = read_attributes(node)
    data, matrix = find_data(low, node, 0), find_weights(low, node, 1, 2)
    weights = matrix if attributes.get("transB", 0) else matrix.T
    weights = np.float32(attributes.get("alpha", 1.0)) * weights
    if attributes.get("transA", 0):
        data = low.node("Transpose", [data], low.name_tensor(f"{name}/transposed"), perm=[1, 0])
    output, activation = node.output[0], ""
    if "activation" in attributes:
        activation = ACTIVATIONS.get(attributes["activation"], "")
        if not activation:
            raise Unsupported(f"activation {attributes['activation']!r}")
        output = low.name_tensor(f"{name}/product")
    addend = node.input[2] if len(node.input) > 2 else ""
    beta = np.float32(attributes.get("beta", 1.0))
    bias = find_bias(low, addend, len(weights)) if addend else None
    sums = output if bias is not None or not addend else low.name_tensor(f"{name}/sums")
    layer = DenseLayer(np.ascontiguousarray(weights), None if bias is None else beta * bias)
    low.product(Step(name, "fc", (data,), name, {"stacked": 1}), layer, sums)
    if sums != output:
        factor = low.constant(np.asarray(beta), f"{name}/beta")
        scaled = low.node("Mul", [addend, factor], low.name_tensor(f"{name}/addend"))
        low.node("Add", [sums, scaled], output)
    if activation:
        low.node(activation, [output], node.output[0])


def _matmul(low: Lowering, node: Any, name: str) -> None:
    settings = {"stacked": 1}
    if not node.input or node.input[0] not in low.file.constants:
        weights = np.ascontiguousarray(find_weights(low, node, 1, 2).T)
        step = Step(name, "fc", (find_data(low, node, 0),), name, settings)
        low.product(step, DenseLayer(weights), node.output[0])
        return
    # with weights on the left, the product of the transposed operands
    layer = DenseLayer(np.ascontiguousarray(find_weights(low, node, 0, 2)))
    data = find_data(low, node, 1)
    shape = low.find_shape(data)
    if shape is None or len(shape) < 2:
        raise Unsupported(f"expected columns behind weights on the left, found the shape {shape}")
    permutation = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    columns = low.node("Transpose", [data], low.name_tensor(f"{name}/columns"), perm=permutation)
    rows = low.name_tensor(f"{name}/rows")
    low.product(Step(name, "fc", (columns,), name, settings), layer, rows)
    low.node("Transpose", [rows], node.output[0], perm=permutation)


def _add(low: Lowering, node: Any, _name: str) -> None:
    """Add tensors; a constant is the bias of a product without one that nothing else reads."""
    for data, addend in (tuple(node.input), tuple(reversed(node.input))):
        array, product = low.file.constants.get(addend), low.find_product(data)
        if array is None or product is None or not _may_take_bias(low, product):
            continue
        rows = len(product.layer.weights)
        rank = len(low.find_shape(data) or ())
        is_bias = array.shape[-1:] == (rows,) and array.size == rows and array.ndim <= max(rank, 1)
        if is_bias and array.dtype == np.float32 and np.isfinite(array).all():
            bias = np.ascontiguousarray(array.reshape(-1))
            product.layer = DenseLayer(product.layer.weights, bias)
            product.output = node.output[0]
            return
    low.entries.append(node)


def _may_take_bias(low: Lowering, product: Product) -> bool:
    alone = low.reads.get(product.output, 0) == 1 and product.output not in low.outputs
    return product.step.op == "fc" and product.layer.bias is None and alone


def _conv(low: Lowering, node: Any, name: str) -> None:
    attributes = read_attributes(node)
    data, weights = find_data(low, node, 0), find_weights(low, node, 1, 3, 4)
    sides = weights.ndim - 2
    kernel = weights.shape[2:]
    expect(attributes, kernel_shape=kernel)
    stride = read_sizes(attributes, "strides", (1,) * sides)
    dilation = read_sizes(attributes, "dilations", (1,) * sides)
    pads = _find_pads(low, data, attributes, (kernel, stride, dilation))
    bias = find_bias(low, node.input[2], len(weights)) if len(node.input) > 2 else None
    if len(node.input) > 2 and node.input[2] and bias is None:
        raise Unsupported("expected a bias that is a constant")
    output = node.output[0]
    if sides == 1:  # a picture of height 1
        weights = weights[:, :, np.newaxis]
        stride, dilation, pads = (1, *stride), (1, *dilation), (0, pads[0], 0, pads[1])
        high = low.constant(np.array([0, 0, 1, -1]), f"{name}/high")
        data = low.node("Reshape", [data, high], low.name_tensor(f"{name}/image"))
        output = low.name_tensor(f"{name}/sums")
    settings = {"stride": stride, "pad": pads, "dilation": dilation,
                "groups": attributes.get("group", 1), "stacked": 1}  # fmt: skip
    low.product(Step(name, "conv", (data,), name, settings), DenseLayer(weights, bias), output)
    if sides == 1:
        flat = low.constant(np.array([0, 0, -1]), f"{name}/flat")
        low.node("Reshape", [output, flat], node.output[0])


def _find_pads(
    low: Lowering, data: str, attributes: Mapping[str, Any], window: tuple[tuple[int, ...], ...]
) -> tuple[int, ...]:
    """Return the number of zeros before each side, and then those after each."""
    kernel, stride, dilation = window
    kind = attributes.get("auto_pad", b"NOTSET")
    if kind == b"NOTSET":
        return read_sizes(attributes, "pads", (0,) * 2 * len(kernel))
    if kind == b"VALID":
        return (0,) * 2 * len(kernel)
    if kind not in (b"SAME_UPPER", b"SAME_LOWER"):
        raise Unsupported(f"auto_pad {kind!r}")
    shape = low.find_shape(data)
    if shape is None or STEPS in shape:
        raise Unsupported(f"expected a known shape of {data!r}, found {shape}")
    if len(shape) != len(kernel) + 2 or 0 in stride:
        raise Unsupported(f"auto_pad for the shape {shape}")
    before, after = [], []
    for side, length, step, apart in zip(shape[2:], kernel, stride, dilation, strict=True):
        places = math.ceil(side / step)
        total = max((places - 1) * step + apart * (length - 1) + 1 - side, 0)
        low_end = total // 2 if kind == b"SAME_UPPER" else -(-total // 2)
        before.append(low_end)
        after.append(total - low_end)
    return (*before, *after)


RULES: Mapping[tuple[str, str], Rule] = {
    ("", "Gemm"): _gemm,
    ("com.microsoft", "FusedGemm"): _gemm,
    ("", "MatMul"): _matmul,
    ("", "Add"): _add,
    ("", "Conv"): _conv,
    ("", "LSTM"): lower_lstm,
    ("", "GRU"): lower_gru,
    ("", "RNN"): lower_rnn,
    **dict.fromkeys(OPERATORS, explain_integers),
    ("com.microsoft", "DynamicQuantizeLSTM"): explain_lstm,
}
"""Rules by domain and operator."""
