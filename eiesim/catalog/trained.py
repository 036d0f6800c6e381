"""The networks that eiesim trained itself and ships: compressed, with inputs of their layers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.base.files import read_arrays
from eiesim.base.resources import models_path, traces_path
from eiesim.compress.container import Container, read_dcz
from eiesim.compress.pipeline import share_bias
from eiesim.layer.weights import CompressedLayer, DenseLayer, StoredLayer

TRACED = 10
"""Inputs of each layer that are kept."""


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained and compressed network.

    Attributes
    ----------
    inputs : mapping of name to float32 [inputs, cols]
        Inputs of each fully connected or LSTM layer of the network of seed 0 for some test inputs.
    account
        How it was trained: configuration, versions, and the results of each stage, by seed.
    """

    container: Container
    inputs: Mapping[str, npt.NDArray[np.float32]]
    account: Mapping[str, Any]


def trained_names() -> list[str]:
    """Return the names of the trained networks that are shipped."""
    return sorted(path.stem for path in (models_path() / "trained").glob("*.json"))


def load_trained(name: str, seed: int = 0) -> TrainedNetwork:
    """Read one of `trained_names`, without PyTorch; WorkloadError if there is no such network.

    Examples
    --------
    >>> network = load_trained("lenet-300-100")
    >>> [(stored.name, stored.shape) for stored in network.container.layers]
    [('ip1', (300, 784)), ('ip2', (100, 300)), ('ip3', (10, 100))]
    >>> network.inputs["ip1"].shape
    (10, 784)
    """
    if name not in trained_names():
        raise WorkloadError(f"trained network {name!r}: {did_you_mean(name, trained_names())}")
    folder = models_path() / "trained"
    account = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    container = read_dcz(folder / f"{name}-seed{seed}.dcz")
    return TrainedNetwork(container, read_arrays(traces_path() / f"{name}.npz"), account)


def decode(stored: StoredLayer) -> DenseLayer:
    """Return the weights that a layer's codes and codebook stand for."""
    codes = stored.layer.codes.toarray()
    return DenseLayer(stored.layer.codebook[codes].reshape(stored.shape), stored.bias)


def list_layers() -> list[str]:
    """Return the layers that are one product of a matrix and a vector, as ``NETWORK/LAYER``."""
    return [
        f"{name}/{layer}"
        for name in trained_names()
        for layer in read_arrays(traces_path() / f"{name}.npz")
    ]


def load_layer(name: str) -> tuple[CompressedLayer, npt.NDArray[np.float32]]:
    """Return one of `list_layers` as EIE runs it, and its first recorded input, float32 [cols].

    Each bias is the nearest entry of the codebook. Raises WorkloadError if there is no such layer.
    """
    network, _, layer = name.partition("/")
    if name not in list_layers():
        raise WorkloadError(f"layer {name!r}: unknown, {did_you_mean(name, list_layers())}")
    trained = load_trained(network)
    stored = next(stored for stored in trained.container.layers if stored.name == layer)
    shared = share_bias(stored)
    renamed = CompressedLayer(shared.codes, shared.codebook, shared.bias_codes, name)
    return renamed, trained.inputs[layer][0]
