"""Functions of PyTorch that multiply with a matrix, or convolve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from eiesim.profiling.calls import (
    Calls,
    Operands,
    Rule,
    Tensor,
    quantise_inputs,
    to_bias,
    to_floats,
)
from eiesim.profiling.machine import Part


def _linear(calls: Calls, expected: Tensor, operands: Operands) -> Tensor:
    layer, output = calls.multiply(
        "linear", "", operands["input"], operands["weight"], operands.get("bias")
    )
    return calls.give(layer, expected, output)


def _linear_dynamic(calls: Calls, expected: Tensor, operands: Operands) -> Tensor:
    weight, bias = torch.ops.quantized.linear_unpack(operands["packed"])
    rounded = torch.from_numpy(quantise_inputs(to_floats(operands["input"])))
    layer, output = calls.multiply("linear_dynamic", "", rounded, weight, bias)
    return calls.give(layer, expected, output)


def _matmul(calls: Calls, expected: Tensor, operands: Operands) -> Tensor:
    left, right = operands["input"], operands["other"]
    if calls.is_parameter(right) and right.ndim == 2:
        layer, output = calls.multiply("matmul", "", left, right.T)
        return calls.give(layer, expected, output)
    if calls.is_parameter(left) and left.ndim == right.ndim == 2:
        layer, output = calls.multiply("matmul", "", right.T, left)
        return calls.give(layer, expected, output.T)
    calls.host_macs += expected.numel() * left.shape[-1]
    return expected


def _addmm(calls: Calls, expected: Tensor, operands: Operands) -> Tensor:
    left, right = operands["mat1"], operands["mat2"]
    if not calls.is_parameter(right):
        calls.host_macs += expected.numel() * left.shape[-1]
        return expected
    layer, output = calls.multiply("addmm", "", left, right.T)
    scaled = np.float32(operands.get("alpha", 1)) * output
    return calls.give(
        layer, expected, operands.get("beta", 1) * to_floats(operands["input"]) + scaled
    )


def _convolve(calls: Calls, expected: Tensor, operands: Operands) -> Tensor:
    weights, images = to_floats(operands["weight"]), to_floats(operands["input"])
    sides = weights.ndim - 2
    stride, dilation = (_as_sizes(operands.get(key, 1), sides) for key in ("stride", "dilation"))
    pads = _find_pads(operands.get("padding", 0), dilation, weights.shape[2:])
    if images.ndim == sides + 1:
        images = images[np.newaxis]
    if sides == 1:  # an image of height 1
        images, weights = images[:, :, np.newaxis], weights[:, :, np.newaxis]
        stride, dilation = (1, *stride), (1, *dilation)
        pads = (0, pads[0], 0, pads[1])
    settings = {"stride": stride, "pad": pads, "dilation": dilation,
                "groups": operands.get("groups", 1)}  # fmt: skip
    part = Part(np.ascontiguousarray(weights), to_bias(operands.get("bias")), "conv", settings)
    layer = calls.find_layer(f"conv{sides}d", "", part, operands["weight"])
    return calls.give(layer, expected, layer.multiply(images).reshape(expected.shape))


def _as_sizes(value: int | Sequence[int], sides: int) -> tuple[int, ...]:
    sizes = (value,) if isinstance(value, int) else tuple(value)
    return sizes * sides if len(sizes) == 1 else sizes


def _find_pads(padding: Any, dilation: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
    """Return the number of zeros before each side, and then those after each."""
    if padding == "same":
        spans = [apart * (size - 1) for apart, size in zip(dilation, kernel, strict=True)]
        return (*(span // 2 for span in spans), *(span - span // 2 for span in spans))
    return _as_sizes(0 if padding == "valid" else padding, len(kernel)) * 2


RULES: Mapping[Any, Rule] = {
    functional.linear: Rule("input weight bias", _linear),
    torch.ops.quantized.linear_dynamic: Rule("input packed", _linear_dynamic),
    **dict.fromkeys(
        (functional.conv1d, functional.conv2d),
        Rule("input weight bias stride padding dilation groups", _convolve),
    ),
    **dict.fromkeys(
        (torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, Tensor.mm),
        Rule("input other", _matmul),
    ),
    **dict.fromkeys((torch.addmm, Tensor.addmm), Rule("input mat1 mat2", _addmm)),
}
