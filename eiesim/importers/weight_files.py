"""Uncompressed weights of whole networks, in the forms in which tools save them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.base.files import read_arrays
from eiesim.base.schema import show_value
from eiesim.importers.caffemodel import read_caffemodel
from eiesim.importers.content import read_json
from eiesim.importers.kinds import Kind, find_kind
from eiesim.importers.norms import find_norms
from eiesim.importers.safetensors_file import read_safetensors
from eiesim.importers.state_dict import Weights, find_layers, take_layer
from eiesim.importers.torch_file import read_torch

MAP = "weight_map"
MOST_INDEX_BYTES = 1 << 26
Arrays = dict[str, npt.NDArray[Any]]
WHOLE: Mapping[Kind, Callable[[str | Path], Arrays]] = {
    Kind.TORCH: read_torch, Kind.SAFETENSORS: read_safetensors
}  # fmt: skip
"""Readers of state dictionaries that are in one file."""


def of_state_dict(read: Callable[[str], Arrays]) -> Callable[[str], Weights]:
    """Return a reader of weights from a reader of arrays."""
    return lambda path: find_layers(read(path), path)


def require_layers(weights: Weights, path: str) -> Weights:
    """Return the weights of a file; a file without a layer is a WorkloadError."""
    if not weights.layers:
        others = [f"{key} {list(array.shape)}" for key, array in weights.others.items()]
        raise WorkloadError(
            f"{path}: expected weights [outputs, inputs, ...] of at least one layer, called "
            f"NAME.weight, found {', '.join(others[:5]) or 'none'}"
        )
    return weights


def read_caffe_layers(path: str) -> Weights:
    """Read the weights of a `.caffemodel`."""
    layers = {}
    for name, (array, *biases) in read_caffemodel(path).items():
        if array.ndim >= 2:
            # old Caffe files put 1 x 1 before an inner product's matrix
            matrix = array.reshape(array.shape[2:]) if array.shape[:-2] == (1, 1) else array
            bias = biases[0] if biases else None
            layers[name] = take_layer(matrix, bias, f"{path}: layer {name}")
    return Weights(layers)


def read_npz(path: str) -> Weights:
    """Read a `.npz` file, in which each array is a weight, a bias, or of a normalisation.

    An array of two or more dimensions is a layer's weights [outputs, inputs, ...], called ``NAME``
    or ``NAME.weight``, with its bias, if any, as ``NAME.bias`` [outputs]. Raises WorkloadError for
    others.
    """
    arrays = read_arrays(path)
    if "codebook" in arrays or "header" in arrays:
        raise WorkloadError(
            f"{path}: expected weights, found a layer that is compressed already; run it as it is"
        )
    weights = find_layers(arrays, path, any_name=True)
    norms = {norm.name for norm in find_norms(weights.others)}
    problems = [
        f"{path}: array {key!r} {list(array.shape)}: expected weights of two or more dimensions, "
        "or a bias called NAME.bias beside weights NAME or NAME.weight; rename it or leave it out"
        for key, array in weights.others.items()
        if key.rpartition(".")[0] not in norms
    ]
    if problems:
        raise WorkloadError(*problems)
    return weights


def read_shards(path: str | Path) -> Arrays:
    """Read the tensors that an index lists from the files beside it, in the index's order.

    The index, such as ``model.safetensors.index.json``, is JSON with ``weight_map``, the file of
    each name. Raises WorkloadError if a file is missing or damaged, or a name is not in its file.
    """
    places = read_json(path, MOST_INDEX_BYTES).get(MAP)
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise WorkloadError(f"{path}: {MAP}: expected files by name, found {show_value(places)}")
    files = {name: _read_shard(Path(path), name) for name in dict.fromkeys(places.values())}
    holders = {key: name for name, arrays in files.items() for key in arrays}
    for key in {**places, **holders}:
        if places.get(key) != holders.get(key):
            raise WorkloadError(
                f"{path}: {key}: expected the file that holds it, found "
                f"{places.get(key, 'none')} where {holders.get(key, 'none')} does"
            )
    return {key: files[name][key] for key, name in places.items()}


def _read_shard(index: Path, name: str) -> Arrays:
    if not name or Path(name).name != name or "\0" in name:
        raise WorkloadError(f"{index}: {name!r}: expected the name of a file beside the index")
    shard = index.with_name(name)
    kind = find_kind(shard)
    if kind not in WHOLE:
        raise WorkloadError(f"{shard}: expected .safetensors or torch.save, found {kind.value}")
    return WHOLE[kind](shard)
