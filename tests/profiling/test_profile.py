"""Modules of PyTorch with their products on EIE: what they give is what PyTorch gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is missing: pip install 'eiesim[train]'")
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, rnn

from eiesim import (
    CompressedLayer,
    Hardware,
    Model,
    compress,
    encode,
    estimate_energy,
    load_model,
    profile,
    run_model,
    simulate,
)
from eiesim.base.errors import ConfigError, EieError, WorkloadError
from eiesim.compress.plan import LayerPlan, Plan

pytestmark = [
    pytest.mark.filterwarnings("default:LSTM with projections:UserWarning"),
    pytest.mark.filterwarnings("default:Using padding='same':UserWarning"),
]
MACHINE = Hardware(n_pes=4, codebook_bits=8)
LOSSLESS = Plan(LayerPlan(codebook_bits=8))


class Residual(nn.Module):  # type: ignore[misc, unused-ignore]
    """A block whose input is added to its output, and one layer that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Linear(6, 6)

    def forward(self, images: Any) -> Any:
        images = images + self.first(images).relu()
        return images + self.second(self.second(images))


class Bare(nn.Module):  # type: ignore[misc, unused-ignore]
    """Products with parameters of no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Parameter(torch.randn(5, 6))
        self.right = nn.Parameter(torch.randn(6, 3))
        self.bias = nn.Parameter(torch.randn(3))

    def forward(self, rows: Any) -> Any:
        sums = torch.addmm(self.bias, rows, self.right, beta=0.5, alpha=2.0)
        return sums, rows @ self.left.T, self.left @ rows.T, torch.mm(rows, self.right)


class Cells(nn.Module):  # type: ignore[misc, unused-ignore]
    """Cells that a program calls step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.gru, self.rnn = nn.LSTMCell(5, 4), nn.GRUCell(4, 4), nn.RNNCell(4, 3)

    def forward(self, steps: Any) -> Any:
        states, state, outputs = None, None, []
        for numbers in steps:
            states = self.lstm(numbers, states)
            state = self.gru(states[0], state)
            outputs.append(self.rnn(state))
        return torch.stack(outputs)


def pack() -> Any:
    return rnn.pack_sequence([torch.randn(5, 6), torch.randn(3, 6), torch.randn(1, 6)])


CASES: dict[str, Callable[[], tuple[Any, tuple[Any, ...]]]] = {
    "linear": lambda: (nn.Linear(7, 5), (torch.randn(2, 3, 7),)),
    "residual": lambda: (Residual(), (torch.randn(2, 4, 6, 6),)),
    "conv1d": lambda: (
        nn.Conv1d(3, 4, 4, padding="same", dilation=2), (torch.randn(2, 3, 11),)
    ),
    "grouped": lambda: (
        nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2), (torch.randn(2, 4, 9, 8),)
    ),
    "reflected": lambda: (
        nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (torch.randn(2, 5, 5),)
    ),
    "lstm": lambda: (nn.LSTM(6, 4, 2, bidirectional=True), (torch.randn(5, 2, 6),)),
    "projected": lambda: (nn.LSTM(6, 4, 2, proj_size=3, batch_first=True), (torch.randn(2, 5, 6),)),
    "packed": lambda: (nn.LSTM(6, 4, bidirectional=True), (pack(),)),
    "gru": lambda: (nn.GRU(6, 4, 2, bidirectional=True, bias=False), (torch.randn(5, 6),)),
    "begun": lambda: (nn.GRU(6, 4), (torch.randn(5, 2, 6), torch.randn(1, 2, 4))),
    "rnn": lambda: (nn.RNN(6, 4, nonlinearity="relu"), (pack(),)),
    "cells": lambda: (Cells(), (torch.randn(3, 2, 5),)),
    "attention": lambda: (nn.MultiheadAttention(8, 2), (torch.randn(5, 2, 8),) * 3),
    "cross attention": lambda: (
        nn.MultiheadAttention(8, 2, batch_first=True, kdim=6, vdim=7, add_bias_kv=True),
        (torch.randn(2, 5, 8), torch.randn(2, 4, 6), torch.randn(2, 4, 7)),
    ),
    "transformer": lambda: (
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2),
        (torch.randn(2, 5, 8),),
    ),
    "decoder": lambda: (
        nn.TransformerDecoderLayer(8, 2, 12), (torch.randn(3, 2, 8), torch.randn(5, 2, 8))
    ),
    "bare": lambda: (Bare(), (torch.randn(4, 6),)),
}  # fmt: skip


