"""Magnitude pruning of a model's layers (Deep Compression, section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from eiesim.base.errors import WorkloadError
from eiesim.compress.prune import prune
from eiesim.compress.retrain.compressible import MASK, WeightMatrix, choose


def prune_(
    model: nn.Module,
    density: float | Mapping[str, float] | None = None,
    threshold: float | Mapping[str, float] | None = None,
    quality: float | Mapping[str, float] | None = None,
    layers: Iterable[str] | None = None,
    n_pes: int = 1,
) -> dict[str, float]:
    """Set the weights of smallest magnitude to zero, for good; return each pruned layer's density.

    Call it again, with retraining in between, to prune further. Give exactly one of `density`,
    `threshold` and `quality`: one number for all layers, or a mapping that names the layers to
    prune. Linear, Conv2d, LSTM and GRU layers are pruned, biases never. Raises WorkloadError if
    there is no such layer, it is shared already, or a number is out of range.

    Parameters
    ----------
    density
        Share of a layer's weights to keep, 0 to 1.
    threshold
        Smallest magnitude to keep.
    quality
        The threshold over the standard deviation of the layer's weights that are not zero; Han,
        Pool, Tran, Dally, Learning both Weights and Connections, NIPS 2015, section 3.
    layers
        Names, such as ``fc1`` or ``lstm.weight_hh_l0``; None is all.
    n_pes
        With a density: PEs that keep equally many weights each, see `compress.prune.prune`.
    """
    settings = {"density": density, "threshold": threshold, "quality": quality}
    limits = [(kind, limit) for kind, limit in settings.items() if limit is not None]
    if len(limits) != 1:
        raise WorkloadError("prune_: expected one of density, threshold and quality")
    kind, limit = limits[0]
    return {
        weights.name: _prune(weights, kind, layer_limit, n_pes)
        for weights, layer_limit in choose(model, limit, layers)
    }


def _prune(weights: WeightMatrix, kind: str, limit: float, n_pes: int) -> float:
    values = weights.values
    matrix = weights.take_unshared("prune").reshape(len(values), -1)
    if kind == "quality":
        nonzeros = matrix[matrix != 0]
        kind, limit = "threshold", limit * float(nonzeros.std()) if nonzeros.size else 0.0
    limits: dict[str, Any] = {kind: limit}
    pruned = prune(matrix, **limits, n_pes=n_pes)
    mask = torch.from_numpy(pruned.toarray() != 0).reshape(values.shape).to(values.device)
    weights.module.register_buffer(weights.parameter + MASK, mask)
    weights.settle()
    return pruned.nnz / matrix.size
