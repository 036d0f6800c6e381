"""Networks in ONNX files, against ONNX Runtime and plain NumPy."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import Hardware, run_model
from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import import_model, load_model
from eiesim.compress.container import read_dcz, write_dcz
from eiesim.compress.plan import LayerPlan, Plan

REASON = "needs the extra onnx"
onnx = pytest.importorskip("onnx", reason=REASON)
onnxruntime = pytest.importorskip("onnxruntime", reason=REASON)
TensorProto, helper, numpy_helper = onnx.TensorProto, onnx.helper, onnx.numpy_helper
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


def check(model: Any, path: Path, example: Floats, batched: Floats, **settings: Any) -> Any:
    """Run a model by ONNX Runtime and by eiesim, with codes that lose nothing, and compare."""
    onnx.save(model, path, **settings)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = session.run(None, {model.graph.input[0].name: batched})
    return compare(path, example, expected)


def compare(path: Path, example: Floats, expected: Sequence[Floats]) -> Any:
    """Run a file by eiesim, and compare all its outputs with the expected ones."""
    plan = Plan(LayerPlan(codebook_bits=8, initialisation="optimal"))
    found = import_model(path, plan=plan)
    assert max((it.shared_error for it in found.changes.values()), default=0) < 1e-6
    found.model.save(path.with_suffix(".eie"))
    model = load_model(path.with_suffix(".eie"))
    (name,) = model.graph.inputs
    (run,) = run_model(model, [{name: example}], HW)
    assert len(model.graph.outputs) == len(expected)
    for output, wanted in zip(model.graph.outputs, expected, strict=True):
        assert run.values[output].shape == wanted.shape, output
        assert np.allclose(run.values[output], wanted, atol=1e-4), output
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


def test_normalisation_is_that_of_its_definition(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("LRN", ["x"], ["y"], "lrn", size=3, alpha=0.5, beta=0.25, bias=2.0),
        helper.make_node("Conv", ["y", "w"], ["z"], "conv"),
    ]
    rng = np.random.default_rng(0)
    image, weights = draw(rng, 4, 3, 3), draw(rng, 1, 4, 1, 1)
    onnx.save(make(nodes, {"x": [1, 4, 3, 3]}, ["z"], {"w": weights}), tmp_path / "net.onnx")
    squares = np.pad(image**2, ((1, 1), (0, 0), (0, 0)))
    around = squares[:-2] + squares[1:-1] + squares[2:]
    normalised = image / (2.0 + 0.5 / 3 * around) ** 0.25
    expected = np.einsum("oi,ihw->ohw", weights[:, :, 0, 0], normalised)
    compare(tmp_path / "net.onnx", image, [expected[np.newaxis]])


@pytest.mark.parametrize("axis", [None, -1, 1, 2])
def test_softmax_runs_along_its_axis(tmp_path: Path, axis: int | None) -> None:
    settings = {} if axis is None else {"axis": axis}
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"], "conv"),
             helper.make_node("Softmax", ["a"], ["y"], "soft", **settings)]  # fmt: skip
    rng = np.random.default_rng(0)
    image, weights = draw(rng, 2, 4, 5), draw(rng, 3, 2, 1, 1)
    onnx.save(make(nodes, {"x": ["n", 2, 4, 5]}, ["y"], {"w": weights}), tmp_path / "net.onnx")
    sums = np.einsum("oi,ihw->ohw", weights[:, :, 0, 0], image)[np.newaxis]
    powers = np.exp(sums - sums.max())
    # from opset 13 on, the last axis where none is given
    expected = powers / powers.sum(-1 if axis is None else axis, keepdims=True)
    compare(tmp_path / "net.onnx", image, [expected])


def test_a_product_that_is_an_output_keeps_to_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"]),
             helper.make_node("Add", ["z", "b"], ["y"])]  # fmt: skip
    weights = {"w": draw(rng, 6, 5), "b": draw(rng, 5)}
    model = make(nodes, {"x": ["n", 6]}, ["z", "y"], weights)
    numbers = draw(rng, 6)
    found = check(model, tmp_path / "net.onnx", numbers, numbers[np.newaxis])
    assert found.model.graph.outputs == ("z", "y")
    assert found.model.layers["z"].bias is None


ODD: dict[str, tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]] = {
    "Clip": ({}, {"low": np.array(0, "f4"), "high": np.array(6, "f4")}),
    "Elu": ({}, {}),
    "Erf": ({}, {}),
    "HardSigmoid": ({}, {}),
    "HardSwish": ({}, {}),
    "LeakyRelu": ({"alpha": 0.1}, {}),
    "LogSoftmax": ({}, {}),
    "ReduceMean": ({"axes": [1], "keepdims": 1}, {}),
    "Softplus": ({}, {}),
}


@pytest.mark.parametrize("operator", ODD)
def test_any_operator_stands_between_products(tmp_path: Path, operator: str) -> None:
    rng = np.random.default_rng(0)
    attributes, constants = ODD[operator]
    middle = 1 if operator == "ReduceMean" else 4
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["a"], "first"),
        helper.make_node(operator, ["a", *constants], ["e"], "odd", **attributes),
        helper.make_node("Gemm", ["e", "v"], ["y"], "second"),
    ]
    weights = {"w": draw(rng, 6, 4), "v": draw(rng, middle, 3), **constants}
    model = make(nodes, {"x": [1, 6]}, ["y"], weights)
    numbers = draw(rng, 6)
    found = check(model, tmp_path / "net.onnx", numbers, numbers[np.newaxis])
    assert [step.name for step in found.model.graph.steps] == ["first", "odd", "second", "y"]
    assert not found.skipped


def make_plain_pair(rng: np.random.Generator) -> Any:
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["a"], transB=1),
             helper.make_node("Relu", ["a"], ["r"]),
             helper.make_node("Gemm", ["r", "v"], ["y"], transB=1)]  # fmt: skip
    weights = {"w": draw(rng, 6, 8), "b": draw(rng, 6), "v": draw(rng, 3, 6)}
    return make(nodes, {"x": ["n", 8]}, ["y"], weights)


def test_weights_in_a_file_beside_the_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model, numbers = make_plain_pair(rng), draw(rng, 8)
    check(model, tmp_path / "net.onnx", numbers, numbers[np.newaxis], save_as_external_data=True,
          location="net.onnx.data", size_threshold=0)  # fmt: skip
    assert (tmp_path / "net.onnx.data").stat().st_size == 4 * (6 * 8 + 6 + 3 * 6)


@pytest.mark.parametrize(
    ("location", "length", "reason"),
    [("../outside.bin", None, "in the model's folder"), ("{folder}/w.bin", None, "folder, found"),
     ("link.bin", None, "in the model's folder"), ("", None, "in the model's folder"),
     ("missing.bin", None, "no such file"), ("w.bin", 1 << 40, "expected 1099511627776 bytes"),
     ("w.bin", -1, "expected -1 bytes"), ("w.bin", 8, "damaged tensor"),
     (".", None, "folder, found")],
)  # fmt: skip
def test_weights_elsewhere_are_refused(
    tmp_path: Path, location: str, length: int | None, reason: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in (tmp_path / "outside.bin", folder / "w.bin"):
        path.write_bytes(bytes(4 * 4 * 4))
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    nodes = [helper.make_node("Gemm", ["x", "w"], ["a"], "first", transB=1)]
    model = make(nodes, {"x": [1, 4]}, ["a"], {"w": np.zeros((4, 4), np.float32)})
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location.format(folder=folder))
    if length is not None:
        tensor.external_data.add(key="length", value=str(length))
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WorkloadError, match=reason):
        import_model(folder / "net.onnx")


def test_a_state_is_what_the_network_computes(tmp_path: Path) -> None:
    """Zeros by Shape and Expand, as PyTorch's older exporter has them, and any other state."""
    rng = np.random.default_rng(0)
    size, inputs, steps = 3, 4, 5
    weights = {"w": draw(rng, 1, 4 * size, inputs), "r": draw(rng, 1, 4 * size, size),
               "zero": np.zeros((1, 1, size), np.float32), "ends": np.array([0, 1, 0]),
               "one": np.array([1, 0, size]), "m": draw(rng, inputs, size),
               "first": np.array([0])}  # fmt: skip
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Mul", ["s", "ends"], ["batch"]),
        helper.make_node("Add", ["batch", "one"], ["sizes"]),
        helper.make_node("Expand", ["zero", "sizes"], ["h"]),
        helper.make_node("LSTM", ["x", "w", "r", "", "", "h", "h"], ["y"], hidden_size=size),
        helper.make_node("Gather", ["x", "first"], ["begin"]),
        helper.make_node("MatMul", ["begin", "m"], ["c"]),
        helper.make_node("LSTM", ["x", "w", "r", "", "", "c", "c"], ["z", "zh", "zc"],
                         hidden_size=size),
    ]  # fmt: skip
    sequence = draw(rng, steps, inputs)
    shapes: list[list[int | str]] = [["t", 1, inputs], [steps, "n", inputs], ["t", "n", inputs]]
    for shape in shapes:
        model = make(nodes, {"x": shape}, ["y", "z", "zh", "zc"], weights)
        found = check(model, tmp_path / "net.onnx", sequence, sequence[:, np.newaxis])
        assert sum(step.op == "lstm" for step in found.model.graph.steps) == 2
        assert not found.skipped


