"""Branches of a network in ONNX whose condition is known before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eiesim.importers.onnx_file import OnnxFile, find_graphs, replace_nodes, take_tensor

BRANCHES = {True: "then_branch", False: "else_branch"}


def take_known_branches(file: OnnxFile) -> bool:
    """Replace each If whose condition is a constant by its branch; return whether there was one.

    The model is changed; the constants of the branches are added to the file's. Branches within a
    branch are left for the next call.
    """
    nodes: list[Any] = []
    was_replaced = False
    for node in file.model.graph.node:
        branch = _find_branch(file, node)
        if branch is None:
            nodes.append(node)
        else:
            was_replaced = True
            nodes.extend(_inline(file, node, branch))
    replace_nodes(file.model.graph, nodes)
    return was_replaced


def _find_branch(file: OnnxFile, node: Any) -> Any:
    """Return the graph that an If runs; None if it is unknown, or for another node."""
    if node.op_type != "If" or node.domain not in ("", "ai.onnx") or not node.input:
        return None
    condition = file.constants.get(node.input[0])
    if condition is None or condition.size != 1 or condition.dtype.kind != "b":
        return None
    branch = BRANCHES[bool(condition.reshape(()))]
    graphs = [entry.g for entry in node.attribute if entry.name == branch and entry.HasField("g")]
    fits = len(graphs) == 1 and len(graphs[0].output) == len(node.output)
    return graphs[0] if fits and not graphs[0].sparse_initializer else None


def _inline(file: OnnxFile, node: Any, branch: Any) -> list[Any]:
    """Return the nodes of a branch, whose tensors get new names."""
    from onnx import NodeProto, helper  # noqa: PLC0415 - an extra

    prefix = node.name or node.output[0]
    inside = [tensor.name for tensor in branch.initializer]
    inside += [name for inner in branch.node for name in inner.output if name]
    names = {name: f"{prefix}/{name}" for name in inside}
    for tensor in branch.initializer:
        file.constants[names[tensor.name]] = take_tensor(tensor, f"{prefix}: {tensor.name}")
    nodes = []
    for inner in branch.node:
        copy = NodeProto.FromString(inner.SerializeToString())
        copy.name = f"{prefix}/{copy.name}" if copy.name else ""
        copy.output[:] = [names.get(name, name) for name in copy.output]
        rename_reads(copy, names)
        nodes.append(copy)
    for value, output in zip(branch.output, node.output, strict=True):
        if output:
            source = names.get(value.name, value.name)
            nodes.append(helper.make_node("Identity", [source], [output]))
    return nodes


def rename_reads(node: Any, names: Mapping[str, str]) -> None:
    """Rename the tensors of the branch that a node, or a graph in it, reads."""
    waiting = [node]
    while waiting:
        reader = waiting.pop()
        reader.input[:] = [names.get(name, name) for name in reader.input]
        for graph in find_graphs(reader):
            for value in graph.output:
                value.name = names.get(value.name, value.name)
            waiting.extend(graph.node)
