"""Files that are there whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from eiesim.errors import ConfigError, EieError, WorkloadError

MANIFEST = "manifest.json"
"""What each folder of results holds."""
NPY_MAGIC = b"\x93NUMPY"
LARGEST_DEFLATE_RATIO = 1032
"""Bytes that deflate makes of one, at most."""
MOST_UNPACKED_BYTES = 1 << 30
"""Most that one packed array may unpack to."""


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes its final name only when the block ends without an error.

    Parameters
    ----------
    path : str or Path
        Final name; a file of that name is replaced.

    Raises
    ------
    EieError
        The folder cannot be written to.
    """
    target = Path(path)
    if "\0" in str(path):
        raise EieError(f"{str(path)!r}: cannot be written: a file's name has no null character")
    try:
        handle, temporary = tempfile.mkstemp(prefix=".eiesim.", dir=target.parent)
    except OSError as error:
        raise EieError(f"{target}: cannot be written: {_reason(error)}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(target)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise EieError(f"{target}: cannot be written: {_reason(error)}") from error
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_arrays(path: str | Path) -> dict[str, npt.NDArray[Any]]:
    """Read every array of a `.npz` file, or the one array of a `.npy` file (named ``""``).

    Parameters
    ----------
    path : str or Path
        The file; nothing in it is ever executed (no pickles).

    Raises
    ------
    WorkloadError
        The file is missing, truncated, damaged or of another kind.
    """
    try:
        with BoundedReader(path) as stream:
            return _parse_arrays(stream)
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {_reason(error)}") from error
    # numpy's and zipfile's readers raise nearly anything on a damaged file
    except Exception as error:
        found = str(error) if isinstance(error, EieError) else "a truncated or damaged one"
        raise WorkloadError(
            f"{path}: expected a .npz or .npy file of plain arrays, found {found}"
        ) from error


class BoundedReader(io.BufferedReader):
    """A file of which no more is asked than it holds, whatever sizes are forged in it.

    A plain one allocates what is asked for before it looks how much there is.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    OSError
        It cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(io.FileIO(path))
        self.size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to so many bytes, or all that are left."""
        left = max(self.size - self.tell(), 0)
        return super().read(left if size is None or size < 0 else min(size, left))


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
    """Return the most that an entry of an archive of so many bytes can unpack to."""
    held = min(entry.compress_size, size)
    if entry.compress_type == zipfile.ZIP_STORED:
        return held
    return min(LARGEST_DEFLATE_RATIO * held, MOST_UNPACKED_BYTES)


def _read_array(stream: IO[bytes], size: int) -> npt.NDArray[Any]:
    """Read one array from a stream of so many bytes."""
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


def read_csv(path: str | Path) -> list[tuple[int, list[str]]]:
    """Read number and words of every line of a CSV file that is not blank.

    Parameters
    ----------
    path : str or Path
        The file, UTF-8; a byte order mark and Windows line ends are accepted.

    Raises
    ------
    ConfigError
        The file cannot be read, or is not CSV.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = [(reader.line_num, words) for words in reader]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise ConfigError(f"{path}: expected CSV in UTF-8: {error}") from error
    return [(number, words) for number, words in lines if any(map(str.strip, words))]


class ByteReader:
    """Bytes of a file, taken from its start; whoever wants more than there are is refused.

    Parameters
    ----------
    content : bytes or memoryview
        All of them.
    file : str
        The file's name, for errors.
    hint : str
        What to do when they are too few.
    """

    def __init__(self, content: bytes | memoryview, file: str, hint: str) -> None:
        self.content = content
        self.file = file
        self.hint = hint
        self.place = 0

    @property
    def left(self) -> int:
        """How many bytes were not taken yet."""
        return len(self.content) - self.place

    def take(self, length: int, what: str) -> bytes:
        """Return the next bytes.

        Parameters
        ----------
        length : int
            How many.
        what : str
            What they are, for the error.

        Raises
        ------
        WorkloadError
            There are not so many.
        """
        if length > self.left:
            raise WorkloadError(
                f"{self.file}: byte {self.place}: {what}: expected {length} bytes, "
                f"found {self.left} left; {self.hint}"
            )
        self.place += length
        return bytes(self.content[self.place - length : self.place])


@contextmanager
def new_folder(path: str | Path, replace: bool = False) -> Iterator[Path]:
    """Fill a folder that takes its final name only when the block ends without an error.

    Parameters
    ----------
    path : str or Path
        Name wished for; when there is something of that name already, ``-2``, ``-3`` and so on is
        added instead of touching it.
    replace : bool
        Put the folder in the place of one that eiesim wrote before, told by its `manifest.json`.

    Yields
    ------
    Path
        The folder to write to; `final_path` tells what it will be called.

    Raises
    ------
    EieError
        The folder cannot be written, or the path has no name for it.
    """
    wished = Path(path)
    if not wished.name or wished.name == ".." or "\0" in wished.name:
        raise EieError(f"{str(path)!r}: expected the name of a new folder")
    try:
        target = wished if replace else fresh_name(wished)
        if replace and target.exists() and not _is_own(target):
            raise EieError(
                f"{path}: expected a folder that eiesim wrote, with {MANIFEST} in it, found "
                "another; leave out --force or name another folder"
            )
        made = [parent for parent in target.parents if not parent.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        # from 3.12 on mkdtemp makes the path absolute; a relative one stays so in messages
        hidden = target.parent / Path(tempfile.mkdtemp(prefix=".eiesim.", dir=target.parent)).name
    except (OSError, ValueError) as error:
        raise EieError(f"{path}: cannot be written: {_reason(error)}") from error
    try:
        work = hidden / target.name
        work.mkdir()
        yield work
        if replace and target.exists():
            target.replace(hidden / f".{target.name}")
        work.replace(target)
        made = []
    except OSError as error:
        raise EieError(f"{path}: cannot be written: {_reason(error)}") from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        for parent in made:
            with suppress(OSError):
                parent.rmdir()


def _is_own(folder: Path) -> bool:
    """Return whether a folder's manifest is one of eiesim's."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return "eiesim" in manifest["versions"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def final_path(folder: Path) -> Path:
    """Return where a folder of `new_folder` will be once it is whole.

    Parameters
    ----------
    folder : Path
        What `new_folder` gave.
    """
    return folder.parent.parent / folder.name


def fresh_name(path: Path) -> Path:
    """Return a path that does not exist yet: this one, or with ``-2``, ``-3`` .. added.

    Parameters
    ----------
    path : Path
        Name wished for.
    """
    candidate, number = path, 1
    while candidate.exists() or candidate.is_symlink():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


def _reason(error: OSError | ValueError) -> str:
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)
