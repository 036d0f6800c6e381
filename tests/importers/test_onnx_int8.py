"""Networks of 8-bit numbers, as ONNX Runtime's quantisation writes them, against its outputs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch", reason="PyTorch is missing: pip install 'eiesim[train]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is missing: pip install 'eiesim[onnx]'")
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization
from torch import nn

from eiesim import Hardware, run_model
from eiesim.catalog.model import import_model, load_model
from eiesim.compress.plan import LayerPlan, Plan
from eiesim.exporters import export_network
from eiesim.importers.described import Effect

HW = Hardware(n_pes=4, codebook_bits=8)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "gemm": (lambda: nn.Sequential(nn.Linear(10, 12), nn.ReLU(), nn.Linear(12, 4)), (1, 10)),
    "matmul": (lambda: nn.Sequential(nn.Linear(10, 12), nn.ReLU(), nn.Linear(12, 4)), (1, 5, 10)),
    "conv": (lambda: nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                                   nn.Conv2d(4, 4, 3, groups=2), nn.Flatten(), nn.Linear(16, 3)),
             (1, 2, 8, 8)),
    "conv1d": (lambda: nn.Sequential(nn.Conv1d(3, 5, 3, stride=2, padding=1, dilation=2)),
               (1, 3, 10)),
}  # fmt: skip
PRODUCTS = {"gemm": 2, "matmul": 2, "conv": 3, "conv1d": 1}
# without AVX-VNNI, ONNX Runtime's sums of two products of 8 bits overflow; not with weights of 7
QUANTISED: dict[str, dict[str, Any]] = {
    "dynamic, int8": {"weight_type": quantization.QuantType.QInt8, "reduce_range": True},
    "dynamic, uint8": {"weight_type": quantization.QuantType.QUInt8, "reduce_range": True},
    "dynamic, per channel": {"per_channel": True, "reduce_range": True},
    "static": {"quant_format": quantization.QuantFormat.QOperator, "reduce_range": True},
    "static, uint8": {"quant_format": quantization.QuantFormat.QOperator, "reduce_range": True,
                      "activation_type": quantization.QuantType.QUInt8},
    "static, per channel": {"quant_format": quantization.QuantFormat.QOperator,
                            "per_channel": True, "reduce_range": True},
    "static, QDQ": {"quant_format": quantization.QuantFormat.QDQ, "per_channel": True,
                    "reduce_range": True},
}  # fmt: skip


class Examples(quantization.CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, shape: Sequence[int]) -> None:
        rng = np.random.default_rng(1)
        self.left = [rng.standard_normal(shape).astype(np.float32) for _ in range(8)]

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        return {"x": self.left.pop()} if self.left else None


def export(module: nn.Module, shape: tuple[int, ...], path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch's old exporter
        torch.onnx.export(
            module.eval(), (torch.zeros(shape),), str(path), input_names=["x"], dynamo=False
        )


def quantise(network: str, way: str, folder: Path) -> Path:
    torch.manual_seed(0)
    make, shape = NETWORKS[network]
    plain, quantised = folder / "plain.onnx", folder / "net.onnx"
    export(make(), shape, plain)
    settings = QUANTISED[way]
    if way.startswith("dynamic"):
        quantization.quantize_dynamic(plain, quantised, **settings)
    else:
        quantization.quantize_static(plain, quantised, Examples(shape), **settings)
    return quantised


def run_onnx(path: Path, numbers: npt.NDArray[Any]) -> Any:
    options = onnxruntime.SessionOptions()
    # else it rounds floating-point weights between DequantizeLinear and QuantizeLinear to 8 bits
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"x": numbers})
    return output


def check(path: Path, numbers: npt.NDArray[Any]) -> Any:
    """Import a file with codes that lose nothing, and compare with what ONNX Runtime gives."""
    expected = run_onnx(path, numbers)
    found = import_model(path, plan=Plan(LayerPlan(codebook_bits=8, initialisation="optimal")))
    assert max(it.shared_error for it in found.changes.values()) < 1e-6
    found.model.save(path.with_suffix(".eie"))
    model = load_model(path.with_suffix(".eie"))
    (run,) = run_model(model, [{"x": numbers}], HW)
    output = run.values[model.graph.outputs[0]]
    assert output.shape == expected.shape
    assert np.abs(output - expected).max() <= 1e-5 * np.abs(expected).max()
    return found


@pytest.mark.parametrize("way", QUANTISED)
@pytest.mark.parametrize("network", NETWORKS)
def test_products_are_on_eie(tmp_path: Path, network: str, way: str) -> None:
    path = quantise(network, way, tmp_path)
    numbers = np.random.default_rng(0).standard_normal(NETWORKS[network][1]).astype(np.float32)
    found = check(path, numbers)
    assert not found.skipped
    assert sum(step.on_eie for step in found.model.graph.steps) == PRODUCTS[network]


def test_scales_are_in_the_weights(tmp_path: Path) -> None:
    """The numbers that EIE multiplies are those of the network before, rounded to 8 bits."""
    path = quantise("gemm", "dynamic, per channel", tmp_path)
    found = check(path, np.random.default_rng(0).standard_normal((1, 10)).astype(np.float32))
    constants = {
        it.name: numpy_helper.to_array(it)
        for it in onnx.load(tmp_path / "plain.onnx").graph.initializer
    }
    for stored, name in zip(found.model.layers.values(), ("0.weight", "2.weight"), strict=True):
        weights = stored.layer.codebook[stored.layer.codes.toarray()]
        rounding = np.abs(constants[name]).max(axis=1, keepdims=True) / 126
        assert (np.abs(weights - constants[name]) <= rounding).all()
    nodes = onnx.ModelProto.FromString(found.model.host).graph.node
    assert not {node.op_type for node in nodes} & {"MatMulInteger", "Cast", "Mul"}


def test_the_exported_network_gives_the_same(tmp_path: Path) -> None:
    path = quantise("conv", "static", tmp_path)
    numbers = np.random.default_rng(0).standard_normal((1, 2, 8, 8)).astype(np.float32)
    found = check(path, numbers)
    export_network(found.model, tmp_path / "back.onnx", "onnx")
    assert np.allclose(run_onnx(tmp_path / "back.onnx", numbers), run_onnx(path, numbers))


def make(nodes: Sequence[Any], shape: Sequence[int], constants: dict[str, npt.NDArray[Any]]) -> Any:
    values = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    results = [helper.make_empty_tensor_value_info("y")]
    held = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "net", values, results, held)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@pytest.mark.parametrize("operator", ["MatMulInteger", "ConvInteger"])
def test_whole_numbers_that_are_wanted_stay_whole(tmp_path: Path, operator: str) -> None:
    """Sums that something else than a Cast reads, of numbers with their zero points."""
    rng = np.random.default_rng(0)
    shape, kernel = {
        "MatMulInteger": ((3, 8), (8, 5)),
        "ConvInteger": ((1, 2, 6, 6), (4, 2, 3, 3)),
    }[operator]
    constants = {"w": rng.integers(0, 127, kernel, np.uint8), "wz": np.array(60, np.uint8)}
    settings: dict[str, Any] = {"pads": [1, 1, 1, 1]} if operator == "ConvInteger" else {}
    nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
             helper.make_node(operator, ["q", "w", "z", "wz"], ["sums"], "product", **settings),
             helper.make_node("Neg", ["sums"], ["y"])]  # fmt: skip
    onnx.save(make(nodes, shape, constants), tmp_path / "net.onnx")
    found = check(tmp_path / "net.onnx", rng.standard_normal(shape).astype(np.float32))
    assert not found.skipped


@pytest.mark.parametrize("rounded", [True, False])
def test_factors_of_a_gemm(tmp_path: Path, rounded: bool) -> None:
    """Its alpha is in the bias, too; without a scale of the output, floating point comes out."""
    rng = np.random.default_rng(0)
    constants: dict[str, npt.NDArray[Any]] = {
        "s": np.array(0.02, np.float32), "z": np.array(3, np.int8),
        "w": rng.integers(-63, 63, (8, 5), np.int8), "wz": np.zeros(5, np.int8),
        "ws": (rng.random(5) / 64).astype(np.float32), "b": rng.integers(-900, 900, 5, np.int32),
        "ys": np.array(0.05, np.float32), "yz": np.array(-4, np.int8),
    }  # fmt: skip
    inputs = ["q", "s", "z", "w", "ws", "wz", "b", *(["ys", "yz"] if rounded else [])]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("QGemm", inputs, ["p" if rounded else "y"], "gemm", alpha=0.5,
                         domain="com.microsoft"),
    ]  # fmt: skip
    if rounded:
        nodes.append(helper.make_node("DequantizeLinear", ["p", "ys", "yz"], ["y"]))
    onnx.save(make(nodes, (2, 8), constants), tmp_path / "net.onnx")
    found = check(tmp_path / "net.onnx", rng.standard_normal((2, 8)).astype(np.float32))
    assert not found.skipped


def test_what_the_host_keeps_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    constants = {"w": rng.standard_normal((4, 8)).astype(np.float32)}
    nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
             helper.make_node("Transpose", ["q"], ["t"]),
             helper.make_node("MatMulInteger", ["q", "t"], ["sums"], "squares"),
             helper.make_node("Cast", ["sums"], ["f"], to=TensorProto.FLOAT),
             helper.make_node("MatMul", ["f", "w"], ["y"], "last")]  # fmt: skip
    onnx.save(make(nodes, (4, 8), constants), tmp_path / "net.onnx")
    found = import_model(tmp_path / "net.onnx")
    assert [(it.name, it.reason, it.effect) for it in found.skipped] == [(
        "squares", "MatMulInteger: expected constant 8-bit weights with constant scales, found "
        "'t'; the host runs it", Effect.HOST,
    )]  # fmt: skip


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.last = nn.LSTM(6, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, numbers: torch.Tensor) -> Any:
        return self.last(self.cell(numbers)[0])


def test_an_lstm_that_rounds_its_state_is_named(tmp_path: Path) -> None:
    torch.manual_seed(0)
    export(Recurrent(), (1, 5, 6), tmp_path / "plain.onnx")
    quantization.quantize_dynamic(tmp_path / "plain.onnx", tmp_path / "net.onnx", reduce_range=True)
    numbers = np.random.default_rng(0).standard_normal((1, 5, 6)).astype(np.float32)
    (skipped,) = check(tmp_path / "net.onnx", numbers).skipped
    assert "DynamicQuantizeLSTM: its state is rounded to 8 bits in each step" in skipped.reason
