"""Batch normalisation behind a product, folded into it: both are linear."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.importers.state_dict import Weights, take_layer
from eiesim.layer.weights import DenseLayer

Array = npt.NDArray[Any]
EPSILON = 1e-5
"""Added to the variance: PyTorch's usual, which no state dictionary tells."""
MEAN, VARIANCE, COUNT = "running_mean", "running_var", "num_batches_tracked"
PARTS = ("weight", "bias", MEAN, VARIANCE, COUNT)


class Norm(NamedTuple):
    """A batch normalisation as it is evaluated: times a factor, plus an offset, for each output."""

    name: str
    factor: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]


def find_norms(arrays: Mapping[str, Array]) -> list[Norm]:
    """Return the batch normalisations among arrays as PyTorch names them.

    Parts of one that do not go together are a WorkloadError.
    """
    return [
        _take_norm(arrays, key.removesuffix(f".{MEAN}"))
        for key in arrays
        if key.endswith(f".{MEAN}")
    ]


def _take_norm(arrays: Mapping[str, Array], name: str) -> Norm:
    mean = arrays[f"{name}.{MEAN}"]
    ones = np.ones(mean.shape)
    variance = arrays.get(f"{name}.{VARIANCE}")
    weight, bias = arrays.get(f"{name}.weight", ones), arrays.get(f"{name}.bias", 0 * ones)
    if variance is None or any(
        it.shape != mean.shape or it.ndim != 1 or it.dtype.kind != "f"
        for it in (mean, variance, weight, bias)
    ):
        raise WorkloadError(f"{name}: expected {MEAN}, {VARIANCE}, weight and bias of one length")
    with np.errstate(all="ignore"):  # what is no number then is refused with the layer
        factor = weight.astype(np.float64) / np.sqrt(variance.astype(np.float64) + EPSILON)
        offset = bias.astype(np.float64) - mean.astype(np.float64) * factor
    return Norm(name, factor, offset)


def fold_norms(found: Weights, what: str) -> Weights:
    """Fold each batch normalisation into the product that it stands behind; a note names each.

    Where both are numbered within one module, it is the product with the number before; else the
    only one with as many outputs, or the only one of those with the same number in its name. Parts
    that do not go together, or a product out of float32's range, are a WorkloadError.
    """
    layers, others, notes = dict(found.layers), dict(found.others), list(found.notes)
    folded: set[str] = set()
    for norm in find_norms(others):
        target = _find_target(norm, found.layers)
        if target is None or target in folded:
            continue
        folded.add(target)
        layers[target] = _fold(norm, layers[target], f"{what}: {target} with {norm.name}")
        for part in PARTS:
            others.pop(f"{norm.name}.{part}", None)
        notes.append(
            f"{norm.name}: batch normalisation, taken to stand right behind {target} and folded "
            f"into it (epsilon {EPSILON:g})"
        )
    return Weights(layers, others, tuple(notes), found.code_bits)


def _find_target(norm: Norm, layers: Mapping[str, DenseLayer]) -> str | None:
    fitting = [name for name, layer in layers.items() if len(layer.weights) == norm.factor.size]
    module, _, number = norm.name.rpartition(".")
    if number.isdecimal():
        before = f"{module}.{int(number) - 1}" if module else str(int(number) - 1)
        return before if before in fitting else None
    digits = re.findall(r"\d+", norm.name)
    same = [name for name in fitting if re.findall(r"\d+", name) == digits]
    for names in (fitting, same):
        if len(names) == 1:
            return names[0]
    return None


def _fold(norm: Norm, layer: DenseLayer, what: str) -> DenseLayer:
    weights = layer.weights.astype(np.float64)
    bias = np.zeros(len(weights)) if layer.bias is None else layer.bias.astype(np.float64)
    factor = norm.factor.reshape(-1, *(1,) * (weights.ndim - 1))
    with np.errstate(all="ignore"):
        whole = (weights * factor).astype(np.float32)
        offset = (bias * norm.factor + norm.offset).astype(np.float32)
    return take_layer(whole, offset, what)
