"""The arrays of an image, and numbers that follow from them alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class ImageArrays:
    """Pointers and entries of every PE; `InterleavedCSC` says what they mean."""

    rows: int
    cols: int
    n_pes: int
    index_bits: int
    has_bias: bool
    codebook: npt.NDArray[np.float32]
    ptr: npt.NDArray[np.int32]
    codes: npt.NDArray[np.uint8]
    relative_index: npt.NDArray[np.uint8]
    name: str = "layer"

    @property
    def codebook_bits(self) -> int:
        """Bits of a codebook index."""
        return max(int(self.codebook.size).bit_length() - 1, 1)

    @property
    def bias_column(self) -> int:
        """Input number of the bias, which is the last column."""
        return find_bias_column(self.cols, self.n_pes)

    @property
    def input_rows(self) -> int:
        """Rows of `n_pes` activations that hold the inputs, without the bias's row."""
        return self.bias_column // self.n_pes

    @cached_property
    def base(self) -> npt.NDArray[np.int64]:
        """Start of each PE's entries, int64 [n_pes + 1]; the last one is their number."""
        return lock(np.concatenate(([0], np.cumsum(self.ptr[-1], dtype=np.int64))))

    @cached_property
    def counts(self) -> npt.NDArray[Any]:
        """Entries of every column in every PE, [columns, n_pes], in the smallest unsigned dtype."""
        counts = np.diff(self.ptr, axis=0)
        largest = int(counts.max(initial=0))
        dtype = np.uint8 if largest < 1 << 8 else np.uint16 if largest < 1 << 16 else np.uint32
        return lock(counts.astype(dtype))

    @cached_property
    def longest_column(self) -> int:
        """Most entries that any column has in any PE."""
        return int(self.counts.max(initial=0))

    @property
    def entries(self) -> int:
        """Number of entries over all PEs, padding zeros included."""
        return int(self.codes.size)

    @property
    def padding_entries(self) -> int:
        """Number of padding zeros over all PEs."""
        return self.entries - int(np.count_nonzero(self.codes))

    def pe_rows(self, pe: int) -> int:
        """Return the number of rows of a PE."""
        return int(deal(self.rows, self.n_pes)[pe])


def lock(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Make an array read-only."""
    array.setflags(write=False)
    return array


def own(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a read-only array in C order that nobody else writes to: this one if it is one."""
    flags = array.flags
    is_own = flags.owndata and flags.c_contiguous and not flags.writeable
    return array if is_own else lock(array.copy())


def deal(number: int, n_pes: int) -> npt.NDArray[np.int64]:
    """Return the number of rows or inputs of each PE, of `number` in all, int64 [n_pes]."""
    return (number - np.arange(n_pes, dtype=np.int64) + n_pes - 1) // n_pes


def find_bias_column(cols: int, n_pes: int) -> int:
    """Return the input number of the bias: after the inputs, rounded up to a whole row of PEs."""
    return -(-cols // n_pes) * n_pes
