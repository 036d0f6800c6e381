"""How unevenly the rows and columns of a pruned matrix are filled: measured, and drawn.

The chance that a place holds a weight is 1 - exp(-level * row rate * column rate). Rates have a
mean of 1, and their coefficients of variation are the row and column variation. If both are 0,
every place is equally likely.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError

Floats = npt.NDArray[np.float64]
HIGHEST_LEVEL = 128
"""Expected draws a place, beyond which a density and a variation do not go together."""
GROUPS = 512
"""Groups of similar rates, for which a level is found instead of for every pair of rates: its
density is right to about one in a thousand."""
EVEN = 1e-6
"""Smaller variations count as 0."""
BLOCK_DRAWS = 1 << 18
"""Expected draws that are in memory at once."""
PARTS_PER_ROW = 4
"""Parts of the rates' sum whose first rows are listed: more of them make searches shorter."""


def draw_rates(lines: int, variation: float, rng: np.random.Generator) -> Floats:
    """Draw gamma distributed rates of a mean of 1 at which rows or columns are filled."""
    if variation < EVEN:
        return np.ones(lines)
    rates = rng.gamma(variation**-2, variation**2, lines)
    return rates / rates.mean() if rates.any() else np.ones(lines)


def find_level(row_rates: Floats, column_rates: Floats, density: float) -> float:
    """Return the level at which the expected share of filled places is a density below 1.

    Raises WorkloadError if the rates are too uneven for this density.
    """
    products = np.outer(_group(row_rates), _group(column_rates))
    level = -math.log1p(-density)  # at most the right level, since the share is concave in rates
    for _ in range(100):
        empty = np.exp(-level * products)
        step = (density - (1 - empty.mean())) / (products * empty).mean()
        level += step
        if abs(step) <= 1e-12 * level or level > HIGHEST_LEVEL:
            break
    if level > HIGHEST_LEVEL:
        raise WorkloadError(
            f"weight_density {density:g}: expected a lower one, or a lower row_variation and "
            "column_variation: lines so uneven cannot be filled so far"
        )
    return level


def _group(rates: Floats) -> Floats:
    """Return means of groups of similar rates, whose sizes differ by at most one."""
    if rates.size <= GROUPS:
        return rates
    ends = np.linspace(0, rates.size, GROUPS + 1).astype(np.int64)
    sums = np.add.reduceat(np.sort(rates), ends[:-1])
    groups = sums / np.diff(ends)
    return np.asarray(groups / groups.mean())


def draw_places(
    shape: tuple[int, int],
    density: float,
    variations: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Draw which places of a matrix are filled, as the arrays of a matrix in CSC.

    Time and memory grow with the places filled and not with all places: instead of looking at each
    place, exponential gaps are laid along the cumulated rates, column by column; a place is filled
    if any falls into it. Raises WorkloadError if the variations are too large for the density.

    Parameters
    ----------
    density
        Expected share of filled places, 0 to 1.
    variations
        Coefficients of variation of the rows' and of the columns' rates.

    Returns
    -------
    indptr : int64 [columns + 1]
        Start of each column in `rows`.
    rows : int32 [filled]
        Ascending in each column.
    """
    rows, cols = shape
    filled = np.zeros(cols, dtype=np.int64)
    blocks = [np.zeros(0, dtype=np.int32)]
    if density >= 1:
        filled[:] = rows
        blocks = [np.tile(np.arange(rows, dtype=np.int32), cols)]
    elif density > 0:
        row_rates = draw_rates(rows, variations[0], rng)
        column_rates = draw_rates(cols, variations[1], rng)
        level = find_level(row_rates, column_rates, density)
        cumulated = np.cumsum(row_rates)
        expected = level * cumulated[-1] * column_rates
        parts = np.arange(PARTS_PER_ROW * rows) * (cumulated[-1] / (PARTS_PER_ROW * rows))
        guide = np.searchsorted(cumulated, parts, side="right").astype(np.int32)
        blocks = [
            _draw_block(expected[first:end], cumulated, guide, filled[first:end], rng)
            for first, end in _cut_blocks(expected)
        ]
    return np.concatenate(([0], np.cumsum(filled))), np.concatenate(blocks)


def _cut_blocks(expected: Floats) -> Iterator[tuple[int, int]]:
    """Yield start and end of blocks of columns that expect about `BLOCK_DRAWS` draws together."""
    numbers = (np.cumsum(expected) // BLOCK_DRAWS).astype(np.int64)
    firsts = np.concatenate(([0], np.flatnonzero(np.diff(numbers)) + 1, [expected.size]))
    yield from zip(firsts[:-1].tolist(), firsts[1:].tolist(), strict=True)


def _draw_block(
    expected: Floats,
    cumulated: Floats,
    guide: npt.NDArray[np.int32],
    filled: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """Draw the filled places of some columns, given the draws each of them expects.

    Return their rows; `filled` gets the number of each column.
    """
    from eiesim.layer._kernels import place_draws  # noqa: PLC0415 - compiled code

    draws = _draw_ascending(float(np.cumsum(expected)[-1]), rng)
    rows = np.empty(draws.size, dtype=np.int32)
    number = place_draws(draws, expected, cumulated, guide, filled, rows)
    return rows[:number].copy()


def _draw_ascending(end: float, rng: np.random.Generator) -> Floats:
    """Draw points of a Poisson process of rate 1 from 0 to `end`, ascending."""
    chunks: list[Floats] = []
    last = 0.0
    while last < end:
        size = int(end - last + 6 * math.sqrt(end - last)) + 16
        chunk = rng.standard_exponential(size)
        np.cumsum(chunk, out=chunk)
        chunk += last
        chunks.append(chunk)
        last = float(chunk[-1])
    drawn = chunks[0] if len(chunks) == 1 else np.concatenate(chunks)
    return drawn[: np.searchsorted(drawn, end)]


def measure_variation(filled: npt.NDArray[np.integer], places: int) -> float:
    """Return the coefficient of variation of the rates that rows or columns were filled with.

    The variation by chance, as if each line's places were filled independently, is subtracted. The
    result is 0 if the lines are more even than by chance, or all full or all empty.

    Parameters
    ----------
    filled
        Weights of each row, or of each column.
    places
        Places of each row, or of each column.
    """
    shares = filled / places
    density = float(shares.mean())
    if density in (0, 1):
        return 0.0
    chance = density * (1 - density) / places
    variation = math.sqrt(max(float(shares.var()) - chance, 0)) / density
    level = -math.log1p(-density)
    # a full line cannot get fuller: the share grows by less than the rate does
    return variation * density / (level * (1 - density))
