"""Checks of an image, with the place of the first violation."""

from __future__ import annotations

import numpy as np

from eiesim.base.errors import ImageError, WorkloadError
from eiesim.base.schema import Range, fields_of, is_name, show_value
from eiesim.hardware import Hardware
from eiesim.image.arrays import ImageArrays
from eiesim.layer.weights import LARGEST, take_codebook

RULES = (
    "code not below {codes}",
    "relative index above {longest_run}",
    "padding zero whose relative index is not {longest_run}",
    "padding zero at the end of a column",
    "row beyond the PE's last one",
    "entry in a column that is neither an input nor a bias",
)
"""What can be wrong with an entry, in the order of the bits of `find_violation`."""


def check_shapes(image: ImageArrays) -> None:
    """Check numbers, shapes and dtypes, but not the arrays' content; ImageError if one is wrong."""
    limits = {
        name: field.rule
        for name, field in fields_of(Hardware).items()
        if isinstance(field.rule, Range)
    }
    for name in ("rows", "cols", "n_pes", "index_bits"):
        value = getattr(image, name)
        rule = limits.get(name, Range(1, LARGEST, "rows or columns"))
        if isinstance(value, bool) or not isinstance(value, int) or not rule.holds(value):
            raise ImageError(
                f"{name}: expected a whole number from {rule}, found {show_value(value)}"
            )
    if not isinstance(image.has_bias, bool) or not is_name(image.name):
        raise ImageError(
            f"expected has_bias to be true or false and name to be printable text, "
            f"found {image.has_bias!r} and {image.name!r}"
        )
    entries = (np.size(image.codes),)
    for field, dtype, shape in (
        ("codebook", np.float32, (np.size(image.codebook),)),
        ("ptr", np.int32, (image.bias_column + 2, image.n_pes)),
        ("codes", np.uint8, entries),
        ("relative_index", np.uint8, entries),
    ):
        array = getattr(image, field)
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape:
            raise ImageError(
                f"{image.name}: {field}: expected {np.dtype(dtype)} {list(shape)}, "
                f"found {np.asarray(array).dtype} {list(np.shape(array))}"
            )


def check_image(image: ImageArrays) -> None:
    """Check the codebook and every pointer and entry.

    Raises ImageError for a wrong codebook, or with PE, column and entry of the first violation.
    """
    from eiesim.image._kernels import find_violation  # noqa: PLC0415 - compiled code

    try:
        take_codebook(image.codebook, f"{image.name}: codebook")
    except WorkloadError as error:
        raise ImageError(str(error)) from error
    _check_pointers(image)
    shape, widths = (image.rows, image.cols), (image.codebook.size, image.index_bits)
    arrays = (image.ptr, image.base, image.codes, image.relative_index)
    entry, broken = find_violation(*arrays, shape, widths, image.has_bias)
    problems = [rule for bit, rule in enumerate(RULES) if broken >> bit & 1]
    if problems:
        limits = {"codes": image.codebook.size, "longest_run": (1 << image.index_bits) - 1}
        problem = min(text.format(**limits) for text in problems)
        raise ImageError(
            f"{image.name}: {_describe_place(image, entry)}: {problem} (code {image.codes[entry]}, "
            f"relative index {image.relative_index[entry]})"
        )


def _check_pointers(image: ImageArrays) -> None:
    ptr = image.ptr
    if ptr[0].any():
        pe = int(np.argmax(ptr[0] != 0))
        raise ImageError(f"{image.name}: PE {pe}, column 0: pointer is {ptr[0, pe]}, not 0")
    falling = (ptr[1:] < ptr[:-1]).T
    if falling.any():
        pe, column = (int(index) for index in np.argwhere(falling)[0])
        raise ImageError(
            f"{image.name}: PE {pe}, column {column}: pointers fall from "
            f"{ptr[column, pe]} to {ptr[column + 1, pe]}"
        )
    if image.base[-1] != image.entries:
        raise ImageError(
            f"{image.name}: PE {image.n_pes - 1}: the pointers of all PEs tell of "
            f"{image.base[-1]} entries, found {image.entries}"
        )


def _describe_place(image: ImageArrays, entry: int) -> str:
    pe = int(np.searchsorted(image.base, entry, side="right")) - 1
    entry_of_pe = entry - int(image.base[pe])
    column = int(np.searchsorted(image.ptr[:, pe], entry_of_pe, side="right")) - 1
    return f"PE {pe}, column {column}, entry {entry_of_pe - int(image.ptr[column, pe])}"
