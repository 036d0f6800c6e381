"""One input after the other through a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import Model
from eiesim.counters import RunResult, add_counters
from eiesim.graph import STEPS
from eiesim.hardware import Hardware
from eiesim.image import MemoryUse
from eiesim.importers.onnx_host import HOST_OP
from eiesim.inference.host_steps import Piece, run_host
from eiesim.inference.products import Chip, Setup, run_product
from eiesim.sim.engines import Engine

Floats = npt.NDArray[np.float32]


class Workers(NamedTuple):
    """What does the steps of a network.

    Attributes
    ----------
    chips : mapping of str to Chip
        Those on EIE.
    pieces : mapping of str to Piece
        Those that are nodes of ONNX.
    swaps : mapping of str to str
        From `find_swaps`.
    """

    chips: Mapping[str, Chip]
    pieces: Mapping[str, Piece]
    swaps: Mapping[str, str]


class Traffic(NamedTuple):
    """Activations that pass between the host and EIE in a step.

    Attributes
    ----------
    loaded : int
        Written into source registers, one that is used again as often as it is written. 0 where a
        fully connected layer takes what another one left in the destination registers: the two
        register files swap their roles (EIE, section IV).
    distinct : int
        Different ones among them.
    stored : int
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
    name : str
        The step.
    result : RunResult
        Counts of all its products, one after the other; their outputs, likewise.
    product_cycles : int64 [products]
        Cycles of each product: of a position of a convolution, of a step of a sequence.
    nonzeros : int64 [products]
        Activations of each that are not 0.
    dense_macs : int
        Multiply-accumulates of all its products, of pruned weights and zeros, too.
    activations : int
        Those that the products take, zeros included.
    traffic : Traffic
        What is loaded and stored.
    memories : tuple of MemoryUse
        How full the memories are, with the matrix that needs most where there are several.
    """

    name: str
    result: RunResult
    product_cycles: npt.NDArray[np.int64]
    nonzeros: npt.NDArray[np.int64]
    dense_macs: int
    activations: int
    traffic: Traffic
    memories: tuple[MemoryUse, ...]


@dataclass(frozen=True, eq=False)
class InputRun:
    """One input through a network.

    Attributes
    ----------
    values : mapping of name to float32
        What each input and step gave.
    steps : tuple of StepRun
        Those on EIE, in order.
    host_macs : int or None
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
    """Run inputs through a network, one after the other.

    Parameters
    ----------
    model : Model
        The network; its layers are encoded once.
    inputs : iterable of mapping of name to float32
        Each holds an array for every input of the network.
    hw : Hardware
        The machine. With its `fixed16` datapath activations are rounded as they are loaded, and the
        state of a recurrent layer is kept in such numbers, too.
    engine : {"fast", "reference"}
        The engine.
    keep_state : bool
        Whether a recurrent layer begins an input in the state in which it ended the one before,
        as when a text is written character by character; by default it begins with zeros.
    balance : bool
        Whether the rows of each layer are ordered so that the PEs have equal work, as
        `eiesim.image.balance_rows` does. The network gives the same.

    Raises
    ------
    WorkloadError
        An input is missing or not of the network's shape.
    ImageError
        A layer does not go with the machine.
    """
    setup = Setup(hw, engine, balance)
    swaps = find_swaps(model)
    chips: dict[str, Chip] = {}
    for step in model.graph.steps:
        if step.on_eie:
            before = chips[swaps[step.name]] if step.name in swaps else None
            stays = step.name in swaps.values() and not _leaves(model, step.name)
            stored = model.layers[step.layer]
            chips[step.name] = Chip(step, stored, setup, before, stays)
    pieces = {step.name: Piece(model, step) for step in model.graph.steps if step.op == HOST_OP}
    for given in inputs:
        if not keep_state:
            for chip in chips.values():
                chip.memory = None
        values = _take_inputs(model, given)
        yield _run_input(model, values, Workers(chips, pieces, swaps))


def _take_inputs(model: Model, given: Mapping[str, Floats]) -> dict[str, Floats]:
    taken = {}
    for name, shape in model.graph.inputs.items():
        if name not in given:
            raise WorkloadError(
                f"{model.name}: input {name!r}: expected one of shape {list(shape)}, found "
                f"{', '.join(given) or 'none'}"
            )
        found = np.shape(given[name])
        fitting = model.graph.fit(name, found)
        wanted = tuple("steps" if size == STEPS else size for size in shape)
        array = take_array(
            given[name], f"input {name!r}", np.float32, wanted if fitting is None else found
        )
        taken[name] = array.reshape(fitting or ())
    return taken


def find_swaps(model: Model) -> dict[str, str]:
    """Find the layers whose inputs another layer leaves in the registers of the PEs.

    Returns
    -------
    dict of str to str
        By fully connected step, the one before it. Between them there may be a ReLU, which the PEs
        apply themselves. A bias that the host adds is one more step between.

    References
    ----------
    EIE, section IV: source and destination register files swap their roles.
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
    """Return whether the host takes what a step gives, or what a ReLU makes of it."""
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
        swapped = step.name in swaps
        runs.append(finish(chips[step.name], operands[0].size, output.size, swapped))
    known = [macs for macs in host_macs.values() if macs is not None]
    return InputRun(values, tuple(runs), sum(known) if len(known) == len(host_macs) else None)


def finish(chip: Chip, distinct: int, stored: int, swapped: bool) -> StepRun:
    """Return what a chip has run, and clear it.

    Parameters
    ----------
    distinct, stored : int
        Activations that it took, each counted once, and that it gave.
    swapped : bool
        Whether another layer left the inputs in the registers.
    """
    counters = add_counters([run.counters for run in chip.runs])
    output = np.concatenate([run.output.reshape(-1) for run in chip.runs])
    done = StepRun(
        chip.step.name,
        RunResult(chip.step.name, chip.setup.engine, chip.setup.hw, output, counters),
        np.concatenate([run.cycles for run in chip.runs]),
        np.concatenate(chip.nonzeros),
        chip.dense_macs,
        chip.taken,
        Traffic(0, 0, stored) if swapped else Traffic(chip.taken, distinct, stored),
        chip.memories,
    )
    chip.clear()
    return done
