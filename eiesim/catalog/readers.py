"""What a name or a file of a layer is, and how it is read: one table for every command."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.base.resources import models_path
from eiesim.catalog.layers import draw_benchmark, find_spec_file, load_benchmark, load_spec
from eiesim.catalog.matched import MATCHED_PREFIX, draw_matched
from eiesim.catalog.operands import Operands, Source, hash_file
from eiesim.catalog.trained import trained_names
from eiesim.importers.dump import is_dump, read_dump
from eiesim.importers.kinds import Kind, holds, is_of_weights
from eiesim.importers.npz import read_activations, read_layer
from eiesim.layer.weights import CompressedLayer

Floats = npt.NDArray[np.float32]


class Form(Enum):
    """What a name or a file of a layer is."""

    FILE = "a .npz file with a layer or an image"
    NETWORK = "an imported network, .eie or .dcz"
    FOLDER = "a folder of the EIE authors' simulator"
    TRAINED = "a layer of a network that eiesim trained"
    MATCHED = "a layer of the paper with the work of Table IV"
    WEIGHTS = "weights of a network that is not imported"
    DRAWN = "a benchmark, or a .toml description"


class Loaded(NamedTuple):
    """A layer as it was read.

    Attributes
    ----------
    sha256 : str
        Of what was read.
    activations : float32 [cols] or None
        Its own input, if it has one.
    seed : int or None
        Of the draw, where it was drawn.
    """

    layer: CompressedLayer
    activations: Floats | None
    sha256: str
    seed: int | None = None


class Reader(NamedTuple):
    """How one form is known, read, and told from another of the same name.

    Attributes
    ----------
    recognises : callable
        Whether a name or file is of this form.
    load : callable
        Reads it.
    hash_content : callable
        SHA-256 of what is read.
    """

    recognises: Callable[[str], bool]
    load: Callable[[str], Loaded]
    hash_content: Callable[[str], str]


def _is_trained(name: str) -> bool:
    network, slash, _ = name.partition("/")
    return bool(slash) and network in trained_names()


def _load_file(path: str) -> Loaded:
    return Loaded(*read_layer(path), hash_file(path))


def _load_folder(path: str) -> Loaded:
    dump = read_dump(path)
    return Loaded(dump.layer, dump.activations, dump.sha256)


def _load_trained(name: str) -> Loaded:
    benchmark = load_benchmark(name)
    return Loaded(benchmark.layer, benchmark.activations, _hash_trained(name))


def _hash_trained(name: str) -> str:
    return hash_file(models_path() / "trained" / f"{name.partition('/')[0]}-seed0.dcz")


def _load_matched(name: str) -> Loaded:
    operands = draw_matched(name.removeprefix(MATCHED_PREFIX)).operands
    (source,) = operands.sources
    return Loaded(operands.layer, operands.activations, source.sha256, source.seed)


def _hash_matched(name: str) -> str:
    return hash_file(find_spec_file(name.removeprefix(MATCHED_PREFIX)))


def _load_drawn(name: str) -> Loaded:
    spec = load_spec(name)
    benchmark = draw_benchmark(spec)
    return Loaded(benchmark.layer, benchmark.activations, _hash_drawn(name), spec.seed)


def _hash_drawn(name: str) -> str:
    return hash_file(find_spec_file(name))


def _refuse_weights(path: str) -> Loaded:
    raise WorkloadError(
        f"{path}: expected a layer or an imported network, found a network's weights; import "
        "them first (eiesim import)"
    )


READERS = {
    Form.FILE: Reader(lambda path: holds(path, Kind.ARRAYS), _load_file, hash_file),
    Form.NETWORK: Reader(lambda path: holds(path, Kind.CONTAINER), _load_drawn, hash_file),
    Form.FOLDER: Reader(is_dump, _load_folder, lambda path: read_dump(path).sha256),
    Form.TRAINED: Reader(_is_trained, _load_trained, _hash_trained),
    Form.MATCHED: Reader(
        lambda name: name.startswith(MATCHED_PREFIX), _load_matched, _hash_matched
    ),
    Form.WEIGHTS: Reader(is_of_weights, _refuse_weights, _hash_drawn),
    Form.DRAWN: Reader(lambda _: True, _load_drawn, _hash_drawn),
}
"""In the order in which a name is tried."""


def find_form(given: str) -> Form:
    """Return what a name or file is; what nothing else recognises is a name of a drawn layer."""
    return next(form for form, reader in READERS.items() if reader.recognises(given))


def load_layer(given: str) -> tuple[CompressedLayer, Floats | None, Source]:
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
    layer, activations, sha256, seed = READERS[find_form(given)].load(given)
    return layer, activations, Source(given, sha256, seed)


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
