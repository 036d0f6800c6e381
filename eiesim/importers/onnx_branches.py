"""Branches of a network in ONNX whose condition is known before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eiesim.importers.onnx_file import OnnxFile, find_graphs, replace_nodes, take_tensor

BRANCHES = {True: "then_branch", False: "else_branch"}


def take_known_branches(file: OnnxFile) -> bool:
    """Put the branch that is taken in the place of each If whose condition is a constant.

    The model is changed; its constants are among the file's. Branches within a branch are left for
    the next call.

    Returns
    -------
    bool
        Whether there was one.
    """
    nodes: list[Any] = []
    taken = False
    for node in file.model.graph.node:
        branch = _find_branch(file, node)
        if branch is None:
            nodes.append(node)
        else:
            taken = True
            nodes.extend(_inline(file, node, branch))
    replace_nodes(file.model.graph, nodes)
    return taken


def _find_branch(file: OnnxFile, node: Any) -> Any:
    """Return the graph that an If runs, or None where that is not known or another node."""
    if node.op_type != "If" or node.domain not in ("", "ai.onnx") or not node.input:
        return None
    condition = file.constants.get(node.input[0])
    if condition is None or condition.size != 1 or condition.dtype.kind != "b":
        return None
    wanted = BRANCHES[bool(condition.reshape(()))]
    graphs = [entry.g for entry in node.attribute if entry.name == wanted and entry.HasField("g")]
    fits = len(graphs) == 1 and len(graphs[0].output) == len(node.output)
    return graphs[0] if fits and not graphs[0].sparse_initializer else None


def _inline(file: OnnxFile, node: Any, branch: Any) -> list[Any]:
    """Return the nodes of a branch, their tensors under names of their own."""
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
    """Rename what a node, and the graphs in it, read of the branch; no graph hides a name."""
    waiting = [node]
    while waiting:
        reader = waiting.pop()
        reader.input[:] = [names.get(name, name) for name in reader.input]
        for graph in find_graphs(reader):
            for value in graph.output:
                value.name = names.get(value.name, value.name)
            waiting.extend(graph.node)
