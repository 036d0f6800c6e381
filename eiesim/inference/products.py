"""The steps of a network on EIE: which vectors are multiplied, and how products become outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.base.fixedpoint import dequantise, quantise
from eiesim.counters import Cause, DeltaState, InputsResult, OutputError
from eiesim.graph import RECURRENT, Step, cells, find_convolved, find_kernel, winograd
from eiesim.graph.host import SlidingWindow, relu, sigmoid, take_windows
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC, balance_rows, encode_passes, fit_images, restore_rows
from eiesim.inference.matrices import PLACES, move_bias, split_layer
from eiesim.layer.weights import CompressedLayer, StoredLayer
from eiesim.sim.engines import Engine
from eiesim.sim.passes import (
    compute_outputs,
    compute_step,
    find_output_error,
    move_activations,
    run_step,
    runs_at_once,
    simulate_inputs,
    time_inputs_without,
)

Floats = npt.NDArray[np.float32]
Order = npt.NDArray[np.int64]
Images = Sequence[Sequence[InterleavedCSC]]
ONE = np.ones(1, np.float32)


class Setup(NamedTuple):
    """How layers are run.

    With `balance`, rows are ordered so that the PEs have equal work; outputs are put back in order.
    With `limits`, each step is timed once more without what limits it. Without `timed`, only
    outputs are computed, which is much faster: a run then has no steps.
    """

    hw: Hardware
    engine: Engine = "fast"
    balance: bool = False
    limits: bool = False
    timed: bool = True


class Multiplied(NamedTuple):
    """Vectors [n, cols] that a chip has multiplied with the matrix number `part`.

    With a `delta_threshold` one vector, and what the step before it had left.
    """

    part: int
    stack: Floats
    before: DeltaState | None


class Chip:
    """A machine with the layer of one step in its SRAMs, and what it has run since `clear`.

    `memory` is the state in which a recurrent layer begins, None for zeros, and then the one in
    which it has ended; `kept` has what a `delta_threshold` keeps from step to step, by sequence and
    matrix. `cause` is what limits the first run that anything limits. Raises
    WorkloadError if a bias is in the codebook where it cannot be, ImageError if the machine cannot
    hold the layer.

    Parameters
    ----------
    before
        The machine with the layer that leaves its outputs in the registers as this one's inputs.
    stays
        Whether the outputs stay in the registers for the next layer.
    recurrent
        Whether the last input is the 1 of a recurrent layer's bias. Where the machine has a
        threshold, the bias is in its own row then, so that its 1.0 is always sent.
    """

    def __init__(
        self,
        step: Step,
        stored: StoredLayer,
        setup: Setup,
        before: Chip | None = None,
        stays: bool = False,
        recurrent: bool | None = None,
    ) -> None:
        self.step, self.stored, self.setup = step, stored, setup
        recurrent = step.op in RECURRENT if recurrent is None else recurrent
        hw = setup.hw if recurrent else replace(setup.hw, delta_threshold=None)
        self.hw = hw
        self.moves_bias = recurrent and hw.has_threshold
        self.loads, self.stores = before is None, not stays
        # the source registers hold the inputs in the order of the rows of the layer before
        self.input_order = before.orders[0] if before is not None and before.orders else None
        parts = self._split()
        self.orders: list[Order] = []
        if setup.balance:
            self.orders = [balance_rows(part, hw.n_pes) for part in parts]
            parts = [part.take(order) for part, order in zip(parts, self.orders, strict=True)]
        self.images: Images = [encode_passes(part, hw) for part in parts]
        uses = [tuple(fit_images(part, hw.fill)) for part in self.images]
        self.memories = max(uses, key=lambda part: part[0].used)
        self.memory: Floats | None = None
        self.kept: dict[tuple[int, int], DeltaState] = {}
        self.sequence = 0
        # the next step of a sequence needs the outputs of this one, but not its counts
        self.counts_later = (
            recurrent
            and setup.timed
            and len(self.images) == 1
            and runs_at_once(self.images[0], hw, setup.engine)
        )
        self.cause: Cause | None = None
        self.clear()

    def _split(self) -> list[CompressedLayer]:
        parts = split_layer(self.step, self.stored.layer)
        if self.moves_bias:
            parts = [move_bias(part) for part in parts]
        if self.input_order is None:
            return parts
        return [part.take(cols=self.input_order) for part in parts]

    @cached_property
    def balanced_images(self) -> Images:
        """The matrices with their rows ordered so that the PEs have equal work."""
        hw = self.hw
        parts = [part.take(balance_rows(part, hw.n_pes)) for part in self._split()]
        return [encode_passes(part, hw) for part in parts]

    def begin(self) -> None:
        """Begin the next sequence with a state of zeros."""
        self.memory, self.kept = None, {}

    def clear(self) -> None:
        """Forget what was run, but not the state of a recurrent layer."""
        self.products: list[Multiplied] = []
        self.uncounted: list[tuple[Floats, Floats]] = []
        self.error: OutputError | None = None
        self.move_cycles = self.load_cycles = 0
        self.runs: list[InputsResult] = []
        self.nonzeros: list[npt.NDArray[np.int64]] = []
        self.taken = self.dense_macs = 0

    def multiply(self, vectors: Floats, part: int = 0) -> Floats:
        """Return the products [n, rows] of the matrix number `part` and vectors [n, cols]."""
        stack = np.ascontiguousarray(vectors, np.float32)
        if self.input_order is not None:
            stack = stack[:, self.input_order]
        if self.setup.timed and not self.counts_later:
            before = self.kept.get((self.sequence, part))
            run = self._run(self._take_operands(stack), part, before)
            output = run.output
            self._count(part, stack, run, before)
        else:
            output = self._compute(self._take_operands(stack), part)
        if self.counts_later:
            self.uncounted.append((stack, output))
        if self.setup.timed:
            self._add_error(stack, part, output)
        return restore_rows(output, self.orders[part]) if self.orders else output

    def _take_operands(self, stack: Floats) -> Floats:
        """Return vectors without the 1 of a bias that is in its own row."""
        return stack[:, :-1] if self.moves_bias else stack

    def _add_error(self, stack: Floats, part: int, output: Floats) -> None:
        error = find_output_error(self.images[part], self._take_operands(stack), self.hw, output)
        if error is not None:
            self.error = error if self.error is None else self.error.add(error)

    def count(self) -> None:
        """Count what was multiplied since `clear` and is not counted yet."""
        if not self.uncounted:
            return
        stacks, outputs = zip(*self.uncounted, strict=True)
        stack, output = np.concatenate(stacks), np.concatenate(outputs)
        operands = self._take_operands(stack)
        run = simulate_inputs(self.images[0], operands, self.hw, self.setup.engine, output)
        self.uncounted = []
        self._count(0, stack, run, None)

    def _count(
        self, part: int, stack: Floats, run: InputsResult, before: DeltaState | None
    ) -> None:
        hw, images = self.hw, self.images[part]
        if hw.act_batches:
            unmoved = run.counters
            run = move_activations(run, images, hw, self.loads, self.stores)
            self.move_cycles += run.counters.cycles - unmoved.cycles
            load_cycles = run.counters.scan_starved_cycles - unmoved.scan_starved_cycles
            self.load_cycles += int(load_cycles[0])
        if self.setup.limits:
            self.products.append(Multiplied(part, self._take_operands(stack), before))
        if self.orders:
            run = replace(run, output=restore_rows(run.output, self.orders[part]))
        self.runs.append(run)
        self.nonzeros.append(np.count_nonzero(stack, axis=1))
        self.taken += stack.size
        self.dense_macs += stack.size * sum(image.rows for image in images)

    def _run(self, operands: Floats, part: int, before: DeltaState | None) -> InputsResult:
        hw, images, engine = self.hw, self.images[part], self.setup.engine
        if hw.delta_threshold is None:
            return simulate_inputs(images, operands, hw, engine)
        (image,), (vector,) = images, operands
        run, self.kept[self.sequence, part] = run_step(image, vector, hw, engine, before)
        return run

    def _compute(self, operands: Floats, part: int) -> Floats:
        """Return the outputs of `_run`, rows in the order of the image."""
        hw, images, place = self.hw, self.images[part], (self.sequence, part)
        if hw.delta_threshold is None:
            return compute_outputs(images, operands, hw)
        (image,), (vector,) = images, operands
        outputs, self.kept[place] = compute_step(image, vector, hw, self.kept.get(place))
        return outputs

    def time_without(self, cause: Cause) -> int:
        """Return the cycles of what was run since `clear` without one of the causes."""
        is_uneven = cause is Cause.BUSIEST_PE
        images = self.balanced_images if is_uneven else self.images
        left_out = None if is_uneven else cause
        product_cycles = sum(
            time_inputs_without(images[it.part], it.stack, self.hw, left_out, it.before)
            for it in self.products
        )
        no_load_cycles = self.load_cycles if cause is Cause.SCAN else 0
        return product_cycles + self.move_cycles - no_load_cycles

    def hold(self, state: Floats) -> Floats:
        """Return a state as it is kept from step to step, in the machine's number format."""
        hw = self.hw
        if hw.datapath == "float32":
            return state
        return dequantise(quantise(state, hw.act_fraction_bits), hw.act_fraction_bits)


