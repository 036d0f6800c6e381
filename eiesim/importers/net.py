"""The Deep Compression authors' `.net` files: codebooks, codes and index gaps of every layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.arrays import require_finite
from eiesim.base.errors import WorkloadError
from eiesim.base.files import ByteReader
from eiesim.importers.content import read_content, take_numbers
from eiesim.importers.prototxt import NetLayer, read_prototxt
from eiesim.layer.gaps import place_entries
from eiesim.layer.weights import LARGEST, CompressedLayer, StoredLayer

TRUNCATED = "the file is truncated, or the .prototxt is of another network"
MOST_COLUMNS = 1 << 20
"""Inputs of a row, as in LayerSpec: memory grows with them even without weights."""


@dataclass(frozen=True, eq=False)
class NetRecord(StoredLayer):
    """One layer of a `.net` file: codebooks of 256 entries (convolution) or 16 (inner product).

    Attributes
    ----------
    bias
        [outputs], not in the codebook.
    padding
        Entries with code 0, which only carry a gap on.
    """

    bias: npt.NDArray[np.float32]
    entries: int = 0
    padding: int = 0


def _take_nibbles(reader: ByteReader, count: int, label: str) -> npt.NDArray[np.uint8]:
    """Return 4-bit numbers, the low half of each byte first."""
    packed = np.frombuffer(reader.take((count + 1) // 2, label), np.uint8)
    return np.stack((packed & 15, packed >> 4), axis=1).reshape(-1)[:count]


def read_net(net_path: str | Path, prototxt_path: str | Path) -> tuple[NetRecord, ...]:
    """Read every layer of a compressed network: convolutions and inner products, in its order.

    A `.net` file has no shapes; these come from the `.prototxt`. Raises WorkloadError if the files
    do not fit each other to the byte.

    References
    ----------
    songhan/SqueezeNet-Deep-Compression, ``decode.py`` defines the format. Han, Mao, Dally, Deep
    Compression, ICLR 2016, section 3.
    """
    net = [layer for layer in read_prototxt(prototxt_path).layers if layer.weight_shape]
    if not net:
        raise WorkloadError(
            f"{prototxt_path}: expected convolutions or inner products, found none; "
            "take the network's deploy.prototxt"
        )
    reader = ByteReader(read_content(net_path), str(net_path), TRUNCATED)
    counts = np.frombuffer(reader.take(4 * len(net), "entries of the layers"), "<u4")
    layers = tuple(
        _read_layer(reader, layer, int(count)) for layer, count in zip(net, counts, strict=True)
    )
    if reader.left:
        raise WorkloadError(
            f"{net_path}: expected {reader.place} bytes for {len(net)} layers, found "
            f"{reader.left} more; the .prototxt is of another network"
        )
    return layers


def _read_layer(reader: ByteReader, net: NetLayer, entries: int) -> NetRecord:
    label = f"layer {net.name}"
    convolution = len(net.weight_shape) == 4
    entry_count = 256 if convolution else 16
    codebook = take_numbers(reader.take(4 * entry_count, f"{label}: codebook"), label)
    bias = take_numbers(reader.take(4 * net.weight_shape[0], f"{label}: bias"), label)
    require_finite(bias, f"{reader.file}: {label}: bias")
    if convolution:
        codes = np.frombuffer(reader.take(entries, f"{label}: codes"), np.uint8)
    else:
        codes = _take_nibbles(reader, entries, f"{label}: codes")
    gaps = _take_nibbles(reader, entries, f"{label}: index gaps")
    matrix = _place(codes, gaps, net, reader.file)
    try:
        layer = CompressedLayer(matrix, codebook, name=net.name or "layer")
    except WorkloadError as error:
        raise WorkloadError(f"{reader.file}: {error}") from error
    padding = entries - int(np.count_nonzero(codes))
    return NetRecord(layer, net.weight_shape, bias, index_bits=4, entries=entries, padding=padding)


def _place(
    codes: npt.NDArray[np.uint8], gaps: npt.NDArray[np.uint8], net: NetLayer, file: str
) -> sparse.csr_array[np.uint8]:
    """Return the codes as a matrix: each stands `gap` places behind the one before."""
    rows, cols = net.weight_shape[0], math.prod(net.weight_shape[1:])
    if cols > MOST_COLUMNS or rows > LARGEST:
        raise WorkloadError(
            f"{file}: layer {net.name}: expected at most {MOST_COLUMNS} inputs of an output, found "
            f"{cols}; check the .prototxt"
        )
    try:
        return place_entries(codes, gaps, (rows, cols))
    except WorkloadError as error:
        raise WorkloadError(
            f"{file}: layer {net.name}: {error}; the .prototxt is of another network, or the file "
            "is damaged"
        ) from error
