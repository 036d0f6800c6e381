"""One input after the other through a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import ConfigError, WorkloadError
from eiesim.catalog.model import Model
from eiesim.counters import Cause, RunResult, add_counters
from eiesim.graph import RECURRENT, STEPS
from eiesim.hardware import Hardware
from eiesim.image import MemoryUse
from eiesim.importers.onnx_host import HOST_OP
from eiesim.inference.host_steps import Piece, run_host
from eiesim.inference.products import Chip, Setup, run_product
from eiesim.sim.engines import Engine

Floats = npt.NDArray[np.float32]


class Workers(NamedTuple):
    """What runs the steps of a network, by step: chips, and ONNX nodes; swaps of `find_swaps`."""

    chips: Mapping[str, Chip]
    pieces: Mapping[str, Piece]
    swaps: Mapping[str, str]


class Traffic(NamedTuple):
    """Activations that pass between the host and EIE in a step.

    Attributes
    ----------
    loaded
        Written into source registers, one that is used again as often as it is written. 0 if a
        fully connected layer takes what another one left in the destination registers: the two
        register files swap their roles (EIE, section IV).
    distinct
        Number of different activations among them.
    stored
        Outputs.
    """

    loaded: int
    distinct: int
    stored: int


@dataclass(frozen=True, eq=False)
class StepRun:
    """A step on EIE for one input.

    Attributes
    ----------
    result
        Counts of all its products, one after the other, and their outputs.
    product_cycles : int64 [products]
        Cycles of each product: of a position of a convolution, of a step of a sequence.
    nonzeros : int64 [products]
        Activations of each that are not 0.
    dense_macs
        Multiply-accumulates of all its products, of pruned weights and zeros, too.
    activations
        Activations that the products take, zeros included.
    memories
        How full the memories are, with the largest matrix if there are several.
    cause
        What limits the step for the first input that anything limits.
    cycles_without_cause
        Cycles without it; None if they are not asked for.
    """

    name: str
    result: RunResult
    product_cycles: npt.NDArray[np.int64]
    nonzeros: npt.NDArray[np.int64]
    dense_macs: int
    activations: int
    traffic: Traffic
    memories: tuple[MemoryUse, ...]
    cause: Cause | None
    cycles_without_cause: int | None


@dataclass(frozen=True, eq=False)
class InputRun:
    """One input through a network: values of each input and step, and the steps on EIE in order.

    Attributes
    ----------
    host_macs
        Multiply-accumulates of products that the host did; None where they are not known.
    """

    values: Mapping[str, Floats]
    steps: tuple[StepRun, ...]
    host_macs: int | None

    @property
    def cycles(self) -> int:
        """Cycles of all steps on EIE, one after the other."""
        return sum(run.result.cycles for run in self.steps)


def run_model(
    model: Model,
    inputs: Iterable[Mapping[str, Floats]],
    hw: Hardware,
    engine: Engine = "fast",
    keep_state: bool = False,
    balance: bool = False,
) -> Iterator[InputRun]:
    """Run inputs through a network, one after the other; its layers are encoded once.

    Raises WorkloadError if an input is missing or not of the network's shape; ImageError if the
    machine cannot hold a layer.

    Parameters
    ----------
    inputs
        Each holds an array for every input of the network.
    hw
        The machine. With its `fixed16` datapath activations are rounded as they are loaded, and the
        state of a recurrent layer is kept in such numbers, too. A `delta_threshold` is of recurrent
        layers, whose accumulators keep their sums from step to step, `act_threshold` then of the
        others; ConfigError if one has no effect.
    keep_state
        Whether a recurrent layer begins an input in the state in which it ended the one before,
        as when a text is written character by character; by default it begins with zeros.
    balance
        Whether the rows of each layer are ordered so that the PEs have equal work, as
        `eiesim.image.balance_rows` does. The outputs stay the same.
    """
    return run_steps(model, inputs, Setup(hw, engine, balance), keep_state)


def run_steps(
    model: Model, inputs: Iterable[Mapping[str, Floats]], setup: Setup, keep_state: bool = False
) -> Iterator[InputRun]:
    """Run inputs through a network, one after the other; see `run_model`.

    Parameters
    ----------
    setup : Setup
        The machine, and how it runs the layers.
    """
    _require_effect(model, setup.hw)
    swaps = find_swaps(model)
    chips: dict[str, Chip] = {}
    for step in model.graph.steps:
        if step.on_eie:
            before = chips[swaps[step.name]] if step.name in swaps else None
            stays = step.name in swaps.values() and not _leaves(model, step.name)
            stored = model.layers[step.layer]
            chips[step.name] = Chip(step, stored, setup, before, stays)
    pieces = {step.name: Piece(model, step) for step in model.graph.steps if step.op == HOST_OP}
    for arrays in inputs:
        if not keep_state:
            for chip in chips.values():
                chip.begin()
        values = _take_inputs(model, arrays)
        yield _run_input(model, values, Workers(chips, pieces, swaps))


def _require_effect(model: Model, hw: Hardware) -> None:
    """Raise a ConfigError if a threshold is set that no step of the network has."""
    if hw.delta_threshold is None:
        return
    kept = [step.op in RECURRENT for step in model.graph.steps if step.on_eie]
    if not any(kept):
        raise ConfigError(
            f"{model.name}: delta_threshold: expected a network with an LSTM, GRU or RNN, whose "
            "steps change their inputs; leave it out"
        )
    for name in ("act_threshold", "act_threshold_quantile"):
        if all(kept) and getattr(hw, name):
            raise ConfigError(
                f"{model.name}: {name}: with a delta_threshold it is of layers that are not "
                "recurrent, and there are none; leave it out"
            )


def _take_inputs(model: Model, arrays: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the inputs of a network, each in its shape."""
    inputs = {}
    for name, shape in model.graph.inputs.items():
        if name not in arrays:
            raise WorkloadError(
                f"{model.name}: input {name!r}: expected one of shape {list(shape)}, found "
                f"{', '.join(arrays) or 'none'}"
            )
        array_shape = np.shape(arrays[name])
        fitting = model.graph.fit(name, array_shape)
        expected = array_shape
        if fitting is None:
            expected = tuple("steps" if size == STEPS else size for size in shape)
        array = take_array(arrays[name], f"input {name!r}", np.float32, expected)
        inputs[name] = array.reshape(fitting or ())
    return inputs


