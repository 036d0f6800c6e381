"""Networks as PyTorch's own exporters write them, against what PyTorch gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import Hardware, run_model
from eiesim.catalog.model import import_model, load_model
from eiesim.compress.plan import LayerPlan, Plan

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")
nn = torch.nn
HW = Hardware(n_pes=4, codebook_bits=8)


class Chain(nn.Module):  # type: ignore[name-defined,misc]
    """Modules one after the other; of a recurrent one, which of its outputs goes on."""

    def __init__(self, *parts: Any) -> None:
        super().__init__()
        self.parts = nn.ModuleList([part for part in parts if isinstance(part, nn.Module)])
        self.order = parts

    def forward(self, numbers: Any) -> Any:
        for part in self.order:
            numbers = part(numbers)
        return numbers


def take_all(given: Any) -> Any:
    return given[0]


def take_last(given: Any) -> Any:
    return given[0][:, -1]


def take_state(given: Any) -> Any:
    return given[1][0][-1]


def of_state(given: Any) -> Any:
    return given


def of_states(given: Any) -> Any:
    return given[0], *given[1]


class Attention(nn.Module):  # type: ignore[name-defined,misc]
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(6, 6) for _ in range(3))
        self.norm = nn.LayerNorm(6)

    def forward(self, words: Any) -> Any:
        query, key, value = self.query(words), self.key(words), self.value(words)
        weights = torch.softmax(query @ key.transpose(1, 2) / 6**0.5, -1)
        return self.norm(words + weights @ value)


def conv_block() -> Any:
    return Chain(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU6(),
                 nn.Conv2d(4, 4, 3, groups=2), nn.GELU(), nn.AdaptiveAvgPool2d(1),
                 nn.Flatten(), nn.Linear(4, 3), nn.Hardswish())  # fmt: skip


def conv1d_block() -> Any:
    return Chain(nn.Conv1d(3, 5, 3, stride=2, padding=1, dilation=2), nn.LeakyReLU(),
                 nn.AvgPool1d(2), nn.Flatten(), nn.Linear(15, 4), nn.Softmax(-1))  # fmt: skip


def recurrent(kind: str, take: Callable[[Any], Any], *more: Any, **settings: Any) -> Any:
    return Chain(getattr(nn, kind)(3, 4, **settings), take, *more)


Network = tuple[Callable[[], Any], tuple[int, ...], int]
NETWORKS: dict[str, Network] = {
    # what it is, the shape of a batch of one, and its products
    "mlp": (lambda: Chain(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 3)), (1, 8), 2),
    "conv": (conv_block, (1, 2, 6, 6), 3),
    "conv1d": (conv1d_block, (1, 3, 16), 2),
    "attention": (Attention, (1, 5, 6), 3),
    "lstm": (lambda: recurrent("LSTM", take_all, nn.Linear(4, 2)), (7, 1, 3), 2),
    "lstm, batch first": (
        lambda: recurrent("LSTM", take_last, nn.Linear(4, 2), batch_first=True), (1, 7, 3), 2),
    "lstm, states": (
        lambda: recurrent("LSTM", of_states, batch_first=True, bidirectional=True), (1, 7, 3), 2),
    "lstm, two levels": (
        lambda: recurrent("LSTM", take_state, num_layers=2, batch_first=True), (1, 7, 3), 2),
    "lstm, both ways": (
        lambda: recurrent("LSTM", take_all, nn.Linear(8, 2), bidirectional=True), (7, 1, 3), 3),
    "gru": (lambda: recurrent("GRU", take_all, nn.Linear(4, 2), num_layers=2), (7, 1, 3), 3),
    "gru, both ways": (
        lambda: recurrent("GRU", take_all, bidirectional=True, num_layers=2, batch_first=True),
        (1, 7, 3), 4),
    "rnn": (lambda: recurrent("RNN", take_all, nn.Linear(4, 2), num_layers=2), (7, 1, 3), 3),
    "rnn, relu, both ways": (
        lambda: recurrent("RNN", of_state, nonlinearity="relu", bidirectional=True),
        (7, 1, 3), 2),
    "words": (lambda: Chain(nn.Embedding(9, 3), nn.LSTM(3, 4), take_all), (5, 1), 1),
}  # fmt: skip


def check(network: str, path: Path, dynamo: bool, **settings: Any) -> Any:
    torch.manual_seed(0)
    make, shape, products = NETWORKS[network]
    module = make().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-1, 1)
            part.running_var.uniform_(0.5, 2)
    whole = network == "words"
    example = torch.randint(0, 9, shape) if whole else torch.randn(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (example,), str(path), dynamo=dynamo, verbose=False, **settings)
    with torch.no_grad():
        results = module(example)
    expected = results if isinstance(results, tuple) else (results,)
    # layers are small: 8-bit codes lose nothing
    found = import_model(path, plan=Plan(LayerPlan(codebook_bits=8, initialisation="optimal")))
    assert max(it.shared_error for it in found.changes.values()) < 1e-6
    found.model.save(path.with_suffix(".eie"))
    model = load_model(path.with_suffix(".eie"))
    assert sum(step.on_eie for step in model.graph.steps) == products
    numbers: npt.NDArray[np.float32] = example.numpy().astype(np.float32)
    (name,) = model.graph.inputs
    (run,) = run_model(model, [{name: numbers}], HW)
    assert len(model.graph.outputs) == len(expected)
    for output, wanted in zip(model.graph.outputs, expected, strict=True):
        assert run.values[output].shape == wanted.shape
        assert np.allclose(run.values[output], wanted.numpy(), atol=1e-4), output
    return found


@pytest.mark.parametrize("network", NETWORKS)
def test_the_torchscript_exporter(tmp_path: Path, network: str) -> None:
    pytest.importorskip("onnx", reason="needs the extra onnx")
    check(network, tmp_path / "net.onnx", dynamo=False)


# an RNN it writes step by step, each with a product of its own
@pytest.mark.parametrize("network", [
    *(pytest.param(name, marks=pytest.mark.slow)
      for name in NETWORKS if name != "mlp" and not name.startswith("rnn")), "mlp",
])  # fmt: skip
def test_the_exporter_of_today(tmp_path: Path, network: str) -> None:
    pytest.importorskip("onnxscript", reason="needs onnxscript, which PyTorch exports with")
    check(network, tmp_path / "net.onnx", dynamo=True, external_data=True)
    assert (tmp_path / "net.onnx.data").is_file()


@pytest.mark.parametrize("network", ["conv", "lstm, batch first", "lstm, both ways", "attention"])
def test_axes_of_any_size(tmp_path: Path, network: str) -> None:
    axes = {"conv": {0: "n"}, "lstm, both ways": {0: "t", 1: "n"}}.get(network, {0: "n", 1: "t"})
    check(network, tmp_path / "net.onnx", dynamo=False, input_names=["x"],
          dynamic_axes={"x": axes})  # fmt: skip
