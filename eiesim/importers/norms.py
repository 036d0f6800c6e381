"""Batch normalisation behind a product: a factor and an offset for each output."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.importers.cells import IN_A_MODULE, OF_A_CELL
from eiesim.importers.state_dict import Weights, take_layer
from eiesim.layer.weights import DenseLayer

Array = npt.NDArray[Any]
EPSILON = 1e-5
"""Added to the variance: PyTorch's default, since no state dictionary has it."""
MEAN, VARIANCE, COUNT = "running_mean", "running_var", "num_batches_tracked"
PARTS = ("weight", "bias", MEAN, VARIANCE, COUNT)


class Norm(NamedTuple):
    """A batch normalisation as it is evaluated: times a factor, plus an offset, for each output."""

    name: str
    factor: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]


def find_norms(arrays: Mapping[str, Array]) -> list[Norm]:
    """Return the batch normalisations among arrays as PyTorch names them.

    Raises WorkloadError if the parts of one do not go together.
    """
    ending = f".{MEAN}"
    return [_take_norm(arrays, key.removesuffix(ending)) for key in arrays if key.endswith(ending)]


def _take_norm(arrays: Mapping[str, Array], name: str) -> Norm:
    mean = arrays[f"{name}.{MEAN}"]
    ones = np.ones(mean.shape)
    variance = arrays.get(f"{name}.{VARIANCE}")
    weight, bias = arrays.get(f"{name}.weight", ones), arrays.get(f"{name}.bias", 0 * ones)
    if variance is None or any(
        part.shape != mean.shape or part.ndim != 1 or part.dtype.kind != "f"
        for part in (mean, variance, weight, bias)
    ):
        raise WorkloadError(f"{name}: expected {MEAN}, {VARIANCE}, weight and bias of one length")
    with np.errstate(all="ignore"):  # infinities and NaN are refused with the layer
        factor = weight.astype(np.float64) / np.sqrt(variance.astype(np.float64) + EPSILON)
        offset = bias.astype(np.float64) - mean.astype(np.float64) * factor
    return Norm(name, factor, offset)


def keep_norms(weights: Weights, label: str) -> Weights:
    """Put each batch normalisation after its product, as factors and bias of the outputs.

    If both are numbered within one module, it is the product with the number before; else the only
    one with as many outputs, or the only one of those with the same number in its name. A note
    names each that is placed; the others stay. Raises WorkloadError, with the file's name, if parts
    of a normalisation do not go together, or an offset is out of float32's range.
    """
    layers, others, notes = dict(weights.layers), dict(weights.others), list(weights.notes)
    factors = dict(weights.factors)
    targets: set[str] = set()
    for norm in find_norms(others):
        target = _find_target(norm, layers)
        if target is None or target in targets:
            continue
        targets.add(target)
        layers[target] = _offset(norm, layers[target], f"{label}: {target} with {norm.name}")
        factors[target] = norm.factor * factors.get(target, 1.0)
        for part in PARTS:
            others.pop(f"{norm.name}.{part}", None)
        notes.append(
            f"{norm.name}: batch normalisation, taken to stand right behind {target} "
            f"(epsilon {EPSILON:g})"
        )
    return Weights(layers, others, tuple(notes), weights.code_bits, factors)


def _find_target(norm: Norm, layers: Mapping[str, DenseLayer]) -> str | None:
    fitting = [
        name
        for name, layer in layers.items()
        if len(layer.weights) == norm.factor.size
        and not (IN_A_MODULE.search(name) or OF_A_CELL.search(name))
    ]
    module, dot, number = norm.name.rpartition(".")
    if number.isdecimal():
        product = f"{module}{dot}{int(number) - 1}"
        return product if product in fitting else None
    digits = re.findall(r"\d+", norm.name)
    alike = [name for name in fitting if re.findall(r"\d+", name) == digits]
    return next((names[0] for names in (fitting, alike) if len(names) == 1), None)


def _offset(norm: Norm, layer: DenseLayer, label: str) -> DenseLayer:
    bias = np.zeros(len(layer.weights)) if layer.bias is None else layer.bias.astype(np.float64)
    with np.errstate(all="ignore"):
        offset = (bias * norm.factor + norm.offset).astype(np.float32)
    return take_layer(layer.weights, offset, label)
