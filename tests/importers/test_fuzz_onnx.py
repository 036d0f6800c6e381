"""ONNX files with damaged nodes, shapes and numbers: an error or a sound network, nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import Hardware, run_model
from eiesim.base.errors import EieError
from eiesim.catalog.examples import draw_examples
from eiesim.catalog.model import import_model, load_model
from eiesim.compress.plan import LayerPlan, Plan
from tests.support.containers import mutate

pytest.importorskip("onnxruntime", reason="onnxruntime is missing: pip install 'eiesim[onnx]'")
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    helper,
    numpy_helper,
)

PLAN = Plan(LayerPlan(codebook_bits=8))
HW = Hardware(n_pes=4, codebook_bits=8)
FLOAT = TensorProto.FLOAT
FORGED = (-(1 << 62), -1, 0, 1, 2, 3, 7, 1 << 20, 1 << 62)


def make_model() -> ModelProto:
    """A convolution, an LSTM with a length, a branch, and products of 8-bit numbers."""
    rng = np.random.default_rng(0)

    def floats(*shape: int) -> npt.NDArray[np.float32]:
        return rng.normal(size=shape).astype(np.float32)

    constants = {
        "kernel": floats(3, 2, 3), "w": floats(1, 16, 3), "r": floats(1, 16, 4),
        "b": floats(1, 32), "length": np.array([3], np.int32), "two": np.array([4, 1, 3]),
        "whole": rng.integers(-9, 9, (4, 5)).astype(np.int8), "zero": np.array(1, np.int8),
        "flag": np.array(True), "last": floats(5, 2), "bias": floats(2), "flat": np.array([4, 4]),
        "factor": np.array(0.25, np.float32),
    }  # fmt: skip

    def make_branch(name: str, alpha: float) -> GraphProto:
        node = helper.make_node("Gemm", ["scaled", "last", "bias"], [name], alpha=alpha)
        output = helper.make_tensor_value_info(name, FLOAT, [4, 2])
        return helper.make_graph([node], name, [], [output])

    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["c"], pads=[1, 1]),
        helper.make_node("Transpose", ["c"], ["t"], perm=[2, 0, 1]),
        helper.make_node("Reshape", ["t", "two"], ["s"]),
        helper.make_node("LSTM", ["s", "w", "r", "b", "length"], ["y", "h"], hidden_size=4),
        helper.make_node("Reshape", ["y", "flat"], ["q"]),
        helper.make_node("DynamicQuantizeLinear", ["q"], ["n", "scale", "z"]),
        helper.make_node("MatMulInteger", ["n", "whole", "z", "zero"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=FLOAT),
        helper.make_node("Mul", ["scale", "factor"], ["both"]),
        helper.make_node("Mul", ["f", "both"], ["scaled"]),
        helper.make_node(
            "If",
            ["flag"],
            ["z2"],
            then_branch=make_branch("then", 1.0),
            else_branch=make_branch("else", 0.5),
        ),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", FLOAT, [1, 2, 4])],
        [helper.make_tensor_value_info("z2", FLOAT, [4, 2]),
         helper.make_tensor_value_info("h", FLOAT, [1, 1, 4])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def choose(number: int, rng: np.random.Generator) -> int:
    return int(rng.integers(number))


def forge(rng: np.random.Generator) -> int:
    return FORGED[choose(len(FORGED), rng)]


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a few fields of a model that can still be parsed, or some of its bytes."""
    if rng.integers(5) == 0:
        return mutate(content, rng)
    model = ModelProto.FromString(content)
    for _ in range(rng.integers(1, 4)):
        graph = model.graph
        kind = rng.integers(6)
        if kind == 0:
            node = graph.node[choose(len(graph.node), rng)]
            _damage_names(node, [name for it in graph.node for name in it.output], rng)
        elif kind == 1:
            _damage_attribute(graph.node[choose(len(graph.node), rng)], rng)
        elif kind == 2:
            tensor = graph.initializer[choose(len(graph.initializer), rng)]
            if tensor.dims:
                tensor.dims[choose(len(tensor.dims), rng)] = forge(rng)
        elif kind == 3:
            tensor = graph.initializer[choose(len(graph.initializer), rng)]
            tensor.data_type = int(rng.integers(24))
        elif kind == 4:
            value = graph.input[0].type.tensor_type.shape.dim
            value[choose(len(value), rng)].dim_value = forge(rng)
        else:
            del graph.node[choose(len(graph.node), rng)]
            if not graph.node:
                break
    return bytes(model.SerializeToString())


def _damage_names(node: NodeProto, names: list[str], rng: np.random.Generator) -> None:
    which = rng.integers(4)
    if which == 0 and node.input:
        node.input[choose(len(node.input), rng)] = str(rng.choice(["", *names]))
    elif which == 1 and node.input:
        del node.input[choose(len(node.input), rng)]
    elif which == 2:
        node.op_type = str(rng.choice(["Relu", "MatMul", "GRU", "RNN", "QLinearConv", "Loop", ""]))
    else:
        node.output[choose(len(node.output), rng)] = str(rng.choice(["", *names]))


def _damage_attribute(node: NodeProto, rng: np.random.Generator) -> None:
    if not node.attribute:
        node.attribute.append(helper.make_attribute("axis", forge(rng)))
        return
    attribute = node.attribute[choose(len(node.attribute), rng)]
    if attribute.type == AttributeProto.INT:
        attribute.i = forge(rng)
    elif attribute.type == AttributeProto.INTS and attribute.ints:
        attribute.ints[choose(len(attribute.ints), rng)] = forge(rng)
    else:
        attribute.ClearField("type")


@pytest.mark.filterwarnings("ignore:overflow|invalid value|divide by zero:RuntimeWarning")
@pytest.mark.parametrize("rounds", [60, pytest.param(1500, marks=pytest.mark.slow)])
def test_damaged_models(rounds: int, tmp_path: Path) -> None:
    honest = make_model().SerializeToString()
    path, net = tmp_path / "net.onnx", tmp_path / "net.eie"
    path.write_bytes(honest)
    whole = import_model(path, None, PLAN).model
    assert [step.op for step in whole.graph.steps if step.on_eie] == ["conv", "lstm", "fc", "fc"]
    rng = np.random.default_rng(rounds)
    refused = run = 0
    for _ in range(rounds):
        path.write_bytes(damage(honest, rng))
        try:
            model = import_model(path, None, PLAN).model
            model.save(net)
            (one,) = run_model(load_model(net), draw_examples(model, 1, 1.0, 0), HW)
        except EieError:
            refused += 1
        else:
            run += 1
            assert set(one.values) >= set(model.graph.outputs)
    assert refused > rounds / 10
    assert run > rounds / 10