def put_on_grid(module: Any) -> None:
    """Round weights so that a codebook of 8 bits holds them all."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_((parameter * 40).round().clamp(-100, 100) / 64)


def list_arrays(output: Any) -> Iterator[Any]:
    if isinstance(output, torch.Tensor):
        yield output.detach().numpy()
    elif isinstance(output, rnn.PackedSequence):
        yield output.data.detach().numpy()
    elif output is not None:
        for part in output:
            yield from list_arrays(part)


def check(module: Any, inputs: tuple[Any, ...], limit: float = 1e-5) -> Any:
    """Compare a profile with PyTorch's own outputs; both ways, of each layer and of the whole."""
    module.eval()
    with torch.no_grad():
        expected = list(list_arrays(module(*inputs)))
    for replace in (False, True):
        result = profile(module, *inputs, hw=MACHINE, plan=LOSSLESS, replace=replace)
        for row in result.rows:
            assert row["output_error"] < limit, row["layer"]
        for ours, theirs in zip(list_arrays(result.output), expected, strict=True):
            assert np.abs(ours - theirs).max() < limit
    return result


@pytest.mark.parametrize("name", CASES)
def test_products_are_pytorchs(name: str) -> None:
    torch.manual_seed(0)
    module, inputs = CASES[name]()
    put_on_grid(module)
    result = check(module, inputs)
    assert result.left_out == ()
    assert sum(it.numel() for it in module.parameters() if it.ndim > 1) - sum(
        layer.weights for layer in result.layers
    ) == {"cross attention": 2 * 8}.get(name, 0)


def test_weights_are_those_that_pytorch_uses() -> None:
    """Masks, weight norm in both forms, and a parametrisation of one's own."""
    torch.manual_seed(1)
    module = nn.Sequential(*(nn.Linear(8, 8) for _ in range(4)))
    put_on_grid(module)
    prune.l1_unstructured(module[0], "weight", 0.75)
    parametrizations.weight_norm(module[1])
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(module[2], dim=None)  # type: ignore[arg-type]
    nn.utils.parametrize.register_parametrization(module[3], "weight", nn.Tanh())
    result = check(module, (torch.randn(3, 8),))
    assert result.layers[0].density == 0.25
    assert result.left_out == ()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.Sequential(nn.Linear(30, 4), nn.ReLU(), nn.Linear(4, 5)), (7, 30)),
        (lambda: nn.LSTM(5, 3, 2, bidirectional=True, batch_first=True), (3, 6, 5)),
        (lambda: nn.GRU(5, 4, 2), (6, 3, 5)),
    ],
)
def test_inputs_of_quantised_modules_are_rounded_as_pytorch_does(make: Any, shape: Any) -> None:
    torch.manual_seed(2)
    kinds = {nn.Linear, nn.LSTM, nn.GRU}
    quantised = torch.ao.quantization.quantize_dynamic(make(), kinds, dtype=torch.qint8)
    check(quantised, (torch.randn(shape),))


def test_layers_are_those_of_an_import(tmp_path: Path) -> None:
    """The same network, read from a file and run by eiesim alone."""
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(40, 30), nn.ReLU(), nn.Linear(30, 10))
    torch.save(net.state_dict(), tmp_path / "net.pt")
    rows = torch.randn(3, 40)
    plan = Plan(LayerPlan(density=0.2))
    result = profile(net, rows, plan=plan, replace=True)
    model: Model = load_model(tmp_path / "net.pt", plan=plan)
    runs = list(run_model(model, [{"input": row} for row in rows.numpy()], Hardware()))
    for ours, theirs in zip(result.output.numpy(), runs, strict=True):
        assert np.allclose(ours, theirs.values["2"].reshape(-1), atol=1e-6)
    cycles = [sum(run.steps[place].result.cycles for run in runs) for place in (0, 1)]
    assert [row["cycles"] for row in result.rows] == cycles
    assert result.cycles == sum(cycles)


