"""Where the kernels put weights: as plain formulas do, and as plain Python does."""

from __future__ import annotations

import inspect

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from eiesim.layer._kernels import place_draws, split_places


def find_places(
    draws: npt.NDArray[np.float64],
    expected: npt.NDArray[np.float64],
    cumulated: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Return column times rows plus row of each filled place, with searches only."""
    ends = np.cumsum(expected)
    columns = np.searchsorted(ends, draws, side="right")
    starts = ends - expected
    along = (draws - starts[columns]) * (cumulated[-1] / expected[columns])
    rows = np.minimum(np.searchsorted(cumulated, along, side="right"), cumulated.size - 1)
    places: npt.NDArray[np.int64] = columns * cumulated.size + rows
    return places[np.diff(places, prepend=-1) > 0]


@given(
    columns=st.integers(1, 8), rows=st.integers(1, 12), parts=st.integers(1, 40),
    spread=st.sampled_from([0.0, 0.2, 1.0, 3.0]), seed=st.integers(0, 2**32),
)  # fmt: skip
def test_draws_fall_where_a_search_finds_them(
    columns: int, rows: int, parts: int, spread: float, seed: int
) -> None:
    """However uneven the rates are, some of them 0, and wherever the guide sends the search."""
    rng = np.random.default_rng(seed)
    expected = 5 * rng.exponential(size=columns) ** spread * (rng.random(columns) < 0.8)
    expected[-1] += 1
    cumulated = np.cumsum(rng.exponential(size=rows) ** spread * (rng.random(rows) < 0.8))
    cumulated[-1] += 1
    draws = np.sort(rng.random(30)) * np.cumsum(expected)[-1]
    guide = rng.integers(0, rows, parts, dtype=np.int32)
    wanted = find_places(draws, expected, cumulated)
    for kernel in (place_draws, inspect.unwrap(place_draws)):
        filled, found = np.zeros(columns, np.int64), np.zeros(draws.size, np.int32)
        number = kernel(draws, expected, cumulated, guide, filled, found)
        places = np.repeat(np.arange(columns) * rows, filled) + found[:number]
        assert places.tolist() == wanted.tolist()


@given(rows=st.integers(1, 5), cols=st.integers(1, 600), seed=st.integers(0, 2**32))
def test_gaps_are_places_of_the_matrix(rows: int, cols: int, seed: int) -> None:
    """Gaps of up to 255 places go over rows of any length."""
    rng = np.random.default_rng(seed)
    gaps = rng.integers(0, 256, rows * cols // 256, dtype=np.uint8)
    codes = rng.integers(0, 3, gaps.size, dtype=np.uint8)
    used = codes > 0
    row, column = np.divmod(np.cumsum(gaps.astype(np.int64) + 1)[used] - 1, cols)
    for kernel in (split_places, inspect.unwrap(split_places)):
        data, indices = np.empty(row.size, np.uint8), np.empty(row.size, np.int32)
        row_weights = np.zeros(rows, np.int64)
        kernel(codes, gaps, cols, data, indices, row_weights)
        assert data.tolist() == codes[used].tolist()
        assert indices.tolist() == column.tolist()
        assert row_weights.tolist() == np.bincount(row, minlength=rows).tolist()
