"""Numbers as files of other tools hold them: by name of their type, in either byte order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.errors import WorkloadError


class RawType(NamedTuple):
    """A type of numbers.

    Attributes
    ----------
    code : str
        NumPy's, without the byte order; ``u2`` for bfloat16, which NumPy does not know.
    itemsize : int
        Bytes of a number.
    """

    code: str
    itemsize: int


BFLOAT16 = RawType("u2", 2)
DTYPES: Mapping[str, RawType] = {
    "F64": RawType("f8", 8), "F32": RawType("f4", 4), "F16": RawType("f2", 2), "BF16": BFLOAT16,
    "I64": RawType("i8", 8), "I32": RawType("i4", 4), "I16": RawType("i2", 2),
    "I8": RawType("i1", 1), "U8": RawType("u1", 1), "BOOL": RawType("?", 1),
}  # fmt: skip
"""By safetensors' names. Bfloat16 is told by ``BF16`` alone: its code is that of uint16."""


def take_numbers(
    content: bytes, kind: RawType, what: str, is_big: bool = False
) -> npt.NDArray[Any]:
    """Return bytes as numbers.

    Parameters
    ----------
    content : bytes
        A whole number of them.
    kind : RawType
        Of `DTYPES`.
    what : str
        What they are, for the error.
    is_big : bool
        Whether the high byte comes first.

    Returns
    -------
    array
        A copy in the machine's byte order; bfloat16 as float32, which changes no number.

    Raises
    ------
    WorkloadError
        The length is no multiple of a number's.
    """
    if len(content) % kind.itemsize:
        raise WorkloadError(
            f"{what}: expected numbers of {kind.itemsize} bytes, found {len(content)} bytes; the "
            "file is truncated or damaged"
        )
    stored = np.frombuffer(content, np.dtype(kind.code).newbyteorder(">" if is_big else "<"))
    if kind == BFLOAT16:
        # a bfloat16 is the upper half of a float32
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(stored.dtype.newbyteorder("="))
