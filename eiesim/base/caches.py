"""Where a user's programs keep what they can make again; also for a user without a home."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from eiesim.base.errors import EieError

VARIABLE = "XDG_CACHE_HOME"


def find_caches() -> Path:
    """Return the user's folder for caches.

    It is $XDG_CACHE_HOME, or .cache in the user's home. A user without a home, as in containers,
    has a folder of their own among the temporary files.

    Raises
    ------
    EieError
        Others can write to that one: what lies there cannot be trusted.
    """
    if users := os.environ.get(VARIABLE) or os.environ.get("LOCALAPPDATA"):
        return Path(users)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # no HOME, and no entry of the user that tells it
        return _find_private()


def share_caches() -> None:
    """Let libraries keep their caches there, too, where the user has no home.

    numba would make a folder called ~ where the command is run.

    Raises
    ------
    EieError
        As in `find_caches`.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ.setdefault(VARIABLE, str(find_caches()))


def _find_private() -> Path:
    folder = Path(tempfile.gettempdir(), f"eiesim-{os.getuid()}")
    with suppress(OSError):  # it is there, or nothing can be kept
        folder.mkdir(mode=0o700)
    with suppress(FileNotFoundError):
        status = folder.lstat()
        own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if not own or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise EieError(
                f"{folder}: expected a folder that nobody else can write to, for the caches of a "
                f"user without a home, found another; set {VARIABLE} to a folder of yours"
            )
    return folder
