"""The share of a network that EIE does, beside PyTorch's own counter."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import Hardware, run_model
from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import import_model
from eiesim.cli.main import main
from eiesim.compress.plan import LayerPlan, Plan

pytest.importorskip("onnxruntime", reason="needs the extra onnx")
from onnx import TensorProto, helper, numpy_helper, save

torch = pytest.importorskip("torch", reason="needs the extra train")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402 - torch may be missing

nn = torch.nn
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the exporter's
BITS = Hardware(codebook_bits=8)
PLAN = Plan(LayerPlan(codebook_bits=8))


class Attention(nn.Module):  # type: ignore[name-defined,misc]
    """Products with weights, and two between activations, which the host does."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = (nn.Linear(12, 12) for _ in range(3))

    def forward(self, x: Any) -> Any:
        """Return weighted values."""
        weights = torch.softmax(self.one(x) @ self.two(x).transpose(1, 2), -1)
        return weights @ self.three(x)


class Spread(nn.Module):  # type: ignore[name-defined,misc]
    """A transposed convolution, which the host does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 6, 3, stride=2, groups=2, bias=False)
        self.spread = nn.ConvTranspose2d(6, 2, 3, stride=2, bias=False)

    def forward(self, x: Any) -> Any:
        """Return an image."""
        return self.spread(torch.relu(self.conv(x)))


class Sums(nn.Module):  # type: ignore[name-defined,misc]
    """An Einsum of two activations."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(8, 6, bias=False), nn.Linear(8, 6, bias=False)

    def forward(self, x: Any) -> Any:
        """Return products of all steps."""
        return torch.einsum("bid,bjd->bij", self.one(x), self.two(x))


def export(module: Any, example: Any, file: Path, **options: Any) -> None:
    stream = io.BytesIO()
    torch.onnx.export(module.eval(), (example,), stream, input_names=["x"], dynamo=False, **options)
    file.write_bytes(stream.getvalue())


@pytest.mark.parametrize(
    ("module", "shape"),
    [(Attention(), (1, 5, 12)), (Spread(), (1, 4, 9, 11)), (Sums(), (1, 7, 8))],
)
def test_multiplications_are_pytorchs(module: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    torch.manual_seed(0)
    example = torch.randn(*shape)
    with FlopCounterMode(display=False) as counter:
        module(example)
    export(module, example, tmp_path / "net.onnx")
    model = import_model(tmp_path / "net.onnx", None, PLAN).model
    (run,) = run_model(model, [{"x": example.numpy()}], BITS)
    assert run.host_macs
    ours = sum(step.dense_macs for step in run.steps)
    assert ours
    assert 2 * (ours + run.host_macs) == counter.get_total_flops()


def test_a_network_that_eie_does_whole_leaves_nothing_to_the_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(nn.Linear(8, 3), torch.zeros(1, 8), tmp_path / "net.onnx")
    import_model(tmp_path / "net.onnx", None, PLAN).model.save(tmp_path / "net.eie")
    assert main(["run", str(tmp_path / "net.eie"), "--draw", "1", "--set", "codebook_bits=8"]) == 0
    assert "EIE does 24 of 24 multiply-accumulates (100.00%)" in capsys.readouterr().out


def test_what_cannot_be_counted_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A product in the body of a loop: how often it runs, no shape says."""
    body = helper.make_graph(
        [helper.make_node("MatMul", ["s", "s"], ["t"]), helper.make_node("Identity", ["c"], ["d"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("c", TensorProto.BOOL, []),
         helper.make_tensor_value_info("s", TensorProto.FLOAT, [3, 3])],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, []),
         helper.make_tensor_value_info("t", TensorProto.FLOAT, [3, 3])],
    )  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"]),
         helper.make_node("Loop", ["n", "", "y"], ["z"], body=body)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 3])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [3, 3])],
        [numpy_helper.from_array(np.eye(3, dtype=np.float32), "w"),
         numpy_helper.from_array(np.array(2), "n")],
    )  # fmt: skip
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
         tmp_path / "net.onnx")  # fmt: skip
    import_model(tmp_path / "net.onnx", None, PLAN).model.save(tmp_path / "net.eie")
    assert main(["run", str(tmp_path / "net.eie"), "--draw", "1", "--set", "codebook_bits=8"]) == 0
    assert "how much the host multiplies is not known" in capsys.readouterr().out


def test_an_image_smaller_than_the_window_is_an_error(tmp_path: Path) -> None:
    module = nn.Conv2d(1, 2, 5)
    axes = {"x": {2: "height", 3: "width"}}
    export(module, torch.zeros(1, 1, 9, 9), tmp_path / "net.onnx", dynamic_axes=axes)
    model = import_model(tmp_path / "net.onnx", None, PLAN).model
    with pytest.raises(WorkloadError, match="a window of 5 x 5 fits into, found 4 x 9"):
        list(run_model(model, [{"x": np.ones((1, 1, 4, 9), np.float32)}], BITS))
