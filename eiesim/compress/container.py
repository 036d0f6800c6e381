"""`.dcz` files: a network's Huffman-coded layers, with checksums; see docs/container.md."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eiesim.base.errors import EieError, WorkloadError
from eiesim.base.files import CONTAINER_MAGIC, BoundedReader, ByteReader, replacing
from eiesim.base.schema import show_value
from eiesim.compress.record import (
    CHECKSUM_BYTES,
    GET_AGAIN,
    LayerRecord,
    make_record,
    require_length,
    take_layer,
)
from eiesim.layer.weights import StoredLayer

VERSION = 1
HEADER_BYTES = 16
"""Magic, version, number of layers, length of the file, length of the metadata."""
MOST_LAYERS = 1 << 16
MOST_TEXT_BYTES = 1 << 28
"""Of the metadata, which hold the host's part of a network in ONNX, with its tables."""


@dataclass(frozen=True, eq=False)
class Container:
    """What a `.dcz` file holds: layers in the network's order, and the writer's metadata."""

    layers: tuple[StoredLayer, ...]
    metadata: dict[str, str]


def pack(layers: Sequence[StoredLayer], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return a network as the content of a `.dcz` file; the same network gives the same bytes.

    Raises WorkloadError if two layers have one name, metadata are no texts, or something is too
    long.
    """
    return join_records(layers, [make_record(stored) for stored in layers], metadata)


def join_records(
    layers: Sequence[StoredLayer],
    records: Sequence[LayerRecord],
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """Return the content of a `.dcz` file from its layers and their records, as in `pack`."""
    names = {stored.name for stored in layers}
    if len(names) < len(layers) or len(layers) >= MOST_LAYERS:
        raise WorkloadError(
            f"expected fewer than {MOST_LAYERS} layers of different names, found {len(layers)} of "
            f"{len(names)} names"
        )
    text = _write_metadata(dict(metadata or {}))
    body = b"".join(_sign(record.parts) for record in records)
    least = HEADER_BYTES + len(text) + CHECKSUM_BYTES + len(body)
    length = max(least, _count_lines(layers))
    require_length(length, "the file")
    head = CONTAINER_MAGIC + np.array([VERSION, len(layers)], "<u2").tobytes()
    head += np.array([length, len(text)], "<u4").tobytes() + text
    return _sign(head) + body + bytes(length - least)


def _write_metadata(metadata: dict[str, str]) -> bytes:
    try:
        if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
            raise WorkloadError(f"metadata: expected texts, found {show_value(metadata)}")
        text = json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise WorkloadError(f"metadata: expected Unicode text: {error}") from error
    if len(text) >= MOST_TEXT_BYTES:
        raise WorkloadError(
            f"metadata: expected fewer than {MOST_TEXT_BYTES} bytes, found {len(text)}"
        )
    return text


def _count_lines(layers: Sequence[StoredLayer]) -> int:
    """Return rows and columns of all layers: a file is no shorter, so that reading is bounded."""
    return sum(stored.layer.rows + stored.layer.cols for stored in layers)


def _sign(content: bytes) -> bytes:
    return content + np.array(zlib.crc32(content), "<u4").tobytes()


def write_dcz(
    path: str | Path, layers: Sequence[StoredLayer], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a network's layers to a `.dcz` file, whole or not at all; an old one is replaced.

    Raises WorkloadError as in `pack`; EieError if the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from eiesim import CompressedLayer
    >>> from eiesim.layer.weights import StoredLayer
    >>> codes = np.uint8([[0, 1, 0], [2, 0, 3]])
    >>> layer = CompressedLayer(codes, np.float32([0, -1, 0.5, 2]), name="fc")
    >>> path = Path(tempfile.mkdtemp()) / "net.dcz"
    >>> write_dcz(path, [StoredLayer(layer, (2, 3))], {"network": "tiny"})
    >>> read_dcz(path).layers[0].layer.codes.toarray()
    array([[0, 1, 0],
           [2, 0, 3]], dtype=uint8)
    """
    content = pack(layers, metadata)
    with replacing(path) as stream:
        stream.write(content)


def read_dcz(path: str | Path) -> Container:
    """Read a `.dcz` file; raises WorkloadError if it cannot be read, or as in `unpack`."""
    try:
        with BoundedReader(path) as stream:
            start = stream.read(HEADER_BYTES)
            length = _read_length(ByteReader(start, str(path), GET_AGAIN))
            # one byte more than there should be, so that a longer file is noticed
            content = start + stream.read(length - len(start) + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise WorkloadError(f"{path}: cannot be read: {reason}") from error
    return unpack(content, str(path))


def unpack(content: bytes, source: str) -> Container:
    """Return the network that the content of a `.dcz` file holds; errors name its `source`.

    Only what `pack` writes is accepted, to the bit, so that no change goes unseen. Memory is
    allocated only in proportion to the content. Raises WorkloadError if the content is of another
    kind or version, or damaged.
    """
    reader = ByteReader(content, source, GET_AGAIN)
    length = _read_length(reader)
    if length != len(content):
        raise WorkloadError(
            f"{source}: expected {length} bytes, found "
            f"{'more' if len(content) > length else len(content)}; {GET_AGAIN}"
        )
    layers_count = int.from_bytes(content[6:8], "little")
    reader.take(HEADER_BYTES, "header")
    text = reader.take(int.from_bytes(content[12:16], "little"), "metadata")
    _check_sum(reader, 0, "header")
    metadata = _read_metadata(text, source)
    layers: list[StoredLayer] = []
    lines_left = length
    for number in range(1, layers_count + 1):
        layers.append(_read_record(reader, number, lines_left))
        lines_left -= layers[-1].layer.rows + layers[-1].layer.cols
    if len({stored.name for stored in layers}) < len(layers):
        raise WorkloadError(f"{source}: expected layers of different names, found one twice")
    filling = reader.take(max(_count_lines(layers) - reader.place, 0), "zeros at the end")
    if reader.left or any(filling):
        raise WorkloadError(f"{source}: byte {reader.place}: expected the end; {GET_AGAIN}")
    return Container(tuple(layers), metadata)


def _read_length(reader: ByteReader) -> int:
    start = reader.content[:HEADER_BYTES]
    if start[: len(CONTAINER_MAGIC)] != CONTAINER_MAGIC:
        kind = "another kind of file" if len(start) else "an empty file"
        raise WorkloadError(f"{reader.file}: expected a .dcz file, found {kind}")
    version = int.from_bytes(start[4:6], "little")
    if len(start) == HEADER_BYTES and version != VERSION:
        raise WorkloadError(
            f"{reader.file}: expected version {VERSION} of the .dcz format, found {version}; "
            "a newer eiesim may read it, or the file is damaged"
        )
    if len(start) < HEADER_BYTES:
        raise WorkloadError(
            f"{reader.file}: expected a header of {HEADER_BYTES} bytes, found {len(start)}; "
            f"{GET_AGAIN}"
        )
    return int.from_bytes(start[8:12], "little")


def _check_sum(reader: ByteReader, start: int, part: str) -> None:
    checksum = zlib.crc32(reader.content[start : reader.place])
    if int.from_bytes(reader.take(CHECKSUM_BYTES, f"{part}: checksum"), "little") != checksum:
        raise WorkloadError(f"{reader.file}: {part}: expected another checksum; {GET_AGAIN}")


def _read_metadata(text: bytes, source: str) -> dict[str, str]:
    try:
        metadata = json.loads(text)
        if isinstance(metadata, dict) and _write_metadata(metadata) == text:
            return metadata
    except (ValueError, RecursionError, EieError):
        pass
    raise WorkloadError(f"{source}: metadata: expected texts as JSON; {GET_AGAIN}")


def _read_record(reader: ByteReader, number: int, lines_left: int) -> StoredLayer:
    start = reader.place
    label = f"layer {number}"
    length = int.from_bytes(reader.take(4, f"{label}: length"), "little")
    end = start + length - CHECKSUM_BYTES
    # the checksum first, so that only what was written, or forged with care, is read
    reader.take(length - 4 - CHECKSUM_BYTES if length >= 8 else length, label)
    _check_sum(reader, start, label)
    body = ByteReader(memoryview(reader.content)[:end], reader.file, GET_AGAIN)
    body.place = start + 4
    try:
        stored = take_layer(body, label, lines_left)
    except WorkloadError as error:
        problem = str(error).removeprefix(f"{reader.file}: ")
        raise WorkloadError(f"{reader.file}: {label}: {problem}") from error
    if body.left:
        raise WorkloadError(f"{reader.file}: {label}: expected no more bytes; {GET_AGAIN}")
    return stored