def test_a_layer_is_a_simulation_of_its_weights_and_inputs() -> None:
    torch.manual_seed(4)
    linear, vector = nn.Linear(40, 30, bias=False), torch.randn(40).relu()
    result = profile(linear, vector)
    layer: CompressedLayer = compress(linear.weight.detach().numpy())
    run = simulate(encode(layer, Hardware()), vector.numpy(), Hardware())
    (row,) = result.rows
    assert {name: row[name] for name in run.counters.totals()} == run.counters.totals()
    assert row["energy_pj"] == estimate_energy(run).total_pj
    assert row["activation_density"] == np.count_nonzero(vector.numpy()) / 40
    assert result.macs == 1200
    assert result.host_macs == 0


class Mixed(nn.Module):  # type: ignore[misc, unused-ignore]
    """Layers that EIE runs, layers that it does not, and one that nobody calls."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.linear = nn.Embedding(9, 4), nn.Linear(4, 4)
        self.up, self.idle = nn.ConvTranspose1d(4, 2, 3), nn.Linear(3, 3)
        self.mixer = nn.Parameter(torch.randn(4, 4))

    def forward(self, numbers: Any) -> Any:
        rows = torch.einsum("bsi,io->bso", self.linear(self.table(numbers)), self.mixer)
        scores = rows @ rows.transpose(1, 2)
        return self.up(rows.transpose(1, 2)), scores.softmax(-1)


def test_what_is_left_out_is_named() -> None:
    result = profile(Mixed(), torch.tensor([[1, 2, 3, 4, 5]]))
    assert {(it.module, it.kind, it.weights, it.reason) for it in result.left_out} == {
        ("", "Mixed", 16, "not a product that EIE runs"),
        ("table", "Embedding", 36, "not a product that EIE runs"),
        ("up", "ConvTranspose1d", 24, "not a product that EIE runs"),
        ("idle", "Linear", 9, "was not called"),
    }
    assert result.macs == 5 * 16
    # by hand: the mixer, the scores, and each number of a transposed convolution times its kernels
    assert result.host_macs == 5 * 16 + 5 * 5 * 4 + 5 * 4 * 2 * 3
    text = str(result)
    assert f"EIE does 80 of {80 + result.host_macs} multiply-accumulates (21.05%)" in text
    assert "left out: up (ConvTranspose1d, 24 weights): not a product that EIE runs" in text
    whole = str(profile(nn.Linear(3, 3), torch.ones(3)))
    assert "EIE does 9 of 9 multiply-accumulates (100.00%)" in whole
    assert "left out" not in whole


def test_attention_counts_the_hosts_products() -> None:
    module = nn.MultiheadAttention(8, 2, batch_first=True)
    query, key = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    result = profile(module, query, key, key, need_weights=False)
    assert result.macs == 2 * (3 + 5 + 5 + 3) * 64
    assert result.host_macs == 2 * 2 * 3 * 5 * 8


def test_replaced_outputs_change_what_follows() -> None:
    torch.manual_seed(5)
    first, second = nn.Linear(30, 20), nn.Linear(20, 10)
    net = nn.Sequential(first, nn.ReLU(), second)
    rows, plan = torch.randn(4, 30), Plan(LayerPlan(density=0.3, codebook_bits=2))
    kept, replaced = (profile(net, rows, plan=plan, replace=it) for it in (False, True))
    with torch.no_grad():
        assert torch.equal(kept.output, net(rows))
    assert not torch.allclose(replaced.output, kept.output, atol=1e-2)
    assert [row["output_error"] > 0.1 for row in replaced.rows] == [True, True]
    weights = [_find_weights(layer) for layer in replaced.layers]
    hidden = rows.numpy() @ weights[0].T + first.bias.detach().numpy()
    expected = np.maximum(hidden, 0) @ weights[1].T + second.bias.detach().numpy()
    assert np.allclose(replaced.output.numpy(), expected, atol=1e-5)


def _find_weights(layer: Any) -> Any:
    return layer.stored.layer.codebook[layer.stored.layer.codes.toarray()]


def test_fixed_point_rounds_the_outputs() -> None:
    linear = nn.Linear(20, 10, bias=False)
    hw = Hardware(datapath="fixed16", act_fraction_bits=6)
    result = profile(linear, torch.randn(20), hw=hw, replace=True)
    scaled = result.output.numpy() * 64
    assert np.array_equal(scaled, np.round(scaled))


def test_plans_name_the_layers_of_the_report() -> None:
    net = nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 10))
    plan = Plan(layers={"1": LayerPlan(density=0.1)})
    assert [row["weight_density"] for row in profile(net, torch.ones(30), plan=plan).rows] == [
        1,
        0.1,
    ]
    with pytest.raises(ConfigError, match="layer '2' of the plan"):
        profile(net, torch.ones(30), plan=Plan(layers={"2": LayerPlan()}))


def test_convolutions_have_8_bits_unless_the_plan_says_otherwise() -> None:
    net = nn.Sequential(nn.Conv1d(3, 4, 3), nn.Flatten(0), nn.Linear(8, 2))
    bits = [row["codebook_bits"] for row in profile(net, torch.ones(3, 4), hw=MACHINE).rows]
    assert bits == [8, 4]


def test_the_module_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    net[1].eval()
    before = {name: it.clone() for name, it in net.state_dict().items()}
    with pytest.raises(RuntimeError):  # PyTorch's own: two numbers where four are due
        profile(net, torch.ones(3, 2))
    profile(net, torch.ones(3, 4))
    assert [part.training for part in net.modules()] == [True, True, False, True]
    assert all(torch.equal(before[name], it) for name, it in net.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


def test_modules_that_hide_their_products_are_refused() -> None:
    scripted = torch.jit.trace(nn.Linear(3, 3), torch.ones(3))
    for module in (scripted, nn.ReLU()):
        with pytest.raises(WorkloadError, match="no product with weights was seen"):
            profile(module, torch.ones(3))


def test_weights_that_are_no_numbers_are_refused() -> None:
    linear = nn.Linear(3, 3)
    with torch.no_grad():
        linear.weight[0, 0] = float("nan")
    with pytest.raises(EieError, match="linear"):
        profile(linear, torch.ones(3))
    with pytest.raises(EieError):
        profile(nn.Linear(3, 3), torch.tensor([1.0, float("inf"), 0]))


def test_the_report_is_written(tmp_path: Path) -> None:
    result = profile(Mixed(), torch.tensor([[1, 2, 3]]))
    folder = result.save(tmp_path / "mixed")
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "summary.json",
        "manifest.json",
        "hardware.toml",
        "kinds.csv",
        "layers.csv",
        "left_out.csv",
    }
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["schema"] == "eiesim profile 1"
    assert summary["cycles"] == sum(row["cycles"] for row in summary["layers"]) == result.cycles
    assert summary["energy_pj"] == pytest.approx(sum(result.energy_pj or ()))
    result.save_page(tmp_path / "mixed.html")
    page = (tmp_path / "mixed.html").read_text()
    assert "Mixed on EIE" in page
    assert "ConvTranspose1d" in page


def test_energy_that_is_missing_has_its_reason() -> None:
    result = profile(nn.Linear(3, 3), torch.ones(3), hw=Hardware(node_nm=3.0))
    assert result.energy_pj is None
    assert result.no_energy
    assert f"no energy: {result.no_energy}" in str(result)
    assert result.summary["energy_pj"] is None


def test_a_threshold_leaves_the_bias_of_a_recurrent_layer() -> None:
    """Nothing but biases is sent; a delta_threshold is refused: a profile keeps no sums."""
    torch.manual_seed(0)
    net = torch.nn.RNN(5, 7)
    inputs = torch.ones(3, 1, 5)
    hw = Hardware(codebook_bits=8, act_threshold=100.0)
    result = profile(net, inputs, hw=hw, plan=LOSSLESS, replace=True)
    weights = dict(net.named_parameters())
    biases = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    assert torch.allclose(result.output[0][:, 0], torch.tanh(biases).expand(3, 7), atol=0.02)
    assert result.layers[0].run.result.counters.broadcasts == 3
    assert "not priced: the comparator of each lane" in str(result)
    with pytest.raises(ConfigError, match="delta_threshold: a profile keeps no sums"):
        profile(net, inputs, hw=Hardware(delta_threshold=0.1))
