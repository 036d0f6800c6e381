"""How names and files are recognised and read: one table for every command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import ConfigError, WorkloadError
from eiesim.base.files import read_arrays
from eiesim.base.resources import models_path
from eiesim.catalog.layers import draw_benchmark, find_spec_file, load_benchmark, load_spec
from eiesim.catalog.matched import MATCHED_PREFIX, draw_matched
from eiesim.catalog.networks import network_names
from eiesim.catalog.operands import Operands, Source, hash_file
from eiesim.catalog.stored import (
    StoredNetwork,
    draw_named,
    place_container,
    read_container,
    read_published,
)
from eiesim.catalog.today import (
    find_token_model_file,
    is_token_matrix,
    is_token_model,
    load_token_model,
)
from eiesim.catalog.trained import trained_names
from eiesim.importers import network_file, weight_files
from eiesim.importers.described import Interface
from eiesim.importers.dump import is_dump, read_dump
from eiesim.importers.idx import read_idx
from eiesim.importers.kinds import BY_NAME, Kind, find_kind
from eiesim.importers.network_file import NetworkFile
from eiesim.importers.npz import read_activations, read_layer
from eiesim.importers.rtl_folder import is_rtl_folder, read_rtl
from eiesim.importers.safetensors_file import read_safetensors
from eiesim.importers.state_dict import Weights
from eiesim.importers.torch_file import read_torch
from eiesim.layer.weights import CompressedLayer

Floats = npt.NDArray[np.float32]
BY_NAME_TOO = ("layer", "inputs")
READ_AS_THEY_ARE = (Kind.ARRAYS, Kind.CONTAINER)
"""A missing or damaged layer or inputs file with the name of one of these kinds goes to the reader
of its name, which says what is wrong."""


class Form(Enum):
    """Forms of names and files."""

    FILE = "a .npz file with a layer or an image"
    NETWORK = "an imported network, .eie or .dcz"
    FOLDER = "a folder of the EIE authors' simulator"
    RTL = "a folder of a layer for the RTL"
    TRAINED = "a layer of a network that eiesim trained"
    MATCHED = "a layer of the paper with the work of Table IV"
    TOKEN_MODEL = "a model of today, or a .toml file with its matrices"
    TOKEN_MATRIX = "a matrix of a model of today"
    NAMED = "a network drawn with the densities of the papers"
    PUBLISHED = "a network of Deep Compression's authors, .net"
    WEIGHTS = "weights of a network that is not imported"
    DRAWN = "a benchmark, or a .toml description"
    INPUTS = "inputs of a network, in an idx file"
    UNKNOWN = "a file without weights that are to be compressed"


class Loaded(NamedTuple):
    """A layer as it was read, its own input if any, its file's SHA-256, and the seed if drawn."""

    layer: CompressedLayer
    activations: Floats | None
    sha256: str
    seed: int | None = None


def _hash_drawn(name: str) -> str:
    return hash_file(find_spec_file(name))


def _refuse_weights(path: str) -> Loaded:
    raise WorkloadError(
        f"{path}: expected a layer or an imported network, found a network's weights; import "
        "them first (eiesim import)"
    )


class Reader(NamedTuple):
    """How a form is recognised, and a reader for each use that it has.

    Attributes
    ----------
    known_by
        Kind of the file by its content, or whether a name or file is of this form.
    layer
        Reads one layer.
    hash_content
        SHA-256 of the file that `layer` reads.
    weights
        Reads weights that are still to be compressed.
    stored
        Reads layers that are compressed already, from a file, the definition of its network or
        None, and a seed for draws.
    network
        Reads a network, from a file and one with its steps or None. A form without this reader is
        read by `weights`.
    inputs
        Reads the inputs of a network: arrays by name.
    """

    form: Form
    known_by: Kind | Callable[[str], bool]
    layer: Callable[[str], Loaded] | None = _refuse_weights
    hash_content: Callable[[str], str] = _hash_drawn
    weights: Callable[[str], Weights] | None = None
    stored: Callable[[str, str | None, int], StoredNetwork] | None = None
    network: Callable[[str, str | None], NetworkFile] | None = None
    inputs: Callable[[str], Mapping[str, npt.NDArray[Any]]] | None = None


def _is_trained(name: str) -> bool:
    network, slash, _ = name.partition("/")
    return bool(slash) and network in trained_names()


def _load_folder(path: str) -> Loaded:
    dump = read_dump(path)
    return Loaded(dump.layer, dump.activations, dump.sha256)


def _load_rtl(path: str) -> Loaded:
    exported = read_rtl(path)
    return Loaded(exported.layer, exported.activations, exported.sha256)


def _load_trained(name: str) -> Loaded:
    benchmark = load_benchmark(name)
    return Loaded(benchmark.layer, benchmark.activations, _hash_trained(name))


def _hash_trained(name: str) -> str:
    return hash_file(models_path() / "trained" / f"{name.partition('/')[0]}-seed0.dcz")