def find_swaps(model: Model) -> dict[str, str]:
    """Find the layers whose inputs another layer leaves in the registers of the PEs.

    Return the step before by fully connected step. Between them there may be a ReLU, which the PEs
    apply themselves, but no bias that the host adds. Source: EIE, section IV: source and
    destination register files swap their roles.
    """
    left: dict[str, str] = {}
    swaps = {}
    for step in model.graph.steps:
        one_vector = all(size == 1 for size in model.shapes[step.name][:-1])
        if not one_vector or step.op not in ("fc", "relu"):
            continue
        before = left.get(step.inputs[0])
        if step.op == "relu":
            if before is not None:
                left[step.name] = before
            continue
        if before is not None:
            swaps[step.name] = before
        if model.layers[step.layer].bias is None:
            left[step.name] = step.name
    return swaps


def _leaves(model: Model, name: str) -> bool:
    """Return whether the host takes a step's output, or that of a ReLU behind it."""
    readers = [step for step in model.graph.steps if name in step.inputs]
    return name in model.graph.outputs or any(
        _leaves(model, step.name) if step.op == "relu" else step.op != "fc" for step in readers
    )


def _run_input(model: Model, values: dict[str, Floats], workers: Workers) -> InputRun:
    chips, pieces, swaps = workers
    runs = []
    host_macs: dict[str, int | None] = {}  # by node: two pieces may need one
    for step in model.graph.steps:
        operands = [values[name] for name in step.inputs]
        if step.name in pieces:
            values[step.name] = pieces[step.name].run(operands)
            host_macs |= pieces[step.name].count_macs(operands)
            continue
        if step.name not in chips:
            values[step.name] = run_host(model, step, operands)
            continue
        output = values[step.name] = run_product(chips[step.name], operands)
        if chips[step.name].setup.timed:
            swapped = step.name in swaps
            runs.append(finish(chips[step.name], operands[0].size, output.size, swapped))
    known = [macs for macs in host_macs.values() if macs is not None]
    return InputRun(values, tuple(runs), sum(known) if len(known) == len(host_macs) else None)


def finish(chip: Chip, distinct: int, stored: int, swapped: bool) -> StepRun:
    """Return what a chip has run, and clear it.

    `distinct` activations were taken, each counted once, and `stored` ones given. If `swapped`,
    another layer left the inputs in the registers.
    """
    chip.count()
    counters = add_counters([run.counters for run in chip.runs])
    cycles = np.concatenate([run.cycles for run in chip.runs])
    result = RunResult(
        chip.step.name,
        chip.setup.engine,
        chip.setup.hw,
        np.concatenate([run.output.reshape(-1) for run in chip.runs]),
        counters,
        error=chip.error,
        passes=cycles.size * len(chip.images[0]),
    )
    without = None
    if chip.setup.limits:
        chip.cause = chip.cause or result.limits.first
        without = counters.cycles if chip.cause is None else chip.time_without(chip.cause)
    step_run = StepRun(
        chip.step.name,
        result,
        cycles,
        np.concatenate(chip.nonzeros),
        chip.dense_macs,
        chip.taken,
        Traffic(0, 0, stored) if swapped else Traffic(chip.taken, distinct, stored),
        chip.memories,
        chip.cause,
        without,
    )
    chip.clear()
    return step_run
