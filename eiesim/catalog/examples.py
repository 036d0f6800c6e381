"""Inputs of whole networks, from files or drawn, and the right classes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.catalog.model import Model
from eiesim.catalog.readers import read_inputs
from eiesim.graph import STEPS, Graph
from eiesim.layer.drawing import draw_activations

Example = dict[str, npt.NDArray[np.float32]]
DRAWN_STEPS = 16
"""Default length of a sequence that is drawn."""


def read_examples(path: str | Path, model: Model) -> list[Example]:
    """Read inputs of a network: for each example, an array of each of the network's inputs.

    The file is a `.npy` file, a `.npz` file with an array for each input of the network or with one
    array only, or an idx file of images, plain or gzip. The first axis goes through the examples;
    an array of the shape of one example is one example. Numbers of any kind become float32. Raises
    WorkloadError if the file is missing or damaged, or its arrays are not the network's inputs.
    """
    arrays = read_inputs(path)
    names = list(model.graph.inputs)
    if len(arrays) == len(names) == 1:
        arrays = {names[0]: next(iter(arrays.values()))}
    for name in names:
        if name not in arrays:
            raise WorkloadError(
                f"{path}: input {name!r} of the network: {did_you_mean(name, arrays)}"
            )
    stacks = {name: _stack(arrays[name], model.graph, name, f"{path}: {name}") for name in names}
    numbers = {len(stack) for stack in stacks.values()}
    if len(numbers) > 1:
        raise WorkloadError(f"{path}: expected as many examples of each input, found {numbers}")
    return [
        {name: np.ascontiguousarray(stack[place]) for name, stack in stacks.items()}
        for place in range(numbers.pop())
    ]


def _stack(array: npt.NDArray[Any], graph: Graph, name: str, label: str) -> npt.NDArray[np.float32]:
    if array.dtype.kind not in "fiub":
        raise WorkloadError(f"{label}: expected numbers, found {array.dtype}")
    fitted, number = graph.fit(name, array.shape), 1
    if fitted is None and array.ndim and len(array):
        fitted, number = graph.fit(name, array.shape[1:]), len(array)
    if fitted is None:
        sizes = graph.inputs[name]
        expected = " x ".join("steps" if size == STEPS else str(size) for size in sizes) or "single"
        raise WorkloadError(
            f"{label}: expected examples of {expected} numbers each, found the shape "
            f"{list(array.shape)}"
        )
    numbers = array.reshape(number, *fitted).astype(np.float32)
    if not np.isfinite(numbers).all():
        raise WorkloadError(f"{label}: expected numbers, found some that are infinite or NaN")
    return numbers


def takes_sequences(model: Model) -> bool:
    """Return whether an input of a network has steps, whose number is free."""
    return any(STEPS in shape for shape in model.graph.inputs.values())


def draw_examples(
    model: Model, number: int, density: float, seed: int, steps: int = DRAWN_STEPS
) -> list[Example]:
    """Draw inputs of a network as a ReLU gives them, a share `density` of which is not zero.

    `steps` is the length of sequences. Raises WorkloadError if the network has an embedding, whose
    inputs cannot be drawn in this way.
    """
    if any(step.op == "embedding" for step in model.graph.steps):
        raise WorkloadError(
            f"{model.name}: takes numbers of a table, which are not drawn: give inputs"
        )
    rng = np.random.default_rng(seed)
    return [dict(_draw(model, density, rng, steps)) for _ in range(number)]


def _draw(
    model: Model, density: float, rng: np.random.Generator, steps: int
) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    for name, shape in model.graph.inputs.items():
        sizes = tuple(steps if size == STEPS else size for size in shape)
        yield name, draw_activations(int(np.prod(sizes)), density, rng).reshape(sizes)


def read_labels(path: str | Path, number: int) -> npt.NDArray[np.int64]:
    """Read the classes of a number of examples; further labels are left out.

    The file is a `.npy`, `.npz` or idx file with one whole number an example. Raises WorkloadError
    if it is missing or damaged, or holds too few.
    """
    arrays = read_inputs(path)
    array = next(iter(arrays.values()))
    if len(arrays) != 1 or array.ndim != 1 or array.dtype.kind not in "iu" or len(array) < number:
        raise WorkloadError(
            f"{path}: expected one array of {number} whole numbers or more, found "
            + ", ".join(f"{labels.dtype} {list(labels.shape)}" for labels in arrays.values())
        )
    return array[:number].astype(np.int64)
