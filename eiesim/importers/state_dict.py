"""Layers among the named arrays of a file, and the other arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.importers.described import Skipped
from eiesim.importers.parametrised import WEIGHT, join_parts
from eiesim.layer.weights import DenseLayer

BIAS = "bias"
SCALE, ZERO = "scale", "zero_point"
JOINED = "{}: its weights are put together with a factor for each output"
INTEGERS = (np.int8, np.uint8)
Array = npt.NDArray[Any]


class Weights(NamedTuple):
    """Layers of a file.

    Attributes
    ----------
    layers
        By name, in the file's order.
    others
        Arrays that are no layers.
    notes
        What was put together or assumed.
    code_bits
        Bits of the codes, for layers whose weights are shared in the file.
    factors
        Factors of each output before its bias is added, float64 [outputs], for layers whose weights
        are without them.
    """

    layers: dict[str, DenseLayer]
    others: Mapping[str, Array] = {}
    notes: tuple[str, ...] = ()
    code_bits: Mapping[str, int] = {}
    factors: Mapping[str, Array] = {}

    def join(self, label: str) -> Weights:
        """Return the layers of a file with their factors in the weights.

        Raises WorkloadError if a product is out of float32's range.
        """
        joined = {
            name: join_factor(self.layers[name], factor, f"{label}: {name}")
            for name, factor in self.factors.items()
        }
        notes = (*self.notes, *map(JOINED.format, joined))
        return self._replace(layers=self.layers | joined, notes=notes, factors={})

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Arrays that are no layers, with dtype and shape."""
        return tuple(
            Skipped(key, f"{array.dtype} {list(array.shape)}: no weights of a layer; left out")
            for key, array in self.others.items()
        )


def find_layers(arrays: Mapping[str, Array], label: str, any_name: bool = False) -> Weights:
    """Find layers among arrays as PyTorch names them.

    ``NAME.weight`` of two or more dimensions is a layer, with ``NAME.bias`` beside it if there is
    one; of recurrent modules ``NAME.weight_ih_l0``, with ``NAME.bias_ih_l0``, and so on; of
    attention ``NAME.in_proj_weight``. Weights in parts are put together first, see
    `eiesim.importers.parametrised.join_parts`. An int8 or uint8 array has its ``NAME.scale`` beside
    it, one number or one an output, and may have a ``NAME.zero_point``: a weight is scale x (number
    - zero point). Raises WorkloadError if a bias, scale or zero point does not fit its weights, a
    number is infinite or NaN, or two layers have one name; `label` is the file.

    Parameters
    ----------
    arrays
        Of float64, float32, float16, int8 or uint8, if they are weights.
    any_name
        Whether arrays of two or more dimensions with other names are layers, too.
    """
    plain = join_parts(arrays, label)
    layers: dict[str, DenseLayer] = {}
    names: dict[str, str] = {}
    used: set[str] = set()
    for key, array in plain.arrays.items():
        if array.ndim < 2 or not array.size or not (any_name or _is_weight(key)):
            continue
        name, beside, bias = _name_layer(key)
        if name in layers:
            raise WorkloadError(
                f"{label}: expected each layer under a name of its own, found {name!r} twice"
            )
        weights = array
        if array.dtype in INTEGERS:
            scale, zero = beside + SCALE, beside + ZERO
            weights = _scale(array, plain.arrays, (scale, zero), f"{label}: {name}")
            used |= {scale, zero}
        offset = _to_float32(plain.arrays[bias]) if bias in plain.arrays else None
        layers[name] = take_layer(_to_float32(weights), offset, f"{label}: {name}")
        names[key] = name
        used |= {key, bias}
    others = {key: array for key, array in plain.arrays.items() if key not in used}
    bits = {name: plain.code_bits[key] for key, name in names.items() if key in plain.code_bits}
    factors = {name: plain.factors[key] for key, name in names.items() if key in plain.factors}
    return Weights(layers, others, plain.notes, bits, factors)


def join_factor(layer: DenseLayer, factor: Array, label: str) -> DenseLayer:
    """Return a layer with the factor of each output, float64 [outputs], in its weights.

    Its bias stays. Raises WorkloadError, with the layer's name, if a product is out of float32's
    range or a factor is infinite or NaN.
    """
    along = factor.reshape(-1, *(1,) * (layer.weights.ndim - 1))
    with np.errstate(all="ignore"):
        return take_layer((layer.weights * along).astype(np.float32), layer.bias, label)


def take_layer(weights: Array, bias: Array | None, label: str) -> DenseLayer:
    """Return weights, float32 [outputs, inputs, ...], and a bias of any shape as a layer.

    Raises WorkloadError, with the layer's name, for another dtype or shape, an infinity or NaN.
    """
    axes = ("outputs", "inputs", *(f"axis {axis}" for axis in range(2, weights.ndim)))
    weights = take_array(weights, f"{label}: weights", np.float32, axes)
    if bias is None:
        return DenseLayer(weights)
    offset = take_array(bias.reshape(-1), f"{label}: bias", np.float32, weights.shape[:1])
    return DenseLayer(weights, offset)


def _is_weight(key: str) -> bool:
    last = key.rpartition(".")[2]
    return last == WEIGHT or last.startswith(f"{WEIGHT}_") or last.endswith(f"_{WEIGHT}")


def _name_layer(key: str) -> tuple[str, str, str]:
    """Return a layer's name, the start of its other arrays' names, and its bias's name."""
    prefix, _, last = key.rpartition(".")
    if not _is_weight(key):
        return key, f"{key}.", f"{key}.{BIAS}"
    beside = f"{prefix}." if prefix else ""
    name = (prefix or "layer") if last == WEIGHT else key
    return name, beside, beside + last.replace(WEIGHT, BIAS, 1)


def _scale(array: Array, arrays: Mapping[str, Array], names: tuple[str, str], label: str) -> Array:
    """Return 8-bit numbers as float32, by the scale and the zero point of these names."""
    scale, zero = map(arrays.get, names)
    if scale is None:
        raise WorkloadError(f"{label}: {array.dtype} weights: expected {names[0]} beside them")
    along = (-1, *(1,) * (array.ndim - 1))
    try:
        steps = np.broadcast_to(scale.reshape(along), (len(array), *along[1:]))
        middle = 0.0 if zero is None else zero.astype(np.float64).reshape(along)
        return np.asarray(steps * (array - middle), np.float32)
    except ValueError as error:
        raise WorkloadError(
            f"{label}: expected one scale and zero point, or {len(array)}, found "
            f"{scale.size} and {1 if zero is None else zero.size}"
        ) from error


def _to_float32(array: Array) -> Array:
    """Return float16 and, rounded, float64 as float32; anything else as it is."""
    with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, which is refused
        return array.astype(np.float32) if array.dtype in (np.float16, np.float64) else array
