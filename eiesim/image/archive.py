"""The file of an image: a `.npz` archive of plain arrays with a versioned header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import ImageError
from eiesim.base.files import replacing

FORMAT = "eiesim image"
VERSION = 1
HEADER = ("name", "rows", "cols", "n_pes", "index_bits", "has_bias")
ARRAYS = ("codebook", "ptr", "codes", "relative_index")


def write(path: str | Path, header: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Write an image's file, whole or not at all."""
    text = json.dumps({"format": FORMAT, "version": VERSION} | header).encode()
    with replacing(path) as stream:
        np.savez(stream, header=np.frombuffer(text, dtype=np.uint8), **arrays)  # type: ignore[arg-type]


def split(
    arrays: dict[str, npt.NDArray[Any]], where: str
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Return the header of an image and its arrays.

    Raises ImageError if there is no header, one of another format or version, or an array is
    missing or unknown.
    """
    try:
        header = json.loads(arrays["header"].tobytes())
    except (KeyError, ValueError, RecursionError) as error:
        raise ImageError(f"{where}: expected an eiesim image, found no header") from error
    is_image = isinstance(header, dict) and header.get("format") == FORMAT
    version = header.get("version") if is_image else None
    if not is_image or type(version) is not int or version != VERSION:
        raise ImageError(
            f"{where}: expected an {FORMAT} of version {VERSION}, "
            f"found {f'version {version!r}' if is_image else 'another header'}"
        )
    content = {name: array for name, array in arrays.items() if name != "header"}
    fields = {name: value for name, value in header.items() if name not in {"format", "version"}}
    for part, names, expected in (
        ("header", sorted(fields), sorted(HEADER)),
        ("arrays", sorted(content), sorted(ARRAYS)),
    ):
        if names != expected:
            raise ImageError(
                f"{where}: {part}: expected {', '.join(expected)}, "
                f"found {', '.join(names) or 'none'}"
            )
    return fields, content
