"""A plain training loop, for models that are dense, pruned or shared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn

from eiesim.base.errors import WorkloadError
from eiesim.compress.retrain.compressible import find_weights
from eiesim.compress.retrain.masking import masked

Loader = Iterable[tuple[torch.Tensor, torch.Tensor]]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def train(
    model: nn.Module,
    loader: Loader,
    loss: Loss,
    epochs: int = 1,
    learning_rate: float = 1e-3,
    tell: Callable[[str], object] = str,
) -> list[float]:
    """Train with Adam, the learning rate falling along half a cosine; what is pruned stays so.

    Return the mean loss of each epoch. Any other loop serves as well, inside
    ``with masked(model):``. Raises WorkloadError if the model has no layer that can be compressed.

    Parameters
    ----------
    model
        Is trained on its device, and left in the mode that it was in.
    loader
        Pairs of inputs and targets, such as a `torch.utils.data.DataLoader`; one pass an epoch.
    tell
        Is called with one line an epoch.
    """
    device = next(model.parameters()).device
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    was_training = model.training
    model.train()
    means = []
    with masked(model):
        for epoch in range(epochs):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * (1 + math.cos(math.pi * epoch / epochs)) / 2
            total, batches = torch.zeros((), device=device), 0
            for inputs, targets in loader:
                optimizer.zero_grad()
                batch_loss = loss(model(inputs.to(device)), targets.to(device))
                torch.autograd.backward(batch_loss)
                optimizer.step()
                total += batch_loss.detach()
                batches += 1
            means.append(float(total) / max(batches, 1))
            tell(f"epoch {epoch + 1} of {epochs}: loss {means[-1]:.4f}")
    model.train(was_training)
    return means


def finetune_codebook(
    model: nn.Module,
    loader: Loader,
    loss: Loss,
    epochs: int = 1,
    learning_rate: float = 1e-4,
    tell: Callable[[str], object] = str,
) -> list[float]:
    """Train the shared weights: gradients of a codebook entry's weights are summed.

    Biases, and layers that are not shared, are trained along. Parameters and result are as in
    `train`. Raises WorkloadError if no layer is shared. Source: Han, Mao, Dally, Deep Compression,
    ICLR 2016, section 3.3, equation 3.
    """
    if all(weights.codes is None for weights in find_weights(model)):
        raise WorkloadError("model: expected shared weights, found none; call share_weights first")
    return train(model, loader, loss, epochs, learning_rate, tell)
