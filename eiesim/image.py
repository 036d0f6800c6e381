"""What the SRAMs of every PE hold: interleaved CSC (EIE, sections III-B and III-C)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.errors import ImageError
from eiesim.files import read_arrays, replacing
from eiesim.hardware import Hardware
from eiesim.layer import LARGEST, CompressedLayer
from eiesim.units import bits_to_bytes

FORMAT = "eiesim image"
VERSION = 1


class Columns(NamedTuple):
    """The weights of an image column by column over all PEs, without padding zeros.

    Attributes
    ----------
    indptr : int64 [columns + 1]
        Where each column begins in `rows` and `codes`.
    rows, codes : int32, uint8 [weights]
        Row in the matrix and code of each weight, PE by PE within a column.
    edge_rows : int32 [4, columns, n_pes]
        Row within the PE of each column's first, second, last but one and last entry; -1 for a
        padding zero or where there is no such entry.
    padding : int32 [columns, n_pes]
        Padding zeros of each column.
    """

    indptr: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    codes: npt.NDArray[np.uint8]
    edge_rows: npt.NDArray[np.int32]
    padding: npt.NDArray[np.int32]


class SramUse(NamedTuple):
    """How full one memory of the fullest PE is."""

    memory: str
    used: int
    capacity: int
    unit: str
    fits: bool
    note: str


@dataclass(frozen=True, eq=False)
class InterleavedCSC:
    """A layer as the SRAMs of `n_pes` PEs hold it; `encode` makes one.

    Row i of the matrix belongs to PE i mod `n_pes`, where it is row i div `n_pes`. Each PE keeps
    its own rows column by column: of each entry the code and the number of zeros since the entry
    before it, and for each column a pointer to its first entry. More than 2**index_bits - 1 zeros
    in a row take padding zeros: entries of code 0 that carry the largest relative index.

    Parameters
    ----------
    rows, cols : int
        Outputs and inputs.
    n_pes : int
        Number of PEs the rows are dealt to.
    index_bits : int
        Bits of a relative index.
    has_bias : bool
        Whether the layer has a bias. Its column is there all the same, as in the authors' design:
        the last one, input number `bias_column`, empty in a layer without a bias.
    codebook : float32 [2**codebook_bits]
        Shared weights; entry 0 is 0.0.
    ptr : int32 [columns + 1, n_pes]
        Column pointers; ``ptr[:, k]`` is what the pointer SRAM of PE k holds, 0 first.
    codes, relative_index : uint8 [entries]
        Entries of PE 0, then of PE 1, and so on (v and z of EIE, section III-B).
    name : str
        What the layer is called.

    Raises
    ------
    ImageError
        Shapes or dtypes do not fit together; `check` looks into the entries.
    """

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

    def __post_init__(self) -> None:
        for field, dtype, shape in (
            ("codebook", np.float32, (1 << self.codebook_bits,)),
            ("ptr", np.int32, (self.bias_column + 2, self.n_pes)),
            ("codes", np.uint8, (self.codes.size,)),
            ("relative_index", np.uint8, (self.codes.size,)),
        ):
            array = getattr(self, field)
            if array.dtype != dtype or array.shape != shape:
                raise ImageError(
                    f"{self.name}: {field}: expected {np.dtype(dtype)} {list(shape)}, "
                    f"found {array.dtype} {list(array.shape)}"
                )
            array.setflags(write=False)

    @property
    def codebook_bits(self) -> int:
        """Bits of a codebook index."""
        return max(int(self.codebook.size).bit_length() - 1, 1)

    @property
    def bias_column(self) -> int:
        """Input number of the bias: after the inputs, rounded up to a whole row of PEs."""
        return -(-self.cols // self.n_pes) * self.n_pes

    @cached_property
    def base(self) -> npt.NDArray[np.int64]:
        """Where each PE's entries begin, int64 [n_pes + 1]; the last one is their number."""
        return np.concatenate(([0], np.cumsum(self.ptr[-1], dtype=np.int64)))

    @cached_property
    def counts(self) -> npt.NDArray[Any]:
        """Entries of every column in every PE, [columns, n_pes], in the smallest unsigned dtype."""
        counts = np.diff(self.ptr, axis=0)
        largest = int(counts.max(initial=0))
        dtype = np.uint8 if largest < 1 << 8 else np.uint16 if largest < 1 << 16 else np.uint32
        return counts.astype(dtype)

    @cached_property
    def columns(self) -> Columns:
        """The weights column by column, read back from the entries of all PEs."""
        from eiesim._kernels import list_columns  # noqa: PLC0415 - compiled code

        shape = (self.ptr.shape[0] - 1, self.n_pes)
        view = Columns(
            np.zeros(shape[0] + 1, dtype=np.int64),
            np.zeros(self.entries + 1, dtype=np.int32),
            np.zeros(self.entries + 1, dtype=np.uint8),
            np.full((4, *shape), -1, dtype=np.int32),
            np.zeros(shape, dtype=np.int32),
        )
        list_columns(self.ptr, self.base, self.codes, self.relative_index, *view)
        weights = int(view.indptr[-1])
        view = view._replace(rows=view.rows[:weights], codes=view.codes[:weights])
        for array in view:
            array.setflags(write=False)
        return view

    @property
    def entries(self) -> int:
        """Number of entries over all PEs, padding zeros included."""
        return int(self.codes.size)

    @property
    def padding_entries(self) -> int:
        """Number of padding zeros over all PEs."""
        return self.entries - int(np.count_nonzero(self.codes))

    def pe_rows(self, pe: int) -> int:
        """Return how many rows a PE holds.

        Parameters
        ----------
        pe : int
            Number of the PE, from 0.
        """
        return -(-(self.rows - pe) // self.n_pes) if pe < self.rows else 0

    def check(self) -> None:
        """Check every pointer and entry.

        Raises
        ------
        ImageError
            Names the PE, the column and the entry of the first violation.
        """
        self._check_pointers()
        padding = self.codes == 0
        longest_run = (1 << self.index_bits) - 1
        last_of_column = np.zeros(self.entries + 1, dtype=bool)
        last_of_column[self.ptr[1:] + self.base[:-1] - 1] = True
        pe, column, row = self._places()
        rows = np.array([self.pe_rows(number) for number in range(self.n_pes)], dtype=np.int64)
        violations = [
            (self.codes >= self.codebook.size, f"code not below {self.codebook.size}"),
            (self.relative_index > longest_run, f"relative index above {longest_run}"),
            (
                padding & (self.relative_index != longest_run),
                f"padding zero whose relative index is not {longest_run}",
            ),
            (padding & last_of_column[:-1], "padding zero at the end of a column"),
            (row >= rows[pe], "row beyond the PE's last one"),
            (
                (column >= self.cols) & ~((column == self.bias_column) & self.has_bias),
                "entry in a column that is neither an input nor a bias",
            ),
        ]
        found = [(int(np.argmax(bad)), what) for bad, what in violations if bad.any()]
        if found:
            entry, what = min(found)
            raise ImageError(
                f"{self.name}: {self._where(entry)}: {what} "
                f"(code {self.codes[entry]}, "
                f"relative index {self.relative_index[entry]})"
            )

    def _check_pointers(self) -> None:
        if self.ptr[0].any():
            pe = int(np.argmax(self.ptr[0] != 0))
            raise ImageError(f"{self.name}: PE {pe}, column 0: pointer is {self.ptr[0, pe]}, not 0")
        falling = np.diff(self.ptr, axis=0).T < 0
        if falling.any():
            pe, column = (int(index) for index in np.argwhere(falling)[0])
            raise ImageError(
                f"{self.name}: PE {pe}, column {column}: pointers fall from "
                f"{self.ptr[column, pe]} to {self.ptr[column + 1, pe]}"
            )
        if self.base[-1] != self.entries:
            raise ImageError(
                f"{self.name}: PE {self.n_pes - 1}: the pointers of all PEs tell of "
                f"{self.base[-1]} entries, found {self.entries}"
            )

    def _where(self, entry: int) -> str:
        pe = int(np.searchsorted(self.base, entry, side="right")) - 1
        own = entry - int(self.base[pe])
        column = int(np.searchsorted(self.ptr[:, pe], own, side="right")) - 1
        return f"PE {pe}, column {column}, entry {own - int(self.ptr[column, pe])}"

    def _places(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return PE, column and row within the PE of every entry."""
        lengths = np.diff(self.ptr, axis=0).T
        columns = np.arange(lengths.shape[1], dtype=np.int64)
        pe = np.repeat(np.arange(self.n_pes, dtype=np.int64), self.ptr[-1])
        column = np.repeat(np.tile(columns, self.n_pes), lengths.ravel())
        steps = np.cumsum(self.relative_index.astype(np.int64) + 1)
        first = (self.ptr[:-1].T + self.base[:-1, None])[lengths > 0]
        before = np.concatenate(([0], steps))[first]
        row = steps - np.repeat(before, lengths[lengths > 0]) - 1
        return pe, column, row

    def decode(self) -> CompressedLayer:
        """Return the layer that this image was encoded from.

        Raises
        ------
        ImageError
            The image is damaged.
        """
        self.check()
        indptr, rows, codes, _, _ = self.columns
        bias = slice(indptr[self.bias_column], indptr[self.bias_column + 1])
        bias_codes = np.zeros(self.rows, dtype=np.uint8)
        bias_codes[rows[bias]] = codes[bias]
        kept = slice(0, bias.start)
        matrix = sparse.csc_array(
            (codes[kept], rows[kept], indptr[: self.cols + 1]),
            shape=(self.rows, self.cols),
            copy=True,
        )
        matrix.sort_indices()
        return CompressedLayer(
            matrix, self.codebook, bias_codes if self.has_bias else None, self.name
        )

    def fits(self, hw: Hardware) -> list[SramUse]:
        """Return how full each memory of the fullest PE is, and what does not fit.

        Parameters
        ----------
        hw : Hardware
            The machine that is to hold this image.

        Raises
        ------
        ImageError
            The image was encoded for another number of PEs or another index width.
        """
        self.require(hw)
        entries = int(self.ptr[-1].max())
        words = -(-entries // hw.entries_per_word)
        pointers = self.ptr.shape[0]
        inputs, outputs = -(-self.cols // self.n_pes), self.pe_rows(0)
        addressed = 1 << hw.ptr_bits
        spmat = bits_to_bytes(words * hw.spmat_width_bits)
        ptr = bits_to_bytes(pointers * hw.ptr_bits)
        act = 2 * (inputs + outputs)
        files = hw.accumulators_per_pe
        reachable = bits_to_bytes(addressed // hw.entries_per_word * hw.spmat_width_bits)
        share = min(reachable / hw.spmat_sram_bytes, 1)
        rows = [
            ("sparse-matrix SRAM", spmat, hw.spmat_sram_bytes, "bytes", f"{entries} entries"),
            ("pointer SRAM", ptr, hw.ptr_sram_bytes, "bytes", f"{pointers} pointers in two banks"),
            (
                "pointer range",
                entries,
                addressed - 1,
                "entries",
                f"{hw.ptr_bits}-bit pointers address {share:.0%} of the sparse-matrix SRAM",
            ),
            (
                "activation SRAM",
                act,
                hw.act_sram_bytes,
                "bytes",
                f"{inputs} inputs and {outputs} outputs of 16 bits",
            ),
            ("source activation registers", inputs, files, "inputs", "more are taken in batches"),
            ("accumulators", outputs, files, "outputs", "more are taken in batches"),
        ]
        return [
            SramUse(memory, used, capacity, unit, used <= capacity, note)
            for memory, used, capacity, unit, note in rows
        ]

    def require(self, hw: Hardware) -> None:
        """Check that this image was encoded for such a machine.

        Parameters
        ----------
        hw : Hardware
            The machine that is to run this image.

        Raises
        ------
        ImageError
            PEs or index bits differ, or the codebook is wider than the machine's.
        """
        for field, found, wanted in (
            ("n_pes", self.n_pes, hw.n_pes),
            ("index_bits", self.index_bits, hw.index_bits),
        ):
            if found != wanted:
                raise ImageError(
                    f"{self.name}: the image was encoded for {field} = {found}, the "
                    f"hardware has {wanted}; encode the layer again"
                )
        _require_codebook(self.name, self.codebook_bits, hw)

    def save(self, path: str | Path) -> None:
        """Write the image to one file (`.npz` inside); it is there whole or not at all.

        Parameters
        ----------
        path : str or Path
            The file, replaced when it exists.

        Raises
        ------
        EieError
            The file cannot be written.
        """
        header = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "rows": self.rows,
            "cols": self.cols,
            "n_pes": self.n_pes,
            "index_bits": self.index_bits,
            "has_bias": self.has_bias,
        }
        with replacing(path) as stream:
            np.savez(
                stream,
                header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
                codebook=self.codebook,
                ptr=self.ptr,
                codes=self.codes,
                relative_index=self.relative_index,
            )

    @classmethod
    def load(cls, path: str | Path) -> InterleavedCSC:
        """Read an image that `save` wrote, and check it.

        Parameters
        ----------
        path : str or Path
            The file.

        Raises
        ------
        WorkloadError
            The file is missing, truncated or no `.npz` file.
        ImageError
            It holds no image, one of another version, or a damaged one.
        """
        return cls.from_arrays(read_arrays(path), str(path))

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]], where: str) -> InterleavedCSC:
        """Build and check an image from the arrays of its file.

        Parameters
        ----------
        arrays : dict of ndarray
            What the file holds.
        where : str
            The file's name, for errors.

        Raises
        ------
        ImageError
            The arrays are no image, one of another version, or a damaged one.
        """
        content = {name: arrays[name] for name in arrays if name != "header"}
        header = _read_header(arrays, where)
        try:
            image = cls(**(header | content))
        except (TypeError, ValueError, AttributeError) as error:
            raise ImageError(f"{where}: expected an eiesim image, found other arrays") from error
        image.check()
        return image


def encode(layer: CompressedLayer, hw: Hardware) -> InterleavedCSC:
    """Lay a compressed layer out for the SRAMs of a machine.

    Parameters
    ----------
    layer : CompressedLayer
        The layer.
    hw : Hardware
        Its `n_pes` and `index_bits` count.

    Returns
    -------
    InterleavedCSC
        The image; time and memory grow with the weights that are kept.

    Raises
    ------
    ImageError
        The codebook is wider than the hardware's.

    References
    ----------
    EIE, sections III-B (relative index, padding zeros) and III-C (interleaving).
    """
    from eiesim._kernels import count_entries, fill_entries  # noqa: PLC0415 - compiled code

    _require_codebook(layer.name, layer.codebook_bits, hw)
    indptr, indices, data = _columns_with_bias(layer, hw.n_pes)
    longest_run = (1 << hw.index_bits) - 1
    counts = np.zeros((indptr.size - 1, hw.n_pes), dtype=np.int32)
    count_entries(indptr, indices, longest_run, counts)
    ptr = np.zeros((indptr.size, hw.n_pes), dtype=np.int32)
    np.cumsum(counts, axis=0, out=ptr[1:])
    base = np.concatenate(([0], np.cumsum(ptr[-1], dtype=np.int64)))
    codes = np.zeros(int(base[-1]), dtype=np.uint8)
    relative_index = np.full(codes.size, longest_run, dtype=np.uint8)
    fill_entries(indptr, indices, data, longest_run, base[:-1].copy(), codes, relative_index)
    return InterleavedCSC(
        layer.rows,
        layer.cols,
        hw.n_pes,
        hw.index_bits,
        layer.bias_codes is not None,
        layer.codebook,
        ptr,
        codes,
        relative_index,
        layer.name,
    )


def _columns_with_bias(
    layer: CompressedLayer, n_pes: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return the layer's CSC arrays with the bias as one more column behind a whole row of PEs."""
    matrix = layer.codes
    bias = layer.bias_codes if layer.bias_codes is not None else np.zeros(0, dtype=np.uint8)
    rows = np.flatnonzero(bias)
    empty = -(-layer.cols // n_pes) * n_pes - layer.cols
    ends = np.concatenate((np.full(empty, matrix.nnz), [matrix.nnz + rows.size]))
    return (
        np.concatenate((matrix.indptr, ends)).astype(np.int32),
        np.concatenate((matrix.indices, rows)).astype(np.int32),
        np.concatenate((matrix.data, bias[rows])),
    )


def _require_codebook(name: str, codebook_bits: int, hw: Hardware) -> None:
    if codebook_bits > hw.codebook_bits:
        raise ImageError(
            f"{name}: the layer's codebook has {codebook_bits} bits, the hardware's codebook_bits "
            f"is {hw.codebook_bits}; raise it or compress the layer to fewer bits"
        )


def _read_header(arrays: dict[str, npt.NDArray[Any]], where: str) -> dict[str, Any]:
    try:
        header = json.loads(arrays["header"].tobytes())
        known = header.pop("format") == FORMAT
        version = header.pop("version")
    except (KeyError, ValueError, AttributeError) as error:
        raise ImageError(f"{where}: expected an eiesim image, found no header") from error
    if not known or version != VERSION:
        raise ImageError(f"{where}: expected an {FORMAT} of version {VERSION}, found {version!r}")
    sizes = ("rows", "cols", "n_pes", "index_bits")
    for key in sizes:
        value = header.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LARGEST:
            raise ImageError(f"{where}: header: {key}: expected a whole number, found {value!r}")
    if not isinstance(header.get("has_bias"), bool) or not isinstance(header.get("name"), str):
        raise ImageError(f"{where}: header: expected has_bias and name, found {sorted(header)}")
    return dict(header)
