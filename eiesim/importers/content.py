"""What a file holds, taken whole or refused: plain or gzip, and never without a bound."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from eiesim.base.errors import WorkloadError

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


@contextmanager
def open_content(path: str | Path) -> Iterator[tuple[IO[bytes], bool]]:
    """Open a file, unpacked if it is gzip by its first two bytes; yields whether it is.

    A missing, unreadable or damaged file is a WorkloadError, also while it is read.
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


def read_content(path: str | Path, most_unpacked_bytes: int = MOST_UNPACKED_BYTES) -> bytes:
    """Read a file; one that is gzip is unpacked, up to a bound.

    A missing, unreadable or damaged file, or one that unpacks to more, is a WorkloadError.
    """
    with open_content(path) as (stream, is_packed):
        if not is_packed:
            return stream.read()
        content = bytearray()
        # in chunks, since the length that gzip states is not to be trusted
        while chunk := stream.read(CHUNK_BYTES):
            content += chunk
            if len(content) > most_unpacked_bytes:
                raise WorkloadError(
                    f"{path}: expected gzip of at most {most_unpacked_bytes} bytes, found more; "
                    "the file is another one, or damaged"
                )
        return bytes(content)


def read_json(path: str | Path, most_unpacked_bytes: int) -> Any:
    """Read a file of JSON, as `read_content` does; anything else is a WorkloadError."""
    try:
        return json.loads(read_content(path, most_unpacked_bytes))
    except (ValueError, RecursionError) as error:
        raise WorkloadError(f"{path}: expected JSON, found something else: {error}") from error
