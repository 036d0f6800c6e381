"""Weights of whole networks, before anything is compressed, in the forms that tools save them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.errors import WorkloadError
from eiesim.files import read_arrays
from eiesim.importers.caffemodel import read_caffemodel
from eiesim.importers.safetensors_file import read_safetensors
from eiesim.importers.state_dict import Weights, find_layers, take_layer
from eiesim.importers.torch_file import read_torch
from eiesim.layer import DenseLayer

WEIGHT, BIAS = ".weight", ".bias"
CAFFEMODEL = ".caffemodel"
STATE_DICTS = {".pt": read_torch, ".pth": read_torch, ".safetensors": read_safetensors}


def read_weights(path: str | Path) -> dict[str, DenseLayer]:
    """Read the weights of a network's layers.

    Parameters
    ----------
    path : str or Path
        As in `read_weights_file`.

    Returns
    -------
    dict of DenseLayer
        By name, in the file's order.

    Raises
    ------
    WorkloadError
        As in `read_weights_file`.
    """
    return read_weights_file(path).layers


def read_weights_file(path: str | Path) -> Weights:
    """Read the weights of a network's layers, and tell what else the file holds.

    Parameters
    ----------
    path : str or Path
        A `.pt`, `.pth` or `.safetensors` file with arrays as `find_layers` takes them; a
        `.caffemodel`; or a `.npz` file, each array of two or more dimensions one layer's weights,
        with its bias, if any, beside it: ``NAME`` or ``NAME.weight`` float32 or float16 [outputs,
        inputs, ...], and ``NAME.bias`` [outputs].

    Raises
    ------
    WorkloadError
        The file is missing or damaged, holds no weights, or an array is not as above.
    """
    kind = Path(path).suffix.lower()
    if kind in STATE_DICTS:
        found = find_layers(STATE_DICTS[kind](path), str(path))
    elif kind == CAFFEMODEL:
        found = Weights(_read_caffemodel(path), ())
    else:
        found = Weights(_read_npz(path), ())
    if not found.layers:
        raise WorkloadError(
            f"{path}: expected weights [outputs, inputs, ...] of at least one layer, found none"
        )
    return found


def _read_caffemodel(path: str | Path) -> dict[str, DenseLayer]:
    return {
        name: take_layer(
            _squeeze(blobs[0]), blobs[1] if blobs[1:] else None, f"{path}: layer {name}"
        )
        for name, blobs in read_caffemodel(path).items()
        if blobs and blobs[0].ndim >= 2
    }


def _read_npz(path: str | Path) -> dict[str, DenseLayer]:
    arrays = {key: _widen(array) for key, array in read_arrays(path).items()}
    names = {key: key.removesuffix(WEIGHT) for key in arrays if arrays[key].ndim >= 2}
    if len({*names.values()}) < len(names) or not all(names.values()):
        raise WorkloadError(
            f"{path}: expected each layer under a name of its own, found {[*names]}"
        )
    _refuse_others(path, arrays, names)
    return {
        name: take_layer(arrays[key], arrays.get(f"{name}{BIAS}"), f"{path}: {name}")
        for key, name in names.items()
    }


def _refuse_others(
    path: str | Path, arrays: Mapping[str, npt.NDArray[Any]], names: Mapping[str, str]
) -> None:
    biases = {f"{name}{BIAS}" for name in names.values()}
    others = [key for key in arrays if key not in names and key not in biases]
    if others:
        raise WorkloadError(
            *(
                f"{path}: array {key!r} {list(arrays[key].shape)}: expected weights of two or more "
                f"dimensions, or a bias called NAME{BIAS} beside weights NAME or NAME{WEIGHT}; "
                "rename it or leave it out"
                for key in others
            )
        )


def _widen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return float16 as float32, which changes no number; anything else as it is."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _squeeze(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an inner product's matrix without the 1 x 1 that old Caffe files put before it."""
    return array.reshape(array.shape[2:]) if array.shape[:-2] == (1, 1) else array
