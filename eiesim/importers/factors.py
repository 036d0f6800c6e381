"""Factors of outputs as steps on the host, so that a layer's weights stay as they were trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.graph import Graph, Step
from eiesim.importers.state_dict import JOINED, join_factor
from eiesim.layer.weights import DenseLayer

Array = npt.NDArray[Any]
PRODUCT = "/product"
"""Ending of the name of a product, whose own name goes to the step after it."""


class Placed(NamedTuple):
    """Steps and layers with the factors in one of both; a note on each layer says where."""

    graph: Graph
    weights: dict[str, DenseLayer]
    notes: tuple[str, ...]


def place_factors(
    graph: Graph, weights: Mapping[str, DenseLayer], factors: Mapping[str, Array], label: str
) -> Placed:
    """Put factors and biases of outputs after their products, as steps on the host.

    Such a step gets its product's name, so that later steps read the same names. Factors of layers
    that are used in another way are put into the weights. `factors` are float64 [outputs], of some
    of the layers. Raises WorkloadError, with the file's name, if one is out of float32's range.
    """
    layers, notes = dict(weights), []
    scales: dict[str, dict[str, tuple[float, ...]]] = {}
    for name, factor in factors.items():
        layer = weights[name]
        steps = [step for step in graph.steps if step.layer == name]
        if not all(step.op in ("fc", "conv") and not step.settings["stacked"] for step in steps):
            layers[name] = join_factor(layer, factor, f"{label}: {name}")
            notes.append(JOINED.format(name))
        elif steps:
            scales[name] = _make_settings(layer, factor, f"{label}: {name}: factor")
            layers[name] = DenseLayer(layer.weights)
            notes.append(
                f"{name}: its weights stay as trained; a factor and an offset for each output "
                "follow on the host, right behind the product"
            )
    return Placed(_insert(graph, scales), layers, tuple(notes))


def _make_settings(layer: DenseLayer, factor: Array, label: str) -> dict[str, tuple[float, ...]]:
    with np.errstate(all="ignore"):
        narrow = take_array(factor.astype(np.float32), label, np.float32, (len(layer.weights),))
    settings = {"factor": tuple(narrow.tolist())}
    return settings if layer.bias is None else {**settings, "offset": tuple(layer.bias.tolist())}


def _insert(graph: Graph, scales: Mapping[str, Mapping[str, Any]]) -> Graph:
    steps: list[Step] = []
    for step in graph.steps:
        if step.layer in scales:
            product = replace(step, name=f"{step.name}{PRODUCT}")
            steps += [product, Step(step.name, "scale", (product.name,), "", scales[step.layer])]
        else:
            steps.append(step)
    return Graph(graph.inputs, tuple(steps), graph.outputs)
