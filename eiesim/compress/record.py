"""One layer of a `.dcz` file as bytes; docs/container.md describes each bit."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.base.files import ByteReader
from eiesim.compress.gaps import code_gaps, place_gaps
from eiesim.compress.huffman import HuffmanCode, count_each
from eiesim.layer.weights import CompressedLayer, StoredLayer

CHECKSUM_BYTES = 4
NO_BIAS, FLOAT_BIAS, CODED_BIAS = 0, 1, 2
MOST_DIMENSIONS = 8
MOST_NAME_BYTES = 255
MOST_BYTES = (1 << 32) - 1
GET_AGAIN = "the file is truncated or damaged; get it again"


class LayerRecord(NamedTuple):
    """The bytes of one layer, in their order in the file; a checksum follows them.

    Attributes
    ----------
    head
        Length of the record, name, shape, widths, entries, and the lengths of both streams.
    tables
        Lengths of the Huffman codes' words, 4 bits each.
    codebook, bias
        Float32; a bias of codes takes a byte each.
    codes, gaps
        Both streams.
    entries, padding
        Number of entries, and of the padding zeros among them.
    code_bits, gap_bits
        Bits of the streams, without those that fill the last byte.
    """

    head: bytes
    tables: bytes
    codebook: bytes
    bias: bytes
    codes: bytes
    gaps: bytes
    entries: int
    padding: int
    code_bits: int
    gap_bits: int

    @property
    def parts(self) -> bytes:
        """The whole record but its checksum."""
        return self.head + self.tables + self.codebook + self.bias + self.codes + self.gaps


class _Stream(NamedTuple):
    """Symbols in a Huffman code: the table of word lengths, the words, and their bits."""

    table: bytes
    content: bytes
    bits: int


def make_record(stored: StoredLayer) -> LayerRecord:
    """Return a layer as bytes.

    Raises WorkloadError if its name is too long, or it has too many dimensions or entries.
    """
    layer = stored.layer
    name = layer.name.encode()
    if len(name) > MOST_NAME_BYTES or len(stored.shape) > MOST_DIMENSIONS:
        raise WorkloadError(
            f"{layer.name}: expected a name of at most {MOST_NAME_BYTES} bytes and at most "
            f"{MOST_DIMENSIONS} dimensions, found {len(name)} and {len(stored.shape)}"
        )
    entries = code_gaps(layer, stored.index_bits)
    codes = _encode(entries.codes, layer.codebook.size)
    gaps = _encode(entries.gaps, 1 << stored.index_bits)
    kind, bias = NO_BIAS, b""
    if layer.bias_codes is not None:
        kind, bias = CODED_BIAS, layer.bias_codes.tobytes()
    elif stored.bias is not None:
        kind, bias = FLOAT_BIAS, stored.bias.astype("<f4").tobytes()
    rest = b"".join(
        (
            bytes((len(name),)), name, bytes((len(stored.shape),)),
            np.array(stored.shape, "<u4").tobytes(),
            bytes((layer.codebook_bits, stored.index_bits, kind)),
            np.array([entries.codes.size, len(codes.content), len(gaps.content)], "<u4").tobytes(),
        )
    )  # fmt: skip
    tables = codes.table + gaps.table
    codebook = layer.codebook.astype("<f4").tobytes()
    parts = (rest, tables, codebook, bias, codes.content, gaps.content)
    length = 4 + sum(map(len, parts)) + CHECKSUM_BYTES
    require_length(length, layer.name)
    head = np.array(length, "<u4").tobytes() + rest
    return LayerRecord(head, *parts[1:], entries.codes.size, entries.padding, codes.bits, gaps.bits)


def _encode(symbols: npt.NDArray[np.uint8], size: int) -> _Stream:
    counts = count_each(symbols, size)
    code = HuffmanCode.of(counts)
    table = (code.lengths[::2] | code.lengths[1::2] << 4).tobytes()
    return _Stream(table, code.encode(symbols), code.count_bits(counts))


def require_length(length: int, name: str) -> None:
    """Raise a WorkloadError for a layer or file whose length in bytes needs more than 32 bits."""
    if length > MOST_BYTES:
        raise WorkloadError(f"{name}: expected at most {MOST_BYTES} bytes, found {length}")


def take_layer(reader: ByteReader, label: str, lines_left: int) -> StoredLayer:
    """Return the layer of a record, read from its name on; errors name the layer by its `label`.

    Raises WorkloadError if the record is not one that `make_record` makes, or has more rows and
    columns together than `lines_left`.
    """
    try:
        name = reader.take(reader.take(1, "name")[0], "name").decode()
    except UnicodeDecodeError as error:
        raise WorkloadError(f"name: expected UTF-8; {GET_AGAIN}") from error
    shape = tuple(_take_numbers(reader, min(reader.take(1, "shape")[0], MOST_DIMENSIONS), "shape"))
    rows, cols = _require_lines(shape, lines_left)
    codebook_bits, index_bits, kind = reader.take(3, "widths")
    if not (1 <= codebook_bits <= 8 and 1 <= index_bits <= 8 and kind <= CODED_BIAS):
        raise WorkloadError(
            f"widths: expected 1 to 8 bits and a bias of kind 0 to 2, found {codebook_bits}, "
            f"{index_bits} and {kind}; {GET_AGAIN}"
        )
    entries, *lengths = _take_numbers(reader, 3, "entries")
    tables = [_take_table(reader, 1 << bits) for bits in (codebook_bits, index_bits)]
    codebook = np.frombuffer(reader.take(4 << codebook_bits, "codebook"), "<f4")
    bias = reader.take((0, 4, 1)[kind] * rows, "bias")
    streams = [reader.take(length, "stream") for length in lengths]
    codes, gaps = (
        _decode(table, stream, entries) for table, stream in zip(tables, streams, strict=True)
    )
    matrix = place_gaps(codes, gaps, index_bits, (rows, cols))
    bias_codes = np.frombuffer(bias, np.uint8) if kind == CODED_BIAS else None
    layer = CompressedLayer(matrix, codebook.astype(np.float32), bias_codes, name or label)
    floats = np.frombuffer(bias, "<f4").astype(np.float32) if kind == FLOAT_BIAS else None
    if not name:
        raise WorkloadError(f"name: expected one, found none; {GET_AGAIN}")
    return StoredLayer(layer, shape, floats, index_bits)


def _take_numbers(reader: ByteReader, count: int, part: str) -> list[int]:
    return [int(number) for number in np.frombuffer(reader.take(4 * count, part), "<u4")]


def _require_lines(shape: tuple[int, ...], lines_left: int) -> tuple[int, int]:
    """Return rows and columns, refusing more than the file's length allows for."""
    rows, cols = (shape[0], math.prod(shape[1:])) if shape else (0, 0)
    if len(shape) < 2 or not 0 < rows + cols <= lines_left or min(shape) < 1:
        raise WorkloadError(
            f"shape: expected two or more dimensions, rows and columns together at most "
            f"{lines_left} in a file of this length, found {list(shape)}; {GET_AGAIN}"
        )
    return rows, cols


def _take_table(reader: ByteReader, symbols: int) -> HuffmanCode:
    packed = np.frombuffer(reader.take(symbols // 2, "table"), np.uint8)
    return HuffmanCode(np.stack((packed & 15, packed >> 4), axis=1).reshape(-1))


def _decode(code: HuffmanCode, stream: bytes, entries: int) -> npt.NDArray[np.uint8]:
    """Return a stream's symbols, refusing any table but the one that `make_record` makes."""
    symbols = code.decode(stream, entries)
    best = HuffmanCode.of(count_each(symbols, code.lengths.size))
    if not np.array_equal(best.lengths, code.lengths):
        raise WorkloadError(f"table: expected the Huffman code of its stream; {GET_AGAIN}")
    return symbols
