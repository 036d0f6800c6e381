"""What the scan of an input broadcasts: block 1 of the cycle contract, before any stall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eiesim.base.fixedpoint import quantise
from eiesim.image import InterleavedCSC
from eiesim.views import ScanView

PIPELINE_CYCLES = 6
"""From the cycle in which pointer read issues an entry to the one that sees its write."""


def load_registers(
    activations: npt.NDArray[np.float32], hw: ScanView
) -> npt.NDArray[np.float32 | np.int16]:
    """Return the activations as the source registers hold them; zero is what is zero there."""
    return quantise(activations, hw.act_fraction_bits) if hw.datapath == "fixed16" else activations


def find_scanned_bias(image: InterleavedCSC, hw: ScanView) -> int:
    """Return the column of the bias's 1.0, -1 where its row is not scanned."""
    return image.bias_column if image.has_bias or hw.bias_row else -1


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
    registers: npt.NDArray[np.float32 | np.int16], image: InterleavedCSC, hw: ScanView
) -> Scan:
    """List the broadcasts of one input in order.

    Parameters
    ----------
    registers : float32 or int16 [cols]
        What the source registers hold, from `load_registers`.
    """
    n_pes = hw.n_pes
    nonzero = np.flatnonzero(registers != 0)
    rows = image.input_rows
    if find_scanned_bias(image, hw) >= 0:
        nonzero = np.append(nonzero, image.bias_column)
        rows += 1
    row, lane = np.divmod(nonzero, n_pes)
    # the next row is loaded in the cycle of a broadcast from the last lane, else in one of its own
    loaded = np.append(row + (lane == n_pes - 1), rows)
    before = np.concatenate(([0], loaded[:-1]))
    gaps = 1 + np.append(row, rows) - before
    if hw.act_batches:
        load_cycles = np.cumsum(
            [hw.count_load_cycles(number, image.input_rows) for number in range(rows)]
        )
        gaps += np.diff(load_cycles[np.append(row, rows - 1)], prepend=0)
    return Scan(nonzero.astype(np.int32), gaps[:-1].astype(np.int32), rows, int(gaps[-1]) - 1)
