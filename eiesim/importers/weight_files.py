"""Weights of whole networks, before anything is compressed, in the forms that tools save them."""

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
from eiesim.layer.weights import DenseLayer

MAP = "weight_map"
MOST_INDEX_BYTES = 1 << 26
Arrays = dict[str, npt.NDArray[Any]]
WHOLE: Mapping[Kind, Callable[[str | Path], Arrays]] = {
    Kind.TORCH: read_torch, Kind.SAFETENSORS: read_safetensors
}  # fmt: skip
"""Readers of state dictionaries that are in one file."""


def read_weights_file(path: str | Path) -> Weights:
    """Read the weights of a network's layers as it computes with them, and what else a file holds.

    As `read_as_trained`, with the factors in the weights; one out of float32's range is a
    WorkloadError.
    """
    return read_as_trained(path).join(str(path))


def read_as_trained(path: str | Path) -> Weights:
    """Read the weights of a network's layers, with factors of their outputs beside them.

    The file is one of `torch.save` or safetensors, or an `.index.json` of several, with arrays as
    `find_layers` takes them; a `.caffemodel`; or a `.npz` file of such arrays, in which any array
    of two or more dimensions is a layer's weights [outputs, inputs, ...], called ``NAME`` or
    ``NAME.weight``, with its bias, if any, as ``NAME.bias`` [outputs]. The content decides which.

    A file that is missing, damaged or of another kind, that holds no weights, or an array that is
    not as above, is a WorkloadError.
    """
    kind = find_kind(path)
    if kind == Kind.CAFFEMODEL:
        weights = Weights(_read_caffemodel(path))
    elif kind == Kind.ARRAYS:
        weights = _read_npz(path)
    elif kind in WHOLE or kind == Kind.SHARDS:
        weights = find_layers(WHOLE.get(kind, _read_shards)(path), str(path))
    else:
        raise WorkloadError(
            f"{path}: expected weights alone, found {kind.value}; import it instead"
        )
    if not weights.layers:
        others = [f"{key} {list(array.shape)}" for key, array in weights.others.items()]
        raise WorkloadError(
            f"{path}: expected weights [outputs, inputs, ...] of at least one layer, called "
            f"NAME.weight, found {', '.join(others[:5]) or 'none'}"
        )
    return weights


def _read_caffemodel(path: str | Path) -> dict[str, DenseLayer]:
    layers = {}
    for name, (array, *biases) in read_caffemodel(path).items():
        if array.ndim >= 2:
            # old Caffe files put 1 x 1 before an inner product's matrix
            matrix = array.reshape(array.shape[2:]) if array.shape[:-2] == (1, 1) else array
            bias = biases[0] if biases else None
            layers[name] = take_layer(matrix, bias, f"{path}: layer {name}")
    return layers


def _read_npz(path: str | Path) -> Weights:
    """Read arrays that are weights or biases, each, but for those of a normalisation."""
    arrays = read_arrays(path)
    if "codebook" in arrays or "header" in arrays:
        raise WorkloadError(
            f"{path}: expected weights, found a layer that is compressed already; run it as it is"
        )
    weights = find_layers(arrays, str(path), any_name=True)
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


def _read_shards(path: str | Path) -> Arrays:
    """Read the tensors that an index lists from the files beside it, in the index's order.

    The index, such as ``model.safetensors.index.json``, is JSON with ``weight_map``, the file of
    each name. A missing or damaged file, or a name that is not in its file, is a WorkloadError.
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
