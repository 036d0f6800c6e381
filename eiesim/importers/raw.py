"""Pruned layers as gzip of bare float32 numbers, as the Lyra vocoder's WaveGRU comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eiesim.base.arrays import require_finite
from eiesim.base.errors import WorkloadError
from eiesim.importers.content import read_content, take_numbers
from eiesim.layer.weights import DenseLayer


def read_wavegru_layer(folder: str | Path, name: str) -> DenseLayer:
    """Read a layer, 0.0 where masked, from ``<name>_weights``, ``_mask`` and ``_bias.raw.gz``.

    Each is gzip of little-endian float32, weights and mask row by row, without a header; the bias
    gives the number of rows. A name is such as ``lyra_16khz_proj``. Raises WorkloadError if a file
    is missing or damaged, lengths do not fit, the mask has other numbers than zeros and ones, or a
    number is infinite or NaN. Source: google/lyra, version 0.0.2, ``lyra/wavegru``.
    """
    arrays = []
    for part in ("bias", "weights", "mask"):
        file = Path(folder) / f"{name}_{part}.raw.gz"
        arrays.append(take_numbers(read_content(file), str(file)))
        require_finite(arrays[-1], str(file))
    bias, weights, mask = arrays
    label = f"{Path(folder) / name}"
    if not bias.size or not weights.size or weights.size % bias.size:
        raise WorkloadError(
            f"{label}: expected rows x cols weights, rows the number of biases, found "
            f"{weights.size} weights and {bias.size} biases; the files do not belong together"
        )
    if mask.size != weights.size or not np.isin(mask, (0, 1)).all():
        raise WorkloadError(
            f"{label}: expected a mask of {weights.size} zeros and ones, one for each weight, "
            f"found {mask.size} numbers, {mask.min(initial=0):g} to {mask.max(initial=0):g}"
        )
    return DenseLayer(np.where(mask == 1, weights, 0).reshape(bias.size, -1), bias)
