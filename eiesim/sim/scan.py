"""What the scan of an input broadcasts: block 1 of the cycle contract, before any stall."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.fixedpoint import HIGHEST, LOWEST, dequantise, quantise
from eiesim.counters import Counts, DeltaState
from eiesim.image import InterleavedCSC, deal
from eiesim.views import ScanView

PIPELINE_CYCLES = 6
"""From the cycle in which pointer read issues an entry to the one that sees its write."""


def load_registers(
    activations: npt.NDArray[np.float32], hw: ScanView, before: DeltaState | None = None
) -> npt.NDArray[np.float32 | np.int16]:
    """Return what the detector finds of activations: as the registers hold them, else zero.

    It finds those whose magnitude is above the threshold, and with a `delta_threshold` the changes
    whose magnitude is. What the registers hold is compared, in fixed16 a rounded number, and it is
    compared exactly.

    Parameters
    ----------
    activations : float32 [cols] or [inputs, cols]
    before
        With a `delta_threshold`, what the step before has left; None for the first step, in which
        all inputs change from 0.
    """
    registers: npt.NDArray[np.float32 | np.int16] = activations
    if hw.datapath == "fixed16":
        registers = quantise(activations, hw.act_fraction_bits)
    if hw.delta_threshold is not None and before is not None:
        registers = _subtract(registers, before.sent, hw)
    elif hw.delta_threshold is None and not hw.act_threshold and not hw.act_threshold_quantile:
        return registers
    magnitudes = np.abs(registers.astype(np.float64))  # 16 bits do not hold that of -32768
    sent: npt.NDArray[np.float32 | np.int16] = registers.copy()
    sent[magnitudes <= _find_threshold(magnitudes, hw)] = 0
    return sent


def _subtract(
    registers: npt.NDArray[Any], sent: npt.NDArray[np.float32], hw: ScanView
) -> npt.NDArray[Any]:
    if hw.datapath == "fixed16":
        changes = registers.astype(np.int32) - quantise(sent, hw.act_fraction_bits)
        clipped: npt.NDArray[np.int16] = np.clip(changes, LOWEST, HIGHEST).astype(np.int16)
        return clipped
    with np.errstate(over="ignore"):
        changed: npt.NDArray[np.float32] = registers - sent
    return changed


def _find_threshold(magnitudes: npt.NDArray[np.float64], hw: ScanView) -> Any:
    """Return the threshold in units of the registers, one for each input if it is a quantile."""
    if hw.delta_threshold is None and hw.act_threshold_quantile:
        rank = find_rank(hw.act_threshold_quantile, magnitudes.shape[-1])
        return np.partition(magnitudes, rank - 1, axis=-1)[..., rank - 1 : rank]
    threshold = hw.act_threshold if hw.delta_threshold is None else hw.delta_threshold
    return threshold * (1 << hw.act_fraction_bits) if hw.datapath == "fixed16" else threshold


def find_rank(quantile: float, size: int) -> int:
    """Return the place, from 1 on, of a quantile above 0 among `size` sorted numbers.

    It is the smallest number such that at least this share is not above it; 0.07 of 100 are 7,
    whatever float is nearest to 0.07.
    """
    return math.ceil(Fraction(str(quantile)) * size)


def find_state(
    activations: npt.NDArray[np.float32],
    changes: npt.NDArray[Any],
    sums: npt.NDArray[np.float32],
    hw: ScanView,
    before: DeltaState | None,
) -> DeltaState | None:
    """Return what a machine with a `delta_threshold` keeps after a step, None without one.

    Where a fixed16 change is cut off, so is the value that counts as sent: the next step sends the
    rest.

    Parameters
    ----------
    changes : float32 or int16 [cols]
        What `load_registers` returns for these activations.
    """
    if hw.delta_threshold is None:
        return None
    sent = np.zeros_like(activations) if before is None else before.sent
    values = activations
    if hw.datapath == "fixed16":
        raw = quantise(sent, hw.act_fraction_bits) + changes
        values = dequantise(raw, hw.act_fraction_bits)
    return DeltaState(np.where(changes != 0, values, sent), sums)


def count_kept(
    image: InterleavedCSC, columns: npt.NDArray[np.int32], hw: ScanView, continues: bool
) -> tuple[Counts, Counts]:
    """Return each PE's reads and writes of what a `delta_threshold` keeps in the activation SRAM.

    Parameters
    ----------
    columns : int32 [items]
        What is broadcast.
    continues
        Whether there was a step before, whose sums are read again where registers cannot hold them.
    """
    if hw.delta_threshold is None:
        return np.zeros(hw.n_pes, np.int64), np.zeros(hw.n_pes, np.int64)
    sums = deal(image.rows, hw.n_pes)
    spilled = np.where(sums > hw.registers_per_pe, sums, 0) * continues
    sent = columns[columns < image.cols] % hw.n_pes
    return deal(image.cols, hw.n_pes) + spilled, np.bincount(sent, minlength=hw.n_pes)


def find_scanned_bias(image: InterleavedCSC, hw: ScanView, before: DeltaState | None = None) -> int:
    """Return the column of the bias's 1.0, -1 where its row is not scanned.

    Sums that are kept from the step before have the bias already.
    """
    scanned = (image.has_bias or hw.bias_row) and before is None
    return image.bias_column if scanned else -1


@dataclass(frozen=True, eq=False)
class Scan:
    """What the scan of one input broadcasts, before any stall.

    Attributes
    ----------
    columns, gaps : int32 [items]
        Column of each broadcast; cycles since the one before if no queue is full.
    rest_cycles
        Cycles the scan goes on after the last broadcast.
    """

    columns: npt.NDArray[np.int32]
    gaps: npt.NDArray[np.int32]
    rows: int
    rest_cycles: int


def scan_activations(
    registers: npt.NDArray[np.float32 | np.int16],
    image: InterleavedCSC,
    hw: ScanView,
    before: DeltaState | None = None,
) -> Scan:
    """List the broadcasts of one input in order.

    Parameters
    ----------
    registers : float32 or int16 [cols]
        What the source registers hold, from `load_registers`.
    """
    columns = np.flatnonzero(registers != 0).astype(np.int32)
    rows = image.input_rows
    if find_scanned_bias(image, hw, before) >= 0:
        columns = np.append(columns, np.int32(image.bias_column))
        rows += 1
    row = columns // hw.n_pes
    # the next row is loaded in the cycle of a broadcast from the last lane, else in one of its own
    loaded = (columns + 1) // hw.n_pes
    gaps = row + 1
    gaps[1:] -= loaded[:-1]
    rest_cycles = rows - int(loaded[-1]) if loaded.size else rows
    if hw.act_batches:
        load_cycles = np.cumsum(
            [hw.count_load_cycles(number, image.input_rows) for number in range(rows)],
            dtype=np.int32,
        )
        loads = np.diff(load_cycles[np.append(row, rows - 1)], prepend=0)
        gaps += loads[:-1]
        rest_cycles += int(loads[-1])
    return Scan(columns, gaps, rows, rest_cycles)
