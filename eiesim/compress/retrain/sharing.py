"""Shared weights of a model's layers (Deep Compression, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import nn

from eiesim.compress.codebook import Initialisation, assign_codes, build_codebook
from eiesim.compress.retrain.compressible import CODEBOOK, CODES, MASK, WeightMatrix, choose


def share_weights(
    model: nn.Module,
    bits: int | Mapping[str, int],
    initialisation: Initialisation = "linear",
    layers: Iterable[str] | None = None,
    seed: int = 0,
) -> None:
    """Let the weights of each layer share the entries of a codebook.

    Weights that are zero, pruned or not, stay zero: they get entry 0. Biases are not shared. Prune
    and retrain the model before. Raises WorkloadError if there is no such layer, it is shared
    already, or a parameter is out of range.

    Parameters
    ----------
    bits
        Of a code, 1 to 8: one for all of `layers`, or a mapping that names the layers to share.
    initialisation, seed
        As in `eiesim.compress.codebook.cluster`.
    layers
        Names, such as ``fc1`` or ``lstm.weight_hh_l0``; None is all.
    """
    for weights, code_bits in choose(model, bits, layers):
        _share(weights, code_bits, initialisation, seed)


def _share(weights: WeightMatrix, bits: int, initialisation: Initialisation, seed: int) -> None:
    values = weights.values.detach()
    array = weights.take_unshared("share")
    nonzeros = array[array != 0]
    codebook = build_codebook(nonzeros, bits, initialisation, seed)
    codes = np.zeros(array.shape, np.uint8)
    codes[array != 0] = assign_codes(nonzeros, codebook)
    module, name = weights.module, weights.parameter
    if weights.mask is not None:
        delattr(module, name + MASK)
    module.register_buffer(name + CODES, torch.from_numpy(codes).to(values.device))
    entries = nn.Parameter(torch.from_numpy(codebook).to(values))
    module.register_parameter(name + CODEBOOK, entries)
    weights.settle()
