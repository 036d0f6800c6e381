"""What an input broadcasts, and how far apart; arrays are named as in `eiesim.sim.fast`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@kernel
def list_broadcasts(
    registers: npt.NDArray[Any],
    bias_column: int,
    one: Any,
    columns: Int32s,
    values: npt.NDArray[Any],
) -> int:
    """List the columns that an input broadcasts, and their activations.

    Parameters
    ----------
    registers : float32 or int16 [cols]
    one
        Float32 or int16; the bias's activation, 1.0.
    columns, values
        As above, but [cols + 1]; result, as far as the number returned.
    """
    items = 0
    for column in range(registers.size):
        # written in any case, and overwritten: no processor can predict a branch on random zeros
        columns[items] = column
        values[items] = registers[column]
        items += int(registers[column] != 0)
    if bias_column >= 0:
        columns[items] = bias_column
        values[items] = one
        items += 1
    return items


@kernel
def find_gaps(columns: Int32s, n_pes: int, gaps: Int32s) -> int:
    """Find the cycles from broadcast to broadcast if nothing waits; return the rows scanned so far.

    Parameters
    ----------
    columns
        In ascending order.
    gaps
        Result, as far as there are columns.
    """
    before = 0
    row = 0
    last_lane = n_pes - 1  # of the row; rows are counted through, since divisions are slow
    for item in range(columns.size):
        while columns[item] > last_lane:
            row += 1
            last_lane += n_pes
        gaps[item] = 1 + row - before
        # the next row is loaded in the cycle of a broadcast from the last lane
        before = row + 1 if columns[item] == last_lane else row
    return before
