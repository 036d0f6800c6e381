"""Networks in ONNX files: products for EIE, and the rest as nodes for ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.graph import ANY, STEPS, Graph, Shape, Step
from eiesim.importers.described import Described, Effect, Interface, Skipped
from eiesim.importers.onnx_constants import fold_constants
from eiesim.importers.onnx_file import OnnxFile, find_types, read_onnx_file
from eiesim.importers.onnx_host import HOST_OP, HostGraph, find_piece, find_reads, start_model
from eiesim.importers.onnx_lowering import Lowering, Product, shorten
from eiesim.importers.onnx_products import RULES
from eiesim.importers.onnx_runtime import import_runtime
from eiesim.layer.weights import DenseLayer

CELLS = ("LSTM", "GRU", "RNN")
MOST_REASONS = 8
"""Most reasons that an error names."""


class OnnxNetwork(NamedTuple):
    """A network in ONNX: its steps, weights by step, and the bytes of its `HostGraph`."""

    described: Described
    weights: dict[str, DenseLayer]
    host: bytes


def read_onnx(path: str | Path, interface: Interface | None = None) -> OnnxNetwork:
    """Read a network; numbers in files beside it are read, too.

    Raises WorkloadError if a file is damaged, has no product that EIE can run, or the extra
    ``onnx`` is missing. Source: ONNX operators, https://onnx.ai/onnx/operators: Gemm, MatMul, Conv,
    LSTM, GRU.
    """
    import_runtime(str(path))
    try:
        file = read_onnx_file(path)
        inputs = _take_inputs(file, interface or Interface())
        low = Lowering(file, fold_constants(file))
        low.run(RULES)
        return _Cut(low, inputs).finish(path)
    except WorkloadError as error:
        raise WorkloadError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error


def _take_inputs(file: OnnxFile, interface: Interface) -> dict[str, Shape]:
    """Return the shapes of the inputs, and set an unknown batch to one."""
    graph = file.model.graph
    _bind(file, interface)
    sequences = {node.input[0] for node in graph.node if node.op_type in CELLS and node.input}
    inputs = [
        type(value).FromString(value.SerializeToString())
        for value in graph.input
        if value.name not in file.constants
    ]
    shapes = {value.name: _take_shape(value, value.name in sequences) for value in inputs}
    graph.ClearField("input")
    graph.input.extend(inputs)
    graph.ClearField("value_info")  # shapes of the exporter, perhaps of another batch
    for value in graph.output:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    return shapes


def _bind(file: OnnxFile, interface: Interface) -> None:
    """Make constants of inputs with known values, and set known shapes."""
    from onnx import helper  # noqa: PLC0415 - an extra

    inputs = {
        value.name: value for value in file.model.graph.input if value.name not in file.constants
    }
    for name in (*interface.shapes, *interface.values):
        if name not in inputs:
            raise WorkloadError(f"input {name!r}: {did_you_mean(name, inputs)}")
    for name, shape in interface.shapes.items():
        axes = inputs[name].type.tensor_type.shape.dim
        sizes = [dim.dim_value for dim in axes]
        if len(sizes) != len(shape) or any(
            size > 0 and size != known_size for size, known_size in zip(sizes, shape, strict=True)
        ):
            stated = [size if size > 0 else "any" for size in sizes]
            raise WorkloadError(f"input {name!r}: expected the shape {stated}, found {list(shape)}")
        for dim, size in zip(axes, shape, strict=True):
            dim.dim_value = size
    for name, value in interface.values.items():
        kind = inputs[name].type.tensor_type
        sizes = [dim.dim_value for dim in kind.shape.dim]
        array = np.array(value).astype(helper.tensor_dtype_to_np_dtype(kind.elem_type))
        if any(size != 1 for size in sizes) or array != value:
            raise WorkloadError(
                f"input {name!r}: expected a value of its type and shape {sizes}, found {value:g}"
            )
        file.constants[name] = array.reshape(sizes)


def _take_shape(value: Any, is_sequence: bool) -> Shape:
    """Return an input's shape, the batch as 1: the first axis, or the second of a sequence."""
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not kind.HasField("shape"):
        raise WorkloadError(f"input {value.name!r}: expected an array with known axes")
    axes = kind.shape.dim
    batch = 1 if is_sequence and len(axes) == 3 else 0
    if len(axes) > 1 and axes[batch].dim_value < 1:
        axes[batch].dim_value = 1
    return tuple(dim.dim_value if dim.dim_value > 0 else STEPS for dim in axes)


