"""Winograd's minimal filtering F(2 x 2, 3 x 3): four outputs with 16 products instead of 36."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.graph.host import SlidingWindow, take_windows

Floats = npt.NDArray[np.float32]
KERNEL = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float32)
TILE = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float32)
OUTPUT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float32)
"""G, the transposed B and the transposed A of Lavin, Gray, CVPR 2016, section 4.1."""


def transform_weights(weights: Floats) -> Floats:
    """Return the 16 matrices [outputs, inputs, 4, 4] of weights [outputs, inputs, 3, 3].

    Source: Lavin, Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, equation 8.
    """
    return np.asarray(KERNEL @ weights @ KERNEL.T, np.float32)


def transform_tiles(image: Floats, pad: tuple[int, ...], sides: tuple[int, int]) -> Floats:
    """Return the operands [tiles, 4, 4, channels] of the 16 matrices.

    The image is [channels, height, width], `pad` as in `SlidingWindow`. `sides` are height and
    width of the output; the last tile of an odd side is cut off.
    """
    below, beside = (-(-side // 2) for side in sides)
    tiles = take_windows(image, SlidingWindow((4, 4), (2, 2), pad, (below, beside)))
    placed = tiles.transpose(3, 4, 0, 1, 2).reshape(below * beside, len(image), 4, 4)
    transformed = TILE @ placed @ TILE.T
    return np.ascontiguousarray(transformed.transpose(0, 2, 3, 1))


def join_tiles(products: Floats, sides: tuple[int, int]) -> Floats:
    """Return the output [outputs, height, width] from products [tiles, 4, 4, outputs]."""
    below, beside = (-(-side // 2) for side in sides)
    four = OUTPUT @ products.transpose(0, 3, 1, 2) @ OUTPUT.T
    placed = four.reshape(below, beside, -1, 2, 2).transpose(2, 0, 3, 1, 4)
    image = placed.reshape(-1, 2 * below, 2 * beside)
    return np.ascontiguousarray(image[:, : sides[0], : sides[1]])