def test_a_state_that_is_a_constant_is_in_the_file(tmp_path: Path) -> None:
    """It is a step of the host without inputs, which the file keeps."""
    rng = np.random.default_rng(0)
    weights = {"w": draw(rng, 1, 9, 4), "r": draw(rng, 1, 9, 3), "h": draw(rng, 1, 1, 3)}
    nodes = [helper.make_node("GRU", ["x", "w", "r", "", "", "h"], ["y"], hidden_size=3)]
    model, sequence = make(nodes, {"x": [5, 1, 4]}, ["y"], weights), draw(rng, 5, 4)
    assert not check(model, tmp_path / "net.onnx", sequence, sequence[:, np.newaxis]).skipped


def test_what_eie_does_not_run_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["a"], "first", transB=1),
        helper.make_node("MatMul", ["x", "a"], ["e"], "odd"),
        helper.make_node("Conv", ["e", "k"], ["c"], "deep"),
        helper.make_node("Gemm", ["lost", "w"], ["f"], "far", transB=1),
    ]
    weights = {"w": draw(rng, 4, 4), "k": draw(rng, 1, 1, 1, 1, 1)}
    model = make(nodes, {"x": [1, 4]}, ["a", "f"], weights)
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    found = import_model(path)
    reasons = {it.name: it.reason for it in found.skipped}
    assert reasons["odd"] == "MatMul: expected constant weights, found 'a'; the host runs it"
    assert "weights of 3 or 4 dimensions, found float32 [1, 1, 1, 1, 1]" in reasons["deep"]
    assert reasons["far"] == "Gemm: reads 'lost', not there; left out"
    assert reasons["f"] == "an output that nothing gives; left out"
    assert found.model.graph.outputs == ("a",)
    del model.graph.node[0]
    onnx.save(model, path)
    with pytest.raises(WorkloadError, match=r"found none: .*far: Gemm: reads 'lost'"):
        import_model(path)
    del model.graph.node[:]
    model.graph.node.append(helper.make_node("Relu", ["x"], ["a"]))
    onnx.save(model, path)
    with pytest.raises(WorkloadError, match=r"found none: f: .*nothing gives"):
        import_model(path)


