"""Retraining in PyTorch: equation 3, masks, save and load, and what is exported."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim.base.errors import WorkloadError

pytest.importorskip("torch", reason="PyTorch is missing: pip install 'eiesim[train]'")
import torch
from torch import nn
from torch.func import functional_call

from eiesim.compress.retrain import (
    export,
    finetune_codebook,
    masked,
    prune_,
    restore_,
    share_weights,
    train,
)
from eiesim.compress.retrain.compressible import WeightMatrix, find_weights
from eiesim.compress.retrain.modules import CharLstm, LeNet5, LeNet300, seeded
from eiesim.training.tasks import make_model
from eiesim.training.training import take_layers, take_state
from tests.support.paths import DOCS

PAGE = DOCS / "retraining.md"


class Recurrent(nn.Module):
    """The outputs of a recurrent layer, without its state."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.layer(inputs)[0]
        return outputs


def make_linear() -> tuple[nn.Module, torch.Tensor]:
    model = nn.Sequential(nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 4))
    return model, torch.randn(16, 12)


def make_conv() -> tuple[nn.Module, torch.Tensor]:
    model = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1), nn.Tanh(), nn.Flatten())
    return model, torch.randn(8, 2, 6, 6)


def make_lstm() -> tuple[nn.Module, torch.Tensor]:
    return Recurrent(nn.LSTM(6, 5, num_layers=2, batch_first=True)), torch.randn(4, 7, 6)


def make_gru() -> tuple[nn.Module, torch.Tensor]:
    return Recurrent(nn.GRU(6, 5, bidirectional=True, batch_first=True)), torch.randn(4, 7, 6)


Make = Callable[[], tuple[nn.Module, torch.Tensor]]
KINDS = pytest.mark.parametrize("make", [make_linear, make_conv, make_lstm, make_gru])


def half_square(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return 0.5 * (outputs - targets).square().mean()


def make_batches(model: nn.Module, inputs: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(inputs, torch.randn_like(model(inputs).detach())) for _ in range(3)]


def copy_weights(model: nn.Module) -> dict[str, np.ndarray[Any, Any]]:
    return {found.name: found.values.detach().numpy().copy() for found in find_weights(model)}


def name_parameter(model: nn.Module, weights: WeightMatrix) -> str:
    return next(name for name, value in model.named_parameters() if value is weights.values)


@KINDS
def test_equation_3_is_the_gradient_through_the_look_up(make: Make) -> None:
    with seeded(1):
        model, inputs = make()
        batches = make_batches(model, inputs)
    prune_(model, density=0.6)
    share_weights(model, bits=3)
    found = find_weights(model)
    entries = {w.name: w.codebook.detach().clone().requires_grad_() for w in found}
    looked_up = {}
    for weights in found:
        assert weights.codes is not None
        name = name_parameter(model, weights)
        looked_up[name] = entries[weights.name][weights.codes.long()]
    half_square(functional_call(model, looked_up, (batches[0][0],)), batches[0][1]).backward()
    with masked(model):
        half_square(model(batches[0][0]), batches[0][1]).backward()
    for weights in found:
        truth, ours = entries[weights.name].grad, weights.codebook.grad
        assert truth is not None
        assert ours is not None
        assert truth[1:].abs().max() > 1e-5
        np.testing.assert_allclose(ours[1:], truth[1:], rtol=1e-6, atol=1e-6)
        assert ours[0] == 0
        assert weights.values.grad is None


def test_equation_3_in_float64_by_difference_quotients() -> None:
    with seeded(2):
        model, inputs = make_conv()
        batches = make_batches(model, inputs)
    model.double()
    batches = [(inputs.double(), targets.double()) for inputs, targets in batches]
    share_weights(model, bits=2)
    weights = find_weights(model)[0]
    with masked(model):
        half_square(model(batches[0][0]), batches[0][1]).backward()
    assert weights.codebook.grad is not None
    step = 1e-6
    for entry in range(1, 4):
        losses = []
        for sign in (-1, 1):
            with torch.no_grad():
                weights.codebook[entry] += sign * step
                weights.settle()
                losses.append(float(half_square(model(batches[0][0]), batches[0][1])))
                weights.codebook[entry] -= sign * step
        quotient = (losses[1] - losses[0]) / (2 * step)
        assert float(weights.codebook.grad[entry]) == pytest.approx(quotient, rel=1e-6, abs=1e-9)


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": lambda values: torch.optim.Adam(values, 0.05, weight_decay=0.1),
    "adamw": lambda values: torch.optim.AdamW(values, 0.05, weight_decay=0.1),
    "sgd": lambda values: torch.optim.SGD(values, 0.05, momentum=0.9, weight_decay=0.1),
}


@KINDS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_masks_hold(make: Make, optimizer: str) -> None:
    with seeded(3):
        model, inputs = make()
        batches = make_batches(model, inputs)
    chosen = OPTIMIZERS[optimizer](model.parameters())
    half_square(model(inputs), batches[0][1]).backward()
    chosen.step()  # momentum from before the pruning must not revive a weight
    prune_(model, density=0.3)
    before = copy_weights(model)
    with masked(model):
        for batch, targets in batches:
            chosen.zero_grad()
            half_square(model(batch), targets).backward()
            chosen.step()
    for name, after in copy_weights(model).items():
        kept = before[name] != 0
        assert kept.mean() == pytest.approx(0.3, abs=0.5 / kept.size)
        assert not after[~kept].any()
        assert (after[kept] != before[name][kept]).mean() > 0.5


