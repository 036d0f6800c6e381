"""The kind of a file, by its content; the name decides only if the content does not."""

from __future__ import annotations

import zipfile
from enum import Enum
from pathlib import Path

from eiesim.base.errors import WorkloadError
from eiesim.base.files import CONTAINER_MAGIC, NPY_MAGIC, BoundedReader
from eiesim.importers.caffemodel import read_varint
from eiesim.importers.content import open_content, read_content
from eiesim.importers.torch_file import PICKLE, ZIP_ERRORS

HEAD_BYTES = 4096
ZIP_MAGIC = b"PK\x03\x04"


class Kind(Enum):
    """Kinds of files with weights or layers that can be read."""

    TORCH = "a file of torch.save"
    SAFETENSORS = ".safetensors"
    SHARDS = ".index.json of several files"
    ARRAYS = ".npz"
    CAFFEMODEL = ".caffemodel"
    ONNX = ".onnx"
    NET = ".net"
    CONTAINER = ".dcz or .eie"


BY_NAME = {
    ".pt": Kind.TORCH, ".pth": Kind.TORCH, ".safetensors": Kind.SAFETENSORS, ".npz": Kind.ARRAYS,
    ".npy": Kind.ARRAYS, ".caffemodel": Kind.CAFFEMODEL, ".onnx": Kind.ONNX, ".net": Kind.NET,
    ".dcz": Kind.CONTAINER, ".eie": Kind.CONTAINER,
}  # fmt: skip
"""For files without magic bytes, and for damaged files, whose reader says where the damage is."""
BY_MAGIC = {NPY_MAGIC: Kind.ARRAYS, PICKLE: Kind.TORCH, CONTAINER_MAGIC: Kind.CONTAINER}
PACKED = {Kind.SAFETENSORS, Kind.CAFFEMODEL, Kind.SHARDS}
"""Kinds whose readers unpack gzip."""
TO_ONNX = "export the model to ONNX (tf2onnx) and take that, or save its weights as .npz"
FOREIGN = (
    (0, b"\x89HDF\r\n\x1a\n", f"an HDF5 file, as Keras saves it: {TO_ONNX}"),
    (4, b"TFL3", f"a TensorFlow Lite file: {TO_ONNX}"),
    (0, b"GGUF", "a GGUF file: take the .safetensors it was made of"),
    (257, b"ustar", "a tar archive: unpack it and take the file of weights inside"),
)
"""Place and bytes of other tools' files, and what to do with such a file."""


def find_kind(path: str | Path) -> Kind:
    """Return the kind of a file; the WorkloadError for an unknown kind says what to do."""
    file = Path(path)
    with open_content(path) as (stream, is_packed):
        head = stream.read(HEAD_BYTES)
    for place, magic, description in FOREIGN:
        if head[place:].startswith(magic):
            raise WorkloadError(f"{path}: expected weights that eiesim reads, found {description}")
    kind = _find_by_content(head, file) or BY_NAME.get(file.suffix.lower())
    if kind is None:
        raise WorkloadError(
            f"{path}: expected weights ({', '.join(kind.value for kind in Kind)}), found "
            f"{'a file' if head else 'an empty file'} of no kind that eiesim knows"
        )
    if is_packed and kind not in PACKED:
        raise WorkloadError(f"{path}: expected {kind.value}, found it packed by gzip; unpack it")
    return kind


def holds(path: str | Path, *kinds: Kind) -> bool:
    """Return whether a file is of some kinds; the name decides for a missing or damaged one."""
    try:
        return find_kind(path) in kinds
    except WorkloadError:
        return BY_NAME.get(Path(path).suffix.lower()) in kinds


def _find_by_content(head: bytes, file: Path) -> Kind | None:
    if head.startswith(ZIP_MAGIC):
        return _find_in_archive(file, head)
    if _begins_header(head):  # first: its length may look like the start of a pickle
        return Kind.SAFETENSORS
    for magic, kind in BY_MAGIC.items():
        if head.startswith(magic):
            return kind
    if head.lstrip()[:1] == b"{" and b'"weight_map"' in read_content(file):
        return Kind.SHARDS
    return _find_protobuf(head, file)


def _begins_header(head: bytes) -> bool:
    """Return whether a file starts with a length and a JSON object, as safetensors does."""
    length = int.from_bytes(head[:8], "little")
    text = head[8 : 8 + min(length, 64)]
    is_object = text[:1] == b"{" and text[1:].lstrip()[:1] in (b'"', b"}")
    is_text = all(byte >= ord(" ") or byte in b"\t\r\n" for byte in text)
    return is_object and is_text and 8 <= length < 1 << 40


def _find_in_archive(file: Path, head: bytes) -> Kind | None:
    try:
        with BoundedReader(file) as stream, zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
    except (OSError, *ZIP_ERRORS):  # the first entry decides for a damaged archive
        names = [head[30 : 30 + int.from_bytes(head[26:28], "little")].decode("latin-1")]
    last = {name.rpartition("/")[2] for name in names}
    if "constants.pkl" in last:
        raise WorkloadError(
            f"{file}: expected weights, found a TorchScript archive, which is a program; "
            "torch.save(torch.jit.load(FILE).state_dict(), NEW) saves its weights alone"
        )
    if "data.pkl" in last:
        return Kind.TORCH
    if any(name.endswith(".npy") for name in last):
        return Kind.ARRAYS
    if "model.weights.h5" in last:
        raise WorkloadError(f"{file}: expected weights, found an archive of Keras: {TO_ONNX}")
    if file.suffix.lower() in BY_NAME:
        return None
    raise WorkloadError(
        f"{file}: expected weights, found an archive of another tool with {', '.join(names[:3])}"
    )


def _find_protobuf(head: bytes, file: Path) -> Kind | None:
    """Return the kind of a protobuf message, which has no magic bytes."""
    if head[:1] == b"\x08" and len(head) > 4 and head[2] in b"\x12\x1a\x22\x28\x32\x3a\x42":
        if head[1:3] == b"\x01\x12" and _take(head, 3)[0][:1] in (b"\n", b"\x12"):
            raise WorkloadError(f"{file}: expected weights, found a SavedModel's graph: {TO_ONNX}")
        return Kind.ONNX
    if head[:1] != b"\n" or len(head) < 4:
        return None
    name, after = _take(head, 1)
    if name[:1] == b"\n" and _take(name, 1)[1][:1] == b"\x12":  # a node: its name, then its op
        raise WorkloadError(f"{file}: expected weights, found a graph of TensorFlow: {TO_ONNX}")
    is_caffe = after[:1] == b"\x12" or after[:2] == b"\xa2\x06"
    return Kind.CAFFEMODEL if is_caffe else None


def _take(content: bytes, place: int) -> tuple[bytes, bytes]:
    """Return the field whose length is at a place, and the bytes after it."""
    length, start = read_varint(content, place) or (0, len(content))
    return content[start : start + length], content[start + length :]