def _load_matched(name: str) -> Loaded:
    operands = draw_matched(name.removeprefix(MATCHED_PREFIX)).operands
    (source,) = operands.sources
    return Loaded(operands.layer, operands.activations, source.sha256, source.seed)


def _load_token_matrix(word: str) -> Loaded:
    model = load_token_model(word)
    spec = model.describe_matrix(model.find_matrix(word.split("/")[2]))
    benchmark = draw_benchmark(spec)
    return Loaded(benchmark.layer, benchmark.activations, _hash_token_model(word), spec.seed)


def _hash_token_model(word: str) -> str:
    return hash_file(find_token_model_file(word))


def _refuse_token_model(word: str) -> Loaded:
    names = ", ".join(matrix.name for matrix in load_token_model(word).matrices)
    raise WorkloadError(
        f"{word}: expected one layer, found a model of several matrices ({names}); name one of "
        "them: today/MODEL/MATRIX"
    )


def _load_drawn(name: str) -> Loaded:
    spec = load_spec(name)
    benchmark = draw_benchmark(spec)
    return Loaded(benchmark.layer, benchmark.activations, _hash_drawn(name), spec.seed)


def _refuse_file(path: str) -> Weights:
    kind = find_kind(path)  # refuses a file that is missing, damaged or unknown
    raise WorkloadError(f"{path}: expected weights alone, found {kind.value}; import it instead")


READERS: tuple[Reader, ...] = (
    Reader(
        Form.NAMED, lambda name: name in network_names(), None,
        stored=lambda name, _, seed: draw_named(name, seed),
    ),
    Reader(
        Form.FILE, Kind.ARRAYS, lambda path: Loaded(*read_layer(path), hash_file(path)), hash_file,
        weights=weight_files.read_npz, inputs=read_arrays,
    ),
    Reader(
        Form.NETWORK, Kind.CONTAINER, _load_drawn, hash_file,
        stored=lambda path, *_: read_container(path), network=place_container,
    ),
    Reader(
        Form.FOLDER, is_dump, _load_folder, lambda path: read_dump(path).sha256,
        network=network_file.read_dump_network,
    ),
    Reader(
        Form.RTL, is_rtl_folder, _load_rtl, lambda path: read_rtl(path).sha256,
        network=network_file.read_rtl_network,
    ),
    Reader(Form.TRAINED, _is_trained, _load_trained, _hash_trained),
    Reader(
        Form.MATCHED, lambda name: name.startswith(MATCHED_PREFIX), _load_matched,
        lambda name: _hash_drawn(name.removeprefix(MATCHED_PREFIX)),
    ),
    Reader(Form.TOKEN_MODEL, is_token_model, _refuse_token_model, _hash_token_model),
    Reader(Form.TOKEN_MATRIX, is_token_matrix, _load_token_matrix, _hash_token_model),
    Reader(
        Form.PUBLISHED, Kind.NET, network=network_file.read_net_network,
        stored=lambda path, definition, _: read_published(path, str(definition)),
    ),
    Reader(Form.WEIGHTS, Kind.ONNX, network=network_file.read_onnx_network),
    Reader(Form.WEIGHTS, Kind.TORCH, weights=weight_files.of_state_dict(read_torch)),
    Reader(Form.WEIGHTS, Kind.SAFETENSORS, weights=weight_files.of_state_dict(read_safetensors)),
    Reader(Form.WEIGHTS, Kind.SHARDS, weights=weight_files.of_state_dict(weight_files.read_shards)),
    Reader(Form.WEIGHTS, Kind.CAFFEMODEL, weights=weight_files.read_caffe_layers),
    Reader(
        Form.WEIGHTS, lambda path: Path(path).is_dir(), None,
        network=network_file.read_character_network,
    ),
    Reader(Form.DRAWN, lambda _: True, _load_drawn),
    Reader(Form.INPUTS, lambda _: True, None, inputs=lambda path: {"": read_idx(path)}),
    Reader(Form.UNKNOWN, lambda _: True, None, weights=_refuse_file),
)  # fmt: skip
"""In the order in which they are tried."""


def find_reader(name_or_path: str, *uses: str) -> Reader:
    """Return the first reader with one of the uses that recognises a name or file.

    Uses are fields of `Reader`: ``layer``, ``weights``, ``stored``, ``network`` or ``inputs``.
    """
    try:
        kind: Kind | None = find_kind(name_or_path)
    except WorkloadError:
        by_name = BY_NAME.get(Path(name_or_path).suffix.lower())
        kind = by_name if uses[0] in BY_NAME_TOO and by_name in READ_AS_THEY_ARE else None

    def is_wanted(reader: Reader) -> bool:
        if not any(getattr(reader, use) for use in uses):
            return False
        known_by = reader.known_by
        return kind is known_by if isinstance(known_by, Kind) else known_by(name_or_path)

    return next(filter(is_wanted, READERS))


