"""Pruned layers as gzip of bare float32 numbers, as the Lyra vocoder's WaveGRU comes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import require_finite
from eiesim.base.errors import WorkloadError
from eiesim.importers.content import read_content, take_floats


class RawLayer(NamedTuple):
    """A pruned layer: weights [outputs, inputs], 0.0 where masked, and a bias [outputs]."""

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]


def read_wavegru_layer(folder: str | Path, name: str) -> RawLayer:
    """Read a layer from the files ``<name>_weights``, ``_mask`` and ``_bias.raw.gz``.

    Each is gzip of little-endian float32, weights and mask row by row; there is no header, the bias
    gives the number of rows. A name is such as ``lyra_16khz_proj``. A file that is missing or
    damaged, lengths that do not fit, a mask of other numbers than zeros and ones, an infinity or
    NaN, are a WorkloadError.

    References
    ----------
    google/lyra, version 0.0.2, ``lyra/wavegru``.
    """
    bias = _read(folder, name, "bias")
    weights = _read(folder, name, "weights")
    mask = _read(folder, name, "mask")
    what = f"{Path(folder) / name}"
    if not bias.size or not weights.size or weights.size % bias.size:
        raise WorkloadError(
            f"{what}: expected rows x cols weights, rows the number of biases, found "
            f"{weights.size} weights and {bias.size} biases; the files do not belong together"
        )
    if mask.size != weights.size or not np.isin(mask, (0, 1)).all():
        raise WorkloadError(
            f"{what}: expected a mask of {weights.size} zeros and ones, one for each weight, "
            f"found {mask.size} numbers, {mask.min(initial=0):g} to {mask.max(initial=0):g}"
        )
    return RawLayer(np.where(mask == 1, weights, 0).reshape(bias.size, -1), bias)


def _read(folder: str | Path, name: str, part: str) -> npt.NDArray[np.float32]:
    file = Path(folder) / f"{name}_{part}.raw.gz"
    numbers = take_floats(read_content(file), str(file))
    require_finite(numbers, str(file))
    return numbers
