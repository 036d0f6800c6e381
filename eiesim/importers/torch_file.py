"""PyTorch's files of weights, without PyTorch; nothing in them is executed."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.base.files import BoundedReader
from eiesim.importers.content import DTYPES, RawType, are_sizes, bound_numbers, take_numbers
from eiesim.importers.pickled import Named, read_pickle
from eiesim.importers.torch_sparse import INDICES, SAVE_DENSE, spread

PICKLE = b"\x80"
"""First byte of a pickle."""
ZIP_ERRORS = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, struct.error
)  # fmt: skip
"""Errors of zipfile for damaged archives: NotImplementedError for an unknown packing, RuntimeError
for a password, EOFError for an entry that ends early, ValueError for a place before the file or a
name that is no UTF-8, struct.error for a header that ends early."""
MAGIC = 0x1950A86A20F9469CFC6C
"""First pickle of the old layout."""
PROTOCOL = 1001
MOST_PICKLE_BYTES = 1 << 26
WEIGHT = "weight"
STORAGES = {
    "FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "CharStorage": "I8", "ByteStorage": "U8", "ShortStorage": "I16", "IntStorage": "I32",
    "LongStorage": "I64", "BoolStorage": "BOOL",
}  # fmt: skip
SAVE_WEIGHTS = "save the weights alone: torch.save(model.state_dict(), FILE)"
MOST_DEPTH = 8
"""Levels of dictionaries in which a state dictionary is looked for."""
THROUGH = ("torch._utils._rebuild_parameter", "torch.serialization._get_layout")
"""Functions whose first argument is taken as their result."""
SPARSE = ("torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_sparse_csr_tensor")
QUANTISED = "torch._utils._rebuild_qtensor"
"""Functions for tensors that are no plain numbers."""
Array = npt.NDArray[Any]


class _Storage(NamedTuple):
    """Numbers of a file, not read yet."""

    key: str
    kind: RawType
    numbers: int


class _Other(NamedTuple):
    """A tensor of another layout, and what to do with it."""

    what: str
    remedy: str


class _Tensor(NamedTuple):
    """Part of a storage: its start, its shape, and its strides in numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Sparse(NamedTuple):
    """A tensor without its zeros: indices and values, as `spread` takes them."""

    layout: str
    parts: tuple[_Tensor, ...]
    shape: tuple[int, ...]


_Any = _Tensor | _Sparse | _Other


class _Content(NamedTuple):
    """A pickle's value, a function for the bytes of a storage, and whether they are big-endian."""

    tree: Any
    load: Callable[[_Storage], bytes | memoryview]
    is_big: bool


def read_torch(path: str | Path) -> dict[str, Array]:
    """Read the tensors of a state dictionary, in the file's order; bfloat16 as float32.

    The file is the result of `torch.save` for ``model.state_dict()``, in today's layout or in the
    one before PyTorch 1.6, or for a dictionary that has it under any key. Raises WorkloadError if
    the file is damaged, has no weights, or needs a class or function that plain weights do not
    need. Source: pytorch/pytorch, ``torch/serialization.py``: `_save`, `_legacy_save`.
    """
    try:
        with BoundedReader(path) as stream:
            most_numbers = bound_numbers(stream.size)
            if zipfile.is_zipfile(stream):
                with zipfile.ZipFile(stream) as archive:
                    return _collect(_read_zip(archive, str(path)), most_numbers, str(path))
            stream.seek(0)
            return _collect(_read_old(stream.read(), str(path)), most_numbers, str(path))
    except (OSError, *ZIP_ERRORS) as error:
        raise WorkloadError(f"{path}: cannot be read: {error}") from error


def _read_zip(archive: zipfile.ZipFile, path: str) -> _Content:
    entries = {entry.filename: entry for entry in archive.infolist()}
    pickles = [name for name in entries if name.rpartition("/")[2] == "data.pkl"]
    if len(pickles) != 1 or len(entries) < len(archive.infolist()):
        raise WorkloadError(f"{path}: expected one data.pkl and each name once; {SAVE_WEIGHTS}")
    folder = pickles[0].removesuffix("data.pkl")

    def read(name: str, most_bytes: int) -> bytes:
        entry = entries.get(folder + name)
        if entry is None:
            raise WorkloadError(f"{path}: {name}: expected in the archive, found none")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > most_bytes:
            raise WorkloadError(
                f"{path}: {name}: expected at most {most_bytes} bytes as they are, found "
                f"{entry.file_size}{' packed' if entry.compress_type else ''}"
            )
        return archive.read(entry)

    is_big = f"{folder}byteorder" in entries and read("byteorder", 16) == b"big"
    tree, _ = _unpickle(io.BytesIO(read("data.pkl", MOST_PICKLE_BYTES)), path)

    def load(storage: _Storage) -> bytes:
        return read(f"data/{storage.key}", storage.numbers * storage.kind.itemsize)

    return _Content(tree, load, is_big)