def run_product(chip: Chip, operands: Sequence[Floats]) -> Floats:
    """Do a step on EIE, with operands of shapes that fit, and return its output.

    Behind the first operand comes the state in which a recurrent layer begins. A bias that is not
    in the codebook is added by the host.
    """
    arrays = [np.asarray(operand, np.float32) for operand in operands]
    if chip.step.settings["stacked"]:
        return STACKED[chip.step.op](chip, arrays)
    return RULES[chip.step.op](chip, arrays[0])


def _multiply_stack(chip: Chip, operands: Sequence[Floats]) -> Floats:
    stack, stored = operands[0], chip.stored
    cols = stored.layer.cols
    if not stack.ndim or stack.shape[-1] != cols:
        raise WorkloadError(
            f"step {chip.step.name!r}: expected rows of {cols} numbers, found {list(stack.shape)}"
        )
    sums = _add_bias(chip, chip.multiply(stack.reshape(-1, cols)))
    return sums.reshape(*stack.shape[:-1], stored.layer.rows)


def _convolve_stack(chip: Chip, operands: Sequence[Floats]) -> Floats:
    return np.stack([_convolve(chip, image) for image in operands[0]])


def _recur_stack(chip: Chip, operands: Sequence[Floats]) -> Floats:
    sequences, *states = operands
    if states or chip.memory is None:
        chip.kept = {}
    if not len(sequences):
        raise WorkloadError(f"step {chip.step.name!r}: expected a sequence of steps, found none")
    begins, outputs = chip.memory, []
    ends: list[Floats] = []
    for number in range(sequences.shape[1]):
        if states:
            chip.memory = np.stack([state[number] for state in states])
            if chip.step.op != "lstm":
                (chip.memory,) = chip.memory
        else:
            chip.memory = None if begins is None else begins[number]
        chip.sequence = number
        outputs.append(RULES[chip.step.op](chip, np.ascontiguousarray(sequences[:, number])))
        ends.append(np.asarray(chip.memory))
    chip.memory = np.stack(ends)
    return np.stack(outputs, axis=1)


