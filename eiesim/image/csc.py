"""The image itself: pointers and entries of every PE."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.cards import make_card
from eiesim.base.errors import ImageError
from eiesim.base.files import read_arrays
from eiesim.hardware import Hardware
from eiesim.image import archive
from eiesim.image.arrays import ImageArrays, lock, own
from eiesim.image.check import check_image, check_shapes
from eiesim.image.fit import MemoryUse, fit_images
from eiesim.layer.weights import CompressedLayer
from eiesim.views import LayoutView


class Columns(NamedTuple):
    """The weights of an image column by column over all PEs, without padding zeros.

    Attributes
    ----------
    indptr : [columns + 1]
        Start of each column in `weights`.
    weights : unsigned [weights]
        Row in the matrix and code of each weight, PE by PE within a column: the code in the last
        `codebook_bits`, the row before it. In the smallest dtype from 16 bits on.
    edge_rows : [4, columns, n_pes]
        Row within the PE of each column's first, second, last but one and last entry, in the
        smallest signed dtype. For a padding zero or a missing entry it is -1 in the first two and
        -2 in the last two, so that it equals none of the others.
    padding : unsigned [columns, n_pes]
        Padding zeros of each column, in the dtype of the image's `counts`.
    """

    indptr: npt.NDArray[np.int64]
    weights: npt.NDArray[np.unsignedinteger]
    edge_rows: npt.NDArray[Any]
    padding: npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class InterleavedCSC(ImageArrays):
    """A layer as the SRAMs of `n_pes` PEs hold it; `encode` makes one.

    Row i of the matrix belongs to PE i mod `n_pes`, where it is row i div `n_pes`. Each PE has its
    own rows column by column: of each entry the code and the number of zeros since the entry before
    it, and for each column a pointer to its first entry. For more than 2**index_bits - 1 zeros in a
    row there are padding zeros: entries of code 0 with the largest relative index.

    Raises ImageError if shapes or dtypes do not fit together; `check` looks into the entries.

    Parameters
    ----------
    rows, cols
        Outputs and inputs.
    has_bias
        Whether the layer has a bias. As in the authors' design, its column is there in any case:
        the last one, input number `bias_column`, empty in a layer without a bias.
    codebook : float32 [2**codebook_bits]
        Shared weights; entry 0 is 0.0.
    ptr : int32 [columns + 1, n_pes]
        Column pointers; ``ptr[:, k]`` is the content of the pointer SRAM of PE k, 0 first.
    codes, relative_index : uint8 [entries]
        Entries of PE 0, then of PE 1, and so on (v and z of EIE, section III-B).
    """

    def __post_init__(self) -> None:
        check_shapes(self)
        for field in archive.ARRAYS:
            object.__setattr__(self, field, own(getattr(self, field)))

    def __reduce__(self) -> tuple[type[InterleavedCSC], tuple[Any, ...]]:
        """Copy and unpickle by the constructor, which locks the arrays; they are checked again."""
        return InterleavedCSC, tuple(getattr(self, field.name) for field in fields(self))

    @cached_property
    def columns(self) -> Columns:
        """The weights column by column, read back from the entries of all PEs."""
        from eiesim.image._kernels import list_columns  # noqa: PLC0415 - compiled code

        _ = self.checked  # compiled code follows any pointer
        shape = (self.ptr.shape[0] - 1, self.n_pes)
        largest = (self.rows << self.codebook_bits) - 1
        rows_per_pe = -(-self.rows // self.n_pes)
        edge_rows = np.empty((4, *shape), np.min_scalar_type(min(-rows_per_pe, -2)))
        edge_rows[:2], edge_rows[2:] = -1, -2
        view = Columns(
            np.zeros(shape[0] + 1, dtype=np.int64),
            np.zeros(self.entries + 1, np.result_type(np.uint16, np.min_scalar_type(largest))),
            edge_rows,
            np.zeros(shape, self.counts.dtype),
        )
        list_columns(
            self.ptr, self.base, self.codes, self.relative_index, self.codebook_bits, *view
        )
        view = view._replace(weights=view.weights[: view.indptr[-1]])
        return Columns(*[lock(array) for array in view])

    def check(self) -> None:
        """Check the codebook and every pointer and entry; ImageError names the first violation."""
        check_image(self)

    @cached_property
    def checked(self) -> bool:
        """True, after one `check`; `encode` sets it for its own images."""
        self.check()
        return True

    def decode(self) -> CompressedLayer:
        """Return the layer that this image was encoded from; ImageError if it is damaged."""
        indptr, weights, _, _ = self.columns
        rows = (weights >> self.codebook_bits).astype(np.int32)
        codes = (weights & ((1 << self.codebook_bits) - 1)).astype(np.uint8)
        bias = slice(indptr[self.bias_column], indptr[self.bias_column + 1])
        bias_codes = np.zeros(self.rows, dtype=np.uint8)
        bias_codes[rows[bias]] = codes[bias]
        inputs = codes[: bias.start], rows[: bias.start], indptr[: self.cols + 1]
        matrix = sparse.csc_array(inputs, shape=(self.rows, self.cols), copy=True)
        matrix.sort_indices()
        return CompressedLayer(
            matrix, self.codebook, bias_codes if self.has_bias else None, self.name
        )

    def fits(self, hw: Hardware) -> list[MemoryUse]:
        """Return how full each memory of the fullest PE is, and what does not fit.

        Raises ImageError if the image is damaged or was encoded for other hardware.
        """
        self.require(hw)
        return fit_images([self], hw.fill)

    def require(self, hw: Hardware) -> None:
        """Check that this image is sound and was encoded for such a machine.

        Raises ImageError if it is damaged, PEs or index bits differ, or the codebook is wider than
        the machine's.
        """
        for field in LayoutView._fields:
            encoded, needed = getattr(self, field), getattr(hw, field)
            if encoded != needed:
                raise ImageError(
                    f"{self.name}: the image was encoded for {field} = {encoded}, the "
                    f"hardware has {needed}; encode the layer again"
                )
        require_codebook(self.name, self.codebook_bits, hw)
        _ = self.checked

    def save(self, path: str | Path) -> None:
        """Write the image to one file (`.npz` inside), whole or not at all."""
        header = {name: getattr(self, name) for name in archive.HEADER}
        arrays = {name: getattr(self, name) for name in archive.ARRAYS}
        archive.write(path, header, arrays)

    @classmethod
    def load(cls, path: str | Path) -> InterleavedCSC:
        """Read an image that `save` wrote, and check it.

        Raises WorkloadError if the file is missing, truncated or no `.npz` file, and ImageError if
        it has no image, one of another version, or a damaged one.
        """
        return cls.from_arrays(read_arrays(path), str(path))

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]], where: str) -> InterleavedCSC:
        """Build and check an image from the arrays of its file.

        Raises ImageError if they are no image, one of another version, or a damaged one.
        """
        header, content = archive.split(arrays, where)
        try:
            image = cls(**(header | content))
            _ = image.checked
        except ImageError as error:
            raise ImageError(f"{where}: {error}") from error
        return image

    def _repr_html_(self) -> str:
        entries = np.diff(self.base)
        row = {
            "outputs": self.rows,
            "inputs": self.cols,
            "bias": self.has_bias,
            "n_pes": self.n_pes,
            "codebook_bits": self.codebook_bits,
            "index_bits": self.index_bits,
            "entries": self.entries,
            "padding_zeros": self.padding_entries,
            "mean_entries_of_a_pe": float(entries.mean()),
            "most_entries_of_a_pe": int(entries.max()),
        }
        return make_card(f"InterleavedCSC {self.name}", row)


def require_codebook(name: str, codebook_bits: int, hw: Hardware) -> None:
    """Raise an ImageError if a codebook is wider than the machine's."""
    if codebook_bits > hw.codebook_bits:
        raise ImageError(
            f"{name}: the layer's codebook has {codebook_bits} bits, the hardware's codebook_bits "
            f"is {hw.codebook_bits}; raise it or compress the layer to fewer bits"
        )
