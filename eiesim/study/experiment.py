"""Runs of layers on a machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.arrays import take_array
from eiesim.benchmark import draw_benchmark, find_spec_file, load_spec
from eiesim.counters import RunResult
from eiesim.errors import ConfigError, WorkloadError
from eiesim.hardware import Hardware
from eiesim.image import MemoryUse, encode
from eiesim.importers.npz import read_activations, read_layer
from eiesim.layer import CompressedLayer
from eiesim.sim.bounds import Bounds, bound_cycles
from eiesim.sim.engines import Engine, simulate


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


@dataclass(frozen=True, eq=False)
class LayerRun:
    """One layer on one machine, with what surrounds the run.

    Attributes
    ----------
    name : str
        The layer's name, with ``#2`` and so on added where it is there already.
    result : RunResult
        Cycles, output and counters.
    operands : Operands
        Layer and input.
    padding_zeros : int
        Padding zeros of the whole image.
    bounds : Bounds
        Floor and ceiling on the cycles.
    memories : tuple of MemoryUse
        How full the memories are.
    """

    name: str
    result: RunResult
    operands: Operands
    padding_zeros: int
    bounds: Bounds
    memories: tuple[MemoryUse, ...]


def load_operands(given: str, inputs: str | None = None) -> Operands:
    """Return a layer and an input by name or file.

    Parameters
    ----------
    given : str
        A benchmark's name, a `.toml` description of a layer, or a `.npz` file with a layer or an
        image.
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
        sources.append(Source(inputs, _hash(inputs)))
    what = f"{given if inputs is None else inputs}: activations"
    return Operands(layer, take_array(activations, what, np.float32, (layer.cols,)), tuple(sources))


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
    if Path(given).suffix.lower() == ".npz":
        layer, own = read_layer(given)
        return layer, own, Source(given, _hash(given))
    file = find_spec_file(given)
    spec = load_spec(file)
    benchmark = draw_benchmark(spec)
    return benchmark.layer, benchmark.activations, Source(given, _hash(file), spec.seed)


def run_layer(given: str, hw: Hardware, engine: Engine, inputs: str | None = None) -> LayerRun:
    """Encode a layer for a machine and run one input through it.

    Parameters
    ----------
    given, inputs : str
        As in `load_operands`.
    hw : Hardware
        The machine.
    engine : {"fast", "reference"}
        The engine.

    Raises
    ------
    EieError
        As in `load_operands`, or the layer cannot be encoded for this machine.
    """
    operands = load_operands(given, inputs)
    image = encode(operands.layer, hw)
    return LayerRun(
        name=image.name,
        result=simulate(image, operands.activations, hw, engine),
        operands=operands,
        padding_zeros=image.padding_entries,
        bounds=bound_cycles(image, operands.activations, hw),
        memories=tuple(image.fits(hw)),
    )


def run_layers(
    given: Sequence[str], hw: Hardware, engine: Engine, inputs: str | None = None
) -> Iterator[LayerRun]:
    """Run several layers, one after the other, each under a name of its own.

    Parameters
    ----------
    given : sequence of str
        Names or files, as in `load_operands`.
    hw : Hardware
        The machine.
    engine : {"fast", "reference"}
        The engine.
    inputs : str, optional
        An input for the only layer.

    Raises
    ------
    EieError
        As in `run_layer`, or there is an input for several layers.
    """
    if inputs is not None and len(given) > 1:
        raise ConfigError("--inputs: expected one layer to go with it, found several")
    names: set[str] = set()
    for word in given:
        run = run_layer(word, hw, engine, inputs)
        name, number = run.name, 1
        while name in names:
            number += 1
            name = f"{run.name}#{number}"
        names.add(name)
        yield replace(run, name=name)


def _hash(path: str | Path) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {error.strerror}") from error