def _add_bias(chip: Chip, sums: Floats) -> Floats:
    bias = chip.stored.bias
    return sums if bias is None else sums + bias


def _multiply(chip: Chip, operand: Floats) -> Floats:
    cols = chip.stored.layer.cols
    sums = chip.multiply(operand.reshape(-1, cols))
    sequence = operand.ndim == 2 and operand.shape[1] == cols
    return _add_bias(chip, sums if sequence else sums[0])


def _convolve(chip: Chip, image: Floats) -> Floats:
    step, shape = chip.step, chip.stored.shape
    pad, stride, dilation = (step.settings[key] for key in ("pad", "stride", "dilation"))
    kernel = find_kernel(step, shape)
    below, beside = find_convolved(step.settings, kernel, image.shape[1:])
    if below < 1 or beside < 1:
        raise WorkloadError(
            f"step {step.name!r}: expected an image that a window of {kernel[0]} x {kernel[1]} "
            f"fits into, found {image.shape[1]} x {image.shape[2]}"
        )
    if step.settings["winograd"]:
        tiles = winograd.transform_tiles(image, pad, (below, beside))
        products = [chip.multiply(tiles[:, place // 4, place % 4], place)
                    for place in range(PLACES)]  # fmt: skip
        stacked = np.stack(products, axis=1).reshape(len(tiles), 4, 4, -1)
        sums = winograd.join_tiles(stacked, (below, beside))
    else:
        windows = take_windows(image, SlidingWindow(kernel, stride, pad, (below, beside), dilation))
        groups = windows.reshape(step.settings["groups"], -1, below * beside)
        rows = [chip.multiply(group.T, part) for part, group in enumerate(groups)]
        sums = np.concatenate(rows, axis=1).T.reshape(-1, below, beside)
    return _add_bias(chip, sums.transpose(1, 2, 0)).transpose(2, 0, 1)


def _multiply_cell(chip: Chip, numbers: Floats, state: Floats, part: int = 0) -> Floats:
    """Return the products of a cell with inputs, state and the 1 of its bias."""
    vector = np.concatenate((numbers, state, ONE))
    return chip.multiply(vector[np.newaxis], part).reshape(-1)


def _run_lstm(chip: Chip, sequence: Floats) -> Floats:
    size = chip.stored.layer.rows // 4
    hidden, state = np.zeros((2, size), np.float32) if chip.memory is None else chip.memory
    outputs = []
    for numbers in sequence:
        sums = _multiply_cell(chip, numbers, hidden)
        new_hidden, new_state = cells.step_lstm(sums, state)
        hidden, state = chip.hold(new_hidden), chip.hold(new_state)
        outputs.append(np.concatenate((hidden, state)) if chip.step.settings["cell"] else hidden)
    chip.memory = np.stack((hidden, state))
    return np.stack(outputs)


def _run_gru(chip: Chip, sequence: Floats) -> Floats:
    before = chip.step.settings["reset"] == "before"
    size = chip.stored.layer.rows // (3 if before else 4)
    state = np.zeros(size, np.float32) if chip.memory is None else chip.memory
    outputs = []
    for numbers in sequence:
        sums = _multiply_cell(chip, numbers, state)
        if before:
            update, reset = np.split(sums, 2)
            new = _multiply_cell(chip, numbers, sigmoid(reset) * state, 1)
        else:
            update, reset, of_input, of_state = np.split(sums, 4)
            new = of_input + sigmoid(reset) * of_state
        state = chip.hold(cells.step_gru(update, new, state))
        outputs.append(state)
    chip.memory = state
    return np.stack(outputs)


def _run_rnn(chip: Chip, sequence: Floats) -> Floats:
    apply = np.tanh if chip.step.settings["activation"] == "tanh" else relu
    state = np.zeros(chip.stored.layer.rows, np.float32) if chip.memory is None else chip.memory
    outputs = []
    for numbers in sequence:
        state = chip.hold(apply(_multiply_cell(chip, numbers, state)))
        outputs.append(state)
    chip.memory = state
    return np.stack(outputs)


RULES: Mapping[str, Callable[[Chip, Floats], Floats]] = {
    "fc": _multiply, "conv": _convolve, "lstm": _run_lstm, "gru": _run_gru,
    "rnn": _run_rnn,
}  # fmt: skip
STACKED: Mapping[str, Callable[[Chip, Sequence[Floats]], Floats]] = {
    "fc": _multiply_stack, "conv": _convolve_stack, "lstm": _recur_stack, "gru": _recur_stack,
    "rnn": _recur_stack,
}  # fmt: skip
