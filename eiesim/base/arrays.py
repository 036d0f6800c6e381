"""Arrays that come from outside: taken as they are, or refused with what was expected and found."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError


def take_array(
    value: object, what: str, dtype: type[np.generic], shape: tuple[int | str, ...]
) -> npt.NDArray[Any]:
    """Return a value as an array of this dtype and shape; floating-point numbers must be finite.

    Nothing is converted, since a conversion may round or wrap without a word.

    Parameters
    ----------
    what : str
        What it is called, for the error.
    shape : tuple of int or str
        Length of each dimension; a name stands for any length from 1 on.

    Raises
    ------
    WorkloadError
        Dtype or shape differ, or a number is infinite or NaN.
    """
    expected = f"{np.dtype(dtype)} {_tell_shape(shape)}"
    if isinstance(value, np.ma.MaskedArray):
        raise WorkloadError(f"{what}: expected {expected}, found a masked array; fill it first")
    try:
        array = np.asarray(value, order="C")
    except (ValueError, TypeError) as error:
        raise WorkloadError(f"{what}: expected {expected}, found {type(value).__name__}") from error
    fits = len(shape) == array.ndim and all(
        length > 0 if isinstance(wanted, str) else length == wanted
        for length, wanted in zip(array.shape, shape, strict=True)
    )
    if array.dtype != np.dtype(dtype) or not fits:
        raise WorkloadError(f"{what}: expected {expected}, found {array.dtype} {list(array.shape)}")
    require_finite(array, what)
    return array


def require_finite(array: npt.NDArray[Any], what: str) -> None:
    """Check that every number is one.

    Parameters
    ----------
    what : str
        What it is called, for the error.

    Raises
    ------
    WorkloadError
        Names the place of the first infinity or NaN.
    """
    finite = np.isfinite(array)
    if not finite.all():
        place = [int(index) for index in np.argwhere(~finite)[0]]
        found = array[tuple(place)]
        raise WorkloadError(f"{what}{place}: expected a number, found {found}")


def _tell_shape(shape: tuple[int | str, ...]) -> str:
    return f"[{', '.join(str(length) for length in shape)}]"
