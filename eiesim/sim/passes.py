"""Runs of layers in passes: what one image gives after the other, and what lies between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.counters import Counters, InputsResult, RunResult, add_counters
from eiesim.hardware import Hardware
from eiesim.image import PTR_SRAM, SPMAT_SRAM, InterleavedCSC, fit_images
from eiesim.sim.bounds import Bounds, bound_cycles
from eiesim.sim.engines import Engine, simulate


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
    if len(images) == 1:
        return simulate(images[0], activations, hw, engine)
    own = share_srams(images, hw)
    runs = [simulate(image, activations, own, engine) for image in images]
    parts = [_write(run.counters, image) for run, image in zip(runs, images, strict=True)]
    output = np.concatenate([run.output for run in runs])
    return RunResult(images[0].name, engine, hw, output, add_counters(parts))


def simulate_inputs(
    images: Sequence[InterleavedCSC],
    stack: npt.NDArray[np.float32],
    hw: Hardware,
    engine: Engine = "fast",
) -> InputsResult:
    """Run many inputs through a layer, one after the other.

    Parameters
    ----------
    stack : float32 [inputs, cols]; at least one input.
    engine : {"fast", "reference"}; as in `simulate`. The fast one takes all inputs at once where
        nothing is streamed and nothing comes in batches.

    Returns
    -------
    What `simulate_passes` gives for each input: cycles and outputs one by one, counts in total.
    """
    if engine == "fast" and len(images) == 1:
        from eiesim.sim.fast import inputs  # noqa: PLC0415 - numba takes half a second to import

        (image,) = images
        image.require(hw)
        if inputs.can_run(image, hw):
            what = f"{image.name}: activations"
            given = take_array(stack, what, np.float32, ("inputs", image.cols))
            return inputs.run_inputs(image, given, hw)
    runs = [simulate_passes(images, vector, hw, engine) for vector in stack]
    return InputsResult(
        np.stack([run.output for run in runs]),
        np.array([run.cycles for run in runs], np.int64),
        add_counters([run.counters for run in runs]),
    )


def share_srams(images: Sequence[InterleavedCSC], hw: Hardware) -> Hardware:
    """Return the machine as each pass sees it: with all of its SRAMs, or with an equal share."""
    uses = fit_images(images, hw.fill)
    if all(use.fits for use in uses if use.memory in (SPMAT_SRAM, PTR_SRAM)):
        return hw
    return replace(
        hw,
        spmat_sram_bytes=max(hw.spmat_sram_bytes // len(images), 1),
        ptr_sram_bytes=max(hw.ptr_sram_bytes // len(images), 1),
    )


def bound_passes(
    images: Sequence[InterleavedCSC], activations: npt.NDArray[np.float32], hw: Hardware
) -> Bounds:
    """Bound the cycles of one input without simulating it, in one pass or in several."""
    own = share_srams(images, hw)
    parts = [bound_cycles(image, activations, own) for image in images]
    written = sum(map(count_write_cycles, images)) if len(images) > 1 else 0
    return Bounds(
        work_cycles=sum(part.work_cycles for part in parts),
        busiest_pe_cycles=sum(part.busiest_pe_cycles for part in parts) + written,
        ceiling_cycles=sum(part.ceiling_cycles for part in parts) + written,
    )


def count_write_cycles(image: InterleavedCSC) -> int:
    """Return the cycles in which a pass writes its outputs to the activation SRAM."""
    return image.pe_rows(0)


def move_activations(
    run: InputsResult, images: Sequence[InterleavedCSC], hw: Hardware, loads: bool, stores: bool
) -> InputsResult:
    """Add the moves between activation SRAM and registers around runs that need none within.

    Every PE moves one activation a cycle, inputs before the scan and outputs after the last write;
    nothing else happens meanwhile. Inputs that come in batches and outputs of several passes have
    been moved by the run itself.

    Parameters
    ----------
    run : Of `simulate_inputs`, on a machine with `act_batches`.
    loads, stores : Whether inputs come from the SRAM, and outputs go there.
    """
    counters, times = run.counters, len(run.cycles)
    if loads and _count_input_rows(images[0]) <= hw.accumulators_per_pe:
        counters = _load(counters, images[0], times)
    if stores and len(images) == 1:
        counters = _write(counters, images[0], times)
    moves = (counters.cycles - run.counters.cycles) // times
    return InputsResult(run.output, run.cycles + moves, counters)


def _count_input_rows(image: InterleavedCSC) -> int:
    return -(-image.cols // image.n_pes)


def _load(counters: Counters, image: InterleavedCSC, times: int) -> Counters:
    """Add what comes before the scan."""
    cycles = times * _count_input_rows(image)
    loaded = np.bincount(np.arange(image.cols) % image.n_pes, minlength=image.n_pes)
    pe = replace(
        counters.pe,
        starved_cycles=counters.pe.starved_cycles + cycles,
        act_sram_reads=counters.pe.act_sram_reads + times * loaded,
    )
    return replace(counters, cycles=counters.cycles + cycles, pe=pe)


def _write(counters: Counters, image: InterleavedCSC, times: int = 1) -> Counters:
    """Add what a pass does at its end."""
    cycles = times * count_write_cycles(image)
    written = np.array([image.pe_rows(pe) for pe in range(image.n_pes)], np.int64)
    pe = replace(
        counters.pe,
        drained_cycles=counters.pe.drained_cycles + cycles,
        act_sram_writes=counters.pe.act_sram_writes + times * written,
    )
    return replace(counters, cycles=counters.cycles + cycles, pe=pe)
