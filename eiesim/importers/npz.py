"""Layers and activations from `.npz` and `.npy` files; nothing in them is ever executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.base.files import read_arrays
from eiesim.image import InterleavedCSC
from eiesim.layer.weights import CompressedLayer

LAYER_ARRAYS = {
    "codes": "uint8 [rows, cols], codebook index of every weight, 0 = pruned",
    "codebook": "float32 [2**bits], entry 0 is 0.0",
    "bias": "uint8 [rows], codebook index of every bias",
    "act": "float32 [cols], one input",
}


def read_layer(path: str | Path) -> tuple[CompressedLayer, npt.NDArray[np.float32] | None]:
    """Read a layer, and the input float32 [cols] that comes with it, if any.

    The file is a `.npz` with the arrays `codes` and `codebook`, and if there are any `bias` and
    `act`; or an image saved by `InterleavedCSC.save`. The layer is named after the file, or after
    its folder if the file is ``layer.npz``. Raises WorkloadError if the file is missing, damaged or
    has other arrays, and ImageError if an image is damaged.
    """
    file = Path(path)
    arrays = read_arrays(file)
    if "header" in arrays:
        return InterleavedCSC.from_arrays(arrays, str(file)).decode(), None
    for name in arrays:
        if name not in LAYER_ARRAYS:
            hint = did_you_mean(name, LAYER_ARRAYS)
            raise WorkloadError(f"{file}: array {name!r}: unknown, {hint}")
    for name in ("codes", "codebook"):
        if name not in arrays:
            raise WorkloadError(f"{file}: array {name!r} is missing: {LAYER_ARRAYS[name]}")
    stem = file.parent.resolve().name if file.stem == "layer" else file.stem
    name = "".join(character if character.isprintable() else "?" for character in stem) or "layer"
    try:
        layer = CompressedLayer(arrays["codes"], arrays["codebook"], arrays.get("bias"), name)
    except WorkloadError as error:
        raise WorkloadError(f"{file}: {str(error).removeprefix(f'{name}: ')}") from error
    return layer, arrays.get("act")


def read_activations(path: str | Path) -> npt.NDArray[Any]:
    """Read one input from a `.npy` file, or a `.npz` with the array `act` or with one array only.

    Raises WorkloadError if the file is missing or damaged, or has several arrays without `act`.
    """
    arrays = read_arrays(path)
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    if "act" not in arrays:
        raise WorkloadError(
            f"{path}: expected one array, or one named 'act', "
            f"found {', '.join(sorted(arrays)) or 'none'}"
        )
    return arrays["act"]
