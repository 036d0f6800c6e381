"""Weights from `.caffemodel` files; protobuf's wire format is read without protobuf."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.importers.content import read_content, take_numbers

Blobs = tuple[npt.NDArray[np.float32], ...]
VARINT, LENGTH = 0, 2
"""Wire types: how a field's value is written."""
FIXED = {1: 8, 5: 4}
"""Bytes of the wire types of one length."""
LAYER_FIELDS = {100: (1, 7), 2: (4, 6)}
"""NetParameter's `layer` and the older `layers`: the fields of a layer's name and of its blobs."""
BLOB_DATA, BLOB_SHAPE, SHAPE_DIM = 5, 7, 1
LEGACY_DIMS = (1, 2, 3, 4)
"""BlobProto's num, channels, height and width, which files without a shape have."""
MOST_DIMS = 32


class Message(NamedTuple):
    """Bytes of a message, and their place in a file."""

    content: memoryview
    at: int
    file: str

    def read_fields(self) -> Iterator[tuple[int, int | Message]]:
        """Yield number and value of each field, in order; WorkloadError if one is damaged."""
        place = 0
        while place < len(self.content):
            start = place
            key, place = self.take_varint(place)
            number, wire = key >> 3, key & 7
            if wire == VARINT:
                value, place = self.take_varint(place)
                yield number, value
                continue
            if wire == LENGTH:
                length, place = self.take_varint(place)
            elif wire in FIXED:
                length = FIXED[wire]
            else:
                raise self.damage(start, f"wire type 0, 1, 2 or 5, found {wire}")
            bytes_left = len(self.content) - place
            if length > bytes_left:
                raise self.damage(
                    start, f"a field of {length} bytes, found {bytes_left} bytes left"
                )
            yield number, Message(self.content[place : place + length], self.at + place, self.file)
            place += length

    def take_varint(self, place: int) -> tuple[int, int]:
        """Return a varint and the place of its end."""
        varint = read_varint(self.content, place)
        if varint is None:
            raise self.damage(place, "a number of at most 10 bytes, found one without end")
        return varint

    def damage(self, place: int, expected: str) -> WorkloadError:
        """Return the error for a message that is not as expected at a place."""
        return WorkloadError(
            f"{self.file}: byte {self.at + place}: expected {expected}; "
            "the file is truncated, damaged or no .caffemodel"
        )


def read_caffemodel(path: str | Path) -> dict[str, Blobs]:
    """Read the blobs of every layer that has some, by name, in the file's order.

    The file is plain or gzip; its layers are written as `layer` or, in older files, `layers`. The
    blobs are the weights and mostly a bias, in Caffe's shapes, ``[outputs, inputs, height, width]``
    for a convolution. Raises WorkloadError if the file is truncated or of another kind, the data of
    a blob do not fit its shape, or two layers have one name.

    References
    ----------
    BVLC/caffe, ``src/caffe/proto/caffe.proto``: NetParameter, LayerParameter, V1LayerParameter,
    BlobProto, BlobShape. Protocol Buffers, "Encoding".
    """
    layers: dict[str, Blobs] = {}
    for number, value in Message(memoryview(read_content(path)), 0, str(path)).read_fields():
        if number not in LAYER_FIELDS or not isinstance(value, Message):
            continue
        name, blobs = _read_layer(value, *LAYER_FIELDS[number])
        if blobs and name in layers:
            raise WorkloadError(
                f"{path}: byte {value.at}: expected layers of different names, found {name!r} twice"
            )
        if blobs:
            layers[name] = blobs
    if not layers:
        raise WorkloadError(
            f"{path}: expected a .caffemodel of layers with weights, found none; a .prototxt has "
            "none, and the oldest Caffe files must go through upgrade_net_proto_binary"
        )
    return layers


def read_varint(content: bytes | memoryview, place: int) -> tuple[int, int] | None:
    """Return a varint and the place of its end; None if it has no end within ten bytes."""
    value = 0
    for index, byte in enumerate(content[place : place + 10]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & ((1 << 64) - 1), place + index + 1
    return None


def _read_layer(layer: Message, name_field: int, blobs_field: int) -> tuple[str, Blobs]:
    name = b""
    blobs = []
    for number, value in layer.read_fields():
        if number == name_field and isinstance(value, Message):
            name = bytes(value.content)
        elif number == blobs_field and isinstance(value, Message):
            blobs.append(_read_blob(value))
    return name.decode("utf-8", "backslashreplace"), tuple(blobs)


def _read_blob(blob: Message) -> npt.NDArray[np.float32]:
    data = bytearray()
    shape: list[int] = []
    legacy: dict[int, int] = {}
    for number, value in blob.read_fields():
        if isinstance(value, int):
            legacy[number] = value
        elif number == BLOB_DATA:
            data += value.content
        elif number == BLOB_SHAPE:
            shape = _read_shape(value)
    if not shape and not legacy.keys().isdisjoint(LEGACY_DIMS):
        shape = [legacy.get(number, 0) for number in LEGACY_DIMS]
    numbers = take_numbers(bytes(data), f"{blob.file}: byte {blob.at}: blob")
    if len(shape) > MOST_DIMS or 0 in shape or math.prod(shape) != numbers.size:
        raise blob.damage(
            0, f"as many float32 numbers as its shape {shape[:8]} says, found {numbers.size}"
        )
    return numbers.reshape(shape)


def _read_shape(message: Message) -> list[int]:
    """Return the dimensions, written one by one or packed into one field."""
    dims: list[int] = []
    for number, value in message.read_fields():
        if number == SHAPE_DIM and isinstance(value, int):
            dims.append(value)
        elif number == SHAPE_DIM and isinstance(value, Message):
            place = 0
            while place < len(value.content):
                dim, place = value.take_varint(place)
                dims.append(dim)
    return dims
