"""The fast engine over many inputs of a layer: as `run` for each, without its cost in Python."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.counters import Cause, InputsResult
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC, overflows_srams
from eiesim.sim.fast import _count_kernels, _time_kernels
from eiesim.sim.fast.engine import LATEST
from eiesim.sim.fast.outputs import accumulate
from eiesim.sim.fast.work import Occupied, PEWork, count_work
from eiesim.sim.limits import find_counts
from eiesim.sim.scan import find_scanned_bias, load_registers


def can_run(image: InterleavedCSC, hw: Hardware) -> bool:
    """Return whether inputs can be run so: nothing is streamed, comes in batches or is kept."""
    rows, items = image.input_rows + 1, image.cols + 1
    longest = rows + items * (1 + max(image.longest_column, hw.timing.lead_cycles))
    single = hw.act_batches or hw.delta_threshold is not None
    return not single and longest <= LATEST and not overflows_srams(image, hw.stream)


def time_inputs(
    image: InterleavedCSC, stack: npt.NDArray[np.float32], hw: Hardware, cause: Cause | None
) -> npt.NDArray[np.int64]:
    """Return the cycles of inputs for which `can_run` holds, without one of the causes.

    Parameters
    ----------
    stack : float32 [inputs, cols]
        Checked already.
    cause
        As in `eiesim.sim.limits.time_without`.
    """
    bias_column = find_scanned_bias(image, hw.scan)
    counts = find_counts(image, cause)
    cycles = np.zeros(len(stack), np.int64)
    _time_kernels.time_inputs(
        counts,
        load_registers(stack, hw.scan),
        bias_column,
        image.input_rows + (bias_column >= 0),
        (
            image.cols + 3 if cause is Cause.QUEUE else hw.queue_depth,
            hw.timing.lead_cycles,
            0 if cause is Cause.EMPTY_COLUMNS else 1,
            cause is Cause.SCAN,
        ),
        cycles,
    )
    return cycles


def run_inputs(
    image: InterleavedCSC,
    stack: npt.NDArray[np.float32],
    hw: Hardware,
    output: npt.NDArray[np.float32] | None = None,
) -> InputsResult:
    """Run inputs [inputs, cols], checked already, through a layer for which `can_run` holds.

    Parameters
    ----------
    output : float32 [inputs, rows], or None
        Their outputs; without them, they are computed.
    """
    registers = load_registers(stack, hw.scan)
    bias_column = find_scanned_bias(image, hw.scan)
    scan_rows = image.input_rows + (bias_column >= 0)
    per_input = np.zeros((4, len(stack)), np.int64)
    per_pe = np.zeros((8, hw.n_pes), np.int64)
    _count_kernels.run_inputs(
        (image.ptr, image.counts, image.columns.padding, image.columns.edge_rows),
        registers,
        bias_column,
        scan_rows,
        (
            hw.queue_depth,
            hw.timing.lead_cycles,
            hw.entries_per_word,
            hw.spmat_word_reuse == "across_columns",
        ),
        per_input,
        per_pe,
    )
    cycles, scan_cycles, broadcasts, stall_cycles = per_input
    *times, words, entries, padding = per_pe
    occupied = Occupied(
        int(cycles.sum()), int(scan_cycles.sum()), int(stall_cycles.sum()), 0, *times
    )
    nothing = np.zeros(hw.n_pes, np.int64)
    work = PEWork(
        len(stack), len(stack) * scan_rows, int(broadcasts.sum()), occupied, entries, padding,
        words, nothing, 0, nothing, nothing,
    )  # fmt: skip
    if output is None:
        output = accumulate(image, registers, hw)
    return InputsResult(output, cycles, count_work(image, hw, work))
