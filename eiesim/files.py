"""Files that are there whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from eiesim.errors import EieError, WorkloadError


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
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise EieError(f"{target}: cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(target)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise EieError(f"{target}: cannot be written: {error.strerror}") from error
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
        with Path(path).open("rb") as stream:
            content = np.load(stream, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {"": content}
            return {name: content[name] for name in content.files}
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (
        ValueError,
        EOFError,
        MemoryError,
        BadZipFile,
        zlib.error,
        NotImplementedError,
    ) as error:
        raise WorkloadError(
            f"{path}: expected a .npz or .npy file of plain arrays, found a truncated, damaged or "
            f"foreign file ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Fill a folder that takes its final name only when the block ends without an error.

    Parameters
    ----------
    path : str or Path
        Name wished for; when there is something of that name already, ``-2``, ``-3`` and so on is
        added instead of touching it.

    Yields
    ------
    Path
        The folder to write to; its `name` is the final one.

    Raises
    ------
    EieError
        The folder cannot be written.
    """
    target = fresh_name(Path(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise EieError(f"{target}: cannot be written: {error.strerror}") from error
    try:
        work = hidden / target.name
        work.mkdir()
        yield work
        work.replace(target)
    except OSError as error:
        raise EieError(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def fresh_name(path: Path) -> Path:
    """Return a path that does not exist yet: this one, or with ``-2``, ``-3`` .. added.

    Parameters
    ----------
    path : Path
        Name wished for.
    """
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate
