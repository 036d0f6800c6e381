"""Runs of layers in passes: what one image gives after the other, and what lies between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.counters import (
    Cause,
    Counters,
    Counts,
    DeltaState,
    InputsResult,
    OutputError,
    RunResult,
    add_counters,
)
from eiesim.hardware import Hardware
from eiesim.image import PTR_SRAM, SPMAT_SRAM, InterleavedCSC, MemoryUse, deal, fit_images
from eiesim.sim.bandwidth import find_scanned_bandwidth
from eiesim.sim.bounds import Bounds, bound_scanned
from eiesim.sim.engines import Engine, check_run, simulate
from eiesim.sim.limits import time_without
from eiesim.sim.scan import load_registers
from eiesim.sim.stream import ScannedInput, scan_input

LOAD = ("starved_cycles", "scan_starved_cycles"), "act_sram_reads"
STORE = ("drained_cycles",), "act_sram_writes"
"""The counts of a move between SRAM and registers: times in which a PE waits, and accesses."""


@dataclass(frozen=True, eq=False)
class Passes:
    """One input of a layer on a machine, in one pass or in several; what its runs share is kept.

    `before` is what the step before has left, with a `delta_threshold`, which takes one pass.
    """

    images: Sequence[InterleavedCSC]
    activations: npt.NDArray[np.float32]
    hw: Hardware
    before: DeltaState | None = None

    @cached_property
    def memories(self) -> tuple[MemoryUse, ...]:
        """How full each memory of the fullest PE is."""
        return tuple(fit_images(self.images, self.hw.fill))

    @cached_property
    def pass_hw(self) -> Hardware:
        """The machine as each pass sees it: with all of its SRAMs, or with an equal share."""
        passes = len(self.images)
        srams = [use for use in self.memories if use.memory in (SPMAT_SRAM, PTR_SRAM)]
        if passes == 1 or all(use.fits for use in srams):
            return self.hw
        return replace(
            self.hw,
            spmat_sram_bytes=max(self.hw.spmat_sram_bytes // passes, 1),
            ptr_sram_bytes=max(self.hw.ptr_sram_bytes // passes, 1),
        )

    @cached_property
    def scanned(self) -> tuple[ScannedInput, ...]:
        """The input as each pass scans it."""
        return tuple(
            scan_input(image, self.activations, self.pass_hw, self.before) for image in self.images
        )

    def simulate(self, engine: Engine = "fast") -> RunResult:
        """Run the input; see `simulate_passes`."""
        runs = [
            simulate(image, self.activations, self.pass_hw, engine, self.before)
            for image in self.images
        ]
        if len(runs) == 1:
            return runs[0]
        counters = [
            _move(run.counters, deal(image.rows, image.n_pes), STORE)
            for run, image in zip(runs, self.images, strict=True)
        ]
        output = np.concatenate([run.output for run in runs])
        return RunResult(
            self.images[0].name, engine, self.hw, output, add_counters(counters), passes=len(runs)
        )

    def bound(self) -> Bounds:
        """Bound the cycles without simulating the input; see `eiesim.sim.bounds.bound_cycles`."""
        parts = [bound_scanned(scanned) for scanned in self.scanned]
        return Bounds(
            work_cycles=sum(part.work_cycles for part in parts),
            busiest_pe_cycles=sum(part.busiest_pe_cycles for part in parts) + self._store_cycles,
            ceiling_cycles=sum(part.ceiling_cycles for part in parts) + self._store_cycles,
        )

    @property
    def _store_cycles(self) -> int:
        if len(self.images) == 1:
            return 0
        return sum(image.pe_rows(0) for image in self.images)

    def time_without(self, cause: Cause | None) -> int:
        """Return the cycles without one of the causes; see `eiesim.sim.limits.time_without`."""
        parts = [time_without(scanned, cause) for scanned in self.scanned]
        return sum(parts) + self._store_cycles

    def find_bandwidth(self) -> float | None:
        """Find the smallest bandwidth that costs no pass a cycle, as `sim.bandwidth` does."""
        needed_gbps = [find_scanned_bandwidth(scanned) for scanned in self.scanned]
        return max((gbps for gbps in needed_gbps if gbps is not None), default=None)


def simulate_passes(
    images: Sequence[InterleavedCSC],
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    engine: Engine = "fast",
) -> RunResult:
    """Run one input through a layer, cycle for cycle, in one pass or in several.

    After each of several passes, every PE writes its outputs to the activation SRAM, one a cycle,
    while nothing else happens. Inputs that the source registers hold stay there; more are loaded
    again in each pass. Where the SRAMs do not hold all passes, each has an equal share of them.

    References
    ----------
    EIE, section IV: "the SRAM is read only at the beginning and written at the end of the batch".
    """
    return Passes(images, activations, hw).simulate(engine)


def runs_at_once(images: Sequence[InterleavedCSC], hw: Hardware, engine: Engine) -> bool:
    """Return whether `simulate_inputs` takes all inputs at once.

    The fast engine does where there is one pass, nothing is streamed, nothing comes in batches and
    nothing is kept from step to step.
    """
    if engine != "fast" or len(images) > 1:
        return False
    from eiesim.sim.fast import inputs  # noqa: PLC0415 - numba takes half a second to import

    images[0].require(hw)
    return inputs.can_run(images[0], hw)


def simulate_inputs(
    images: Sequence[InterleavedCSC],
    stack: npt.NDArray[np.float32],
    hw: Hardware,
    engine: Engine = "fast",
    output: npt.NDArray[np.float32] | None = None,
) -> InputsResult:
    """Run many inputs through a layer, one after the other.

    The result is that of `simulate_passes` for each input: cycles and outputs one by one, counts in
    total.

    Parameters
    ----------
    stack : float32 [inputs, cols]
        At least one input.
    engine : {"fast", "reference"}
        As in `simulate`.
    output : float32 [inputs, rows], or None
        What `compute_outputs` gave for the inputs, where all are taken at once; without it, it is
        computed.
    """
    if runs_at_once(images, hw, engine):
        from eiesim.sim.fast import inputs  # noqa: PLC0415 - numba takes half a second to import

        (image,) = images
        what = f"{image.name}: activations"
        operands = take_array(stack, what, np.float32, ("inputs", image.cols))
        return inputs.run_inputs(image, operands, hw, output)
    runs = [simulate_passes(images, vector, hw, engine) for vector in stack]
    return InputsResult(
        np.stack([run.output for run in runs]),
        np.array([run.cycles for run in runs], np.int64),
        add_counters([run.counters for run in runs]),
    )


def run_step(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    engine: Engine,
    before: DeltaState | None,
) -> tuple[InputsResult, DeltaState]:
    """Run a step of a sequence on a machine with a `delta_threshold`.

    Return it as the run of one input, and what is kept for the next step.
    """
    run = simulate(image, activations, hw, engine, before)
    cycles = np.array([run.cycles], np.int64)
    result = InputsResult(run.output[np.newaxis], cycles, run.counters)
    return result, _require_state(run.state)


def compute_step(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    before: DeltaState | None,
) -> tuple[npt.NDArray[np.float32], DeltaState]:
    """Return outputs [1, rows] and state of `run_step`, without the time that the step takes."""
    from eiesim.sim.fast import outputs  # noqa: PLC0415 - numba takes half a second to import

    operands = check_run(image, activations, hw, "fast")
    registers = load_registers(operands, hw.scan, before)
    output, state = outputs.compute_step(image, operands, registers, hw, before)
    return output[np.newaxis], _require_state(state)


def _require_state(state: DeltaState | None) -> DeltaState:
    if state is None:
        raise ValueError("expected a machine with a delta_threshold")
    return state


def compute_outputs(
    images: Sequence[InterleavedCSC], stack: npt.NDArray[np.float32], hw: Hardware
) -> npt.NDArray[np.float32]:
    """Return the outputs [inputs, rows] of `simulate_inputs`, without the time that they take.

    Parameters
    ----------
    stack : float32 [inputs, cols]
        At least one input.
    """
    from eiesim.sim.fast.outputs import accumulate  # noqa: PLC0415 - numba takes half a second

    for image in images:
        image.require(hw)
    what = f"{images[0].name}: activations"
    operands = take_array(stack, what, np.float32, ("inputs", images[0].cols))
    registers = load_registers(operands, hw.scan)
    return np.concatenate([accumulate(image, registers, hw) for image in images], axis=1)


def find_output_error(
    images: Sequence[InterleavedCSC],
    stack: npt.NDArray[np.float32],
    hw: Hardware,
    output: npt.NDArray[np.float32] | None = None,
) -> OutputError | None:
    """Return what outputs lack since thresholds left something out; None without a threshold.

    The exact outputs are those of the same machine, with its number format, that sends all
    activations. Outputs beyond float32's range are left out.

    Parameters
    ----------
    stack : float32 [inputs, cols]
    output : float32 [inputs, rows], or None
        What was run on `hw`; without it, it is computed, with no step before.
    """
    if not hw.has_threshold:
        return None
    exact = compute_outputs(images, stack, hw.send_all())
    output = compute_outputs(images, stack, hw) if output is None else output
    finite = np.isfinite(exact) & np.isfinite(output)
    exact_finite = exact[finite].astype(np.float64)
    errors = output[finite] - exact_finite
    squares, exact_squares = (float(np.square(it).sum()) for it in (errors, exact_finite))
    return OutputError(squares, exact_squares, float(np.abs(errors).max(initial=0.0)))


def time_inputs_without(
    images: Sequence[InterleavedCSC],
    stack: npt.NDArray[np.float32],
    hw: Hardware,
    cause: Cause | None,
    before: DeltaState | None = None,
) -> int:
    """Return the cycles of many inputs, one after the other, without one of the causes.

    Parameters
    ----------
    stack : float32 [inputs, cols]
        That went through `simulate_inputs`, or one that went through `run_step`.
    cause
        As in `eiesim.sim.limits.time_without`.
    before
        As in `run_step`.
    """
    from eiesim.sim.fast import inputs  # noqa: PLC0415 - numba takes half a second to import

    if len(images) == 1 and inputs.can_run(images[0], hw):
        return int(inputs.time_inputs(images[0], stack, hw, cause).sum())
    return sum(Passes(images, vector, hw, before).time_without(cause) for vector in stack)


def move_activations(
    run: InputsResult, images: Sequence[InterleavedCSC], hw: Hardware, loads: bool, stores: bool
) -> InputsResult:
    """Add the moves between activation SRAM and registers around runs that need none within.

    Every PE moves one activation a cycle, inputs before the scan and outputs after the last write;
    nothing else happens meanwhile. Inputs that come in batches and outputs of several passes have
    been moved by the run itself.

    Parameters
    ----------
    run
        Of `simulate_inputs`, on a machine with `act_batches`.
    loads, stores
        Whether inputs come from the SRAM, and outputs go there.
    """
    counters, image, times = run.counters, images[0], len(run.cycles)
    if loads and image.input_rows <= hw.registers_per_pe:
        counters = _move(counters, deal(image.cols, image.n_pes), LOAD, times)
    if stores and len(images) == 1:
        counters = _move(counters, deal(image.rows, image.n_pes), STORE, times)
    move_cycles = (counters.cycles - run.counters.cycles) // times
    return InputsResult(run.output, run.cycles + move_cycles, counters)


def _move(
    counters: Counters, activations: Counts, kind: tuple[tuple[str, ...], str], times: int = 1
) -> Counters:
    """Add the moves of `activations` of each PE, int64 [n_pes]; the first PE has the most."""
    waited, accesses = kind
    cycles = times * int(activations[0])
    moved = {
        **{name: getattr(counters.pe, name) + cycles for name in waited},
        accesses: getattr(counters.pe, accesses) + times * activations,
    }
    return replace(counters, cycles=counters.cycles + cycles, pe=replace(counters.pe, **moved))
