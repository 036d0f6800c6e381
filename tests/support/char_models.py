"""Character LSTMs: a small one in the files of ml5.js, and the one that is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.catalog.model import Model
from eiesim.catalog.trained import load_trained
from eiesim.graph import STEPS, Graph, Step
from eiesim.importers.char_lstm import CELL

KERNEL, BIAS = CELL.format(0, "kernel"), CELL.format(0, "bias")


def write_model(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    shapes = {
        "embedding": (5, 3),
        KERNEL: (3 + 2, 8),
        BIAS: (8,),
        "rnnlm/softmax_w": (2, 5),
        "rnnlm/softmax_b": (5,),
    }
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    manifest = {name: {"shape": list(shape)} for name, shape in shapes.items()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "vocab.json").write_text(json.dumps({"e": 4, "a": 0, "d": 3, "b": 1, "c": 2}))
    for name, array in arrays.items():
        (folder / name.replace("/", "_")).write_bytes(array.astype("<f4").tobytes())
    return arrays


def make_bronte(characters: str = "") -> Model:
    """Return the network that is shipped, pruned to 10 %."""
    layers = {stored.name: stored for stored in load_trained("bronte-lstm").container.layers}
    steps = (
        Step("embedding", "embedding", ("characters",), "embedding"),
        Step("lstm1", "lstm", ("embedding",), "lstm1"),
        Step("lstm2", "lstm", ("lstm1",), "lstm2"),
        Step("output", "fc", ("lstm2",), "output"),
    )
    return Model("bronte", Graph({"characters": (STEPS,)}, steps, ("output",)), layers, characters)
