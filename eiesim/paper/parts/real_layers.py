"""Pruned layers of real networks, and some of their inputs, from the folder of real data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.base.files import read_arrays
from eiesim.catalog.operands import Source, hash_file
from eiesim.importers.caffemodel import read_caffemodel
from eiesim.importers.net import read_net
from eiesim.importers.npz import read_layer
from eiesim.importers.raw import read_wavegru_layer
from eiesim.layer.weights import CompressedLayer
from eiesim.paper.parts.accuracy import NET, PHOTOGRAPHS
from eiesim.paper.parts.workloads import ALEX8
from eiesim.training.lenet import MODELS

WAVEGRU_INPUTS = "wavegru/derived_layer_inputs.npz"
WAVEGRU_LAYERS = (
    "conv1d", "conditioning_stack_0", "conditioning_stack_1", "conditioning_stack_2",
    "transpose_0", "transpose_1", "transpose_2", "conv_cond", "conv_to_gates", "gru_layer", "proj",
)  # fmt: skip
READS = (
    ALEX8, *NET, PHOTOGRAPHS[0], *MODELS.values(), WAVEGRU_INPUTS,
    *(f"wavegru/lyra_16khz_{name}_{part}.raw.gz"
      for name in WAVEGRU_LAYERS for part in ("weights", "mask", "bias")),
)  # fmt: skip
MOST_KEPT = 0.6
"""Layers denser than this were hardly pruned, and are left out."""
MOST_INPUTS = 8
"""Inputs of each layer that are taken."""
AUTHORS = "the papers' authors"


@dataclass(frozen=True, eq=False)
class RealLayer:
    """One pruned layer.

    Attributes
    ----------
    layer
        The places of its weights; if the file has no shared weights, every code is 1.
    inputs
        Some of its inputs, float32 [n, cols]; n may be 0.
    pruned_by
        Who pruned it, and how.
    """

    layer: CompressedLayer
    inputs: npt.NDArray[np.float32]
    pruned_by: str
    source: Source


def read_real_layers(data: Path) -> Iterator[RealLayer]:
    """Read every pruned layer of the networks that are there.

    Raises WorkloadError if a file is damaged, or is missing while another of its network is there.
    """
    for first, read in (
        (ALEX8, _read_alex8), (NET[0], _read_squeezenet), (MODELS["LeNet-5"], _read_lenets),
        (WAVEGRU_INPUTS, _read_wavegru),
    ):  # fmt: skip
        if (data / first).is_file():
            yield from read(data)


def _read_alex8(data: Path) -> Iterator[RealLayer]:
    layer, act = read_layer(data / ALEX8)
    if act is None:
        raise WorkloadError(f"{data / ALEX8}: expected an input 'act', found none")
    inputs = take_array(act, f"{ALEX8}: act", np.float32, (layer.cols,))[np.newaxis]
    source = Source(ALEX8, hash_file(data / ALEX8))
    yield RealLayer(_rename(layer, "alex-8"), inputs, AUTHORS, source)


def _read_squeezenet(data: Path) -> Iterator[RealLayer]:
    source = Source(NET[0], hash_file(data / NET[0]))
    maps = read_arrays(data / PHOTOGRAPHS[0])
    for stored in read_net(data / NET[0], data / NET[1]):
        layer, name = stored.layer, stored.layer.name
        if layer.density > MOST_KEPT or stored.shape[2:] not in ((1, 1), ()):
            continue
        inputs = _take_positions(maps.get(name.replace("/", "__")), layer.cols)
        yield RealLayer(_rename(layer, f"squeezenet {name}"), inputs, AUTHORS, source)


def _take_positions(maps: npt.NDArray[np.float32] | None, cols: int) -> npt.NDArray[np.float32]:
    """Return some positions, spread over the picture, of a convolution's input [cols, h, w]."""
    if maps is None:
        return np.zeros((0, cols), dtype=np.float32)
    places = take_array(maps, PHOTOGRAPHS[0], np.float32, (cols, "h", "w")).reshape(cols, -1)
    step = max(places.shape[1] // MOST_INPUTS, 1)
    return np.ascontiguousarray(places[:, ::step][:, :MOST_INPUTS].T)


def _read_lenets(data: Path) -> Iterator[RealLayer]:
    for network, file in MODELS.items():
        source = Source(file, hash_file(data / file))
        for name, blobs in read_caffemodel(data / file).items():
            if name.startswith("ip"):
                layer = _place(blobs[0], f"{network.lower()} {name}")
                inputs = np.zeros((0, layer.cols), dtype=np.float32)
                yield RealLayer(layer, inputs, "dynamic network surgery", source)


def _read_wavegru(data: Path) -> Iterator[RealLayer]:
    inputs = read_arrays(data / WAVEGRU_INPUTS)
    for name in WAVEGRU_LAYERS:
        weights = read_wavegru_layer(data / "wavegru", f"lyra_16khz_{name}").weights
        file = f"wavegru/lyra_16khz_{name}_mask.raw.gz"
        examples = take_array(
            inputs.get(name), f"{WAVEGRU_INPUTS}: {name}", np.float32, ("n", weights.shape[1])
        )
        layer = _place(weights, f"wavegru {name}")
        source = Source(file, hash_file(data / file))
        yield RealLayer(layer, examples[:MOST_INPUTS], "blocks of 4 x 4 during training", source)


def _place(weights: npt.NDArray[np.float32], name: str) -> CompressedLayer:
    """Return a layer with equal weights, since their places decide the time."""
    codes = sparse.csc_array((weights != 0).astype(np.uint8))
    return CompressedLayer(codes, np.array([0, 1], dtype=np.float32), None, name)


def _rename(layer: CompressedLayer, name: str) -> CompressedLayer:
    return CompressedLayer(layer.codes, layer.codebook, layer.bias_codes, name)
