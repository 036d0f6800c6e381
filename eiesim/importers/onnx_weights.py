"""The weights and attributes of a node in ONNX, in the form that EIE needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.importers.described import Unsupported
from eiesim.importers.onnx_file import Array
from eiesim.importers.onnx_lowering import Lowering

Floats = npt.NDArray[np.float32]
Attributes = Mapping[str, Any]


def read_attributes(node: Any) -> dict[str, Any]:
    """Return the attributes of a node by name; Unsupported if one has no value."""
    from onnx import helper  # noqa: PLC0415 - an extra

    try:
        return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    except ValueError as error:
        raise Unsupported(f"an attribute without a value: {error}") from error


def read_sizes(attributes: Attributes, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sizes of an attribute; Unsupported for more or fewer than in the default."""
    sizes = attributes.get(key, default)
    if not isinstance(sizes, list | tuple) or len(sizes) != len(default):
        raise Unsupported(f"{key}: expected {len(default)} sizes, found {sizes}")
    return tuple(sizes)


def expect(attributes: Attributes, **only_values: Any) -> None:
    """Raise Unsupported if an attribute has another value than the only one that EIE runs."""
    for key, value in only_values.items():
        stated = attributes.get(key, value)
        stated = tuple(stated) if isinstance(stated, list | tuple) else stated
        if stated != value:
            raise Unsupported(f"{key}: expected {value}, found {stated}")


def find_data(low: Lowering, node: Any, place: int) -> str:
    """Return the tensor that is multiplied with weights; Unsupported for none or a constant."""
    name: str = node.input[place] if place < len(node.input) else ""
    if not name or name in low.file.constants:
        raise Unsupported(f"expected data as input {place}, found {name or 'nothing'!r}")
    return name


def find_weights(low: Lowering, node: Any, place: int, *ndims: int) -> Floats:
    """Return constant weights of as many dimensions as `ndims` allow; Unsupported for others."""
    name = node.input[place] if place < len(node.input) else ""
    array = low.file.constants.get(name)
    if array is None:
        raise Unsupported(f"expected constant weights, found {name or 'nothing'!r}")
    if array.ndim not in ndims or not is_float(array) or not array.size:
        expected = " or ".join(map(str, ndims))
        raise Unsupported(
            f"expected floating-point weights of {expected} dimensions, found {array.dtype} "
            f"{list(array.shape)}"
        )
    return array.astype(np.float32)


def find_bias(low: Lowering, name: str, size: int) -> Floats | None:
    """Return a constant as a bias [size], or None unless it has one number or one an output."""
    array = low.file.constants.get(name)
    if array is None or not is_float(array) or array.ndim > 2:
        return None
    if array.size != 1 and (array.size != size or array.shape[-1] != size):
        return None
    return np.broadcast_to(array.astype(np.float32).reshape(-1), (size,)).copy()


def is_float(array: Array) -> bool:
    """Return whether an array holds floating-point numbers, also those of 8 and 16 bits."""
    return array.dtype.kind == "f" or "float" in array.dtype.name