def test_nodes_without_outputs_are_left_out(tmp_path: Path) -> None:
    for operator in ("Gemm", "Constant", "Relu", "LSTM", "Shape"):
        nodes = [helper.make_node(operator, ["x", "w", "w"], []),
                 helper.make_node("Gemm", ["x", "w"], ["y"])]  # fmt: skip
        weights = {"w": np.ones((4, 4), np.float32)}
        onnx.save(make(nodes, {"x": [1, 4]}, ["y"], weights), tmp_path / "net.onnx")
        found = import_model(tmp_path / "net.onnx")
        assert found.model.graph.outputs == ("y",)
        assert f"{operator}: gives nothing; left out" in [it.reason for it in found.skipped]


def test_a_file_with_a_damaged_host_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Gemm", ["x", "w"], ["a"], "first"),
             helper.make_node("Erf", ["a"], ["y"], "odd")]  # fmt: skip
    weights = {"w": np.ones((4, 4), np.float32)}
    path = tmp_path / "net.onnx"
    onnx.save(make(nodes, {"x": [1, 4]}, ["y"], weights), path)
    model = import_model(path).model
    outside = onnx.ModelProto.FromString(model.host)
    outside.graph.initializer.add(name="o", data_location=TensorProto.EXTERNAL)
    other = onnx.ModelProto.FromString(model.host)
    del other.graph.node[:]
    bad = {b"": "no tensor of it", b"no model": "expected an ONNX model",
           outside.SerializeToString(): "found a path",
           other.SerializeToString(): "nothing gives 'y'"}  # fmt: skip
    for host, reason in bad.items():
        with pytest.raises(WorkloadError, match=reason):
            replace(model, host=host)
    container = path.with_suffix(".eie")
    model.save(container)
    content = read_dcz(container)
    for text in ("AAA", "\u00e4", "AAAA"):
        write_dcz(container, content.layers, {**content.metadata, "host": text})
        with pytest.raises(WorkloadError, match=r"net\.eie: .*(base64|ONNX|host)"):
            load_model(container)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(
    tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(make_plain_pair(np.random.default_rng(0)), path)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(WorkloadError, match=rf"{package}: pip install 'eiesim\[onnx\]'"):
        import_model(path)


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


def is_refused(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        import_model(path)
    except WorkloadError:
        return True
    return False
