"""Layers among the named arrays of a file, and the arrays that are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.importers.described import Skipped
from eiesim.importers.parametrised import join_parts
from eiesim.layer.weights import DenseLayer

WEIGHT, BIAS = "weight", "bias"
Array = npt.NDArray[Any]


class Weights(NamedTuple):
    """Layers of a file, in its order.

    Attributes
    ----------
    others : arrays that are no layers
    notes : what was put together or assumed
    code_bits : bits of the codes, for layers whose weights are shared in the file
    """

    layers: dict[str, DenseLayer]
    others: Mapping[str, Array] = {}
    notes: tuple[str, ...] = ()
    code_bits: Mapping[str, int] = {}

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Arrays that are no layers, with dtype and shape."""
        return tuple(
            Skipped(key, f"{array.dtype} {list(array.shape)}: no weights of a layer; left out")
            for key, array in self.others.items()
        )


def find_layers(arrays: Mapping[str, Array], what: str, any_name: bool = False) -> Weights:
    """Find layers among arrays as PyTorch names them.

    ``NAME.weight`` of two or more dimensions is a layer, with ``NAME.bias`` beside it if there is
    one; of recurrent modules ``NAME.weight_ih_l0``, with ``NAME.bias_ih_l0``, and so on; of
    attention ``NAME.in_proj_weight``. With `any_name`, arrays of two or more dimensions with other
    names are layers, too. Weights are float64, float32, float16, int8 or uint8. Weights in parts
    are put together first, see `eiesim.importers.parametrised.join_parts`. An int8 or uint8 array
    has its ``NAME.scale`` beside it, one number or one an output, and may have a
    ``NAME.zero_point``: a weight is scale x (number - zero point).

    A bias, scale or zero point that does not fit its weights, an infinity or NaN, or two layers of
    one name, are a WorkloadError.
    """
    plain = join_parts(arrays, what)
    layers: dict[str, DenseLayer] = {}
    bits: dict[str, int] = {}
    taken: set[str] = set()
    for key, array in plain.arrays.items():
        if array.ndim < 2 or not array.size or not (any_name or _is_weight(key)):
            continue
        name, beside, bias = _name_layer(key)
        if name in layers:
            raise WorkloadError(f"{what}: expected each layer under a name of its own, found "
                                f"{name!r} twice")  # fmt: skip
        weights = array
        if array.dtype in (np.int8, np.uint8):
            scale, zero = f"{beside}scale", f"{beside}zero_point"
            parts = (plain.arrays.get(scale), plain.arrays.get(zero))
            weights = _scale(array, *parts, f"{what}: {name}", scale)
            taken |= {scale, zero}
        taken |= {key, bias}
        offset = _to_float32(plain.arrays[bias]) if bias in plain.arrays else None
        layers[name] = take_layer(_to_float32(weights), offset, f"{what}: {name}")
        if key in plain.code_bits:
            bits[name] = plain.code_bits[key]
    others = {key: array for key, array in plain.arrays.items() if key not in taken}
    return Weights(layers, others, plain.notes, bits)


def _is_weight(key: str) -> bool:
    last = key.rpartition(".")[2]
    return last == WEIGHT or last.startswith(f"{WEIGHT}_") or last.endswith(f"_{WEIGHT}")


def _name_layer(key: str) -> tuple[str, str, str]:
    """Return a layer's name, what its other arrays' names begin with, and its bias's name."""
    prefix, _, last = key.rpartition(".")
    if not _is_weight(key):
        return key, f"{key}.", f"{key}.{BIAS}"
    beside = f"{prefix}." if prefix else ""
    name = (prefix or "layer") if last == WEIGHT else key
    return name, beside, beside + last.replace(WEIGHT, BIAS, 1)


def take_layer(weights: Array, bias: Array | None, what: str) -> DenseLayer:
    """Return float32 weights [outputs, inputs, ...] and a bias of any shape as a checked layer.

    Another dtype or size, an infinity or NaN is a WorkloadError.
    """
    axes = ("outputs", "inputs", *(f"axis {axis}" for axis in range(2, weights.ndim)))
    weights = take_array(weights, f"{what}: weights", np.float32, axes)
    if bias is None:
        return DenseLayer(weights)
    offset = take_array(bias.reshape(-1), f"{what}: bias", np.float32, weights.shape[:1])
    return DenseLayer(weights, offset)


def _scale(array: Array, scale: Array | None, zero: Array | None, what: str, name: str) -> Array:
    """Return the weights that 8-bit numbers stand for."""
    if scale is None:
        raise WorkloadError(f"{what}: {array.dtype} weights: expected {name} beside them")
    along = (-1, *(1,) * (array.ndim - 1))
    try:
        steps = np.broadcast_to(scale.reshape(along), (len(array), *along[1:]))
        middle = 0.0 if zero is None else zero.astype(np.float64).reshape(along)
        return np.asarray(steps * (array - middle), np.float32)
    except ValueError as error:
        raise WorkloadError(
            f"{what}: expected one scale and zero point, or {len(array)}, found "
            f"{scale.size} and {1 if zero is None else zero.size}"
        ) from error


def _to_float32(array: Array) -> Array:
    """Return float16 and, rounded, float64 as float32; anything else as it is."""
    with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, which is refused
        return array.astype(np.float32) if array.dtype in (np.float16, np.float64) else array
