"""Weights of whole networks before compression, in the forms in which tools save them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.base.files import read_arrays
from eiesim.importers.caffemodel import read_caffemodel
from eiesim.importers.kinds import Kind, find_kind
from eiesim.importers.norms import find_norms
from eiesim.importers.safetensors_file import read_safetensors
from eiesim.importers.shards import read_shards
from eiesim.importers.state_dict import Weights, find_layers, take_layer
from eiesim.importers.torch_file import read_torch
from eiesim.layer.weights import DenseLayer

STATE_DICTS: Mapping[Kind, Callable[[str | Path], dict[str, npt.NDArray[Any]]]] = {
    Kind.TORCH: read_torch, Kind.SAFETENSORS: read_safetensors, Kind.SHARDS: read_shards,
}  # fmt: skip


def read_weights(path: str | Path) -> dict[str, DenseLayer]:
    """Read the weights of a network's layers by name, as `read_weights_file` does."""
    return read_weights_file(path).layers


def read_weights_file(path: str | Path) -> Weights:
    """Read the weights of a network's layers, and what else the file holds.

    The content decides what the file is: of `torch.save` or safetensors, or an `.index.json` of
    several, with arrays as `find_layers` takes them; a `.caffemodel`; or a `.npz` file of such
    arrays, in which any array of two or more dimensions is a layer's weights [outputs, inputs,
    ...], called ``NAME`` or ``NAME.weight``, with its bias, if any, as ``NAME.bias`` [outputs]. A
    file that is damaged, of another kind or without weights, or an array of another form, is a
    WorkloadError.
    """
    kind = find_kind(path)
    if kind == Kind.CAFFEMODEL:
        weights = Weights(_read_caffemodel(path))
    elif kind == Kind.ARRAYS:
        arrays = read_arrays(path)
        if "codebook" in arrays or "header" in arrays:
            raise WorkloadError(
                f"{path}: expected weights, found a layer that is compressed already; "
                "run it as it is"
            )
        weights = find_layers(arrays, str(path), any_name=True)
        _refuse_others(path, weights.others)
    elif kind in STATE_DICTS:
        weights = find_layers(STATE_DICTS[kind](path), str(path))
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
    return {
        name: take_layer(
            _squeeze(blobs[0]), blobs[1] if blobs[1:] else None, f"{path}: layer {name}"
        )
        for name, blobs in read_caffemodel(path).items()
        if blobs and blobs[0].ndim >= 2
    }


def _refuse_others(path: str | Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Refuse arrays that are no layers, except those of a normalisation."""
    norms = {norm.name for norm in find_norms(arrays)}
    others = [key for key in arrays if key.rpartition(".")[0] not in norms]
    if others:
        raise WorkloadError(
            *(
                f"{path}: array {key!r} {list(arrays[key].shape)}: expected weights of two "
                f"or more dimensions, or a bias called NAME.bias beside weights NAME or "
                "NAME.weight; rename it or leave it out"
                for key in others
            )
        )


def _squeeze(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an inner product's matrix without the 1 x 1 that old Caffe files put before it."""
    return array.reshape(array.shape[2:]) if array.shape[:-2] == (1, 1) else array
