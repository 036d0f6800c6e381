"""`.safetensors` files: a JSON header with type, shape and place of each tensor, and numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy.typing as npt

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.base.files import ByteReader
from eiesim.importers.content import DTYPES, are_sizes, read_content, take_numbers

MOST_HEADER_BYTES = 100_000_000
"""The limit of the format's own library."""


def read_safetensors(path: str | Path) -> dict[str, npt.NDArray[Any]]:
    """Read the tensors in their order in the file; bfloat16 as float32.

    Raises WorkloadError if the file is damaged, or the header does not fit the file's length.
    Source: huggingface/safetensors, README, "Format".
    """
    reader = ByteReader(read_content(path), str(path), "the file is truncated or of another kind")
    length = int.from_bytes(reader.take(8, "length of the header"), "little")
    if length > MOST_HEADER_BYTES:
        raise WorkloadError(
            f"{path}: expected a header of at most {MOST_HEADER_BYTES} bytes, found {length}; the "
            "file is damaged or of another kind"
        )
    header = _parse(reader.take(length, "header"), str(path))
    header.pop("__metadata__", None)
    rows = [_take_row(name, row, str(path)) for name, row in header.items()]
    arrays = {}
    place = 0
    for name, dtype, shape, first, last in sorted(rows, key=lambda row: row[3:]):
        kind = DTYPES[dtype]
        size = kind.itemsize * math.prod(shape)
        # the format allows neither holes nor overlaps
        if first != place or last - first != size:
            raise WorkloadError(
                f"{path}: {name}: expected {size} bytes from {place} on, found {first} to {last}"
            )
        arrays[name] = take_numbers(reader.take(size, name), name, kind).reshape(shape)
        place = last
    if reader.left:
        raise WorkloadError(f"{path}: expected {place} bytes of tensors, found {reader.left} more")
    return arrays


def _parse(text: bytes, path: str) -> dict[str, Any]:
    try:
        header = json.loads(text, object_pairs_hook=_take_pairs)
    except (ValueError, RecursionError) as error:
        raise WorkloadError(
            f"{path}: header: expected JSON of a .safetensors file: {error}"
        ) from error
    if not isinstance(header, dict):
        raise WorkloadError(f"{path}: header: expected an object, found {type(header).__name__}")
    return header


def _take_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a name stands there twice")
    return entries


def _take_row(name: str, row: Any, path: str) -> tuple[str, str, tuple[int, ...], int, int]:
    """Return name, type, shape, first byte and end of a tensor."""
    entry = row if isinstance(row, dict) else {}
    dtype, shape, places = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not are_sizes(shape, list) or not are_sizes(places, list) or len(places) != 2:
        raise WorkloadError(f"{path}: {name}: expected dtype, shape and data_offsets in the header")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise WorkloadError(f"{path}: {name}: dtype {dtype}: {did_you_mean(str(dtype), DTYPES)}")
    return name, dtype, tuple(shape), places[0], places[1]
