"""A compressed network as a model in ONNX; needs the extra ``onnx``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import Model
from eiesim.exporters.onnx_steps import RULES, Nodes
from eiesim.graph import ANY, STEPS, Shape
from eiesim.importers.onnx_branches import rename_reads
from eiesim.importers.onnx_file import NEEDS_ONNX
from eiesim.importers.onnx_host import HOST_OP, HostGraph, find_reads

OPSET, IR_VERSION = 17, 8
"""Of networks that did not come from ONNX."""


def make_onnx(model: Model) -> Any:
    """Return a network as an ONNX ModelProto, with the weights that codes and codebook stand for.

    Its results are those of the network on the float32 datapath. Inputs, outputs and steps keep
    their names. A network that came from ONNX has its host's nodes unchanged; any other takes and
    gives one example, without a batch. Raises WorkloadError if a convolution was transformed by
    Winograd's filtering, or the extra ``onnx`` is missing.
    """
    try:
        from onnx import ModelProto, helper, numpy_helper  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise WorkloadError(f"{model.name}: {NEEDS_ONNX}") from error

    host = model.host_graph if model.host else None
    names = _find_names(model, host) if host else {}
    nodes = _make_nodes(model, host, names)
    proto = ModelProto(ir_version=IR_VERSION if host is None else host.model.ir_version)
    opsets = [helper.make_opsetid("", OPSET)] if host is None else host.model.opset_import
    proto.opset_import.extend(opsets)
    proto.producer_name, proto.graph.name = "eiesim", model.name
    proto.graph.node.extend(nodes.nodes)
    proto.graph.input.extend(_describe(model, host, name) for name in model.graph.inputs)
    proto.graph.output.extend(_describe(model, host, name) for name in model.graph.outputs)
    proto.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in nodes.constants.items()
    )
    if host is not None:
        proto.graph.initializer.extend(_list_constants(proto, host, names))
    return proto


def _make_nodes(model: Model, host: HostGraph | None, names: Mapping[str, str]) -> Nodes:
    """Return the nodes of all steps; pieces of the host may share some."""
    steps = [step.name for step in model.graph.steps]
    inner = [] if host is None else [*host.producers, *host.constants]
    nodes = Nodes(model, {*model.graph.inputs, *steps, *(names.get(name, name) for name in inner)})
    emitted: set[int] = set()
    for step in model.graph.steps:
        if host is None or step.op != HOST_OP:
            RULES[step.op](nodes, step)
            continue
        new = [node for node in host.find_nodes(step) if id(node) not in emitted]
        emitted.update(id(node) for node in new)
        nodes.nodes.extend(_rename(node, names) for node in new)
    return nodes


def _list_constants(proto: Any, host: HostGraph, names: Mapping[str, str]) -> Iterator[Any]:
    """Yield the host's constants that nodes read, under their new names."""
    read = {name for node in proto.graph.node for name in find_reads(node)}
    for name, tensor in host.constants.items():
        if names.get(name, name) in read:
            copy = type(tensor).FromString(tensor.SerializeToString())
            copy.name = names.get(name, name)
            yield copy


def _find_names(model: Model, host: HostGraph) -> dict[str, str]:
    """Return new names of the host's tensors: those of the steps that give them."""
    steps = {step.name for step in model.graph.steps} | set(model.graph.inputs)
    names = {tensor: name for name, tensor in host.tensors.items() if name in steps}
    inner = set(host.constants) | set(host.producers)
    return {name: f"{name}/inner" for name in inner & steps} | names


def _rename(node: Any, names: Mapping[str, str]) -> Any:
    copy = type(node).FromString(node.SerializeToString())
    copy.output[:] = [names.get(name, name) for name in copy.output]
    rename_reads(copy, names)
    return copy


def _describe(model: Model, host: HostGraph | None, name: str) -> Any:
    """Return type and shape of an input or output."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - an extra

    kind = TensorProto.FLOAT
    if host is not None and host.tensors.get(name) in host.types:
        kind = host.types[host.tensors[name]].tensor_type.elem_type or kind
    shape: Shape = model.shapes[name]
    if shape == ANY:
        return helper.make_tensor_value_info(name, kind, None)
    sizes = [f"steps_{axis}" if size == STEPS else size for axis, size in enumerate(shape)]
    return helper.make_tensor_value_info(name, kind, sizes)
