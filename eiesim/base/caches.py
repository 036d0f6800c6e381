"""The user's folder for caches, also for a user without a home."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from eiesim.base.errors import EieError

VARIABLE = "XDG_CACHE_HOME"


def find_caches() -> Path:
    """Return the user's folder for caches: $XDG_CACHE_HOME, or .cache in the user's home.

    A user without a home, as in containers, has a folder of their own among the temporary files.
    Raises EieError if others can write to that folder, since its content cannot be trusted then.
    """
    if folder := os.environ.get(VARIABLE) or os.environ.get("LOCALAPPDATA"):
        return Path(folder)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # no HOME, and no entry of the user that names one
        return _find_private()


def share_caches() -> None:
    """Make libraries use the same folder for their caches if the user has no home.

    numba would make a folder called ~ in the working directory. Raises as `find_caches` does.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ.setdefault(VARIABLE, str(find_caches()))


def _find_private() -> Path:
    import tempfile  # noqa: PLC0415 - of use to few, and slow to import

    folder = Path(tempfile.gettempdir(), f"eiesim-{os.getuid()}")
    with suppress(OSError):  # it exists already, or nothing can be cached
        folder.mkdir(mode=0o700)
    with suppress(FileNotFoundError):
        status = folder.lstat()
        is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if not is_own or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise EieError(
                f"{folder}: expected a folder that nobody else can write to, for the caches of a "
                f"user without a home, found another; set {VARIABLE} to a folder of yours"
            )
    return folder
