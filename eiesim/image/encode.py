"""From a compressed layer to the content of the SRAMs."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import ImageError
from eiesim.hardware import Hardware
from eiesim.image.arrays import find_bias_column, lock
from eiesim.image.csc import InterleavedCSC, require_codebook
from eiesim.layer.weights import LARGEST, CompressedLayer
from eiesim.views import LayoutView

Part: TypeAlias = "tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint8]]"


def encode(layer: CompressedLayer, hw: Hardware) -> InterleavedCSC:
    """Lay a compressed layer out for the SRAMs of a machine.

    Of the machine, `n_pes`, `index_bits` and `codebook_bits` count. Time and memory grow with the
    weights that are not pruned. Raises ImageError if the codebook is wider than the hardware's, or
    a PE would hold too many entries. Source: EIE, sections III-B (relative index, padding zeros)
    and III-C (interleaving).
    """
    require_codebook(layer.name, layer.codebook_bits, hw)
    return lay_out(layer, hw.layout)


def lay_out(layer: CompressedLayer, hw: LayoutView) -> InterleavedCSC:
    """Lay a compressed layer out, whatever the width of the codebook.

    Raises ImageError if a PE would hold too many entries.
    """
    from eiesim.image._kernels import count_entries, fill_entries  # noqa: PLC0415 - compiled code

    parts = _list_parts(layer)
    ptr = np.zeros((find_bias_column(layer.cols, hw.n_pes) + 2, hw.n_pes), dtype=np.int32)
    for (indptr, indices, _), counts in zip(
        parts, (ptr[1 : layer.cols + 1], ptr[-1:]), strict=True
    ):
        count_entries(indptr, indices, hw.index_bits, counts)
    entries = ptr.sum(axis=0, dtype=np.int64)
    if entries.max() > LARGEST:
        pe = int(np.argmax(entries > LARGEST))
        raise ImageError(
            f"{layer.name}: PE {pe} would hold {entries[pe]} entries, most of them padding zeros; "
            f"32-bit pointers address {LARGEST}: use more index_bits or more PEs"
        )
    np.cumsum(ptr, axis=0, out=ptr)
    base = np.concatenate(([0], np.cumsum(entries)))
    codes = np.zeros(int(base[-1]), dtype=np.uint8)
    relative_index = np.full(codes.size, (1 << hw.index_bits) - 1, dtype=np.uint8)
    cursor = base[:-1].astype(np.uint64)
    for part in parts:
        fill_entries(*part, hw.index_bits, cursor, codes, relative_index)
    has_bias = layer.bias_codes is not None
    image = InterleavedCSC(
        layer.rows, layer.cols, hw.n_pes, hw.index_bits, has_bias,
        layer.codebook, lock(ptr), lock(codes), lock(relative_index), layer.name,
    )  # fmt: skip
    vars(image)["checked"] = True
    return image


def _list_parts(layer: CompressedLayer) -> tuple[Part, Part]:
    """Return the CSC arrays of a layer's weights, and those of its bias as a matrix of a column."""
    matrix = layer.codes
    bias = layer.bias_codes if layer.bias_codes is not None else np.zeros(0, dtype=np.uint8)
    rows = np.flatnonzero(bias)
    return (
        _take_part(matrix.indptr, matrix.indices, matrix.data),
        _take_part(np.array([0, rows.size]), rows, bias[rows]),
    )


def _take_part(
    indptr: npt.NDArray[np.integer], indices: npt.NDArray[np.integer], data: npt.NDArray[np.uint8]
) -> Part:
    """Return arrays as the kernels take them: locked, as a layer's are."""
    return (
        lock(indptr.astype(np.int32, copy=False)),
        lock(indices.astype(np.int32, copy=False)),
        lock(data),
    )
