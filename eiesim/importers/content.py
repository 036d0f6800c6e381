"""The content of a file as bytes, JSON or numbers, with a bound on its size."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeGuard, TypeVar, cast

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError

MOST_UNPACKED_BYTES = 1 << 29
"""Most that a gzip file may unpack to: VGG-16's fc6, the papers' largest layer, takes 411 MB."""
CHUNK_BYTES = 1 << 20
LEAST_NUMBERS = 1 << 16
MOST_NUMBERS_A_BYTE = 64
GZIP_MAGIC = b"\x1f\x8b"
ListOrTuple = TypeVar("ListOrTuple", bound=Sequence[Any])


class RawType(NamedTuple):
    """A type of numbers and NumPy's code of it; for bfloat16, which NumPy lacks, of its bits."""

    name: str
    code: str

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return np.dtype(self.code).itemsize


FLOAT32, INT32 = RawType("float32", "f4"), RawType("int32", "i4")
BFLOAT16 = RawType("bfloat16", "u2")
DTYPES: Mapping[str, RawType] = {
    "F64": RawType("float64", "f8"), "F32": FLOAT32, "F16": RawType("float16", "f2"),
    "BF16": BFLOAT16, "I64": RawType("int64", "i8"), "I32": INT32,
    "I16": RawType("int16", "i2"), "I8": RawType("int8", "i1"), "U8": RawType("uint8", "u1"),
    "BOOL": RawType("bool", "?"),
}  # fmt: skip
"""Types by safetensors' names."""


def bound_numbers(file_bytes: int) -> int:
    """Return the most numbers that sparse arrays of a file may have with their zeros.

    The length is that of the file and of the files that it names.
    """
    return LEAST_NUMBERS + MOST_NUMBERS_A_BYTE * file_bytes


@contextmanager
def open_content(path: str | Path) -> Iterator[tuple[IO[bytes], bool]]:
    """Open a file, unpacked if it is gzip by its first two bytes; yields whether it is.

    Raises WorkloadError if it is missing, unreadable or damaged, also while it is read.
    """
    file = Path(path)
    is_file = False
    with suppress(OSError, ValueError):  # the path is no valid name
        is_file = file.is_file()
    if not is_file:
        raise WorkloadError(f"{path}: expected a file, found none; check the path")
    try:
        with file.open("rb") as stream:
            is_packed = stream.read(2) == GZIP_MAGIC
            stream.seek(0)
            if not is_packed:
                yield stream, False
                return
            with cast(IO[bytes], gzip.open(stream)) as unpacked:
                yield unpacked, True
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise WorkloadError(
            f"{path}: expected a whole gzip file, found a truncated or damaged one ({error}); "
            "get it again"
        ) from error
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_content(path: str | Path, most_bytes: int | None = None) -> bytes:
    """Read a file, unpacked if it is gzip; by default only unpacked files have a bound.

    Raises WorkloadError if it is missing, unreadable, damaged, or of more bytes.
    """
    with open_content(path) as (stream, is_packed):
        if most_bytes is None and not is_packed:
            return stream.read()
        most = MOST_UNPACKED_BYTES if most_bytes is None else most_bytes
        content = bytearray()
        # in chunks, since the length that gzip states is not to be trusted
        while chunk := stream.read(CHUNK_BYTES):
            content += chunk
            if len(content) > most:
                raise WorkloadError(
                    f"{path}: expected at most {most} bytes, found more; the file is another one, "
                    "or damaged"
                )
        return bytes(content)


def read_json(path: str | Path, most_bytes: int) -> dict[str, Any]:
    """Read an object from a file of JSON; WorkloadError if there is none."""
    try:
        value = json.loads(read_content(path, most_bytes))
    except (ValueError, RecursionError) as error:
        raise WorkloadError(f"{path}: expected JSON, found something else: {error}") from error
    if not isinstance(value, dict):
        raise WorkloadError(f"{path}: expected an object of JSON, found {type(value).__name__}")
    return value


def are_sizes(value: object, kind: type[ListOrTuple]) -> TypeGuard[ListOrTuple]:
    """Return whether a value is a list or tuple, as `kind` says, of up to 16 whole numbers."""
    return (
        isinstance(value, kind)
        and len(value) <= 16
        and all(type(size) is int and 0 <= size < 1 << 62 for size in value)
    )


def take_numbers(
    content: bytes | memoryview, label: str, kind: RawType = FLOAT32, is_big: bool = False
) -> npt.NDArray[Any]:
    """Return bytes as numbers in the machine's byte order, a copy.

    A bfloat16 becomes a float32, which changes no number. Raises WorkloadError if the length is not
    a multiple of a number's.
    """
    if len(content) % kind.itemsize:
        raise WorkloadError(
            f"{label}: expected {kind.name} numbers of {kind.itemsize} bytes each, found "
            f"{len(content)} bytes; the file is truncated or of another kind"
        )
    stored = np.frombuffer(content, np.dtype(kind.code).newbyteorder(">" if is_big else "<"))
    if kind == BFLOAT16:
        # a bfloat16 is the upper half of a float32
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(stored.dtype.newbyteorder("="))
