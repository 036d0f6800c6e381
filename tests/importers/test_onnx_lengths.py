"""Recurrent layers in ONNX whose sequences end early, as PyTorch exports them."""

from __future__ import annotations

from collections.abc import Callable
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
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from eiesim import Hardware, run_model
from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import import_model, load_model
from eiesim.compress.plan import LayerPlan, Plan
from eiesim.exporters import export_network
from eiesim.importers.described import Interface

pytestmark = pytest.mark.filterwarnings("ignore")  # of PyTorch's old exporter
HW = Hardware(n_pes=4, codebook_bits=8)
PLAN = Plan(LayerPlan(codebook_bits=8, initialisation="optimal"))
STEPS, INPUTS, HIDDEN = 6, 4, 3
CELLS: dict[str, Callable[..., nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class Reader(nn.Module):
    """A recurrent layer that stops at a sequence's end; `length` for one that is always the same.

    The layer begins in states that are not zero.
    """

    def __init__(
        self, kind: str, both_ways: bool, batch: int = 1, length: int = 0, sorts: bool = True
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell = CELLS[kind](INPUTS, HIDDEN, bidirectional=both_ways)
        self.begin = nn.Parameter(torch.randn(1 + both_ways, batch, HIDDEN))
        self.length, self.sorts = length, sorts

    def forward(self, numbers: torch.Tensor, lengths: torch.Tensor | None = None) -> Any:
        if lengths is None:
            lengths = torch.tensor([self.length])
        packed = pack_padded_sequence(numbers, lengths, enforce_sorted=not self.sorts)
        is_lstm = isinstance(self.cell, nn.LSTM)
        outputs, ends = self.cell(packed, (self.begin, -self.begin) if is_lstm else self.begin)
        padded, _ = pad_packed_sequence(outputs)
        return padded, *(ends if is_lstm else (ends,))


def export(module: Reader, path: Path, batch: int = 1, **settings: Any) -> None:
    numbers = torch.zeros(STEPS, batch, INPUTS)
    lengths = () if module.length else (torch.full((batch,), STEPS),)
    torch.onnx.export(module.eval(), (numbers, *lengths), str(path), dynamo=False,
                      input_names=["x", "l"][: 1 + len(lengths)], **settings)  # fmt: skip


def check(path: Path, length: int | None, interface: Interface | None = None) -> Any:
    """Import a file with codes that lose nothing, and compare with what ONNX Runtime gives."""
    numbers = np.random.default_rng(0).standard_normal((STEPS, 1, INPUTS)).astype(np.float32)
    found = import_model(path, plan=PLAN, interface=interface)
    assert not found.skipped
    assert max(it.shared_error for it in found.changes.values()) < 1e-6
    found.model.save(path.with_suffix(".eie"))
    model = load_model(path.with_suffix(".eie"))
    known = interface is not None and interface.values
    steps = int(known["l"]) if known else length or STEPS
    inputs: dict[str, npt.NDArray[Any]] = {"x": numbers}
    if length is not None or known:
        inputs["l"] = np.array([steps])
    expected = run_onnx(path, inputs)
    given = {name: inputs[name].astype(np.float32) for name in model.graph.inputs}
    (run,) = run_model(model, [given], HW)
    for output, wanted in zip(model.graph.outputs, expected, strict=True):
        assert run.values[output].shape == wanted.shape
        assert np.abs(run.values[output] - wanted).max() <= 1e-5 * np.abs(wanted).max(), output
    return found.model, run


def run_onnx(path: Path, inputs: dict[str, npt.NDArray[Any]]) -> Any:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


@pytest.mark.parametrize("length", [1, 4, STEPS])
@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_a_length_that_is_an_input(tmp_path: Path, kind: str, both_ways: bool, length: int) -> None:
    export(Reader(kind, both_ways), tmp_path / "net.onnx")
    _, run = check(tmp_path / "net.onnx", length)
    assert [len(step.product_cycles) for step in run.steps] == [length] * (1 + both_ways)


@pytest.mark.parametrize("length", [3, STEPS])
@pytest.mark.parametrize("kind", CELLS)
def test_a_length_that_is_a_constant(tmp_path: Path, kind: str, length: int) -> None:
    export(Reader(kind, True, length=length), tmp_path / "net.onnx")
    model, run = check(tmp_path / "net.onnx", None)
    assert [len(step.product_cycles) for step in run.steps] == [length] * 2
    operators = {node.op_type for node in onnx.ModelProto.FromString(model.host).graph.node}
    assert ("Pad" in operators) == (length < STEPS)


def test_a_length_that_is_known_at_import(tmp_path: Path) -> None:
    export(Reader("lstm", True), tmp_path / "net.onnx")
    model, run = check(tmp_path / "net.onnx", None, Interface(values={"l": 2}))
    assert [len(step.product_cycles) for step in run.steps] == [2, 2]
    assert list(model.graph.inputs) == ["x"]


def test_axes_of_any_size(tmp_path: Path) -> None:
    path, axes = tmp_path / "net.onnx", {"x": {0: "t", 1: "n"}, "l": {0: "n"}}
    export(Reader("gru", True, sorts=False), path, dynamic_axes=axes)
    check(path, 4)
    export(Reader("gru", True), path, dynamic_axes=axes)  # by TopK, of any number of sequences
    shapes = {"x": (STEPS, 1, INPUTS)}
    with pytest.raises(WorkloadError, match="length of one sequence, found those of any number"):
        import_model(path, interface=Interface(shapes=shapes))
    check(path, 4, Interface(shapes={**shapes, "l": (1,)}))


@pytest.mark.parametrize("length", [-1, 0, STEPS + 1, 1 << 30])
def test_lengths_that_are_none_are_refused(tmp_path: Path, length: int) -> None:
    export(Reader("lstm", False), tmp_path / "net.onnx")
    model = import_model(tmp_path / "net.onnx", plan=PLAN).model
    inputs = {"x": np.zeros((STEPS, 1, INPUTS), np.float32), "l": np.array([length], np.float32)}
    with pytest.raises(WorkloadError, match=r"step '.*': (expected a sequence|ONNX Runtime stops)"):
        list(run_model(model, [inputs], HW))


def test_several_sequences_stay_with_the_host(tmp_path: Path) -> None:
    export(Reader("lstm", False, batch=3), tmp_path / "net.onnx", batch=3)
    with pytest.raises(WorkloadError, match="length of one sequence, found those of 3; the host"):
        import_model(tmp_path / "net.onnx")


def test_the_exported_network_gives_the_same(tmp_path: Path) -> None:
    export(Reader("lstm", True), tmp_path / "net.onnx")
    model, run = check(tmp_path / "net.onnx", 4)
    export_network(model, tmp_path / "back.onnx", "onnx")
    expected = run_onnx(
        tmp_path / "back.onnx",
        {"x": np.asarray(run.values["x"], np.float32), "l": np.array([4], np.int64)},
    )
    for output, wanted in zip(model.graph.outputs, expected, strict=True):
        assert np.allclose(run.values[output], wanted, atol=1e-5)
