"""A layer and one input by name or file: a benchmark, a trained layer, a file, a folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.base.resources import models_path
from eiesim.catalog.layers import draw_benchmark, find_spec_file, load_benchmark, load_spec
from eiesim.catalog.trained import trained_names
from eiesim.importers.dump import is_dump, read_dump
from eiesim.importers.kinds import Kind, holds, is_of_weights
from eiesim.importers.npz import read_activations, read_layer
from eiesim.layer.weights import CompressedLayer


@dataclass(frozen=True)
class Source:
    """A name or file that was given, and what was read.

    Attributes
    ----------
    given : str
        As given.
    sha256 : str
        Of the file that was read.
    seed : int or None
        Of the draw, where the file describes one.
    """

    given: str
    sha256: str
    seed: int | None = None


@dataclass(frozen=True, eq=False)
class Operands:
    """A layer, one input, and where both came from."""

    layer: CompressedLayer
    activations: npt.NDArray[np.float32]
    sources: tuple[Source, ...]


def load_operands(given: str, inputs: str | None = None) -> Operands:
    """Return a layer and an input by name or file.

    Parameters
    ----------
    given : str
        A benchmark's name, a layer of a trained network such as ``lenet-300-100/ip1``, a `.toml`
        description of a layer, a `.npz` file with a layer or an image, or a folder as the EIE
        authors' simulator reads it.
    inputs : str, optional
        A `.npy` or `.npz` file with the input to use instead of the layer's own.

    Raises
    ------
    EieError
        A name is unknown, a file is missing or of the wrong form, or there is no input.
    """
    layer, own, source = load_layer(given)
    sources = [source]
    activations = own if inputs is None else read_activations(inputs)
    if activations is None:
        raise WorkloadError(f"{given}: the file holds no input 'act'; give one with --inputs")
    if inputs is not None:
        sources.append(Source(inputs, hash_file(inputs)))
    what = f"{given if inputs is None else inputs}: activations"
    return Operands(layer, take_array(activations, what, np.float32, (layer.cols,)), tuple(sources))


def is_drawn(given: str) -> bool:
    """Return whether a layer is drawn from a description: a benchmark, or a `.toml` file.

    Parameters
    ----------
    given : str
        As in `load_operands`.
    """
    trained = "/" in given and given.partition("/")[0] in trained_names()
    return not (Path(given).suffix.lower() == ".npz" or is_dump(given) or trained)


def load_layer(given: str) -> tuple[CompressedLayer, npt.NDArray[np.float32] | None, Source]:
    """Return a layer by name or file, its own input, if any, and where both came from.

    Parameters
    ----------
    given : str
        As in `load_operands`.

    Raises
    ------
    EieError
        The name is unknown, or the file is missing or of the wrong form.
    """
    if holds(given, Kind.ARRAYS):
        layer, own = read_layer(given)
        return layer, own, Source(given, hash_file(given))
    if is_dump(given):
        dump = read_dump(given)
        return dump.layer, dump.activations, Source(given, dump.sha256)
    network, slash, _ = given.partition("/")
    if slash and network in trained_names():
        found = load_benchmark(given)
        source = Source(given, hash_file(models_path() / "trained" / f"{network}-seed0.dcz"))
        return found.layer, found.activations, source
    if is_of_weights(given):
        raise WorkloadError(
            f"{given}: expected a layer or an imported network, found a network's weights; import "
            "them first (eiesim import)"
        )
    file = find_spec_file(given)
    spec = load_spec(file)
    benchmark = draw_benchmark(spec)
    return benchmark.layer, benchmark.activations, Source(given, hash_file(file), spec.seed)


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    WorkloadError
        It cannot be read.
    """
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {error.strerror}") from error
