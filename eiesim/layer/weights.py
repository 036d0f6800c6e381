"""A layer: its description without weights, its dense and its compressed weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Annotated, Any, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.arrays import take_array
from eiesim.base.cards import make_card
from eiesim.base.errors import WorkloadError
from eiesim.base.schema import Range, Switch, Text, is_name, validate

LARGEST = (1 << 31) - 1
"""Most rows, columns, or entries of a PE: what 32-bit indices hold."""
ROW_VARIATION = 0.16
COLUMN_VARIATION = 0.19
"""Of drawn layers by default, fitted to the real layers that the papers' authors pruned (`eiesim
reproduce unevenness`)."""
Codes: TypeAlias = (
    "npt.NDArray[np.uint8] | sparse.csc_array[np.uint8] | sparse.csr_array[np.uint8]"
    " | sparse.csc_matrix[np.uint8] | sparse.csr_matrix[np.uint8]"
)
Lines: TypeAlias = "slice | npt.NDArray[np.integer]"
ALL = slice(None)


@dataclass(frozen=True, kw_only=True)
class LayerSpec:
    """Shape and densities of a layer: enough to draw weights and activations from.

    Raises ConfigError if a field is out of range.
    """

    name: Annotated[str, Text("what the layer is called", empty=False)]
    title: Annotated[str, Text("what the layer is")]
    inputs: Annotated[int, Range(1, 1 << 20, "activations, columns of the matrix")]
    outputs: Annotated[int, Range(1, 1 << 20, "outputs, rows of the matrix")]
    weight_density: Annotated[float, Range(0, 1, "share of weights that are not pruned")]
    activation_density: Annotated[float, Range(0, 1, "share of activations that are not zero")]
    row_variation: Annotated[
        float, Range(0, 4, "how unevenly rows are filled: coefficient of variation of their rates")
    ] = ROW_VARIATION
    column_variation: Annotated[float, Range(0, 4, "how unevenly columns are filled, likewise")] = (
        COLUMN_VARIATION
    )
    codebook_bits: Annotated[int, Range(1, 8, "bits of a codebook index")] = 4
    bias: Annotated[bool, Switch("draw a bias, one more column")] = False
    seed: Annotated[int, Range(0, (1 << 63) - 1, "seed of every random draw")] = 0
    source: Annotated[str, Text("where shape and densities come from")] = ""

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True, eq=False, init=False)
class CompressedLayer:
    """A pruned layer with shared weights: a codebook index for every weight that is not pruned.

    The arrays are copied and cannot be written to. Raises WorkloadError if a shape, a dtype or a
    value is not as below. Source: Han et al., EIE, ISCA 2016, section III-A; Deep Compression, ICLR
    2016, sections 2 and 3.

    Parameters
    ----------
    codes : uint8 [rows, cols], dense or scipy CSC or CSR
        Codebook index of every weight, row = output, column = input; 0 is a pruned weight. Kept as
        CSC with sorted rows.
    codebook : float32 [2**bits]
        Shared weights, 1 to 8 bits; entry 0 is 0.0.
    bias_codes : uint8 [rows] or None
        Codebook index of each output's bias.
    """

    codebook: npt.NDArray[np.float32]
    bias_codes: npt.NDArray[np.uint8] | None
    name: str
    _shape: tuple[int, int]
    _csc: tuple[npt.NDArray[np.uint8], npt.NDArray[np.integer], npt.NDArray[np.integer]]

    def __init__(
        self,
        codes: Codes,
        codebook: npt.NDArray[np.float32],
        bias_codes: npt.NDArray[np.uint8] | None = None,
        name: str = "layer",
    ) -> None:
        if not is_name(name):
            raise WorkloadError(f"name: expected printable text, found {name!r}")
        table = take_codebook(codebook, f"{name}: codebook")
        matrix = take_csc(codes, f"{name}: codes", np.uint8)
        _check_codes(matrix.data, table.size, f"{name}: codes")
        arrays = (matrix.data, matrix.indices, matrix.indptr)
        for array in arrays:
            array.setflags(write=False)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "codebook", table)
        object.__setattr__(self, "_csc", arrays)
        object.__setattr__(self, "_shape", matrix.shape)
        object.__setattr__(self, "bias_codes", None)
        if bias_codes is not None:
            label = f"{name}: bias_codes"
            bias = take_array(bias_codes, label, np.uint8, (self.rows,)).copy()
            _check_codes(bias, table.size, label)
            bias.setflags(write=False)
            object.__setattr__(self, "bias_codes", bias)

    def __reduce__(self) -> tuple[type[CompressedLayer], tuple[Any, ...]]:
        """Copy and unpickle by the constructor, which locks the arrays again."""
        return CompressedLayer, (self.codes, self.codebook, self.bias_codes, self.name)

    @property
    def codes(self) -> sparse.csc_array[np.uint8]:
        """The codes as CSC, rows sorted: a new object each time, around locked arrays."""
        return sparse.csc_array(self._csc, shape=self._shape, copy=False)

    def take(self, rows: Lines = ALL, cols: Lines = ALL) -> CompressedLayer:
        """Return the layer with some of its outputs and inputs, in the given order.

        They are slices or numbers. Raises WorkloadError if nothing is left.
        """
        codes: Any = self.codes
        bias = None if self.bias_codes is None else self.bias_codes[rows]
        return CompressedLayer(codes[rows][:, cols], self.codebook, bias, self.name)

    @property
    def rows(self) -> int:
        """Number of outputs."""
        return int(self._shape[0])

    @property
    def cols(self) -> int:
        """Number of inputs."""
        return int(self._shape[1])

    @property
    def weights(self) -> int:
        """Number of weights that are not pruned, the bias left out."""
        return int(self._csc[0].size)

    @property
    def codebook_bits(self) -> int:
        """Bits of a codebook index."""
        return int(self.codebook.size).bit_length() - 1

    @property
    def density(self) -> float:
        """Share of weights that are not pruned, the bias left out."""
        return self.weights / (self.rows * self.cols)

    def _repr_html_(self) -> str:
        row = {
            "outputs": self.rows,
            "inputs": self.cols,
            "bias": self.bias_codes is not None,
            "weights": self.weights,
            "density": self.density,
            "codebook_bits": self.codebook_bits,
        }
        return make_card(f"CompressedLayer {self.name}", row)

    def __eq__(self, other: object) -> bool:
        """Return whether codes, codebook and bias are the same, whatever the name."""
        if not isinstance(other, CompressedLayer):
            return NotImplemented
        return all(
            np.array_equal(mine, theirs)
            for mine, theirs in zip(self._arrays(), other._arrays(), strict=True)
        )

    def _arrays(self) -> list[npt.NDArray[Any]]:
        bias = np.zeros(0, np.uint8) if self.bias_codes is None else self.bias_codes
        shape = np.array([*self._shape, self.bias_codes is not None])
        return [shape, self.codebook, bias, *self._csc]

    __hash__ = None  # type: ignore[assignment]


class DenseLayer(NamedTuple):
    """Trained weights [outputs, inputs (, kernel height, kernel width)], and a bias [outputs]."""

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """A compressed layer with what a network's file keeps beside its codes.

    Raises WorkloadError if the shape is not the matrix's, there are two biases, or a field is not
    as below.

    Attributes
    ----------
    layer
        Outputs x the product of the other dimensions of `shape`.
    shape
        Of the weights: outputs, inputs, and for a convolution the kernel's height and width.
    bias : float32 [outputs] or None
        A bias that is not in the codebook; it cannot be written to.
    index_bits
        Bits of a relative index, 1 to 8.
    """

    layer: CompressedLayer
    shape: tuple[int, ...]
    bias: npt.NDArray[np.float32] | None = None
    index_bits: int = 4

    def __post_init__(self) -> None:
        name, matrix = self.name, (self.layer.rows, self.layer.cols)
        if (
            len(self.shape) < 2
            or min(self.shape) < 1
            or (self.shape[0], math.prod(self.shape[1:])) != matrix
        ):
            raise WorkloadError(
                f"{name}: expected a shape of {matrix[0]} x {matrix[1]} weights, "
                f"found {list(self.shape)}"
            )
        if not isinstance(self.index_bits, Integral) or not 1 <= self.index_bits <= 8:
            raise WorkloadError(f"{name}: index_bits: expected 1 to 8, found {self.index_bits!r}")
        if self.bias is None:
            return
        if self.layer.bias_codes is not None:
            raise WorkloadError(f"{name}: expected one bias, found one in the codebook and another")
        bias = take_array(self.bias, f"{name}: bias", np.float32, matrix[:1]).copy()
        bias.setflags(write=False)
        object.__setattr__(self, "bias", bias)

    @property
    def name(self) -> str:
        """What the layer is called."""
        return self.layer.name

    def __eq__(self, other: object) -> bool:
        """Return whether codes, codebook, shape, index bits and biases are the same."""
        if not isinstance(other, StoredLayer):
            return NotImplemented
        biases = [self.bias is None, other.bias is None]
        return (
            self.layer == other.layer
            and (self.shape, self.index_bits) == (other.shape, other.index_bits)
            and biases[0] == biases[1]
            and (biases[0] or np.array_equal(cast(Any, self.bias), cast(Any, other.bias)))
        )

    __hash__ = None  # type: ignore[assignment]


def take_codebook(codebook: object, name: str) -> npt.NDArray[np.float32]:
    """Return a locked copy of a codebook of 1 to 8 bits, whose entry 0 is 0.0; errors name it.

    Raises WorkloadError if it is another array.
    """
    table = take_array(codebook, name, np.float32, ("2**bits",)).copy()
    if table.size not in {1 << bits for bits in range(1, 9)}:
        raise WorkloadError(f"{name}: expected 2, 4, 8 .. 256 entries, found {table.size}")
    if table[0] != 0.0:
        raise WorkloadError(
            f"{name}[0]: expected 0.0, which stands for a pruned weight, found {table[0]}"
        )
    table.setflags(write=False)
    return table


def take_csc(weights: object, name: str, dtype: type[np.generic]) -> sparse.csc_array[Any]:
    """Return a copy of a dense, CSC or CSR matrix as CSC with sorted rows, without stored zeros.

    Errors name it. Raises WorkloadError if kind, dtype or shape differ, indices point outside, a
    place holds two values, or a number is infinite or NaN.
    """
    if not sparse.issparse(weights):
        return sparse.csc_array(take_array(weights, name, dtype, ("rows", "cols")))
    source: Any = weights
    if source.format not in {"csc", "csr"}:
        raise WorkloadError(
            f"{name}: expected a CSC or CSR matrix, found {source.format.upper()}; "
            "convert it with .tocsc()"
        )
    try:
        source.check_format(full_check=True)
    except ValueError as error:
        raise WorkloadError(
            f"{name}: not a valid {source.format.upper()} matrix: {error}"
        ) from error
    take_array(source.data[:0], name, dtype, (0,))
    if 0 in source.shape or max(source.shape) > LARGEST:
        raise WorkloadError(
            f"{name}: expected [rows, cols] of 1 to {LARGEST} each, found {list(source.shape)}"
        )
    matrix: Any = sparse.csc_array(source, copy=True)
    matrix.sort_indices()
    if not matrix.has_canonical_format:
        raise WorkloadError(f"{name}: one place holds more than one value")
    _require_finite_values(matrix, name)
    matrix.eliminate_zeros()
    return cast("sparse.csc_array[Any]", matrix)


def _require_finite_values(matrix: Any, name: str) -> None:
    bad = np.flatnonzero(~np.isfinite(matrix.data))
    if bad.size:
        column = int(np.searchsorted(matrix.indptr, bad[0], side="right")) - 1
        place = [int(matrix.indices[bad[0]]), column]
        raise WorkloadError(f"{name}{place}: expected a number, found {matrix.data[bad[0]]}")


def _check_codes(codes: npt.NDArray[np.uint8], size: int, name: str) -> None:
    if codes.size and int(codes.max()) >= size:
        raise WorkloadError(
            f"{name}: expected codes below {size}, the size of the codebook, found {codes.max()}"
        )