def _read_old(content: bytes, path: str) -> _Content:
    stream = io.BytesIO(content)
    if not content.startswith(PICKLE):
        raise WorkloadError(f"{path}: expected a file of torch.save, found other content")
    if _unpickle(stream, path)[0] != MAGIC or _unpickle(stream, path)[0] != PROTOCOL:
        raise WorkloadError(f"{path}: expected a file of torch.save, found another pickle")
    system, _ = _unpickle(stream, path)
    is_big = isinstance(system, dict) and system.get("little_endian") is False
    tree, storages = _unpickle(stream, path)
    keys, _ = _unpickle(stream, path)
    storage_bytes: dict[str, memoryview] = {}
    remaining = memoryview(content)[stream.tell() :]
    for key in keys if isinstance(keys, list) else []:
        if not isinstance(key, str) or key not in storages:
            raise WorkloadError(f"{path}: storage {key!r}: expected a tensor that uses it")
        numbers = storages[key].numbers
        count = int.from_bytes(remaining[:8], "big" if is_big else "little")
        if count != numbers:
            raise WorkloadError(f"{path}: storage {key}: expected {numbers} numbers, found {count}")
        end = 8 + count * storages[key].kind.itemsize
        storage_bytes[key], remaining = remaining[8:end], remaining[end:]

    def load(storage: _Storage) -> memoryview:
        if storage.key not in storage_bytes:
            raise WorkloadError(f"{path}: storage {storage.key}: expected in the file, found none")
        return storage_bytes[storage.key]

    return _Content(tree, load, is_big)


def _unpickle(stream: io.BytesIO, path: str) -> tuple[Any, dict[str, _Storage]]:
    """Return the value of the next pickle, and the storages that it names."""
    storages: dict[str, _Storage] = {}

    def load(name: Any) -> _Storage:
        storage = _take_storage(name, path)
        return storages.setdefault(storage.key, storage)

    def reduce(function: Any, arguments: tuple[Any, ...]) -> Any:
        name = str(function)
        if name == "collections.OrderedDict" and not arguments:
            return {}
        if name == "torch._utils._rebuild_tensor_v2" and len(arguments) >= 4:
            return _take_tensor(arguments, path)
        if name in THROUGH and arguments:
            return arguments[0]
        if name == "torch.Size" and arguments and isinstance(arguments[0], tuple):
            return arguments[0]
        if name in SPARSE:
            return _take_sparse(arguments, path)
        if name == QUANTISED:
            return _Other("a quantised one", "save the state_dict of the model before quantisation")
        raise WorkloadError(
            f"{path}: expected plain weights, found an object of {name}, which is never run; "
            f"{SAVE_WEIGHTS}"
        )

    return read_pickle(stream, path, reduce, load), storages


def _take_storage(name: Any, path: str) -> _Storage:
    match name:
        case ("storage", Named(module, kind), str(key), _, int(numbers), *_) if (
            type(numbers) is int and numbers >= 0
        ):
            if module == "torch" and kind in STORAGES:
                return _Storage(key, DTYPES[STORAGES[kind]], numbers)
            kinds = ", ".join(STORAGES)
            raise WorkloadError(f"{path}: numbers of kind {module}.{kind}: expected {kinds}")
    raise WorkloadError(f"{path}: expected plain numbers, found something else; {SAVE_WEIGHTS}")


def _take_tensor(arguments: tuple[Any, ...], path: str) -> _Tensor:
    storage, offset, shape, strides = arguments[:4]
    if (
        not isinstance(storage, _Storage)
        or not all(are_sizes(sizes, tuple) for sizes in ((offset,), shape, strides))
        or len(shape) != len(strides)
    ):
        raise WorkloadError(f"{path}: expected a tensor's shape and strides, found others")
    # the last number is inside, and none is read twice: the file bounds what is read
    last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    numbers = math.prod(shape)
    if numbers and (last >= storage.numbers or numbers > storage.numbers):
        raise WorkloadError(
            f"{path}: expected a tensor inside its storage of {storage.numbers} numbers, found "
            f"shape {list(shape)} with strides {list(strides)} from {offset} on"
        )
    return _Tensor(storage, offset, shape, strides)


