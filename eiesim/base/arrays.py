"""Checks of arrays that come from outside: nothing is converted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError


def take_array(
    value: object, label: str, dtype: type[np.generic], shape: tuple[int | str, ...]
) -> npt.NDArray[Any]:
    """Return a value as an array of this dtype and shape; floating-point numbers must be finite.

    Nothing is converted, since a conversion may round or wrap without a word. Raises WorkloadError
    if dtype or shape differ, or a number is infinite or NaN.

    Parameters
    ----------
    label
        Name of the array in errors.
    shape
        Length of each dimension; a name stands for any length from 1 on.
    """

    def describe_expected() -> str:
        return f"{label}: expected {np.dtype(dtype)} [{', '.join(map(str, shape))}]"

    if isinstance(value, np.ma.MaskedArray):
        raise WorkloadError(f"{describe_expected()}, found a masked array; fill it first")
    try:
        array = np.asarray(value, order="C")
    except (ValueError, TypeError) as error:
        raise WorkloadError(f"{describe_expected()}, found {type(value).__name__}") from error
    fits = len(shape) == array.ndim and all(
        length > 0 if isinstance(expected_length, str) else length == expected_length
        for length, expected_length in zip(array.shape, shape, strict=True)
    )
    if array.dtype != np.dtype(dtype) or not fits:
        raise WorkloadError(f"{describe_expected()}, found {array.dtype} {list(array.shape)}")
    require_finite(array, label)
    return array


def require_finite(array: npt.NDArray[Any], label: str) -> None:
    """Raise a WorkloadError with the label and place of the first infinity or NaN."""
    finite = np.isfinite(array)
    if not finite.all():
        place = [int(index) for index in np.argwhere(~finite)[0]]
        raise WorkloadError(f"{label}{place}: expected a number, found {array[tuple(place)]}")
