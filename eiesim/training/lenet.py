"""The LeNets' fully connected layers, and what MNIST's test pictures give them to work on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.importers.caffemodel import read_caffemodel
from eiesim.layer.weights import DenseLayer
from eiesim.training.digits import read_test_pictures

IMAGES = "mnist/t10k-images-idx3-ubyte.gz"
LABELS = "mnist/t10k-labels-idx1-ubyte.gz"
MODELS = {
    "LeNet-300-100": "lenet/caffe_lenet300100_sparse.caffemodel",
    "LeNet-5": "lenet/caffe_lenet5_sparse.caffemodel",
}
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "LeNet-300-100": {"ip1": (300, 784), "ip2": (100, 300), "ip3": (10, 100)},
    "LeNet-5": {"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (500, 800),
                "ip2": (10, 500)},
}  # fmt: skip
Floats = npt.NDArray[np.float32]
Parameters = tuple[Floats, Floats]
"""Weights and bias."""
PICTURES_AT_ONCE = 500


class LeNet(NamedTuple):
    """The fully connected layers of a network, and their inputs.

    Attributes
    ----------
    layers
        Weights [rows, cols] and bias [rows], ReLU between the layers.
    inputs
        What the first layer sees of each test picture [cols, pictures].
    labels
        The right classes [pictures].
    """

    layers: tuple[Parameters, ...]
    inputs: Floats
    labels: npt.NDArray[np.uint8]


def load_lenet(data: Path, network: str) -> LeNet:
    """Read a network of `MODELS`, and run its convolutions in float32 on the test pictures.

    A file that is missing, damaged, or of another network is a WorkloadError.
    """
    layers = dict(_read_layers(data / MODELS[network], SHAPES[network]))
    pixels, labels = read_test_pictures((data / IMAGES).parent)
    dense = {name: DenseLayer(*parameters) for name, parameters in layers.items()}
    inputs = [seen["ip1"] for seen in _run_parts(dense, pixels)]
    return LeNet(
        tuple(layers[name] for name in layers if name.startswith("ip")),
        np.ascontiguousarray(np.concatenate(inputs).T),
        labels,
    )


def _read_layers(
    path: Path, shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, Parameters]]:
    blobs = read_caffemodel(path)
    for name, shape in shapes.items():
        what = f"{path}: layer {name}"
        if len(blobs.get(name, ())) < 2:
            raise WorkloadError(
                f"{what}: expected weights and bias, found the layers {', '.join(blobs)}; get the "
                "file again"
            )
        weights, bias = blobs[name][:2]
        yield (
            name,
            (
                take_array(weights, f"{what}: weights", np.float32, shape),
                take_array(bias, f"{what}: bias", np.float32, shape[:1]),
            ),
        )


def _convolve(maps: Floats, weights: Floats, bias: Floats) -> Floats:
    """Convolve [pictures, channels, height, width] and take the maximum of every 2 x 2."""
    windows = np.lib.stride_tricks.sliding_window_view(maps, weights.shape[2:], axis=(2, 3))
    sums = np.tensordot(windows, weights, axes=((1, 4, 5), (1, 2, 3)))
    n, height, width, channels = sums.shape
    largest = sums.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4)) + bias
    return np.moveaxis(largest, 3, 1)


def run_lenet(layers: Mapping[str, DenseLayer], pictures: Floats) -> dict[str, Floats]:
    """Run a LeNet in float32: convolutions without ReLU, as in Caffe's, and ReLU between the rest.

    Return what each layer sees, by its name, and under ``scores`` the scores of the classes.

    Parameters
    ----------
    layers
        In order, by the names of `SHAPES`.
    pictures
        A byte over 256 each [pictures, 28, 28].
    """
    seen = {}
    part: Floats = pictures[:, np.newaxis]
    for name, (weights, stored_bias) in layers.items():
        bias = np.zeros(len(weights), np.float32) if stored_bias is None else stored_bias
        if name.startswith("conv"):
            seen[name] = part
            part = _convolve(part, weights, bias)
            continue
        flat = part.reshape(len(part), -1)
        seen[name] = np.maximum(flat, 0) if any(key.startswith("ip") for key in seen) else flat
        part = seen[name] @ weights.T + bias
    return {**seen, "scores": part}


def count_errors(
    layers: Mapping[str, DenseLayer], pictures: Floats, labels: npt.NDArray[np.uint8]
) -> int:
    """Return how many pictures of these labels a LeNet classifies wrongly."""
    classes = [seen["scores"].argmax(1) for seen in _run_parts(layers, pictures)]
    return int((np.concatenate(classes) != labels).sum())


def _run_parts(layers: Mapping[str, DenseLayer], pictures: Floats) -> Iterator[dict[str, Floats]]:
    """Run a LeNet on a few pictures after the other, so that their windows fit into memory."""
    for first in range(0, len(pictures), PICTURES_AT_ONCE):
        yield run_lenet(layers, pictures[first : first + PICTURES_AT_ONCE])
