"""The fast engine over many inputs of a layer: as `run` for each, without its cost in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.counters import Counters, InputsResult, PeCounters
from eiesim.fixedpoint import dequantise, quantise
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC, overflows_srams
from eiesim.sim.fast import _kernels
from eiesim.sim.fast.engine import LATEST, deal
from eiesim.sim.scan import load_registers


def can_run(image: InterleavedCSC, hw: Hardware) -> bool:
    """Return whether inputs can be run so: nothing is streamed, nothing comes in batches.

    Parameters
    ----------
    image : InterleavedCSC
        The layer.
    hw : Hardware
        The machine.
    """
    rows = image.bias_column // hw.n_pes + 1
    items = image.cols + 1
    longest = rows + items * (1 + max(image.longest_column, 2 + hw.broadcast_latency_cycles))
    return not hw.act_batches and longest <= LATEST and not overflows_srams(image, hw)


def run_inputs(image: InterleavedCSC, stack: npt.NDArray[np.float32], hw: Hardware) -> InputsResult:
    """Run inputs through a layer; see `eiesim.sim.passes.simulate_inputs`.

    Parameters
    ----------
    image : InterleavedCSC
        The layer, encoded for `hw`; see `can_run`.
    stack : float32 [inputs, cols]
        The inputs, checked.
    hw : Hardware
        The machine.
    """
    registers = load_registers(stack, hw)
    scans_bias = image.has_bias or hw.bias_row
    bias_column = image.bias_column if scans_bias else -1
    scan_rows = image.bias_column // hw.n_pes + scans_bias
    per_input = np.zeros((4, len(stack)), np.int64)
    per_pe = np.zeros((6, hw.n_pes), np.int64)
    _kernels.run_inputs(
        (image.ptr, image.counts, image.columns.padding, image.columns.edge_rows),
        registers,
        bias_column,
        scan_rows,
        (
            hw.queue_depth,
            2 + hw.broadcast_latency_cycles,
            hw.entries_per_word,
            hw.spmat_word_reuse == "across_columns",
        ),
        per_input,
        per_pe,
    )
    cycles, scan_cycles, broadcasts, stall_cycles = per_input
    busy, last_busy, words, entries, padding, bypasses = per_pe
    macs = entries - padding
    inputs, outputs = deal(image.cols, hw.n_pes), deal(image.rows, hw.n_pes)
    nothing = np.zeros(hw.n_pes, np.int64)
    pe = PeCounters(
        busy_cycles=busy,
        starved_cycles=last_busy - busy,
        drained_cycles=cycles.sum() - last_busy,
        ptr_reads=np.full(hw.n_pes, broadcasts.sum()),
        ptr_dram_reads=nothing,
        spmat_reads=words,
        spmat_dram_words=nothing,
        macs=macs,
        padding_macs=padding,
        accumulator_reads=macs - bypasses,
        accumulator_writes=macs,
        bypasses=bypasses,
        act_register_reads=len(stack) * (inputs + scans_bias * (np.arange(hw.n_pes) == 0)),
        act_sram_reads=len(stack) * np.where(inputs > hw.accumulators_per_pe, inputs, 0),
        act_sram_writes=len(stack) * np.where(outputs > hw.accumulators_per_pe, outputs, 0),
    )
    counters = Counters(
        cycles=int(cycles.sum()),
        scan_cycles=int(scan_cycles.sum()),
        rows_scanned=len(stack) * scan_rows,
        broadcasts=int(broadcasts.sum()),
        stall_cycles=int(stall_cycles.sum()),
        dram_stall_cycles=0,
        pe=pe,
    )
    return InputsResult(_accumulate(image, registers, bias_column, hw), cycles, counters)


def _accumulate(
    image: InterleavedCSC,
    registers: npt.NDArray[Any],
    bias_column: int,
    hw: Hardware,
) -> npt.NDArray[np.float32]:
    matrix = image.columns[:3]
    shape = (len(registers), image.rows)
    if hw.datapath == "float32":
        output = np.zeros(shape, np.float32)
        _kernels.accumulate_inputs_float32(matrix, registers, bias_column, image.codebook, output)
        return output
    raw = np.zeros(shape, np.int16)
    one = int(quantise([1.0], hw.act_fraction_bits)[0])
    weights = quantise(image.codebook, hw.weight_fraction_bits)
    _kernels.accumulate_inputs_fixed16(
        matrix, registers, bias_column, one, weights, raw, hw.weight_fraction_bits
    )
    return dequantise(raw, hw.act_fraction_bits)