def _take_sparse(arguments: tuple[Any, ...], path: str) -> _Sparse | _Other:
    match arguments:
        case (str(layout), _) if layout not in INDICES:
            return _Other(f"one of the layout {layout}", SAVE_DENSE)
        case (str(layout), tuple(parts)) if len(parts) > INDICES[layout] + 1:
            *tensors, shape = parts[: INDICES[layout] + 2]
            if all(isinstance(part, _Tensor) for part in tensors) and are_sizes(shape, tuple):
                return _Sparse(layout, tuple(tensors), shape)
    raise WorkloadError(
        f"{path}: expected a sparse tensor's indices, values and shape, found others; {SAVE_DENSE}"
    )


def _find_tensors(tree: Any, path: str) -> dict[str, _Tensor | _Sparse]:
    """Return the tensors of the state dictionary that a tree is or holds."""
    if isinstance(tree, _Any):
        raise WorkloadError(f"{path}: expected a dictionary, found one tensor; {SAVE_WEIGHTS}")
    states = _find_states(tree, "", set())
    weights = {
        place: state for place, state in states.items() if any(map(_is_weight, state.items()))
    }
    for place, state in weights.items():
        for key, tensor in state.items():
            if isinstance(tensor, _Other):
                raise WorkloadError(
                    f"{path}: {place}{key}: expected a tensor of plain numbers, found "
                    f"{tensor.what}; {tensor.remedy}"
                )
    if len(weights) > 1:
        places = ", ".join(place.removesuffix(".") or "the file itself" for place in weights)
        raise WorkloadError(
            f"{path}: expected one state dictionary, found several ({places}); save the one that "
            "is meant: torch.save(checkpoint[KEY], FILE)"
        )
    if not states:
        raise WorkloadError(f"{path}: expected a dictionary of tensors, found none; {SAVE_WEIGHTS}")
    state = next(iter((weights or states).values()))
    return {key: tensor for key, tensor in state.items() if not isinstance(tensor, _Other)}


def _is_weight(entry: tuple[str, _Any]) -> bool:
    key, tensor = entry
    return WEIGHT in key and (isinstance(tensor, _Other) or len(tensor.shape) >= 2)


def _find_states(tree: Any, place: str, visited: set[int]) -> dict[str, dict[str, _Any]]:
    """Return dictionaries with tensors, by the keys that lead to them; each once."""
    if not isinstance(tree, dict) or id(tree) in visited or place.count(".") > MOST_DEPTH:
        return {}
    visited.add(id(tree))
    tensors = {str(key): value for key, value in tree.items() if isinstance(value, _Any)}
    states = {place: tensors} if tensors else {}
    for key, inner in tree.items():
        states |= _find_states(inner, f"{place}{key}.", visited)
    return states


def _collect(content: _Content, most_numbers: int, path: str) -> dict[str, Array]:
    """Return the numbers of tensors; a storage that several share is read once."""

    @cache
    def load(storage: _Storage) -> Array:
        label = f"{path}: storage {storage.key}"
        numbers = take_numbers(content.load(storage), label, storage.kind, content.is_big)
        if numbers.size != storage.numbers:
            raise WorkloadError(
                f"{label}: expected {storage.numbers} numbers, found {numbers.size}; the file is "
                "truncated or damaged"
            )
        return numbers

    def take(tensor: _Tensor) -> Array:
        return _take_view(load(tensor.storage), tensor)

    arrays, numbers_left = {}, most_numbers
    for name, tensor in _find_tensors(content.tree, path).items():
        if isinstance(tensor, _Tensor):
            arrays[name] = take(tensor)
            continue
        numbers_left -= math.prod(tensor.shape)
        if numbers_left < 0:
            raise WorkloadError(
                f"{path}: {name}: expected sparse tensors of at most {most_numbers} numbers in a "
                f"file of this length, found the shape {list(tensor.shape)}; {SAVE_DENSE}"
            )
        sparse_arrays = [take(part) for part in tensor.parts]
        arrays[name] = spread(tensor.layout, sparse_arrays, tensor.shape, f"{path}: {name}")
    return arrays


def _take_view(numbers: Array, tensor: _Tensor) -> Array:
    if not math.prod(tensor.shape):
        return np.zeros(tensor.shape, numbers.dtype)
    strides = [step * numbers.itemsize for step in tensor.strides]
    view = np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :], tensor.shape, strides, writeable=False
    )
    return view.copy()
