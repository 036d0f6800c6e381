"""Checksums of the files of a folder, as `sha256sum` writes and checks them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from eiesim.base.errors import WorkloadError

SUMS = "SHA256SUMS"
"""File of the checksums: ``sha256sum -c SHA256SUMS`` checks a folder with one."""


def write_sums(folder: Path, names: Iterable[str]) -> None:
    """Write the checksums of files of a folder into it."""
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}" for name in names
    ]
    (folder / SUMS).write_text("\n".join(lines) + "\n", "utf-8")


def parse_sums(text: str, file: str) -> dict[str, str]:
    """Return SHA-256 by name; WorkloadError with file and line if the text is none of checksums."""
    sums: dict[str, str] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = re.fullmatch(r"([0-9a-f]{64})  (\S+)", line)
        if match is None or match[2] in sums:
            raise WorkloadError(
                f"{file}:{number}: expected a SHA-256, two spaces and a name that no line above "
                f"has, found {line[:80]!r}"
            )
        sums[match[2]] = match[1]
    return sums
