"""Constants that an ONNX model computes, and its shapes, before it is run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from eiesim.base.errors import WorkloadError
from eiesim.graph import STEPS, Shape
from eiesim.importers.onnx_branches import take_known_branches
from eiesim.importers.onnx_file import Array, OnnxFile, find_graphs, find_types, replace_nodes
from eiesim.importers.onnx_host import start_model
from eiesim.importers.onnx_integers import spell_out_integers
from eiesim.importers.onnx_runtime import Session

SMALL = 1024
"""Numbers of a constant that shape inference may look at: sizes and axes have few."""
CHANGING = frozenset({
    "Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike",
})  # fmt: skip
"""Operators that may give another result each time."""


def fold_constants(file: OnnxFile) -> dict[str, Shape]:
    """Compute all results that depend on constants alone, and infer the shapes of the rest.

    The nodes of these results are removed from the model, which is changed; their results become
    constants. Products of 8-bit numbers become products of the numbers that they stand for.

    Returns
    -------
    dict of str to tuple of int
        Shapes by tensor, `STEPS` for sizes that depend on the input; no entry if nothing is known.
    """
    _fold(file, {})
    while True:
        _infer(file)
        _fold(file, find_shapes(file.model))
        changes = (take_known_branches(file), spell_out_integers(file))
        if not any(changes):
            break
    _infer(file)
    return find_shapes(file.model)


def find_shapes(model: Any) -> dict[str, Shape]:
    """Return the shapes that a model states."""
    return {
        name: tuple(
            dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else STEPS
            for dim in kind.tensor_type.shape.dim
        )
        for name, kind in find_types(model).items()
        if kind.HasField("tensor_type") and kind.tensor_type.HasField("shape")
    }


def _infer(file: OnnxFile) -> None:
    """Let ONNX infer shapes; large constants are inputs for it, so that nothing large is copied."""
    from onnx import ModelProto, numpy_helper, shape_inference  # noqa: PLC0415 - an extra

    model = ModelProto()
    model.CopyFrom(file.model)
    inputs = {value.name for value in model.graph.input}
    for name, array in file.constants.items():
        if array.size <= SMALL:
            model.graph.initializer.append(numpy_helper.from_array(array, name))
        elif name not in inputs:
            _add_input(model, name, array)
    try:
        model = shape_inference.infer_shapes(model, data_prop=True)
    except (shape_inference.InferenceError, RuntimeError, ValueError):
        return  # the file contradicts itself; running it gives the error
    file.model.graph.ClearField("value_info")
    file.model.graph.value_info.extend(model.graph.value_info)
    for value, inferred in zip(file.model.graph.output, model.graph.output, strict=True):
        value.CopyFrom(inferred)


def _add_input(model: Any, name: str, array: Array) -> None:
    from onnx import helper  # noqa: PLC0415 - an extra

    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    model.graph.input.append(helper.make_tensor_value_info(name, kind, array.shape))


def _fold(file: OnnxFile, shapes: Mapping[str, Shape]) -> None:
    unknown = []
    for node in file.model.graph.node:
        results = _evaluate(file, node, shapes)
        if results is None:
            unknown.append(node)
        else:
            file.constants.update(results)
    replace_nodes(file.model.graph, unknown)


def _evaluate(file: OnnxFile, node: Any, shapes: Mapping[str, Shape]) -> dict[str, Array] | None:
    """Return the outputs of a node; None if they are unknown or change from run to run."""
    if node.domain not in ("", "ai.onnx") or node.op_type in CHANGING:
        return None
    if any(find_graphs(node)) or not any(node.output):
        return None
    if node.op_type == "Shape" and node.input and node.input[0] in shapes:
        ends = {entry.name: entry.i for entry in node.attribute}
        shape = shapes[node.input[0]][ends.get("start") : ends.get("end")]
        if STEPS not in shape:
            return {name: np.array(shape, np.int64) for name in node.output}
    reads = [name for name in node.input if name]
    inputs = {name: file.constants[name] for name in reads if name in file.constants}
    numbers = all(array.dtype.kind in "fiub" for array in inputs.values())
    if len(inputs) < len(set(reads)) or not (reads or node.op_type == "Constant") or not numbers:
        return None
    model = _make_model(file, node, inputs)
    try:
        if model is not None:
            session = Session(model, "a constant")
            return dict(zip(session.outputs, session.run(inputs), strict=True))
    except WorkloadError:
        pass  # the node stays; running it gives the error
    return None


def _make_model(file: OnnxFile, node: Any, inputs: Mapping[str, Array]) -> Any:
    """Return a model of one node; None if an output is of unknown size or too large."""
    from onnx import helper, numpy_helper, shape_inference  # noqa: PLC0415 - an extra

    model = start_model(file.model, "constant", [node])
    try:
        for name, array in inputs.items():
            _add_input(model, name, array)
            if array.size <= SMALL:
                model.graph.initializer.append(numpy_helper.from_array(array, name))
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        model.graph.output.extend(outputs)
        model = shape_inference.infer_shapes(model, data_prop=True)
    except (shape_inference.InferenceError, RuntimeError, ValueError, KeyError, TypeError):
        return None
    shapes = find_shapes(model)
    for value in model.graph.output:
        shape = shapes.get(value.name)
        if shape is None or STEPS in shape or math.prod(shape) > file.most_numbers:
            return None
    model.graph.ClearField("initializer")
    return model
