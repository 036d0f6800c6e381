"""Accuracy of three real networks by arithmetic precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.arrays import take_array
from eiesim.base.files import read_arrays
from eiesim.catalog.operands import Source, hash_file
from eiesim.compress.pipeline import compress
from eiesim.importers.net import read_net
from eiesim.paper.parts.precision import FixedPoint, append_bias, expand, run_layers
from eiesim.training.lenet import IMAGES, LABELS, MODELS, load_lenet

ARITHMETIC: Mapping[str, int | None] = {"float32": None, "int32": 32, "int16": 16, "int8": 8}
"""Bits of a fixed-point number; None is floating point."""
UNSHARED, SHARED = "none", "4 bits"
"""Codebooks of the LeNets."""
SQUEEZENET = "SqueezeNet conv_final"
NETWORKS = (*MODELS, SQUEEZENET)
NET = ("squeezenet/compressed_SqueezeNet.net", "squeezenet/SqueezeNet_deploy.prototxt")
PHOTOGRAPHS = (
    "squeezenet/derived_conv1x1_inputs_cat.npz",
    "squeezenet/derived_conv1x1_inputs_fish-bike.npz",
)
FILES = {
    **{network: (model, IMAGES, LABELS) for network, model in MODELS.items()},
    SQUEEZENET: (*NET, *PHOTOGRAPHS),
}
"""Files of each network."""
SIDE, PADDED_SIDE = 13, 15
"""Positions of conv_final's input, and of its output: it is padded by one all around."""


class Accuracy(NamedTuple):
    """One network in every arithmetic.

    Attributes
    ----------
    measure
        A text on the percentages.
    percent, formats
        By arithmetic; formats one a layer.
    close_percent
        Share of the inputs whose two largest float32 outputs differ by less than a step of int8.
    photographs
        By arithmetic, the photographs whose class stays; empty if there are none.
    missing
        The file that is missing, if one is; then there are no numbers.
    """

    network: str
    codebook: str
    measure: str
    percent: dict[str, float]
    formats: dict[str, tuple[FixedPoint, ...]]
    close_percent: float
    photographs: dict[str, int]
    missing: str = ""
    sources: tuple[Source, ...] = ()


Runs = dict[str, tuple[npt.NDArray[np.float32], tuple[FixedPoint, ...]]]


def measure_networks(data: Path) -> Iterator[tuple[Accuracy, ...]]:
    """Run the three networks one after the other; each gives one result a codebook.

    Raises WorkloadError if a file is damaged; a missing one is named in the result.
    """
    for network in NETWORKS:
        files = FILES[network]
        missing = next((name for name in files if not (data / name).is_file()), "")
        if missing:
            yield (Accuracy(network, "", "", {}, {}, 0.0, {}, missing),)
            continue
        sources = tuple(Source(name, hash_file(data / name)) for name in files)
        rows = (_run_squeezenet(data),) if network == SQUEEZENET else _run_lenet(data, network)
        yield tuple(row._replace(sources=sources) for row in rows)


def _run_lenet(data: Path, network: str) -> tuple[Accuracy, ...]:
    lenet = load_lenet(data, network)
    codebooks = {
        UNSHARED: [append_bias(sparse.csc_array(weights), bias) for weights, bias in lenet.layers],
        SHARED: [expand(compress(weights, bias=bias)) for weights, bias in lenet.layers],
    }
    return tuple(
        _describe(network, codebook, "test images classified right", lenet.labels,
                  _run_all(layers, lenet.inputs))
        for codebook, layers in codebooks.items()
    )  # fmt: skip


def _run_squeezenet(data: Path) -> Accuracy:
    stored = read_net(data / NET[0], data / NET[1])[-1]
    shape = (stored.layer.cols, SIDE, SIDE)
    inputs = [
        take_array(read_arrays(data / name).get("conv_final"), f"{name}: conv_final",
                   np.float32, shape).reshape(stored.layer.cols, -1)
        for name in PHOTOGRAPHS
    ]  # fmt: skip
    runs = _run_all((expand(stored.layer, stored.bias),), np.concatenate(inputs, axis=1))
    classes = {name: _classify(outputs, stored.bias) for name, (outputs, _) in runs.items()}
    exact = runs["float32"][0].argmax(0)
    row = _describe(SQUEEZENET, "8 bits", "positions with the class of float32", exact, runs)
    return row._replace(
        photographs={
            name: int((labels == classes["float32"]).sum()) for name, labels in classes.items()
        }
    )


def _run_all(layers: Sequence[sparse.csc_array[Any]], inputs: npt.NDArray[np.float32]) -> Runs:
    return {name: run_layers(layers, inputs, bits) for name, bits in ARITHMETIC.items()}


def _describe(
    network: str, codebook: str, measure: str, expected: npt.NDArray[Any], runs: Runs
) -> Accuracy:
    # a quotient of counts is exact, 100 times a mean is not
    percent = {
        name: 100 * int((outputs.argmax(0) == expected).sum()) / expected.size
        for name, (outputs, _) in runs.items()
    }
    formats = {name: formats for name, (_, formats) in runs.items()}
    top = np.sort(runs["float32"][0], axis=0)[-2:]
    step = 2.0 ** -formats["int8"][-1].act_fraction_bits
    close_percent = 100 * int((top[1] - top[0] < step).sum()) / expected.size
    return Accuracy(network, codebook, measure, percent, formats, close_percent, {})


def _classify(
    outputs: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    """Return each photograph's class: ReLU, and the sum over its positions.

    Where the padded layer has only zeros as inputs, its output is its bias.
    """
    inner = np.maximum(outputs, 0).reshape(len(outputs), len(PHOTOGRAPHS), SIDE**2).sum(2)
    border = (PADDED_SIDE**2 - SIDE**2) * np.maximum(bias, 0)
    classes: npt.NDArray[np.int64] = (inner + border[:, np.newaxis]).argmax(0)
    return classes
