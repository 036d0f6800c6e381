"""ONNX files: the model, and its constants apart from it; needs the extra ``onnx``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.importers.content import bound_numbers, read_content

Array = npt.NDArray[Any]
NEEDS_ONNX = "reading ONNX needs the package onnx: pip install 'eiesim[onnx]'"


class OnnxFile(NamedTuple):
    """A model.

    Attributes
    ----------
    model
        Without initializers, its functions put in place.
    constants
        Arrays of the initializers, by name.
    most_numbers
        Largest size of an array made of them, in proportion to the file.
    """

    model: Any
    constants: dict[str, Array]
    most_numbers: int


def read_onnx_file(path: str | Path) -> OnnxFile:
    """Read a model; weights in files beside it are read, too.

    Raises WorkloadError if a file is missing, damaged, of another kind, or outside the model's
    folder, or the extra ``onnx`` is missing.
    """
    content = read_content(path)
    model = parse_model(content, str(path))
    if not model.graph.node:
        raise WorkloadError(f"{path}: expected an ONNX model with nodes, found none")
    model.ClearField("training_info")
    outside = sum(_bring_in(tensor, Path(path)) for tensor in _find_tensors(model))
    model = _put_functions_in_place(model, path)
    most = bound_numbers(len(content) + outside)
    constants = {
        tensor.name: take_tensor(tensor, f"{path}: {tensor.name}")
        for tensor in model.graph.initializer
    }
    for sparse in model.graph.sparse_initializer:
        constants[sparse.values.name] = _spread(sparse, most, f"{path}: {sparse.values.name}")
    model.graph.ClearField("initializer")
    model.graph.ClearField("sparse_initializer")
    return OnnxFile(model, constants, most)


def parse_model(content: bytes, label: str) -> Any:
    """Return the ModelProto of a file's content.

    Raises WorkloadError for other content, or if the extra ``onnx`` is missing.
    """
    try:
        import onnx  # noqa: PLC0415 - an extra
        from google.protobuf.message import DecodeError  # noqa: PLC0415
    except ImportError as error:
        raise WorkloadError(f"{label}: {NEEDS_ONNX}") from error
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise WorkloadError(f"{label}: expected an ONNX model, found other content") from error
    _require_text(model, label)
    return model


def _require_text(message: Any, label: str) -> None:
    """Check that every name is Unicode, which protobuf does not check."""
    for field, value in message.ListFields():
        alone = isinstance(value, str | bytes) or hasattr(value, "ListFields")
        items = (value,) if alone else value
        if field.type == field.TYPE_MESSAGE:
            for item in items:
                _require_text(item, label)
        elif field.type == field.TYPE_STRING and not all(isinstance(text, str) for text in items):
            raise WorkloadError(f"{label}: {field.name}: expected text in UTF-8, found other bytes")


def take_tensor(tensor: Any, label: str) -> Array:
    """Return the numbers of a TensorProto; a damaged one is a WorkloadError."""
    from onnx import numpy_helper  # noqa: PLC0415 - an extra

    try:
        array: Array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise WorkloadError(f"{label}: damaged tensor: {error}") from error
    return array


def find_graphs(node: Any) -> Iterator[Any]:
    """Return the graphs that a node runs: branches and bodies of loops."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def replace_nodes(graph: Any, nodes: Iterable[Any]) -> None:
    """Put copies of some nodes in the place of a graph's nodes."""
    copies = type(graph)(node=nodes).node
    graph.ClearField("node")
    graph.node.extend(copies)


def is_external(model: Any) -> bool:
    """Return whether numbers of a model are in other files."""
    return any(tensor.data_location for tensor in _find_tensors(model))


def _find_tensors(model: Any) -> Iterator[Any]:
    graphs = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            nodes.extend(graph.node)
            continue
        node = nodes.pop()
        graphs.extend(find_graphs(node))
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)


def _bring_in(tensor: Any, path: Path) -> int:
    """Read a tensor's numbers from a file beside the model; return their bytes."""
    from onnx import helper  # noqa: PLC0415 - an extra

    if not tensor.data_location:
        return 0
    label = f"{path}: {tensor.name}"
    facts = {entry.key: entry.value for entry in tensor.external_data}
    file = _find_beside(facts.get("location", ""), path, label)
    try:
        item = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        length = int(facts.get("length", math.prod(tensor.dims) * item))
        offset = int(facts.get("offset", 0))
    except (ValueError, KeyError, TypeError) as error:
        raise WorkloadError(f"{label}: expected numbers in {file}, found {facts}") from error
    available = file.stat().st_size
    if min(length, offset) < 0 or length + offset > available:
        raise WorkloadError(
            f"{label}: expected {length} bytes from byte {offset} on in {file}, found {available}"
        )
    with file.open("rb") as stream:
        stream.seek(offset)
        tensor.raw_data = stream.read(length)
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")
    return length


def _find_beside(location: str, path: Path, label: str) -> Path:
    """Return a file in the model's folder; one outside of it is refused, links included."""
    folder = path.resolve().parent
    try:
        file = (folder / location).resolve()
        inside = bool(location) and not Path(location).is_absolute() and folder in file.parents
    except (OSError, ValueError):
        inside = False
    if not inside:
        raise WorkloadError(
            f"{label}: expected its numbers in a file in the model's folder, found {location!r}"
        )
    if not file.is_file():
        raise WorkloadError(f"{label}: expected its numbers in {file}, found no such file")
    return file


def _put_functions_in_place(model: Any, path: str | Path) -> Any:
    from onnx import inliner  # noqa: PLC0415 - an extra

    if not model.functions:
        return model
    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError) as error:
        raise WorkloadError(f"{path}: its functions cannot be put in place: {error}") from error


def _spread(sparse: Any, most: int, label: str) -> Array:
    """Return a sparse constant with its zeros."""
    sizes = [int(size) for size in sparse.dims]
    numbers = math.prod(sizes)
    values, places = take_tensor(sparse.values, label), take_tensor(sparse.indices, label)
    if not 0 <= numbers <= most or min(sizes, default=1) < 0:
        raise WorkloadError(f"{label}: expected sizes that go with the file, found {sizes}")
    dense = np.zeros(numbers, values.dtype)
    try:
        flat = places if places.ndim == 1 else np.ravel_multi_index(tuple(places.T), sizes)
        if len(flat) and int(flat.min()) < 0:
            raise IndexError("a negative index")
        dense[flat] = values
    except (ValueError, TypeError, IndexError) as error:
        raise WorkloadError(f"{label}: damaged tensor: {error}") from error
    return dense.reshape(sizes)


def find_types(model: Any) -> Mapping[str, Any]:
    """Return the TypeProto of the tensors of a model by name, as far as it is known."""
    graph = model.graph
    values = (*graph.input, *graph.value_info, *graph.output)
    return {value.name: value.type for value in values if value.HasField("type")}
