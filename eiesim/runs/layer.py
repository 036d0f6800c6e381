"""Runs of layers on a machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from eiesim.base.errors import ConfigError
from eiesim.catalog.operands import Operands
from eiesim.catalog.readers import load_operands
from eiesim.counters import Cause, RunResult
from eiesim.energy.estimate import EnergyReport, try_estimate
from eiesim.energy.prices import PriceTable
from eiesim.hardware import Hardware
from eiesim.image import MemoryUse, balance_rows, encode_passes, restore_rows
from eiesim.sim.bounds import Bounds
from eiesim.sim.engines import Engine
from eiesim.sim.passes import Passes, find_output_error


@dataclass(frozen=True, eq=False)
class LayerRun:
    """One layer on one machine, with what surrounds the run.

    Attributes
    ----------
    name : str
        The layer's name; of several with one name, the second ends in ``#2``, and so on.
    balance : bool
        Whether the rows are ordered so that the PEs have equal work.
    padding_zeros : int
        Padding zeros of the whole image.
    memories : tuple of MemoryUse
        How full the memories are.
    dram_gbps_needed : float or None
        Smallest DRAM bandwidth that costs no cycles; None where nothing is streamed.
    energy : EnergyReport or None
        None where an action has no price.
    no_energy : str
        Why there is no energy; empty where there is.
    """

    name: str
    result: RunResult
    operands: Operands
    balance: bool
    padding_zeros: int
    bounds: Bounds
    memories: tuple[MemoryUse, ...]
    dram_gbps_needed: float | None
    energy: EnergyReport | None
    no_energy: str

    @cached_property
    def cycles_without_limit(self) -> int | None:
        """Cycles without the first cause of `result.limits`, None where there is none.

        The layer is encoded and timed once more when this is read first. Without its busiest PE's,
        its rows are ordered as with `balance`.
        """
        cause = self.result.limits.first
        if cause is None:
            return None
        if cause is Cause.BUSIEST_PE:
            return lay_out(self.operands, self.result.hardware, balance=True).time_without(None)
        passes = lay_out(self.operands, self.result.hardware, self.balance)
        return passes.time_without(cause)


def lay_out(operands: Operands, hw: Hardware, balance: bool) -> Passes:
    """Encode a layer for a machine, its rows in order for equal work if `balance`."""
    layer = operands.layer
    if balance:
        layer = layer.take(balance_rows(layer, hw.n_pes))
    return Passes(encode_passes(layer, hw), operands.activations, hw)


def require_no_delta(name: str, hw: Hardware) -> None:
    """Raise a ConfigError for a machine with a `delta_threshold`: one input has no step before."""
    if hw.delta_threshold is not None:
        raise ConfigError(
            f"{name}: delta_threshold: expected a network with an LSTM, GRU or RNN, found one "
            "layer with one input, which has no step before; leave it out"
        )


def run_layer(
    word: str,
    hw: Hardware,
    prices: PriceTable,
    engine: Engine = "fast",
    inputs: str | None = None,
    balance: bool = False,
) -> LayerRun:
    """Run a layer, with names or files of layer and input as in `load_operands`.

    Raises
    ------
    EieError
        As in `load_operands` and `run_operands`.
    """
    return run_operands(load_operands(word, inputs), hw, prices, engine, balance)


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
    balance : bool
        Whether the layer's rows are ordered so that the PEs have equal work, as
        `eiesim.image.balance_rows` does. The outputs are the same, in their old order.

    Raises
    ------
    EieError
        The layer cannot be encoded for this machine, or the machine keeps sums from step to step.
    """
    require_no_delta(operands.layer.name, hw)
    layer = operands.layer
    order = balance_rows(layer, hw.n_pes) if balance else np.arange(layer.rows)
    images = encode_passes(layer.take(order) if balance else layer, hw)
    passes = Passes(images, operands.activations, hw)
    result = passes.simulate(engine)
    error = find_output_error(
        images, operands.activations[np.newaxis], hw, result.output[np.newaxis]
    )
    result = replace(result, output=restore_rows(result.output, order), error=error)
    energy, no_energy = try_estimate(result, prices)
    return LayerRun(
        name=images[0].name,
        result=result,
        operands=operands,
        balance=balance,
        padding_zeros=sum(image.padding_entries for image in images),
        bounds=passes.bound(),
        memories=passes.memories,
        dram_gbps_needed=passes.find_bandwidth(),
        energy=energy,
        no_energy=no_energy,
    )


def run_layers(
    words: Sequence[str],
    hw: Hardware,
    prices: PriceTable,
    engine: Engine = "fast",
    inputs: str | None = None,
    balance: bool = False,
) -> Iterator[LayerRun]:
    """Run several layers as `run_layer` does, one after the other, each under a name of its own.

    Raises
    ------
    EieError
        As in `run_layer`, or there is an input for several layers.
    """
    if inputs is not None and len(words) > 1:
        raise ConfigError("inputs: expected one layer to go with it, found several")
    names: set[str] = set()
    for word in words:
        run = run_layer(word, hw, prices, engine, inputs, balance)
        name, number = run.name, 1
        while name in names:
            number += 1
            name = f"{run.name}#{number}"
        names.add(name)
        yield replace(run, name=name)
