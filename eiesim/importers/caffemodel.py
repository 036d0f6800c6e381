"""Weights from `.caffemodel` files; protobuf's wire format is read without protobuf."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.importers.content import read_content
from eiesim.importers.raw_numbers import take_numbers

Blobs = tuple[npt.NDArray[np.float32], ...]
VARINT, LENGTH, FOUR_BYTES = 0, 2, 5
"""Wire types: how a field's value is written."""
FIXED = {1: 8, FOUR_BYTES: 4}
"""Bytes of the wire types of one length."""
LAYER_FIELDS = {100: (1, 7), 2: (4, 6)}
"""NetParameter's `layer` and the older `layers`: the fields of a layer's name and of its blobs."""
BLOB_DATA, BLOB_SHAPE, SHAPE_DIM = 5, 7, 1
LEGACY_DIMS = (1, 2, 3, 4)
"""BlobProto's num, channels, height and width, which files without a shape have."""
MOST_DIMS = 32


class Message(NamedTuple):
    """Bytes of a message, and where in which file they are."""

    content: memoryview
    at: int
    file: str

    def damage(self, place: int, expected: str) -> WorkloadError:
        """Return the error for a message that is not as expected at a place."""
        return WorkloadError(
            f"{self.file}: byte {self.at + place}: expected {expected}; "
            "the file is truncated, damaged or no .caffemodel"
        )

    def take_varint(self, place: int) -> tuple[int, int]:
        """Return a varint and where it ends."""
        varint = read_varint(self.content, place)
        if varint is None:
            raise self.damage(place, "a number of at most 10 bytes, found one without end")
        return varint


class MessageField(NamedTuple):
    """One field of a message: a varint has a `value`, the other wire types a `payload`."""

    number: int
    wire: int
    value: int
    payload: Message


def read_caffemodel(path: str | Path) -> dict[str, Blobs]:
    """Read the blobs of every layer that has some, by name, in the file's order.

    The file is plain or gzip; its layers have today's form (`layer`) or the one before (`layers`).
    The blobs are the weights and mostly a bias, in Caffe's shapes, ``[outputs, inputs, height,
    width]`` for a convolution. A truncated file, one of another kind, a blob whose data do not fit
    its shape, or two layers of one name, are a WorkloadError.

    References
    ----------
    BVLC/caffe, ``src/caffe/proto/caffe.proto``: NetParameter, LayerParameter, V1LayerParameter,
    BlobProto, BlobShape. Protocol Buffers, "Encoding".
    """
    layers: dict[str, Blobs] = {}
    for field in read_fields(Message(memoryview(read_content(path)), 0, str(path))):
        if field.wire != LENGTH or field.number not in LAYER_FIELDS:
            continue
        name, blobs = _read_layer(field.payload, *LAYER_FIELDS[field.number])
        if blobs and name in layers:
            raise WorkloadError(
                f"{path}: byte {field.payload.at}: expected layers of different names, found "
                f"{name!r} twice"
            )
        if blobs:
            layers[name] = blobs
    if not layers:
        raise WorkloadError(
            f"{path}: expected a .caffemodel of layers with weights, found none; a .prototxt has "
            "none, and the oldest Caffe files must go through upgrade_net_proto_binary"
        )
    return layers


def read_fields(message: Message) -> Iterator[MessageField]:
    """Yield the fields of a message in the file's order; WorkloadError where one is damaged."""
    place = 0
    while place < len(message.content):
        start = place
        key, place = message.take_varint(place)
        wire, value, length = key & 7, 0, 0
        if wire == VARINT:
            value, place = message.take_varint(place)
        elif wire == LENGTH:
            length, place = message.take_varint(place)
        elif wire in FIXED:
            length = FIXED[wire]
        else:
            raise message.damage(start, f"wire type 0, 1, 2 or 5, found {wire}")
        left = len(message.content) - place
        if length > left:
            raise message.damage(start, f"a field of {length} bytes, found {left} bytes left")
        payload = message.content[place : place + length]
        yield MessageField(
            key >> 3, wire, value, Message(payload, message.at + place, message.file)
        )
        place += length


def read_varint(content: bytes | memoryview, place: int) -> tuple[int, int] | None:
    """Return a varint and where it ends; None for one without end, or of more than ten bytes."""
    value = 0
    for index, byte in enumerate(content[place : place + 10]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & ((1 << 64) - 1), place + index + 1
    return None


def _read_layer(layer: Message, name_field: int, blobs_field: int) -> tuple[str, Blobs]:
    name = b""
    blobs = []
    for field in read_fields(layer):
        if (field.number, field.wire) == (name_field, LENGTH):
            name = bytes(field.payload.content)
        elif (field.number, field.wire) == (blobs_field, LENGTH):
            blobs.append(_read_blob(field.payload))
    return name.decode("utf-8", "backslashreplace"), tuple(blobs)


def _read_blob(blob: Message) -> npt.NDArray[np.float32]:
    data = bytearray()
    shape: list[int] = []
    legacy: dict[int, int] = {}
    for field in read_fields(blob):
        if field.number == BLOB_DATA and field.wire in (LENGTH, FOUR_BYTES):
            data += field.payload.content
        elif (field.number, field.wire) == (BLOB_SHAPE, LENGTH):
            shape = _read_shape(field.payload)
        elif field.wire == VARINT and field.number in LEGACY_DIMS:
            legacy[field.number] = field.value
    if legacy and not shape:
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
    for field in read_fields(message):
        if (field.number, field.wire) == (SHAPE_DIM, VARINT):
            dims.append(field.value)
        elif (field.number, field.wire) == (SHAPE_DIM, LENGTH):
            place = 0
            while place < len(field.payload.content):
                value, place = field.payload.take_varint(place)
                dims.append(value)
    return dims