@KINDS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_shared_weights_stay_shared(make: Make, optimizer: str) -> None:
    with seeded(4):
        model, inputs = make()
        batches = make_batches(model, inputs)
    prune_(model, density=0.5)
    share_weights(model, bits=2)
    chosen = OPTIMIZERS[optimizer](model.parameters())
    with masked(model):
        for batch, targets in batches:
            chosen.zero_grad()
            half_square(model(batch), targets).backward()
            chosen.step()
    for weights in find_weights(model):
        assert weights.codes is not None
        values, codes = weights.values.detach().numpy(), weights.codes.numpy()
        assert np.unique(values).size <= 4
        assert not values[codes == 0].any()
        np.testing.assert_array_equal(weights.codebook.detach().numpy()[codes], values)


@KINDS
def test_what_is_exported_is_the_model_bit_for_bit(make: Make) -> None:
    with seeded(5):
        model, inputs = make()
        batches = make_batches(model, inputs)
    prune_(model, density=0.4)
    share_weights(model, bits=3)
    finetune_codebook(model, batches, half_square, epochs=2, learning_rate=0.01)
    stored = {layer.name: layer for layer in export(model, index_bits=5)}
    weights = copy_weights(model)
    assert list(stored) == list(weights)
    for name, layer in stored.items():
        assert layer.shape == weights[name].shape
        assert layer.index_bits == 5
        codes = layer.layer.codes.toarray()
        decoded = layer.layer.codebook[codes].reshape(layer.shape)
        np.testing.assert_array_equal(decoded, weights[name], strict=True)
    for found in find_weights(model):
        assert found.bias is not None
        np.testing.assert_array_equal(stored[found.name].bias, found.bias.detach().numpy())


@KINDS
@pytest.mark.parametrize("shared", [False, True])
def test_masks_and_codebooks_survive_save_and_load(make: Make, shared: bool) -> None:
    with seeded(6):
        model, inputs = make()
        fresh, _ = make()
        batches = make_batches(model, inputs)
    prune_(model, density=0.4)
    if shared:
        share_weights(model, bits=3)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    restore_(fresh, torch.load(file, weights_only=True))
    for _ in range(2):
        np.testing.assert_array_equal(model(inputs).detach(), fresh(inputs).detach())
        # what is restored is trained on in the same way
        for each in (model, fresh):
            train(each, batches, half_square, learning_rate=0.01)
    zeros = {name: values == 0 for name, values in copy_weights(fresh).items()}
    assert all(mask.mean() > 0.5 for mask in zeros.values())
    restore_(fresh, make()[0].state_dict())
    assert all(w.mask is None and w.codes is None for w in find_weights(fresh))


def test_pruning_by_density_threshold_and_quality() -> None:
    weights = torch.tensor([[0.1, -0.2, 0.3], [-0.4, 0.5, -0.6]])
    for setting, kept in (
        ({"density": 0.5}, [0.4, 0.5, 0.6]),
        ({"threshold": 0.2}, [0.2, 0.3, 0.4, 0.5, 0.6]),
        ({"quality": 1.25}, [0.5, 0.6]),  # the standard deviation is 0.386
        ({"density": {"layer": 1 / 6}}, [0.6]),
    ):
        model = nn.Linear(3, 2)
        with torch.no_grad():
            model.weight.copy_(weights)
        assert prune_(model, **setting) == {"layer": pytest.approx(len(kept) / 6)}
        found = model.weight.detach().abs()
        np.testing.assert_allclose(np.sort(found[found > 0]), kept)


def test_pruning_again_counts_all_weights() -> None:
    with seeded(7):
        model = nn.Linear(10, 10)
    prune_(model, density=0.5)
    first = model.weight.detach() != 0
    assert prune_(model, density=0.2) == {"layer": 0.2}
    second = model.weight.detach() != 0
    assert int(second.sum()) == 20
    assert not (second & ~first).any()


def test_layers_are_chosen_by_name() -> None:
    model, inputs = make_lstm()
    names = [f"layer.weight_{kind}_l{n}" for n in (0, 1) for kind in ("ih", "hh")]
    assert [weights.name for weights in find_weights(model)] == names
    prune_(model, density=0.5, layers=names[1:2])
    share_weights(model, bits={names[1]: 2})
    assert [layer.name for layer in export(model, {names[1]: 3})] == names[1:2]
    assert model(inputs).shape == (4, 7, 5)


def test_a_copied_model_keeps_its_masks() -> None:
    import copy  # noqa: PLC0415

    with seeded(8):
        model, inputs = make_linear()
        batches = make_batches(model, inputs)
    prune_(model, density=0.3)
    twin = copy.deepcopy(model)
    train(twin, batches, half_square, epochs=2, learning_rate=0.05)
    assert all((values != 0).mean() < 0.4 for values in copy_weights(twin).values())


