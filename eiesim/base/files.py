"""Files that exist whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import secrets
import shutil
import stat
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import EieError, WorkloadError
from eiesim.base.signals import hold_signals

MANIFEST = "manifest.json"
"""File in each folder of results."""
NPY_MAGIC = b"\x93NUMPY"
CONTAINER_MAGIC = b"\x89DCZ"
"""First bytes of `.dcz` and `.eie` files."""
LARGEST_DEFLATE_RATIO = 1032
"""Most bytes that deflate can unpack one byte to."""
MOST_UNPACKED_BYTES = 1 << 30
"""Largest size that a packed array may have."""
LONGEST_ENDING = "-9999"
"""Longest ending that `fresh_name` adds to a name."""


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a binary file that gets its final name only when the block ends without an error.

    A file of that name is replaced. A device or a FIFO is written to, once, when the block has
    ended; for a link, the file that it points to is replaced. Raises EieError if the folder cannot
    be written to, or the name is that of a folder or too long.
    """
    if "\0" in str(path):
        raise EieError(f"{str(path)!r}: cannot be written: a file's name has no null character")
    target = Path(path)
    with _saying_cannot_write(path, OSError):
        if _is_special(target):
            with tempfile.TemporaryFile() as stream:
                yield stream
                stream.seek(0)
                with target.open("wb") as final:
                    shutil.copyfileobj(stream, final)
            return
        target = Path(os.path.realpath(target)) if target.is_symlink() else target
        with temporary_folder(target.parent) as folder:
            temporary = folder / target.name
            with temporary.open("wb") as stream:
                yield stream
            temporary.replace(target)


@contextmanager
def temporary_folder(
    parent: Path, prefix: str = ".eiesim.", parents: bool = False
) -> Iterator[Path]:
    """Make a folder that is removed after the block, even if a signal stops the process.

    Parameters
    ----------
    prefix
        Start of its name.
    parents
        Make the missing folders above it; those that are empty after the block are removed.
    """
    # names first: a signal may come right after the folders are made
    folder = parent / f"{prefix}{secrets.token_hex(8)}"
    missing = [above for above in folder.parents if not above.exists()]
    try:
        folder.mkdir(0o700, parents=parents)
        yield folder
    finally:
        try:
            _remove(folder, missing)
        except KeyboardInterrupt:
            _remove(folder, missing)
            raise


def _remove(folder: Path, empty: list[Path]) -> None:
    with hold_signals():  # rmtree fails when it is interrupted
        shutil.rmtree(folder, ignore_errors=True)
        for above in empty:
            with suppress(OSError):
                above.rmdir()


def check_writable(path: str | Path) -> None:
    """Check, before any work on its content, that `replacing` can write a file."""
    with _saying_cannot_write(path, OSError, ValueError):
        if not _is_special(Path(path)):
            tempfile.TemporaryFile(dir=Path(os.path.realpath(path)).parent).close()


