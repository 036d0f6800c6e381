"""What a file holds, taken whole or refused: plain or gzip, and never without a bound."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.importers.raw_numbers import FLOAT32, take_numbers

MOST_UNPACKED_BYTES = 1 << 29
"""Most that a gzip file may unpack to: VGG-16's fc6, the papers' largest layer, takes 411 MB."""
CHUNK_BYTES = 1 << 20
LEAST_NUMBERS = 1 << 16
MOST_NUMBERS_A_BYTE = 64
GZIP_MAGIC = b"\x1f\x8b"


def bound_numbers(file_bytes: int) -> int:
    """Return how many numbers the arrays of a file may have that it holds without their zeros.

    Parameters
    ----------
    file_bytes : int
        Length of the file, with those that it names.
    """
    return LEAST_NUMBERS + MOST_NUMBERS_A_BYTE * file_bytes


def read_content(path: str | Path, most_unpacked_bytes: int = MOST_UNPACKED_BYTES) -> bytes:
    """Read a file; one that is gzip by its first two bytes is unpacked, up to a bound.

    A missing, unreadable or damaged file, or one that unpacks to more, is a WorkloadError.
    """
    file = Path(path)
    if not file.is_file():
        raise WorkloadError(f"{path}: expected a file, found none; check the path")
    try:
        with file.open("rb") as stream:
            if stream.read(2) != GZIP_MAGIC:
                stream.seek(0)
                return stream.read()
        return _unpack(file, most_unpacked_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise WorkloadError(
            f"{path}: expected a whole gzip file, found a truncated or damaged one ({error}); "
            "get it again"
        ) from error
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_json(path: str | Path, most_unpacked_bytes: int) -> Any:
    """Read a file of JSON, as `read_content` does; anything else is a WorkloadError."""
    try:
        return json.loads(read_content(path, most_unpacked_bytes))
    except (ValueError, RecursionError) as error:
        raise WorkloadError(f"{path}: expected JSON, found something else: {error}") from error


def _unpack(file: Path, most_bytes: int) -> bytes:
    content = bytearray()
    with gzip.open(file) as stream:
        # in chunks, since the length that gzip states is not to be trusted
        while chunk := stream.read(CHUNK_BYTES):
            content += chunk
            if len(content) > most_bytes:
                raise WorkloadError(
                    f"{file}: expected gzip of at most {most_bytes} bytes, found more; "
                    "it is not the file that is meant, or damaged"
                )
    return bytes(content)


def take_floats(content: bytes, what: str) -> npt.NDArray[np.float32]:
    """Return bytes as little-endian float32 numbers, a copy in the machine's byte order.

    A length that is no multiple of four is a WorkloadError.
    """
    return take_numbers(content, FLOAT32, what)