def test_training_lowers_the_loss() -> None:
    with seeded(9):
        model, inputs = make_linear()
        batches = make_batches(model, inputs)[:1]
    lines: list[str] = []
    losses = train(model, batches, half_square, 40, 0.05, lines.append)
    assert losses[-1] < 0.5 * losses[0]
    assert len(lines) == len(losses) == 40
    assert model.training


@pytest.mark.parametrize("shared", [False, True])
def test_a_frozen_layer_stays_as_it_is(shared: bool) -> None:
    with seeded(12):
        model, inputs = make_linear()
        batches = make_batches(model, inputs)
    prune_(model, density=0.3)
    if shared:
        share_weights(model, bits=3)
    find_weights(model)[0].values.requires_grad_(False)
    before = copy_weights(model)
    train(model, batches, half_square, epochs=2, learning_rate=0.05)
    after = copy_weights(model)
    np.testing.assert_array_equal(after["0"], before["0"])
    assert (after["2"] != before["2"]).any()


def test_an_interruption_leaves_masks_in_force() -> None:
    model, inputs = make_linear()
    prune_(model, density=0.3)

    def stop(*_: torch.Tensor) -> torch.Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(model, make_batches(model, inputs), stop)
    assert all((values != 0).mean() < 0.4 for values in copy_weights(model).values())
    half_square(model(inputs), torch.zeros(16, 4)).backward()  # no hook is left behind
    assert any(
        weights.values.grad is not None and bool(weights.values.grad[weights.values == 0].any())
        for weights in find_weights(model)
    )


def share(model: nn.Module) -> nn.Module:
    share_weights(model, bits=4)
    return model


@pytest.mark.parametrize(
    ("act", "problem"),
    [
        (prune_, "expected one of density"),
        (lambda model: prune_(model, density=0.5, quality=1.0), "expected one of density"),
        (lambda model: prune_(model, density=1.5), "expected 0 to 1"),
        (lambda model: prune_(model, density=0.5, layers=["fc"]), "layer 'fc'"),
        (lambda model: prune_(model, density={"fc": 0.5}), "layer 'fc'"),
        (lambda model: share_weights(model, bits=9), "expected 1 to 8"),
        (lambda model: share_weights(model, 4, "linaer"), "did you mean"),  # type: ignore[arg-type]
        (export, "call share_weights first"),
        (lambda model: finetune_codebook(model, [], half_square), "call share_weights first"),
        (lambda _: prune_(nn.ReLU(), density=0.5), "found none of them"),
        (lambda model: prune_(share(model), density=0.5), "a shared one"),
        (lambda model: share(share(model)), "a shared one"),
    ],
)
def test_what_does_not_go_is_told(act: Callable[[nn.Module], object], problem: str) -> None:
    with pytest.raises(WorkloadError, match=problem):
        act(make_linear()[0])


def test_the_lenets_have_the_papers_sizes() -> None:
    sizes = [sum(p.numel() for p in model.parameters()) for model in (LeNet300(), LeNet5())]
    assert sizes == [266_610, 431_080]


def test_the_character_model_is_torchs_lstm() -> None:
    """An independent LSTM: PyTorch's own, which has its gates in the order i, f, j, o."""
    with seeded(10):
        model = CharLstm(11, embedding=4, hidden=3, layers=2)
        text = torch.randint(0, 11, (5, 8))
        lstm = nn.LSTM(4, 3, num_layers=2, batch_first=True)
    order = [0, 2, 1, 3]
    with torch.no_grad():
        for number, inputs in enumerate((4, 3)):
            matrix = model.get_parameter(f"lstm{number + 1}.weight")
            gates = torch.cat([matrix.chunk(4)[gate] for gate in order])
            for name, values in (
                ("weight_ih", gates[:, :inputs]),
                ("weight_hh", gates[:, inputs:-1]),
                ("bias_ih", gates[:, -1]),
                ("bias_hh", torch.zeros(12)),
            ):
                lstm.get_parameter(f"{name}_l{number}").copy_(values)
        embedded = model.embedding.weight.T[text]
        truth = model.output(lstm(embedded)[0]).transpose(1, 2)
        np.testing.assert_allclose(model(text), truth, atol=1e-6)


def test_numpy_and_torch_agree_on_the_bits_of_a_text() -> None:
    from eiesim.catalog.characters import measure_bits  # noqa: PLC0415

    with seeded(11):
        model = CharLstm(11, embedding=4, hidden=6, layers=2)
        text = torch.randint(0, 11, (5, 40))
    nats = nn.functional.cross_entropy(model(text[:, :-1]), text[:, 1:])
    numbers = make_model(tuple("abcdefghijk"), take_layers(take_state(model)))
    bits = measure_bits(numbers, text.numpy())
    assert bits == pytest.approx(float(nats.detach()) / np.log(2), rel=1e-6)


def test_the_pages_example_runs(in_folder: Path) -> None:
    """Ten lines, as a user would write them; each block goes on from the one before."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert (in_folder / "model.dcz").stat().st_size < 0.1 * names["dense_bytes"]