class _Cut:
    """The steps of a lowered network: its products, and pieces of the host's nodes between."""

    def __init__(self, low: Lowering, inputs: dict[str, Shape]) -> None:
        self.low, self.inputs = low, inputs
        self.skipped = list(low.skipped)
        self.names = {name: name for name in inputs}  # of steps, by tensor
        self.steps: list[Step] = []
        self.weights: dict[str, DenseLayer] = {}
        self.types = dict(find_types(low.file.model))
        self.producers = {name: node for node in low.nodes for name in node.output if name}
        self.outputs = self._find_outputs()
        self.wanted = {*self.outputs}.union(*(product.step.inputs for product in low.products))

    def _find_outputs(self) -> dict[str, str]:
        """Return the names of the file's outputs, by tensor; constants become nodes' results."""
        from onnx import TensorProto  # noqa: PLC0415 - an extra

        outputs = {}
        for value in self.low.file.model.graph.output:
            name, kind = value.name, value.type
            is_no_tensor = kind.WhichOneof("value") not in (None, "tensor_type")
            if is_no_tensor or kind.tensor_type.elem_type == TensorProto.STRING:
                reason = "an output that is no array of numbers; left out"
                self.skipped.append(Skipped(name, reason, Effect.PART))
                continue
            if name not in self.low.there:
                reason = "an output that nothing gives; left out"
                self.skipped.append(Skipped(name, reason, Effect.PART))
                continue
            if name in self.low.file.constants:
                inner = self.low.constant(self.low.file.constants.pop(name), name)
                self.low.node("Identity", [inner], name)
                self.producers[name] = self.low.entries[-1]
            outputs[self._give_name(name)] = name
        return outputs

    def _give_name(self, output: str) -> str:
        """Return the tensor of an output: of a product that has another name, a copy of it."""
        product = self.low.find_product(output)
        if product is None or product.step.name == output:
            return output
        copy = self.low.name_tensor(f"{output}/copy")
        self.low.node("Identity", [output], copy)
        self.producers[copy] = self.low.entries[-1]
        self.types.update({copy: self.types[output]} if output in self.types else {})
        return copy

    def finish(self, path: str | Path) -> OnnxNetwork:
        """Return the network."""
        for entry in self.low.entries:
            if isinstance(entry, Product):
                self._add_product(entry)
                continue
            for name in entry.output:
                if name in self.wanted and name not in self.names:
                    self._add_piece(name, entry)
        if not self.weights:
            raise WorkloadError(
                "expected a product with constant weights (Gemm, MatMul, Conv, LSTM, GRU, RNN) for "
                f"EIE, found none: {self._list_reasons()}"
            )
        if not self.outputs:
            raise WorkloadError(f"expected an output, found none: {self._list_reasons()}")
        outputs = tuple(dict.fromkeys(self.names[name] for name in self.outputs))
        used = {name for step in self.steps for name in step.inputs} | {*outputs}
        inputs = {name: shape for name, shape in self.inputs.items() if name in used}
        host = HostGraph(self._make_host(), str(path))
        graph = Graph(inputs, tuple(self.steps), outputs)
        return OnnxNetwork(Described(graph, tuple(self.skipped)), self.weights, host.to_bytes())

    def _list_reasons(self) -> str:
        reasons = [f"{entry.name}: {entry.reason}" for entry in self.skipped]
        if not reasons:
            operators = dict.fromkeys(node.op_type for node in self.low.nodes)
            return f"{', '.join(operators)} multiply no weights"
        more = f"; and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
        return "; ".join(reasons[:MOST_REASONS]) + more

    def _add_product(self, product: Product) -> None:
        step = product.step
        inputs = tuple(self.names[name] for name in step.inputs)
        self.steps.append(replace(step, inputs=inputs))
        self.weights[step.layer] = product.layer
        self.names[product.output] = step.name

    def _add_piece(self, tensor: str, node: Any) -> None:
        """Add a step for a tensor that the host computes from the steps before it."""
        nodes, inputs = find_piece(tensor, self.low.file.constants, self._find_node)
        name = self._name(tensor, node)
        self.names[tensor] = name
        operands = tuple(self.names[operand] for operand in inputs)
        if len(nodes) == len(operands) == 1 and node.op_type == "Relu" and not node.domain:
            self.steps.append(Step(name, "relu", operands))  # the PEs apply ReLU themselves
            return
        shape = self.low.shapes.get(tensor, ANY)
        self.steps.append(Step(name, HOST_OP, operands, "", {"shape": shape}))

    def _name(self, tensor: str, node: Any) -> str:
        used = self._list_names()
        for name in (self.outputs.get(tensor), node.name, tensor):
            if name and shorten(name) not in used:
                return shorten(name)
        number, name = 2, shorten(tensor)
        while f"{name} ({number})" in used:
            number += 1
        return f"{name} ({number})"

    def _list_names(self) -> set[str]:
        """Return the names of inputs, steps and products."""
        products = (product.step.name for product in self.low.products)
        return {*self.inputs, *(step.name for step in self.steps), *products}

    def _find_node(self, tensor: str) -> Any:
        """Return the node that gives a tensor, or None if a step gives it."""
        # no step can return a tensor of unknown type, so that it is computed again
        is_handed_over = tensor in self.names and self._find_type(tensor)
        return None if is_handed_over else self.producers.get(tensor)

    def _find_type(self, tensor: str) -> int:
        """Return ONNX's number of a tensor's type, or 0."""
        kind = self.types.get(tensor)
        return int(kind.tensor_type.elem_type) if kind is not None else 0

    def _make_host(self) -> Any:
        """Return the model with the host's nodes."""
        from onnx import helper, numpy_helper  # noqa: PLC0415 - an extra

        nodes = self.low.nodes
        model = start_model(self.low.file.model, "host", nodes)
        read = {name for node in nodes for name in find_reads(node)}
        for name, array in self.low.file.constants.items():
            if name in read:
                model.graph.initializer.append(numpy_helper.from_array(array, name))
        products = {product.output for product in self.low.products}
        for name, step in self.names.items():
            model.metadata_props.add(key=step, value=name)
            if self._find_type(name):
                model.graph.value_info.add(name=name).type.CopyFrom(self.types[name])
            elif name in products or name in self.inputs:
                value = helper.make_tensor_value_info(name, 1, None)
                model.graph.value_info.append(value)
        return model
