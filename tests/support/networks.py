"""A small network of two layers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.catalog.model import Model
from eiesim.graph import Graph, Step
from eiesim.layer.weights import CompressedLayer, StoredLayer

Floats = npt.NDArray[np.float32]


def draw_stored(
    rng: np.random.Generator, name: str, shape: tuple[int, ...], bias: bool = True
) -> StoredLayer:
    """Weights are eighths: sums of a few products are exact in float32 and in fixed16."""
    eighths = [0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8]
    codebook = np.array(eighths, np.float32) / np.float32(8)
    matrix = (shape[0], int(np.prod(shape[1:])))
    codes = rng.integers(0, 16, matrix, np.uint8) * (rng.random(matrix) < 0.4)
    offset = (rng.integers(-8, 9, shape[0]) / 8).astype(np.float32)
    layer = CompressedLayer(codes.astype(np.uint8), codebook, name=name)
    return StoredLayer(layer, shape, offset if bias else None)


def draw_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return (rng.integers(-8, 9, shape) * (rng.random(shape) < 0.6) / 8).astype(np.float32)


def chain_of_two(rng: np.random.Generator) -> tuple[Model, list[dict[str, Floats]]]:
    """Two uneven fully connected layers that swap registers, a third behind a sigmoid; inputs."""
    shapes = {"a": (24, 40), "b": (20, 24), "c": (12, 20)}
    layers = {}
    for name, shape in shapes.items():
        stored = draw_stored(rng, name, shape, bias=name == "c")
        codes = stored.layer.codes.toarray()
        codes[::4] *= rng.random(codes[::4].shape) < 0.2
        layer = CompressedLayer(codes, stored.layer.codebook, name=name)
        layers[name] = StoredLayer(layer, shape, stored.bias)
    steps = (
        Step("a", "fc", ("x",), "a"), Step("r", "relu", ("a",)), Step("b", "fc", ("r",), "b"),
        Step("s", "sigmoid", ("b",)), Step("c", "fc", ("b",), "c"),
    )  # fmt: skip
    model = Model("net", Graph({"x": (40,)}, steps, ("s", "c")), layers)
    return model, [{"x": draw_numbers(rng, (40,))} for _ in range(5)]
