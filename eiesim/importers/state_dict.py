"""Layers among the named arrays of a file, and what is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.arrays import take_array
from eiesim.errors import WorkloadError
from eiesim.importers.described import Skipped
from eiesim.layer import DenseLayer

WEIGHT, BIAS = "weight", "bias"
SCALE, ZERO = "scale", "zero_point"
INTEGERS = (np.int8, np.uint8)
Array = npt.NDArray[Any]


class Weights(NamedTuple):
    """Layers of a file.

    Attributes
    ----------
    layers : dict of name to DenseLayer
        In the file's order.
    skipped : tuple of Skipped
        Arrays that are no layers.
    """

    layers: dict[str, DenseLayer]
    skipped: tuple[Skipped, ...]


def find_layers(arrays: Mapping[str, Array], what: str) -> Weights:
    """Find layers among arrays as PyTorch names them.

    ``NAME.weight`` of two or more dimensions is a layer, with ``NAME.bias`` beside it if there is
    one; of recurrent modules ``NAME.weight_ih_l0``, with ``NAME.bias_ih_l0``, and so on. An int8 or
    uint8 array has its ``NAME.scale`` beside it, one number or one an output, and may have a
    ``NAME.zero_point``: a weight is scale x (number - zero point).

    Parameters
    ----------
    arrays : mapping of name to array
        Of float64, float32, float16, int8 or uint8, where they are weights.
    what : str
        The file, for errors.

    Raises
    ------
    WorkloadError
        A bias, scale or zero point does not fit its weights, or a number is infinite or NaN.
    """
    layers: dict[str, DenseLayer] = {}
    taken: set[str] = set()
    for key, array in arrays.items():
        prefix, _, last = key.rpartition(".")
        begins = last == WEIGHT or last.startswith(f"{WEIGHT}_")
        if array.ndim < 2 or not array.size or not begins:
            continue
        beside = f"{prefix}." if prefix else ""
        bias = beside + last.replace(WEIGHT, BIAS, 1)
        scale, zero = beside + SCALE, beside + ZERO
        name = (prefix or "layer") if last == WEIGHT else key
        weights = _take_weights(arrays, (key, scale, zero), f"{what}: {name}")
        taken |= {key, bias, scale, zero}
        layers[name] = DenseLayer(weights, _take_bias(arrays.get(bias), weights, f"{what}: {name}"))
    skipped = tuple(
        Skipped(key, f"{array.dtype} {list(array.shape)}: no weights of a layer; left out")
        for key, array in arrays.items()
        if key not in taken
    )
    return Weights(layers, skipped)


def _take_weights(
    arrays: Mapping[str, Array], keys: tuple[str, str, str], what: str
) -> npt.NDArray[np.float32]:
    array, scale, zero = (arrays.get(key) for key in keys)
    assert array is not None
    if array.dtype in INTEGERS:
        if scale is None:
            raise WorkloadError(f"{what}: {array.dtype} weights: expected {keys[1]} beside them")
        along = (-1, *(1,) * (array.ndim - 1))
        try:
            steps = np.broadcast_to(scale.reshape(along), (len(array), *along[1:]))
            middle = 0.0 if zero is None else zero.astype(np.float64).reshape(along)
            array = (steps * (array - middle)).astype(np.float32)
        except ValueError as error:
            raise WorkloadError(
                f"{what}: expected one scale and zero point, or {len(array)}, found "
                f"{scale.size} and {1 if zero is None else zero.size}"
            ) from error
    axes = ("outputs", "inputs", *(f"axis {axis}" for axis in range(2, array.ndim)))
    return take_array(_to_float32(array), f"{what}: weights", np.float32, axes)


def _take_bias(
    array: Array | None, weights: npt.NDArray[np.float32], what: str
) -> npt.NDArray[np.float32] | None:
    if array is None:
        return None
    return take_array(
        _to_float32(array).reshape(-1), f"{what}: bias", np.float32, weights.shape[:1]
    )


def _to_float32(array: Array) -> Array:
    """Return float16 and, rounded, float64 as float32; anything else as it is."""
    with np.errstate(over="ignore"):  # what float32 does not hold is infinite, and then refused
        return array.astype(np.float32) if array.dtype in (np.float16, np.float64) else array
