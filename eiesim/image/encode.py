"""From a compressed layer to the content of the SRAMs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import ImageError
from eiesim.hardware import Hardware
from eiesim.image.arrays import find_bias_column
from eiesim.image.csc import InterleavedCSC, require_codebook
from eiesim.layer.weights import LARGEST, CompressedLayer
from eiesim.views import LayoutView


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

    indptr, indices, data = _columns_with_bias(layer, hw.n_pes)
    ptr = np.zeros((indptr.size, hw.n_pes), dtype=np.int32)
    count_entries(indptr, indices, hw.index_bits, ptr[1:])
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
    fill_entries(indptr, indices, data, hw.index_bits, base[:-1].copy(), codes, relative_index)
    has_bias = layer.bias_codes is not None
    image = InterleavedCSC(
        layer.rows, layer.cols, hw.n_pes, hw.index_bits, has_bias,
        layer.codebook, ptr, codes, relative_index, layer.name,
    )  # fmt: skip
    vars(image)["checked"] = True
    return image


def _columns_with_bias(
    layer: CompressedLayer, n_pes: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return the layer's CSC arrays with the bias as one more column after a whole row of PEs."""
    matrix = layer.codes
    bias = layer.bias_codes if layer.bias_codes is not None else np.zeros(0, dtype=np.uint8)
    rows = np.flatnonzero(bias)
    empty = find_bias_column(layer.cols, n_pes) - layer.cols
    ends = np.concatenate((np.full(empty, matrix.nnz), [matrix.nnz + rows.size]))
    return (
        np.concatenate((matrix.indptr, ends)).astype(np.int32),
        np.concatenate((matrix.indices, rows)).astype(np.int32),
        np.concatenate((matrix.data, bias[rows])),
    )
