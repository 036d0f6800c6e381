"""Bytes of .safetensors and of PyTorch's files, by hand."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import Any

import numpy.typing as npt

NAMES = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i1": "I8", "u1": "U8"}


Arrays = dict[str, npt.NDArray[Any]]


def pack_safetensors(arrays: Arrays, bfloat16: tuple[str, ...] = ()) -> bytes:
    """Write arrays as the format's README says."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, array in arrays.items():
        content = array.tobytes()
        if name in bfloat16:
            content = (array.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
        header[name] = {
            "dtype": "BF16" if name in bfloat16 else NAMES[array.dtype.str[1:]],
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(content)],
        }
        body += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def pack_zip(pickle: bytes, **storages: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("net/data.pkl", pickle)
        for name, content in storages.items():
            archive.writestr(f"net/data/{name.removeprefix('s')}", content)
    return stream.getvalue()


def text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def sizes(words: str) -> bytes:
    return b"(" + b"".join(f"I{word}\n".encode() for word in words.split()) + b"t"


def pickle_tensor(
    size: str, strides: str, numbers: int = 4, kind: str = "torch FloatStorage"
) -> bytes:
    """Return the opcodes of a dictionary with one tensor."""
    module, _, name = kind.partition(" ")
    storage = (b"(" + text("storage") + f"c{module}\n{name}\n".encode() + text("0") + text("cpu")
               + f"I{numbers}\n".encode() + b"tQ")  # fmt: skip
    call = (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"I0\n" + sizes(size)
            + sizes(strides) + b"I00\nNtR")  # fmt: skip
    return b"\x80\x02}" + text("a.weight") + call + b"s."
