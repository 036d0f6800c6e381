"""Functions of the host between two products: activations, pooling, normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
LEAST = float(np.finfo(np.float32).min)


class SlidingWindow(NamedTuple):
    """How windows lie over an image.

    Attributes
    ----------
    kernel, stride
        Height and width of a window, and of the step from one to the next.
    pad
        Rows above, columns on the left, rows below, columns on the right.
    sides
        Numbers of windows below and beside each other.
    dilation
        Distance between neighbouring places of a window, down and across.
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
    """Return shares of one, over the first axis: scores [classes] or [classes, height, width].

    In a sequence [steps, classes] they are over the last axis.
    """
    axis = 1 if values.ndim == 2 else 0
    powers = np.exp(values - values.max(axis, keepdims=True))
    shares: Floats = powers / powers.sum(axis, keepdims=True)
    return shares


def take_windows(image: Floats, window: SlidingWindow, fill: float = 0.0) -> Floats:
    """Return the contents of windows over an image [channels, height, width], as a view.

    Its shape is [channels, kernel height, kernel width, windows below, windows beside].
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


def pool_maximum(image: Floats, window: SlidingWindow) -> Floats:
    """Return the maximum of each window; one outside the image gives -FLT_MAX, as in Caffe."""
    windows = take_windows(image, window, LEAST)
    places = [windows[:, row, col] for row, col in np.ndindex(*window.kernel)]
    largest = places[0].copy()
    for place in places[1:]:  # fifty times as quick as NumPy's maximum over two axes
        np.maximum(largest, place, out=largest)
    return largest


def pool_mean(image: Floats, window: SlidingWindow, count_padding: bool) -> Floats:
    """Return the mean of each window; with `count_padding` the border counts as zeros.

    Places beyond the border never count.
    """
    ones, over_ones = np.ones((1, *image.shape[1:]), np.float32), window
    if count_padding:
        ones = np.pad(ones, ((0, 0), window.pad[0::2], window.pad[1::2]), constant_values=1)
        over_ones = window._replace(pad=(0, 0, 0, 0))
    counts = take_windows(ones, over_ones).sum((1, 2))
    mean: Floats = take_windows(image, window).sum((1, 2)) / counts
    return mean


def normalise(image: Floats, settings: Mapping[str, Any]) -> Floats:
    """Return local response normalisation over channels of an image [channels, height, width].

    With ``size`` channels it is x / (k + alpha / size * sum x^2) ^ beta. Source: Krizhevsky et al.,
    ImageNet Classification, NIPS 2012, section 3.3; alpha divided by the size as in Caffe and ONNX.
    """
    size = settings["size"]
    before = (size - 1) // 2
    squares = np.pad(np.square(image), ((before, size - 1 - before), (0, 0), (0, 0)))
    sums = np.lib.stride_tricks.sliding_window_view(squares, size, 0).sum(-1)
    scale = np.float32(settings["k"]) + np.float32(settings["alpha"] / size) * sums
    normalised: Floats = image / scale ** np.float32(settings["beta"])
    return normalised
