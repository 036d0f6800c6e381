"""Attention of PyTorch: its projections are products with weights, the rest is the host's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from eiesim.profiling.calls import Calls, Floats, Operands, Rule, Tensor, to_floats

APART = ("q_proj_weight", "k_proj_weight", "v_proj_weight")


def _attend(calls: Calls, expected: Tensor, operands: Operands) -> Tensor:
    query, key, value = (operands[name] for name in ("query", "key", "value"))
    calls.host_macs += (
        expected[..., 0].numel() * key.shape[-2] * (query.shape[-1] + value.shape[-1])
    )
    return expected


def _multi_head(
    calls: Calls, expected: tuple[Tensor, Any], operands: Operands
) -> tuple[Tensor, Any]:
    """Project on EIE, and attend in PyTorch, with identities in the place of the projections."""
    names = ("query", "key", "value")
    query, key = operands["query"], operands["key"]
    projected = _project(calls, operands)
    size = operands["embed_dim_to_check"]
    identity = torch.eye(size, dtype=query.dtype, device=query.device)
    attended, scores = functional.multi_head_attention_forward(
        **{
            **operands,
            **dict(zip(names, projected, strict=True)),
            **dict.fromkeys(APART, identity),
            "use_separate_proj_weight": True,
            "in_proj_weight": None,
            "in_proj_bias": None,
            "out_proj_weight": identity,
            "out_proj_bias": None,
        }
    )
    calls.host_macs += 2 * query[..., 0].numel() * key.shape[0] * size
    output = _multiply(
        calls, "out_proj", attended, operands["out_proj_weight"], operands["out_proj_bias"]
    )
    if not calls.replace:
        return expected
    return torch.from_numpy(output).to(expected[0]), scores


def _project(calls: Calls, operands: Operands) -> list[Tensor]:
    """Return query, key and value after their projections."""
    vectors = [operands[name] for name in ("query", "key", "value")]
    joined, bias = operands["in_proj_weight"], operands["in_proj_bias"]
    if joined is not None and vectors[0] is vectors[1] is vectors[2]:
        output = _multiply(calls, "in_proj", vectors[0], joined, bias)
        return [torch.from_numpy(part).to(vectors[0]) for part in np.split(output, 3, axis=-1)]
    weights = [operands[name] for name in APART] if joined is None else joined.chunk(3)
    biases = [None] * 3 if bias is None else bias.chunk(3)
    return [
        torch.from_numpy(_multiply(calls, f"{name}_proj", data, weight, part)).to(data)
        for name, data, weight, part in zip("qkv", vectors, weights, biases, strict=True)
    ]


def _multiply(calls: Calls, name: str, data: Tensor, weight: Tensor, bias: Tensor | None) -> Floats:
    layer, output = calls.multiply("linear", name, data, weight, bias)
    layer.errors.add(to_floats(functional.linear(data, weight, bias)), output)
    return output


RULES: Mapping[Any, Rule] = {
    functional.scaled_dot_product_attention: Rule("query key value", _attend),
    functional.multi_head_attention_forward: Rule(
        "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v "
        "add_zero_attn dropout_p out_proj_weight out_proj_bias",
        _multi_head,
    ),
}
