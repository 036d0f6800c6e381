"""Runs of layers on a machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import ConfigError, EnergyError, WorkloadError
from eiesim.base.resources import models_path
from eiesim.benchmark import draw_benchmark, find_spec_file, load_benchmark, load_spec
from eiesim.counters import RunResult
from eiesim.energy.model import EnergyReport, estimate_energy
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware
from eiesim.image import MemoryUse, balance_rows, encode_passes, fit_images, restore_rows
from eiesim.importers.dump import is_dump, read_dump
from eiesim.importers.kinds import Kind, holds, is_of_weights
from eiesim.importers.npz import read_activations, read_layer
from eiesim.layer.weights import CompressedLayer
from eiesim.sim.bandwidth import find_bandwidth
from eiesim.sim.bounds import Bounds
from eiesim.sim.engines import Engine
from eiesim.sim.passes import bound_passes, share_srams, simulate_passes
from eiesim.trained import trained_names


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
    dram_gbps_needed : float or None
        Smallest DRAM bandwidth that costs no cycles; None where nothing is streamed.
    energy : EnergyReport or None
        What the run cost; None where an action has no price.
    no_energy : str
        Why there is no energy; empty where there is.
    """

    name: str
    result: RunResult
    operands: Operands
    padding_zeros: int
    bounds: Bounds
    memories: tuple[MemoryUse, ...]
    dram_gbps_needed: float | None
    energy: EnergyReport | None
    no_energy: str


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


def run_layer(
    given: str,
    hw: Hardware,
    prices: PriceTable,
    engine: Engine = "fast",
    inputs: str | None = None,
    balance: bool = False,
) -> LayerRun:
    """Encode a layer by name or file for a machine, run one input through it, and price the run.

    Parameters
    ----------
    given, inputs : str
        As in `load_operands`.
    hw : Hardware
        The machine.
    prices : PriceTable
        Its prices.
    engine : {"fast", "reference"}
        The engine.
    balance : bool
        As in `run_operands`.

    Raises
    ------
    EieError
        As in `load_operands` and `run_operands`.
    """
    return run_operands(load_operands(given, inputs), hw, prices, engine, balance)


def run_operands(
    operands: Operands,
    hw: Hardware,
    prices: PriceTable,
    engine: Engine = "fast",
    balance: bool = False,
) -> LayerRun:
    """Encode a layer for a machine, run one input through it, and price the run.

    Parameters
    ----------
    operands : Operands
        Layer and input.
    hw : Hardware
        The machine.
    prices : PriceTable
        Its prices.
    engine : {"fast", "reference"}
        The engine.
    balance : bool
        Whether the layer's rows are ordered so that the PEs have equal work, as
        `eiesim.image.balance_rows` does. The outputs are the same, in their old order.

    Raises
    ------
    EieError
        The layer cannot be encoded for this machine.
    """
    layer = operands.layer
    order = balance_rows(layer, hw.n_pes) if balance else np.arange(layer.rows)
    images = encode_passes(layer.take(order) if balance else layer, hw)
    result = simulate_passes(images, operands.activations, hw, engine)
    result = replace(result, output=restore_rows(result.output, order))
    own = share_srams(images, hw)
    needed = [find_bandwidth(image, operands.activations, own) for image in images]
    energy, no_energy = None, ""
    try:
        energy = estimate_energy(result, prices=prices)
    except EnergyError as error:
        no_energy = str(error)
    return LayerRun(
        name=images[0].name,
        result=result,
        operands=operands,
        padding_zeros=sum(image.padding_entries for image in images),
        bounds=bound_passes(images, operands.activations, hw),
        memories=tuple(fit_images(images, hw.fill)),
        dram_gbps_needed=max((gbps for gbps in needed if gbps is not None), default=None),
        energy=energy,
        no_energy=no_energy,
    )


def run_layers(
    given: Sequence[str],
    hw: Hardware,
    prices: PriceTable,
    engine: Engine = "fast",
    inputs: str | None = None,
    balance: bool = False,
) -> Iterator[LayerRun]:
    """Run several layers, one after the other, each under a name of its own.

    Parameters
    ----------
    given : sequence of str
        Names or files, as in `load_operands`.
    hw : Hardware
        The machine.
    prices : PriceTable
        Its prices.
    engine : {"fast", "reference"}
        The engine.
    inputs : str, optional
        An input for the only layer.
    balance : bool
        As in `run_operands`.

    Raises
    ------
    EieError
        As in `run_layer`, or there is an input for several layers.
    """
    if inputs is not None and len(given) > 1:
        raise ConfigError("--inputs: expected one layer to go with it, found several")
    names: set[str] = set()
    for word in given:
        run = run_layer(word, hw, prices, engine, inputs, balance)
        name, number = run.name, 1
        while name in names:
            number += 1
            name = f"{run.name}#{number}"
        names.add(name)
        yield replace(run, name=name)


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of a file.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    WorkloadError
        It cannot be read.
    """
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {error.strerror}") from error
