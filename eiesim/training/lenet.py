"""The LeNets' fully connected layers, and their inputs for MNIST's test pictures."""

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
        Inputs of the first layer for each test picture [cols, pictures].
    labels
        Classes [pictures].
    """

    layers: tuple[Parameters, ...]
    inputs: Floats
    labels: npt.NDArray[np.uint8]


def load_lenet(data: Path, network: str) -> LeNet:
    """Read a network of `MODELS`, and run its convolutions in float32 on the test pictures.

    Raises WorkloadError if a file is missing, damaged, or of another network.
    """
    layers = dict(_read_layers(data / MODELS[network], SHAPES[network]))
    pixels, labels = read_test_pictures((data / IMAGES).parent)
    dense = {name: DenseLayer(*parameters) for name, parameters in layers.items()}
    inputs = [layer_inputs["ip1"] for layer_inputs in _run_parts(dense, pixels)]
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
        place = f"{path}: layer {name}"
        if len(blobs.get(name, ())) < 2:
            raise WorkloadError(
                f"{place}: expected weights and bias, found the layers {', '.join(blobs)}; get the "
                "file again"
            )
        weights, bias = blobs[name][:2]
        yield (
            name,
            (
                take_array(weights, f"{place}: weights", np.float32, shape),
                take_array(bias, f"{place}: bias", np.float32, shape[:1]),
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

    Return the inputs of each layer, by its name, and under ``scores`` the scores of the classes.
    Layers are in order, by the names of `SHAPES`; pictures are bytes over 256 [pictures, 28, 28].
    """
    layer_inputs = {}
    maps: Floats = pictures[:, np.newaxis]
    for name, (weights, stored_bias) in layers.items():
        bias = np.zeros(len(weights), np.float32) if stored_bias is None else stored_bias
        if name.startswith("conv"):
            layer_inputs[name] = maps
            maps = _convolve(maps, weights, bias)
            continue
        flat = maps.reshape(len(maps), -1)
        layer_inputs[name] = (
            np.maximum(flat, 0) if any(key.startswith("ip") for key in layer_inputs) else flat
        )
        maps = layer_inputs[name] @ weights.T + bias
    return {**layer_inputs, "scores": maps}


def count_errors(
    layers: Mapping[str, DenseLayer], pictures: Floats, labels: npt.NDArray[np.uint8]
) -> int:
    """Return the number of pictures that a LeNet classifies wrongly."""
    classes = [values["scores"].argmax(1) for values in _run_parts(layers, pictures)]
    return int((np.concatenate(classes) != labels).sum())


def _run_parts(layers: Mapping[str, DenseLayer], pictures: Floats) -> Iterator[dict[str, Floats]]:
    """Run a LeNet on some pictures at a time, so that their windows fit into memory."""
    for first in range(0, len(pictures), PICTURES_AT_ONCE):
        yield run_lenet(layers, pictures[first : first + PICTURES_AT_ONCE])
