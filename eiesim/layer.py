"""A layer: what is known of it before it has weights, and its compressed weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.errors import WorkloadError
from eiesim.schema import Range, Switch, Text, validate

LARGEST = (1 << 31) - 1
Codes: TypeAlias = (
    "npt.NDArray[np.uint8] | sparse.csc_array[np.uint8] | sparse.csr_array[np.uint8]"
    " | sparse.csc_matrix[np.uint8] | sparse.csr_matrix[np.uint8]"
)


@dataclass(frozen=True, kw_only=True)
class LayerSpec:
    """Shape and densities of a layer: enough to draw weights and activations from.

    Raises
    ------
    ConfigError
        A field is out of range.
    """

    name: Annotated[str, Text("what the layer is called")]
    title: Annotated[str, Text("what the layer is")]
    inputs: Annotated[int, Range(1, 1 << 20, "activations, columns of the matrix")]
    outputs: Annotated[int, Range(1, 1 << 20, "outputs, rows of the matrix")]
    weight_density: Annotated[float, Range(0, 1, "share of weights that are not pruned")]
    activation_density: Annotated[float, Range(0, 1, "share of activations that are not zero")]
    codebook_bits: Annotated[int, Range(1, 8, "bits of a codebook index")] = 4
    bias: Annotated[bool, Switch("draw a bias, one more column")] = False
    seed: Annotated[int, Range(0, (1 << 63) - 1, "seed of every random draw")] = 0
    source: Annotated[str, Text("where shape and densities come from")] = ""

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True, eq=False, init=False)
class CompressedLayer:
    """A pruned layer with shared weights: a codebook index for every weight that is kept.

    Parameters
    ----------
    codes : uint8 [rows, cols], dense or scipy CSC or CSR
        Codebook index of every weight, row = output, column = input; 0 is a pruned weight. Kept as
        CSC with sorted rows.
    codebook : float32 [2**bits]
        Shared weights, 1 to 8 bits; entry 0 is 0.0.
    bias_codes : uint8 [rows] or None
        Codebook index of each output's bias.
    name : str
        What the layer is called.

    Raises
    ------
    WorkloadError
        A shape, a dtype or a value is not as above.

    References
    ----------
    Han et al., EIE, ISCA 2016, section III-A; Deep Compression, ICLR 2016, sections 2 and 3.
    """

    codes: sparse.csc_array[np.uint8]
    codebook: npt.NDArray[np.float32]
    bias_codes: npt.NDArray[np.uint8] | None
    name: str

    def __init__(
        self,
        codes: Codes,
        codebook: npt.NDArray[np.float32],
        bias_codes: npt.NDArray[np.uint8] | None = None,
        name: str = "layer",
    ) -> None:
        table = _checked_codebook(codebook, name)
        matrix = _as_csc(codes, name)
        _check_codes(matrix.data, table.size, f"{name}: codes")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "codebook", table)
        object.__setattr__(self, "codes", matrix)
        object.__setattr__(self, "bias_codes", None)
        if bias_codes is not None:
            bias = np.array(bias_codes)
            if bias.dtype != np.uint8 or bias.shape != (self.rows,):
                raise WorkloadError(
                    f"{name}: bias_codes: expected uint8 [{self.rows}], "
                    f"found {bias.dtype} {list(bias.shape)}"
                )
            _check_codes(bias, table.size, f"{name}: bias_codes")
            bias.setflags(write=False)
            object.__setattr__(self, "bias_codes", bias)

    @property
    def rows(self) -> int:
        """Number of outputs."""
        return int(self.codes.shape[0])

    @property
    def cols(self) -> int:
        """Number of inputs."""
        return int(self.codes.shape[1])

    @property
    def codebook_bits(self) -> int:
        """Bits of a codebook index."""
        return int(self.codebook.size).bit_length() - 1

    @property
    def density(self) -> float:
        """Share of weights that are not pruned, the bias left out."""
        return float(self.codes.nnz / (self.rows * self.cols))

    def __eq__(self, other: object) -> bool:
        """Return whether codes, codebook and bias are the same, whatever the name."""
        if not isinstance(other, CompressedLayer):
            return NotImplemented
        return all(
            np.array_equal(mine, theirs)
            for mine, theirs in zip(self._arrays(), other._arrays(), strict=True)
        )

    def _arrays(self) -> list[npt.NDArray[Any]]:
        matrix = self.codes
        bias = np.zeros(0, np.uint8) if self.bias_codes is None else self.bias_codes
        has_bias = self.bias_codes is not None
        shape = np.array([*matrix.shape, has_bias])
        return [shape, self.codebook, bias, matrix.indptr, matrix.indices, matrix.data]

    __hash__ = None  # type: ignore[assignment]


def _checked_codebook(codebook: Any, name: str) -> npt.NDArray[np.float32]:
    table = np.array(codebook)
    size = table.size
    if table.ndim != 1 or size not in {1 << bits for bits in range(1, 9)}:
        raise WorkloadError(
            f"{name}: codebook: expected 2, 4, 8 .. 256 entries in one dimension, "
            f"found shape {list(table.shape)}"
        )
    if table.dtype != np.float32:
        raise WorkloadError(f"{name}: codebook: expected float32, found {table.dtype}")
    if not np.isfinite(table).all():
        index = int(np.flatnonzero(~np.isfinite(table))[0])
        raise WorkloadError(f"{name}: codebook[{index}]: expected a number, found {table[index]}")
    if table[0] != 0.0:
        raise WorkloadError(
            f"{name}: codebook[0]: expected 0.0, which stands for a pruned weight, found {table[0]}"
        )
    table.setflags(write=False)
    return table


def _as_csc(given: Any, name: str) -> sparse.csc_array[np.uint8]:
    codes: Any = given
    if not sparse.issparse(given):
        codes = np.asarray(given)
    elif codes.format not in {"csc", "csr"}:
        raise WorkloadError(
            f"{name}: codes: expected a CSC or CSR matrix, found {codes.format.upper()}; "
            "convert it with .tocsc()"
        )
    if codes.dtype != np.uint8:
        raise WorkloadError(f"{name}: codes: expected uint8, found {codes.dtype}")
    if codes.ndim != 2 or 0 in codes.shape or max(codes.shape) > LARGEST:
        raise WorkloadError(
            f"{name}: codes: expected [rows, cols] with at least one of each, "
            f"found shape {list(codes.shape)}"
        )
    matrix: Any = sparse.csc_array(codes, copy=True)
    matrix.sort_indices()
    if not matrix.has_canonical_format:
        raise WorkloadError(f"{name}: codes: one place holds more than one code")
    matrix.eliminate_zeros()
    return cast("sparse.csc_array[np.uint8]", matrix)


def _check_codes(codes: npt.NDArray[np.uint8], size: int, what: str) -> None:
    if codes.size and int(codes.max()) >= size:
        raise WorkloadError(
            f"{what}: expected codes below {size}, the size of the codebook, found {codes.max()}"
        )
