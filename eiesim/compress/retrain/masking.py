"""Keeps pruned weights zero and shared weights shared while a model is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from eiesim.compress.retrain.compressible import WeightMatrix, find_weights


@contextmanager
def masked(model: nn.Module) -> Iterator[nn.Module]:
    """Keep pruned weights zero and shared weights shared while any training loop runs.

    Inside the block, a pruned weight gets no gradient. Weights that share a codebook entry get
    none either: their gradients are summed into the entry's (Deep Compression, equation 3), and
    they are read from the codebook before each forward pass. Make the optimizer after `prune_` and
    `share_weights`, since the codebooks are parameters. The block gets the model itself. Raises
    WorkloadError if the model has no layer that can be compressed.
    """
    handles = []
    compressed = [
        weights
        for weights in find_weights(model)
        if weights.mask is not None or weights.codes is not None
    ]
    for weights in compressed:
        if weights.values.requires_grad:  # false for a layer that its owner froze
            hook = _gradient_hook(weights)
            handles.append(weights.values.register_post_accumulate_grad_hook(hook))
        handles.append(weights.module.register_forward_pre_hook(_forward_hook(weights)))
    try:
        yield model
    finally:
        for handle in handles:
            handle.remove()
        for weights in compressed:
            weights.settle()


def _forward_hook(weights: WeightMatrix) -> Callable[..., None]:
    # an optimizer with momentum from before the pruning, or with weight decay, moves the weights
    return lambda *_: weights.settle()


def _gradient_hook(weights: WeightMatrix) -> Callable[[torch.Tensor], None]:
    def sum_or_mask(values: torch.Tensor) -> None:
        gradient = values.grad
        if gradient is not None and weights.codes is not None:
            values.grad = None
            codebook = weights.codebook
            sums = sum_gradient(gradient, weights.codes, codebook.numel())
            codebook.grad = sums if codebook.grad is None else codebook.grad + sums
        elif gradient is not None and weights.mask is not None:
            gradient.mul_(weights.mask)

    return sum_or_mask


def sum_gradient(gradient: torch.Tensor, codes: torch.Tensor, entries: int) -> torch.Tensor:
    """Return the gradient of each codebook entry: the sum over the weights that share it.

    Entry 0, which stands for pruned weights, stays zero and gets none.
    """
    # in float64, since a cluster may have a million weights
    sums = torch.bincount(codes.reshape(-1).long(), gradient.reshape(-1).double(), entries)
    sums[0] = 0
    return sums.to(gradient.dtype)
