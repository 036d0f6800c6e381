"""A network's steps as a PyTorch module, so that its weights can be trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import nn
from torch.nn import functional

from eiesim.base.errors import WorkloadError
from eiesim.compress.retrain.modules import LstmLayer
from eiesim.graph import STEPS, Graph, Shape, Step
from eiesim.layer.weights import DenseLayer

Rule: TypeAlias = Callable[[nn.Module | None, Step, torch.Tensor], torch.Tensor]
"""What a step does: with the module of its layer, if it has one, on a batch of inputs."""


class StepsModule(nn.Module):
    """The steps of a network from its inputs to its one output, over batches.

    A softmax at the end is left out: what it takes are the scores that a loss is of. The modules of
    the layers are called ``layer0`` and so on, in the order of `names`. Raises WorkloadError if a
    step is of a kind that is not trained here.
    """

    def __init__(
        self, graph: Graph, shapes: Mapping[str, Shape], weights: Mapping[str, DenseLayer]
    ) -> None:
        super().__init__()
        (self.output,) = graph.outputs
        self.steps = graph.steps
        (self.input,) = _require_one(list(graph.inputs))
        self.sequences = {name for name, shape in shapes.items() if shape[:1] == (STEPS,)}
        self.names = [name for name in graph.layers if name in weights]
        uses = {step.layer: step for step in graph.steps if step.layer}
        for number, name in enumerate(self.names):
            self.add_module(f"layer{number}", _make_layer(uses[name], weights[name]))
        last = graph.steps[-1]
        if last.name == self.output and last.op == "softmax":
            self.steps, self.output = graph.steps[:-1], last.inputs[0]
        for step in self.steps:
            _require_trained(step)

    def find_path(self, name: str) -> str:
        """Return the name of the module of a layer."""
        return f"layer{self.names.index(name)}"

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return scores [batch, classes], or [batch, characters, time] for a sequence."""
        values = {self.input: batch}
        for step in self.steps:
            layer = self.get_submodule(self.find_path(step.layer)) if step.layer else None
            values[step.name] = RULES[step.op](layer, step, values[step.inputs[0]])
        scores = values[self.output]
        return scores.transpose(1, 2) if self.output in self.sequences else scores


def _require_one(inputs: Sequence[str]) -> Sequence[str]:
    if len(inputs) != 1:
        raise WorkloadError(f"training: expected a network with one input, found {len(inputs)}")
    return inputs


def _require_trained(step: Step) -> None:
    settings = step.settings
    above, left, below, right = settings.get("pad", (0, 0, 0, 0))
    odd = (
        len(step.inputs) != 1 or settings.get("stacked") or settings.get("cell")
        or settings.get("winograd") or (above, left) != (below, right)
        or (step.op == "maxpool" and any((above, left, below, right)))
    )  # fmt: skip
    if step.op not in RULES or odd:
        raise WorkloadError(
            f"step {step.name!r}: {step.op}, with its settings, is not trained here: leave retrain "
            f"out, or use eiesim.compress.retrain; trained are plain {', '.join(RULES)}"
        )


def _make_layer(step: Step, dense: DenseLayer) -> nn.Module:
    """Return the module of a layer with its trained weights."""
    shape, settings = dense.weights.shape, step.settings
    if step.op == "conv":
        layer: nn.Module = nn.Conv2d(
            shape[1] * settings["groups"], shape[0], shape[2:], settings["stride"],
            settings["pad"][:2], settings["dilation"], settings["groups"], dense.bias is not None,
        )  # fmt: skip
    elif step.op == "lstm":
        layer = LstmLayer(shape[1] - shape[0] // 4 - 1, shape[0] // 4)
    else:
        layer = nn.Linear(shape[1], shape[0], dense.bias is not None)
    with torch.no_grad():
        layer.get_parameter("weight").copy_(torch.tensor(dense.weights))
        if dense.bias is not None:
            layer.get_parameter("bias").copy_(torch.tensor(dense.bias))
    return layer


def _multiply(layer: nn.Module | None, _: Step, batch: torch.Tensor) -> torch.Tensor:
    assert isinstance(layer, nn.Linear)
    is_sequence = batch.ndim == 3 and batch.shape[-1] == layer.in_features
    return layer(batch if is_sequence else batch.flatten(1))


def _run_layer(layer: nn.Module | None, _: Step, batch: torch.Tensor) -> torch.Tensor:
    assert layer is not None
    return layer(batch)


def _look_up(layer: nn.Module | None, _: Step, numbers: torch.Tensor) -> torch.Tensor:
    assert isinstance(layer, nn.Linear)
    one_hot = functional.one_hot(numbers.long(), layer.in_features)
    return layer(one_hot.to(layer.weight.dtype))


def _pool(_: nn.Module | None, step: Step, batch: torch.Tensor) -> torch.Tensor:
    settings = step.settings
    return functional.max_pool2d(
        batch, settings["kernel"], settings["stride"], ceil_mode=bool(settings["ceil"])
    )


RULES: Mapping[str, Rule] = {
    "fc": _multiply,
    "conv": _run_layer,
    "lstm": _run_layer,
    "embedding": _look_up,
    "relu": lambda _, __, batch: functional.relu(batch),
    "sigmoid": lambda _, __, batch: torch.sigmoid(batch),
    "tanh": lambda _, __, batch: torch.tanh(batch),
    "maxpool": _pool,
    "flatten": lambda _, __, batch: batch.flatten(1),
}


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch compute in one thread, so that sums do not depend on the number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
