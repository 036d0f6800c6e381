"""What the host does between two products: activation functions, pooling, normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
LEAST = float(np.finfo(np.float32).min)


class Window(NamedTuple):
    """How windows lie over an image.

    Attributes
    ----------
    kernel, stride : tuple of int
        Height and width of a window, and of the step from one to the next.
    pad : tuple of int
        Rows above, columns on the left, rows below, columns on the right.
    sides : tuple of int
        Windows below and beside each other.
    dilation : tuple of int
        From a place in the window to the next.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    sides: tuple[int, int]
    dilation: tuple[int, ...] = (1, 1)


def relu(values: Floats) -> Floats:
    """Return negative numbers as 0."""
    return np.maximum(values, np.float32(0))


def sigmoid(values: Floats) -> Floats:
    """Return the logistic function, by way of tanh, which does not overflow."""
    half = np.float32(0.5)
    result: Floats = half * np.tanh(half * values) + half
    return result


def softmax(values: Floats) -> Floats:
    """Return shares of one: over the first axis, in a sequence over the last one.

    Parameters
    ----------
    values : float32 [classes], [classes, height, width] or [steps, classes]
        Scores.
    """
    axis = 1 if values.ndim == 2 else 0
    powers = np.exp(values - values.max(axis, keepdims=True))
    shares: Floats = powers / powers.sum(axis, keepdims=True)
    return shares


def take_windows(image: Floats, window: Window, fill: float = 0.0) -> Floats:
    """Return what windows over an image hold.

    Parameters
    ----------
    image : float32 [channels, height, width]
        The image.

    Returns
    -------
    float32 [channels, kernel height, kernel width, windows below, windows beside]
        A view.
    """
    spans = [
        (window.sides[axis] - 1) * window.stride[axis]
        + window.dilation[axis] * (window.kernel[axis] - 1)
        + 1
        for axis in (0, 1)
    ]
    after = [max(spans[axis] - image.shape[1 + axis] - window.pad[axis], 0) for axis in (0, 1)]
    border = ((0, 0), (window.pad[0], after[0]), (window.pad[1], after[1]))
    padded = np.pad(image, border, constant_values=np.float32(fill))
    rows, cols = padded.strides[1:]
    shape = (len(image), *window.kernel, *window.sides)
    strides = (
        padded.strides[0],
        window.dilation[0] * rows,
        window.dilation[1] * cols,
        window.stride[0] * rows,
        window.stride[1] * cols,
    )
    return np.lib.stride_tricks.as_strided(padded, shape, strides, writeable=False)


def pool_maximum(image: Floats, window: Window) -> Floats:
    """Return the maximum of each window; one that lies outside gives, as in Caffe, -FLT_MAX.

    Parameters
    ----------
    image : float32 [channels, height, width]
        The image.
    """
    largest: Floats = take_windows(image, window, LEAST).max((1, 2))
    return largest


def pool_mean(image: Floats, window: Window, count_padding: bool) -> Floats:
    """Return the mean of each window.

    Parameters
    ----------
    image : float32 [channels, height, width]
        The image.
    count_padding : bool
        Whether the border takes part, as zeros; what lies even behind it never does.
    """
    there = np.ones((1, *image.shape[1:]), np.float32)
    if count_padding:
        there = np.pad(there, ((0, 0), window.pad[0::2], window.pad[1::2]), constant_values=1)
        counts = take_windows(there, window._replace(pad=(0, 0, 0, 0))).sum((1, 2))
    else:
        counts = take_windows(there, window).sum((1, 2))
    mean: Floats = take_windows(image, window).sum((1, 2)) / counts
    return mean


def normalise(image: Floats, settings: Mapping[str, Any]) -> Floats:
    """Return local response normalisation over channels.

    Parameters
    ----------
    image : float32 [channels, height, width]
        The image.
    settings : mapping
        ``size`` channels, ``alpha``, ``beta``, ``k``: x / (k + alpha / size * sum x^2) ^ beta.

    References
    ----------
    Krizhevsky et al., ImageNet Classification, NIPS 2012, section 3.3; alpha divided by the size as
    in Caffe and ONNX.
    """
    size = settings["size"]
    before = (size - 1) // 2
    squares = np.pad(np.square(image), ((before, size - 1 - before), (0, 0), (0, 0)))
    sums = np.lib.stride_tricks.sliding_window_view(squares, size, 0).sum(-1)
    scale = np.float32(settings["k"]) + np.float32(settings["alpha"] / size) * sums
    normalised: Floats = image / scale ** np.float32(settings["beta"])
    return normalised
