"""Numbers of columns added up; arrays are named as in `eiesim.sim.fast`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel

Int32s = npt.NDArray[np.int32]


@kernel
def sum_columns(numbers: npt.NDArray[Any], columns: Int32s) -> npt.NDArray[np.int64]:
    """Add up numbers [columns, PEs] of the items' columns, int64 [PEs]."""
    sums = np.zeros(numbers.shape[1], np.int32)  # no more than pointers, which are of 32 bits
    for item in range(columns.size):
        of_column = numbers[columns[item]]
        for pe in range(sums.size):
            sums[pe] += np.int32(of_column[pe])
    return sums.astype(np.int64)