def _is_special(target: Path) -> bool:
    """Return whether a path is a device or a FIFO; raise if no file can replace it."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        return True
    for number in (1, 2):  # a new file in the place of /dev/stdout would lose what is printed
        with suppress(OSError):
            if os.path.samestat(status, os.fstat(number)):
                raise EieError(f"{target}: cannot be written: it takes what is printed")
    return False


def read_arrays(path: str | Path) -> dict[str, npt.NDArray[Any]]:
    """Read every array of a `.npz` file, or the one array of a `.npy` file (named ``""``).

    Nothing in the file is ever executed (no pickles). Raises WorkloadError if it is missing,
    truncated, damaged or of another kind.
    """
    try:
        with BoundedReader(path) as stream:
            return _parse_arrays(stream)
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {_reason(error)}") from error
    # numpy's and zipfile's readers raise nearly anything on a damaged file
    except Exception as error:
        content = str(error) if isinstance(error, EieError) else "a truncated or damaged one"
        raise WorkloadError(
            f"{path}: expected a .npz or .npy file of plain arrays, found {content}"
        ) from error


class BoundedReader(io.BufferedReader):
    """A file of which no more is read than it holds, whatever sizes are forged in it.

    A plain reader allocates the requested size before it looks how much there is. Raises OSError if
    the file cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(io.FileIO(path))
        self.size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most `size` bytes, or all that are left."""
        remaining = max(self.size - self.tell(), 0)
        return super().read(remaining if size is None or size < 0 else min(size, remaining))


def _parse_arrays(stream: BoundedReader) -> dict[str, npt.NDArray[Any]]:
    magic = stream.read(6)
    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if magic == NPY_MAGIC:
            return {"": _read_array(stream, stream.size)}
        if magic[:4] != b"PK\x03\x04":
            raise EieError("another kind of file" if magic else "an empty file")
        arrays = {}
        with zipfile.ZipFile(stream) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                if name == entry.filename or name in arrays:
                    raise EieError("something else in the archive")
                if entry.file_size > _find_most_bytes(entry, stream.size):
                    raise EieError(f"an array of {entry.file_size} bytes, which it cannot hold")
                with archive.open(entry) as member:
                    arrays[name] = _read_array(member, entry.file_size)
    return arrays


def _find_most_bytes(entry: zipfile.ZipInfo, size: int) -> int:
    """Return the largest size that an entry of an archive of `size` bytes can unpack to."""
    packed = min(entry.compress_size, size)
    if entry.compress_type == zipfile.ZIP_STORED:
        return packed
    return min(LARGEST_DEFLATE_RATIO * packed, MOST_UNPACKED_BYTES)


def _read_array(stream: IO[bytes], size: int) -> npt.NDArray[Any]:
    """Read one array from a stream of `size` bytes."""
    version = np.lib.format.read_magic(stream)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = read_header(stream)
    if dtype.hasobject:
        raise EieError("pickled objects, which are never read")
    if math.prod(shape) * dtype.itemsize > size - stream.tell():
        raise EieError("a truncated or damaged one")
    stream.seek(0)
    return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


class ByteReader:
    """Bytes of a file, read from the start; `hint` ends the error if there are too few."""

    def __init__(self, content: bytes | memoryview, file: str, hint: str) -> None:
        self.content = content
        self.file = file
        self.hint = hint
        self.place = 0

    @property
    def left(self) -> int:
        """Number of bytes that are not read yet."""
        return len(self.content) - self.place

    def take(self, length: int, label: str) -> bytes:
        """Return the next bytes; WorkloadError, with their label, if there are too few."""
        if length > self.left:
            raise WorkloadError(
                f"{self.file}: byte {self.place}: {label}: expected {length} bytes, "
                f"found {self.left} left; {self.hint}"
            )
        self.place += length
        return bytes(self.content[self.place - length : self.place])


@dataclass
class NewFolder:
    """A folder that is being filled.

    Attributes
    ----------
    work
        Where to write, under a temporary name.
    final
        Its name once it is whole; until then the wanted name.
    """

    work: Path
    final: Path


@contextmanager
def new_folder(path: str | Path, replace: bool = False) -> Iterator[NewFolder]:
    """Fill a folder that gets its final name only when the block ends without an error.

    Raises EieError if the folder cannot be written, or the path has no name for it.

    Parameters
    ----------
    path
        Wanted name. If it exists in the end, ``-2``, ``-3`` and so on is added.
    replace
        Replace a folder of that name, if eiesim wrote it, as its `manifest.json` shows.
    """
    final = Path(path)
    if not final.name or final.name == ".." or "\0" in final.name:
        raise EieError(f"{str(path)!r}: expected the name of a new folder")
    with _saying_cannot_write(path, OSError):
        if replace:
            final = Path(os.path.realpath(final)) if final.is_symlink() else final
            _require_own(final)
        with temporary_folder(final.parent, parents=True) as hidden:
            work = hidden / f"{final.name}{LONGEST_ENDING}"  # a name that is too long fails here
            work.mkdir()
            new = NewFolder(work, final)
            yield new
            new.final = _put_in_place(work, final, replace)


@contextmanager
def _saying_cannot_write(path: str | Path, *errors: type[Exception]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        raise EieError(f"{path}: cannot be written: {_reason(error)}") from error


def _put_in_place(work: Path, final: Path, replace: bool) -> Path:
    """Rename a folder; if another process takes the name meanwhile, try the next one."""
    while True:
        target = final if replace else fresh_name(final)
        if replace and target.exists():
            _require_own(target)
            with suppress(FileNotFoundError):
                target.replace(Path(tempfile.mkdtemp(dir=work.parent), "old"))
        try:
            return work.rename(target)
        except OSError:
            if not os.path.lexists(target):
                raise


def _require_own(target: Path) -> None:
    """Check that a path is a folder with a manifest of eiesim, or does not exist."""
    if not target.exists():
        return
    with suppress(OSError, ValueError, KeyError, TypeError):
        manifest = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
        if "eiesim" in manifest["versions"]:
            return
    raise EieError(
        f"{target}: expected a folder that eiesim wrote, with {MANIFEST} in it, found "
        "another; name another folder"
    )


def fresh_name(path: Path) -> Path:
    """Return this path, or if it exists the first free one with ``-2``, ``-3`` .. added."""
    candidate, number = path, 1
    while candidate.exists() or candidate.is_symlink():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


def _reason(error: Exception) -> str:
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)
