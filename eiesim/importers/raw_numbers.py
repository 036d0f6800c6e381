"""Numbers as files of other tools hold them: by name of their type, in either byte order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError


class RawType(NamedTuple):
    """A type of numbers and NumPy's code of it; for bfloat16, which NumPy lacks, of its bits."""

    name: str
    code: str

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return np.dtype(self.code).itemsize


FLOAT32, INT32 = RawType("float32", "f4"), RawType("int32", "i4")
BFLOAT16 = RawType("bfloat16", "u2")
DTYPES: Mapping[str, RawType] = {
    "F64": RawType("float64", "f8"), "F32": FLOAT32, "F16": RawType("float16", "f2"),
    "BF16": BFLOAT16, "I64": RawType("int64", "i8"), "I32": INT32,
    "I16": RawType("int16", "i2"), "I8": RawType("int8", "i1"), "U8": RawType("uint8", "u1"),
    "BOOL": RawType("bool", "?"),
}  # fmt: skip
"""Types by safetensors' names."""


def take_numbers(
    content: bytes, what: str, kind: RawType = FLOAT32, is_big: bool = False
) -> npt.NDArray[Any]:
    """Return bytes as numbers in the machine's byte order, a copy.

    A bfloat16 becomes a float32, which changes no number. A length that is no multiple of a
    number's is a WorkloadError.
    """
    if len(content) % kind.itemsize:
        raise WorkloadError(
            f"{what}: expected {kind.name} numbers of {kind.itemsize} bytes each, found "
            f"{len(content)} bytes; the file is truncated or of another kind"
        )
    stored = np.frombuffer(content, np.dtype(kind.code).newbyteorder(">" if is_big else "<"))
    if kind == BFLOAT16:
        # a bfloat16 is the upper half of a float32
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(stored.dtype.newbyteorder("="))
