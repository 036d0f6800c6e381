"""Photographs as AlexNet and SqueezeNet take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from eiesim import Hardware

Floats = npt.NDArray[np.float32]


MEAN = np.array([104, 117, 123], np.float32)
"""Of ImageNet's blue, green and red, as SqueezeNet's authors take them off."""


EIGHT_BITS = Hardware(codebook_bits=8)


def read_photograph(data: Path, name: str) -> Floats:
    """Return float32 [3, 227, 227]: resized to 256 x 256, the middle, blue first, the mean off."""
    image = Image.open(data / "images" / f"{name}.jpg").convert("RGB")
    small = image.resize((256, 256), Image.Resampling.BILINEAR).crop((14, 14, 241, 241))
    pixels = np.asarray(small, np.float32)[:, :, ::-1] - MEAN
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
