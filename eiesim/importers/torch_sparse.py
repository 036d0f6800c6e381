"""PyTorch's sparse tensors with their zeros."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError

COO, ROWS, COLUMNS = "torch.sparse_coo", "torch.sparse_csr", "torch.sparse_csc"
INDICES = {COO: 1, ROWS: 2, COLUMNS: 2}
"""Number of arrays of indices before the values, by layout."""
SAVE_DENSE = "save {key: tensor.to_dense() for key, tensor in state.items()}"
Array = npt.NDArray[Any]


def spread(layout: str, arrays: Sequence[Array], shape: tuple[int, ...], label: str) -> Array:
    """Return a sparse tensor as an array; values of one place are added up, as PyTorch does.

    `shape` must be bounded by the caller. Raises WorkloadError if arrays do not go together, or an
    index is outside.

    Parameters
    ----------
    arrays
        Indices, then values: of `COO` one index a row; of `ROWS` and `COLUMNS` the start of each
        row or column, with the end of the last one, and the places in it.
    """
    *indices, values = arrays
    if any(row.dtype.kind != "i" for row in indices) or values.ndim < 1:
        raise WorkloadError(
            f"{label}: expected whole numbers as indices, found others; {SAVE_DENSE}"
        )
    if layout == COO:
        return _place(indices[0], values, shape, label)
    starts, inside = indices
    lines = shape[layout == COLUMNS] if len(shape) == 2 else -1
    if (
        starts.shape != (lines + 1,)
        or inside.shape != values.shape
        or values.ndim != 1
        or starts[0] != 0
        or starts[-1] != len(values)
        or (np.diff(starts) < 0).any()
    ):
        raise WorkloadError(
            f"{label}: expected indices of a matrix {list(shape)} with {values.size} values, found "
            f"others; {SAVE_DENSE}"
        )
    outside = np.repeat(np.arange(lines), np.diff(starts))
    pair = (outside, inside) if layout == ROWS else (inside, outside)
    return _place(np.stack(pair), values, shape, label)


def _place(indices: Array, values: Array, shape: tuple[int, ...], label: str) -> Array:
    """Add values to zeros; the values have the axes without an index whole."""
    axes = len(indices) if indices.ndim == 2 else 0
    axes_of_values = shape[axes:]
    if not 1 <= axes <= len(shape) or values.shape != (indices.shape[1], *axes_of_values):
        raise WorkloadError(
            f"{label}: expected indices and values of a tensor {list(shape)}, found "
            f"{list(indices.shape)} and {list(values.shape)}; {SAVE_DENSE}"
        )
    flat = np.zeros(indices.shape[1], np.int64)
    for row, size in zip(indices, shape, strict=False):
        outside = row[(row < 0) | (row >= size)]
        if outside.size:
            raise WorkloadError(
                f"{label}: expected indices from 0 to {size - 1}, found {outside[0]}; {SAVE_DENSE}"
            )
        flat = flat * size + row
    dense = np.zeros((math.prod(shape[:axes]), *axes_of_values), values.dtype)
    np.add.at(dense, flat, values)
    return dense.reshape(shape)