def find_form(name_or_path: str) -> Form:
    """Return the form of a layer or network to run; an unknown name counts as a drawn layer."""
    return find_reader(name_or_path, "layer").form


def load_layer(name_or_path: str) -> tuple[CompressedLayer, Floats | None, Source]:
    """Return a layer by a name or file of `load_operands`, its own input, if any, and their source.

    Raises EieError if the name is unknown, or the file is missing or of the wrong form.
    """
    reader = find_reader(name_or_path, "layer")
    assert reader.layer is not None
    layer, activations, sha256, seed = reader.layer(name_or_path)
    return layer, activations, Source(name_or_path, sha256, seed)


def load_operands(name_or_path: str, inputs: str | None = None) -> Operands:
    """Return a layer and an input by name or file.

    Raises EieError if a name is unknown, a file is missing or of the wrong form, or there is no
    input.

    Parameters
    ----------
    name_or_path
        A benchmark's name, a layer of a trained network such as ``lenet-300-100/ip1``, a `.toml`
        description of a layer, a `.npz` file with a layer or an image, a folder as the EIE
        authors' simulator reads it, or a folder of a layer for the RTL.
    inputs
        A `.npy` or `.npz` file with the input to use instead of the layer's own.
    """
    layer, recorded, source = load_layer(name_or_path)
    sources = [source]
    activations = recorded if inputs is None else read_activations(inputs)
    if activations is None:
        raise WorkloadError(f"{name_or_path}: the file holds no input 'act': give inputs")
    if inputs is not None:
        sources.append(Source(inputs, hash_file(inputs)))
    label = f"{name_or_path if inputs is None else inputs}: activations"
    return Operands(
        layer, take_array(activations, label, np.float32, (layer.cols,)), tuple(sources)
    )


def read_weights_file(path: str | Path) -> Weights:
    """Return the uncompressed weights of a network's layers.

    `path` is a file of `torch.save` or safetensors, or an `.index.json` of several, with arrays as
    `eiesim.importers.state_dict.find_layers` takes them; a `.caffemodel`; or a `.npz` file as in
    `eiesim.importers.weight_files.read_npz`. Raises WorkloadError if the file is missing, damaged
    or of another kind, holds no weights, an array is of no layer, or a weight is out of float32's
    range.
    """
    reader = find_reader(str(path), "weights")
    return _read_weights(reader, str(path)).join(str(path))


def read_network(
    path: str | Path, steps: str | Path | None = None, interface: Interface | None = None
) -> NetworkFile:
    """Return a network that is to be imported, from a file or folder.

    Raises WorkloadError if the file is missing or damaged, or does not go together with its steps
    or the interface.

    Parameters
    ----------
    path
        A file of `read_weights_file`; an `.onnx`, `.net` or `.dcz` file; or a folder of a character
        LSTM, of the EIE authors' simulator, or of a layer for the RTL. The content decides which.
    steps
        A `.prototxt`, or a `.toml` or `.json` file as `eiesim.graph.read_graph` takes it. By
        default, fully connected and recurrent layers follow one another.
    interface
        Shapes and values of the inputs of an `.onnx` file.
    """
    file, steps_file = str(path), None if steps is None else str(steps)
    reader = find_reader(file, "network", "weights")
    if interface is not None and (interface.shapes or interface.values):
        if reader.known_by is not Kind.ONNX:
            raise WorkloadError(
                f"{path}: shapes and values of inputs go with an ONNX file; leave them out"
            )
        return network_file.read_onnx_network(file, steps_file, interface)
    if reader.network is not None:
        return reader.network(file, steps_file)
    return network_file.place_weights(_read_weights(reader, file), file, steps_file)


def _read_weights(reader: Reader, path: str) -> Weights:
    assert reader.weights is not None
    return weight_files.require_layers(reader.weights(path), path)


def read_stored(
    name_or_path: str, definition: str | None = None, seed: int = 0
) -> StoredNetwork | None:
    """Return layers that are compressed already, by name or file; None for weights.

    `definition` is the `.prototxt` of a `.net` file, and of no other; `seed` is for a network of
    `models/networks/`. Raises ConfigError if a `.net` file comes without a definition, or another
    file with one, and WorkloadError if a file is missing or damaged.
    """
    reader = find_reader(name_or_path, "stored", "weights")
    if (reader.form is Form.PUBLISHED) != (definition is not None):
        other = "none" if definition is None else f"one with {name_or_path}"
        raise ConfigError(
            f"definition: expected a network's definition with a .net file, found {other}"
        )
    return reader.stored(name_or_path, definition, seed) if reader.stored else None


def read_inputs(path: str | Path) -> Mapping[str, npt.NDArray[Any]]:
    """Return the arrays of a `.npz` file by name; ``""`` is that of a `.npy` or idx file."""
    reader = find_reader(str(path), "inputs")
    assert reader.inputs is not None
    return reader.inputs(str(path))
