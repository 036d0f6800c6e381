"""Compiled loops that make matrices: from draws, and from entries one after the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.base.jit import kernel


@kernel
def place_draws(
    draws: npt.NDArray[np.float64],
    expected: npt.NDArray[np.float64],
    cumulated: npt.NDArray[np.float64],
    guide: npt.NDArray[np.int32],
    filled: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int32],
) -> int:
    """Place ascending draws in columns and rows; return how many places they fill.

    Parameters
    ----------
    draws
        Points along the columns' expected draws, below their sum.
    expected
        Draws that each column expects.
    cumulated : [rows]
        Cumulated rates of the rows.
    guide : int32 [parts]
        For each equal part of the sum of the rates the row in which it begins: there the search for
        a draw's row starts.
    filled : int64 [columns]
        Result: filled places of each column; zero on entry.
    rows : int32 [draws]
        Result: rows of the filled places, column by column; filled as far as there are any.
    """
    last_row = cumulated.size - 1
    total = cumulated[last_row]
    last_part = guide.size - 1
    parts_per_rate = guide.size / total
    column = -1
    start = 0.0
    end = 0.0
    scale = 0.0
    previous = -1
    number = 0
    for draw in draws:
        while column < 0 or draw >= end:
            column += 1
            end += expected[column]
            start = end - expected[column]
            scale = total / expected[column] if expected[column] > 0 else 0.0
            previous = -1
        along = (draw - start) * scale
        row = int(guide[min(max(int(along * parts_per_rate), 0), last_part)])
        while row > 0 and cumulated[row - 1] > along:
            row -= 1
        while row < last_row and cumulated[row] <= along:
            row += 1
        if row != previous:
            rows[number] = row
            filled[column] += 1
            number += 1
            previous = row
    return number


@kernel
def split_places(
    codes: npt.NDArray[np.uint8],
    gaps: npt.NDArray[np.uint8],
    cols: int,
    data: npt.NDArray[np.uint8],
    indices: npt.NDArray[np.int32],
    row_weights: npt.NDArray[np.int64],
) -> None:
    """Split the place of each entry, row after row, into row and column; a code of 0 is left out.

    Parameters
    ----------
    codes, gaps
        Code of each entry, and places between it and the one before.
    data, indices : [weights]
        Result: codes other than 0, and their columns.
    row_weights : int64 [rows]
        Result: codes other than 0 of each row; zero on entry.
    """
    row = 0
    column = np.int64(-1)
    weight = 0
    for entry in range(codes.size):
        column += np.int64(gaps[entry]) + 1
        while column >= cols:
            column -= cols
            row += 1
        if codes[entry] != 0:
            data[weight] = codes[entry]
            indices[weight] = column
            row_weights[row] += 1
            weight += 1
