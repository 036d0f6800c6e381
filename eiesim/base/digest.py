"""One hash of this program, its data and its packages: part of the key of every stored result."""

from __future__ import annotations

import hashlib
import platform
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from eiesim.base.resources import PACKAGE, models_path, traces_path

NOT_READ = "__pycache__"
"""Folder of compiled code, which Python and numba make of the files that are hashed."""


@cache
def hash_program() -> str:
    """Return the SHA-256 of eiesim's files, its networks, its inputs, and the packages it needs."""
    digest = hashlib.sha256("\n".join(_list_versions()).encode())
    for folder in dict.fromkeys((PACKAGE, models_path(), traces_path())):
        digest.update(f"\0{hash_folder(folder)}".encode())
    return digest.hexdigest()


def hash_folder(folder: Path) -> str:
    """Return the SHA-256 of a folder's names and contents, without hidden and compiled files."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.is_file() and not any(part == NOT_READ or part[0] == "." for part in name.parts):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{content} {name.as_posix()}\0".encode())
    return digest.hexdigest()


def _list_versions() -> list[str]:
    """Return the versions of Python and of eiesim's packages but for the extra dev."""
    try:
        requirements = [
            requirement
            for requirement in requires("eiesim") or ()
            if not re.search(r"extra == .dev\b", requirement)
        ]
    except PackageNotFoundError:  # run from a checkout, without being installed
        requirements = []
    names = sorted({re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements})
    return [f"python {platform.python_version()}", *map(_find_version, names)]


def _find_version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name}: none"
