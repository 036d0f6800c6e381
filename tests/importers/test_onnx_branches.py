"""Branches of ONNX files, as PyTorch's exporter writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch", reason="PyTorch is missing: pip install 'eiesim[train]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is missing: pip install 'eiesim[onnx]'")
import onnxruntime
import torch
from torch import nn

from eiesim import Hardware, Model, run_model
from eiesim.base.errors import WorkloadError
from eiesim.cli.main import main
from eiesim.compress.pipeline import compress_network
from eiesim.compress.plan import LayerPlan, Plan
from eiesim.importers.described import Interface
from eiesim.importers.onnx_graph import OnnxNetwork, read_onnx

pytestmark = pytest.mark.filterwarnings("ignore")  # of PyTorch's old exporter


class Rates(nn.Module):
    """Other weights for each rate, and for each shape of the input, as silero-vad has them."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow, self.last = nn.Linear(6, 4), nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, samples: torch.Tensor, rate: torch.Tensor) -> Any:
        if int(rate) == 16000:
            hidden = self.wide(samples)
            if hidden.size(0) == 1:
                hidden = hidden * 2
        else:
            hidden = self.narrow(samples)
        return self.last(hidden.relu())


class Doubtful(nn.Module):
    """A second layer, only where the first one says so."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, numbers: torch.Tensor) -> Any:
        hidden = self.first(numbers)
        if bool(hidden.sum() > 0):
            hidden = self.second(hidden)
        return hidden


def export(module: nn.Module, inputs: dict[str, torch.Tensor], path: Path) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randint(-30, 30, parameter.shape) / 16)
    torch.onnx.export(
        torch.jit.script(module), tuple(inputs.values()), str(path), input_names=list(inputs),
        output_names=["scores"], dynamo=False, dynamic_axes={next(iter(inputs)): {0: "batch"}},
    )  # fmt: skip


def run(network: OnnxNetwork, inputs: dict[str, torch.Tensor]) -> npt.NDArray[np.float32]:
    plan = Plan(LayerPlan(codebook_bits=8))
    layers = {it.stored.name: it.stored for it in compress_network(network.weights, plan)}
    model = Model("net", network.described.graph, layers, host=network.host)
    arrays = {name: inputs[name].numpy() for name in model.graph.inputs}
    (done,) = run_model(model, [arrays], Hardware(codebook_bits=8))
    return done.values["scores"]


@pytest.mark.parametrize(("rate", "layer"), [(16000, "wide"), (8000, "narrow")])
def test_the_branch_of_a_known_input_is_taken(rate: int, layer: str, tmp_path: Path) -> None:
    module, path = Rates(), tmp_path / "rates.onnx"
    inputs = {"samples": torch.randn(1, 6), "rate": torch.tensor(rate)}
    export(module, inputs, path)
    network = read_onnx(path, Interface({"samples": (1, 6)}, {"rate": rate}))
    assert not network.described.skipped
    first, last = network.weights.values()
    assert np.array_equal(first.weights, getattr(module, layer).weight.detach().numpy())
    assert np.array_equal(last.weights, module.last.weight.detach().numpy())
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {name: it.numpy() for name, it in inputs.items()})
    assert np.allclose(run(network, inputs), expected, atol=1e-5)
    assert network.described.graph.outputs == ("scores",)


def test_a_branch_that_the_numbers_choose_is_the_hosts(tmp_path: Path) -> None:
    path = tmp_path / "doubtful.onnx"
    inputs = {"numbers": torch.randn(1, 4)}
    export(Doubtful(), inputs, path)
    network = read_onnx(path)
    assert len(network.weights) == 1
    (skipped,) = network.described.skipped
    assert skipped.reason.startswith("If: not a product that EIE runs")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for sign in (1, -1):
        numbers = sign * inputs["numbers"]
        (expected,) = session.run(None, {"numbers": numbers.numpy()})
        assert np.allclose(run(network, {"numbers": numbers}), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (Interface({}, {"rates": 8000}), "input 'rates': did you mean 'rate'"),
        (Interface({"samples": (1, 7)}), r"input 'samples': expected the shape \['any', 6\]"),
        (Interface({}, {"rate": 0.5}), "input 'rate': expected a value of its type"),
        (Interface({}, {"samples": 1.0}), "input 'samples': expected a value of its type"),
    ],
)
def test_what_does_not_fit_an_input_is_refused(
    known: Interface, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "rates.onnx"
    export(Rates(), {"samples": torch.randn(1, 6), "rate": torch.tensor(8000)}, path)
    with pytest.raises(WorkloadError, match=message):
        read_onnx(path, known)


def test_without_the_value_the_reason_names_the_input(tmp_path: Path) -> None:
    path = tmp_path / "rates.onnx"
    export(Rates(), {"samples": torch.randn(1, 6), "rate": torch.tensor(8000)}, path)
    network = read_onnx(path)
    (skipped,) = network.described.skipped
    assert "known values of rate" in skipped.reason


def test_products_that_the_host_runs_leave_no_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The network is whole, but EIE's time is not that of all its products."""
    export(Doubtful(), {"numbers": torch.randn(1, 4)}, tmp_path / "net.onnx")
    net = str(tmp_path / "net.eie")
    assert main(["import", str(tmp_path / "net.onnx"), "-o", net]) == 0
    assert "\nnot on EIE: " in capsys.readouterr().out
    assert main(["run", net, "--draw", "1", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    (missing,) = summary["not_on_eie"]
    assert "the host runs it" in missing["reason"]
    assert summary["frames_per_s"] is None
    why = f"the host's time for products is not known, of {missing['name']}"
    assert summary["no_frames_per_s"] == why
