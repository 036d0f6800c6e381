"""MNIST's idx files: pictures and labels as one array of bytes."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.importers.content import read_content

UINT8 = 8
"""The third byte of an idx file whose numbers are unsigned bytes."""


def read_idx(path: str | Path) -> npt.NDArray[np.uint8]:
    """Read an idx file of bytes, plain or gzip, as a read-only array.

    Its shape is ``[pictures, rows, cols]`` or ``[labels]``. Raises WorkloadError if the file is of
    another kind or length.

    References
    ----------
    LeCun, Cortes, Burges, "The MNIST database of handwritten digits", file formats: two zero bytes,
    the type, the number of dimensions, each dimension as big-endian uint32, the data.
    """
    content = read_content(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UINT8 or not content[3]:
        raise WorkloadError(
            f"{path}: expected an idx file of unsigned bytes, which begins 00 00 08 and the number "
            f"of dimensions, found {content[:4].hex(' ') or 'an empty file'}"
        )
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise WorkloadError(
            f"{path}: expected {content[3]} dimensions in {header} bytes, found the file's end "
            f"after {len(content)}; get it again"
        )
    shape = struct.unpack(f">{content[3]}I", content[4:header])
    if len(shape) > 32:
        raise WorkloadError(f"{path}: expected at most 32 dimensions, found {len(shape)}")
    if 0 in shape or math.prod(shape) != len(content) - header:
        raise WorkloadError(
            f"{path}: expected {math.prod(shape)} bytes of data for its shape {list(shape)}, "
            f"found {len(content) - header}; get it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
