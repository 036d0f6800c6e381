"""Networks in ONNX files, against ONNX's own reference evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from eiesim import Hardware, run_model
from eiesim.compress.plan import LayerPlan, Plan
from eiesim.errors import WorkloadError
from eiesim.model import import_model

Floats = npt.NDArray[np.float32]
HW = Hardware(n_pes=4, codebook_bits=8)


def draw(rng: np.random.Generator, *shape: int) -> Floats:
    """Numbers of at most 200 values, which a codebook of 8 bits holds as they are."""
    return (rng.integers(-100, 100, shape) / 64).astype(np.float32)


def make(
    nodes: Sequence[Any],
    inputs: dict[str, Sequence[int | str]],
    outputs: Sequence[str],
    weights: dict[str, npt.NDArray[Any]],
) -> Any:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
              for name, shape in inputs.items()]  # fmt: skip
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "net", values, results, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def check(model: Any, path: Path, example: Floats, batched: Floats) -> Any:
    """Run a model by ONNX and by eiesim, with codes that lose nothing, and compare."""
    onnx.save(model, path)
    expected = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: batched})
    plan = Plan(LayerPlan(codebook_bits=8, initialisation="optimal"))
    found = import_model(path, plan=plan)
    assert max((it.shared_error for it in found.changes.values()), default=0) < 1e-6
    (name,) = found.model.graph.inputs
    (run,) = run_model(found.model, [{name: example}], HW)
    for output, wanted in zip(found.model.graph.outputs, expected, strict=True):
        assert np.allclose(run.values[output].reshape(-1), wanted.reshape(-1), atol=1e-4), output
    return found


def test_a_convolutional_network(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv", pads=[1, 0, 0, 1],
                         strides=[1, 2], group=2),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 1]),
        helper.make_node("AveragePool", ["r"], ["q"], kernel_shape=[2, 2], strides=[2, 1],
                         pads=[0, 0, 0, 0], count_include_pad=1),
        helper.make_node("Concat", ["p", "q"], ["pq"], axis=1),
        helper.make_node("Flatten", ["pq"], ["f"]),
        helper.make_node("Gemm", ["f", "g", "h"], ["y"], "gemm", transB=1, alpha=0.5, beta=2.0),
        helper.make_node("MatMul", ["y", "m"], ["z"], "matmul"),
        helper.make_node("Add", ["z", "k"], ["s"]),
        helper.make_node("Softmax", ["s"], ["out"], axis=1),
    ]  # fmt: skip
    weights = {"w": draw(rng, 4, 1, 2, 2), "b": draw(rng, 4), "g": draw(rng, 5, 48),
               "h": draw(rng, 5), "m": draw(rng, 5, 3), "k": draw(rng, 3)}  # fmt: skip
    model = make(nodes, {"x": ["n", 2, 4, 8]}, ["c", "p", "q", "y", "out"], weights)
    image = draw(rng, 2, 4, 8)
    found = check(model, tmp_path / "net.onnx", image, image[np.newaxis])
    assert not found.skipped
    assert found.model.layers["matmul"].bias is not None


@pytest.mark.parametrize(("kind", "gates", "reset"), [("LSTM", 4, 0), ("GRU", 3, 0), ("GRU", 3, 1)])
def test_recurrent_networks(tmp_path: Path, kind: str, gates: int, reset: int) -> None:
    rng = np.random.default_rng(1)
    size, inputs, steps = 3, 4, 5
    settings: dict[str, Any] = {"hidden_size": size}
    if kind == "GRU":
        settings["linear_before_reset"] = reset
    weights = {"w": draw(rng, 1, gates * size, inputs), "r": draw(rng, 1, gates * size, size),
               "b": draw(rng, 1, 2 * gates * size), "axes": np.array([1]),
               "m": draw(rng, size, 2)}  # fmt: skip
    nodes = [
        helper.make_node(kind, ["x", "w", "r", "b"], ["y", "last"], "cell", **settings),
        helper.make_node("Squeeze", ["y", "axes"], ["flat"]),
        helper.make_node("MatMul", ["flat", "m"], ["out"], "readout"),
    ]
    model = make(nodes, {"x": [steps, 1, inputs]}, ["out", "last"], weights)
    sequence = draw(rng, steps, inputs)
    # biases of both sides are added, and then take more values than a codebook may hold
    found = check(model, tmp_path / "net.onnx", sequence, sequence[:, np.newaxis])
    assert next(step.op for step in found.model.graph.steps) == kind.lower()


def test_normalisation_keeps_its_numbers(tmp_path: Path) -> None:
    # not run by the oracle: for one image, ONNX 1.23's computes the first channel alone
    nodes = [
        helper.make_node("LRN", ["x"], ["y"], "lrn", size=3, alpha=0.5, beta=0.25, bias=2.0),
        helper.make_node("Conv", ["y", "w"], ["z"], "conv"),
    ]
    weights = {"w": draw(np.random.default_rng(0), 1, 2, 1, 1)}
    onnx.save(make(nodes, {"x": [1, 2, 3, 3]}, ["z"], weights), tmp_path / "net.onnx")
    step = import_model(tmp_path / "net.onnx").model.graph.steps[0]
    assert step.settings == {"size": 3, "alpha": 0.5, "beta": 0.25, "k": 2.0}


def test_what_cannot_be_run_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["a"], "first", transB=1),
        helper.make_node("Erf", ["a"], ["e"], "odd"),
        helper.make_node("Gemm", ["e", "w"], ["b"], "second", transB=1),
        helper.make_node("Gemm", ["a", "w"], ["c"], "third", transB=1),
    ]
    model = make(nodes, {"x": [1, 4]}, ["b", "c"], {"w": draw(rng, 4, 4)})
    onnx.save(model, tmp_path / "net.onnx")
    found = import_model(tmp_path / "net.onnx")
    assert [it.name for it in found.skipped] == ["odd", "second"]
    assert "Erf: not a node that eiesim can run" in found.skipped[0].reason
    assert "reads e, which is not there" in found.skipped[1].reason
    assert [step.name for step in found.model.graph.steps] == ["first", "third"]
    assert found.model.graph.outputs == ("third",)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    nodes = [helper.make_node("Gemm", ["x", "w"], ["a"], "first", transB=1)]
    model = make(nodes, {"x": [1, 4]}, ["a"], {"w": draw(rng, 4, 4)})
    content = model.SerializeToString()
    path = tmp_path / "net.onnx"
    refused = 0
    for length in range(len(content)):
        refused += is_refused(path, content[:length])
    for _ in range(500):
        changed = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            changed[place] = rng.integers(0, 256)
        refused += is_refused(path, bytes(changed))
    assert refused > len(content) / 2
    external = onnx.ModelProto.FromString(content)
    external.graph.initializer[0].data_location = TensorProto.EXTERNAL
    external.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")
    path.write_bytes(external.SerializeToString())
    with pytest.raises(WorkloadError, match="lie in another file"):
        import_model(path)


def is_refused(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        import_model(path)
    except WorkloadError:
        return True
    return False
