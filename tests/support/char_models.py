"""A character LSTM in the files of ml5.js."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
