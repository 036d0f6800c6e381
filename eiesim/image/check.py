"""Checks of an image, with the place of the first violation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import ImageError, WorkloadError
from eiesim.base.schema import Range, fields_of, is_name, show_value
from eiesim.hardware import Hardware
from eiesim.image.arrays import ImageArrays, deal
from eiesim.layer.weights import LARGEST, take_codebook


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
    try:
        take_codebook(image.codebook, f"{image.name}: codebook")
    except WorkloadError as error:
        raise ImageError(str(error)) from error
    _check_pointers(image)
    padding = image.codes == 0
    longest_run = (1 << image.index_bits) - 1
    last_of_column = np.zeros(image.entries + 1, dtype=bool)
    last_of_column[image.ptr[1:] + image.base[:-1] - 1] = True
    pe, column, row = _find_places(image)
    is_bias = (column == image.bias_column) & image.has_bias
    violations = [
        (image.codes >= image.codebook.size, f"code not below {image.codebook.size}"),
        (image.relative_index > longest_run, f"relative index above {longest_run}"),
        (
            padding & (image.relative_index != longest_run),
            f"padding zero whose relative index is not {longest_run}",
        ),
        (padding & last_of_column[:-1], "padding zero at the end of a column"),
        (row >= deal(image.rows, image.n_pes)[pe], "row beyond the PE's last one"),
        (
            (column >= image.cols) & ~is_bias,
            "entry in a column that is neither an input nor a bias",
        ),
    ]
    first_entries = [
        (int(np.argmax(violated)), problem) for violated, problem in violations if violated.any()
    ]
    if first_entries:
        entry, problem = min(first_entries)
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


def _find_places(
    image: ImageArrays,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return PE, column and row within the PE of every entry."""
    lengths = np.diff(image.ptr, axis=0).T
    columns = np.arange(lengths.shape[1], dtype=np.int64)
    pe = np.repeat(np.arange(image.n_pes, dtype=np.int64), image.ptr[-1])
    column = np.repeat(np.tile(columns, image.n_pes), lengths.ravel())
    steps = np.cumsum(image.relative_index.astype(np.int64) + 1)
    first = (image.ptr[:-1].T + image.base[:-1, None])[lengths > 0]
    before = np.concatenate(([0], steps))[first]
    row = steps - np.repeat(before, lengths[lengths > 0]) - 1
    return pe, column, row


def _describe_place(image: ImageArrays, entry: int) -> str:
    pe = int(np.searchsorted(image.base, entry, side="right")) - 1
    entry_of_pe = entry - int(image.base[pe])
    column = int(np.searchsorted(image.ptr[:, pe], entry_of_pe, side="right")) - 1
    return f"PE {pe}, column {column}, entry {entry_of_pe - int(image.ptr[column, pe])}"
