"""Kernels of the codebook as plain formulas say, compiled and as plain Python."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from eiesim.compress._codebook_kernels import count_borders, sort_numbers, sum_before, sum_parts
from tests.support.arrays import f32


@pytest.mark.parametrize("kernel", [sort_numbers, inspect.unwrap(sort_numbers)])
def test_numbers_of_every_size_and_sign_are_sorted(kernel: object) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 1 << 32, 500, dtype=np.uint32).view(np.float32)
    values = values[np.isfinite(values)]
    values = np.concatenate((values, values[:9], f32([0, np.inf, -np.inf, 1e-45, -1e-45])))
    keys = np.empty(values.size, np.uint32)
    kernel(values.view(np.uint32), keys, np.empty_like(keys))  # type: ignore[operator]
    assert keys.view(np.float32).tolist() == sorted(values.tolist())


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("count", [1, 3, 4, 5, 30])
def test_sums_are_those_of_one_value_after_the_other(count: int, plain: bool) -> None:
    """To the bit, wherever a range ends."""
    values = np.sort(np.random.default_rng(1).normal(size=count).astype(np.float32))
    distances = values.astype(np.float64) - 0.25
    ends = np.arange(count + 1)
    sums, found = np.empty((2, count // 4 + 1)), np.empty((2, ends.size))
    kernels = (sum_parts, sum_before)
    fill, read = (inspect.unwrap(kernel) for kernel in kernels) if plain else kernels
    fill(values, 0.25, 4, sums)
    read(values, 0.25, 4, sums, ends, found)
    for row, terms in zip(found, (distances, distances**2), strict=True):
        assert row.tolist() == [0.0, *np.cumsum(terms).tolist()]


@pytest.mark.parametrize("kernel", [count_borders, inspect.unwrap(count_borders)])
@pytest.mark.parametrize("borders", [0, 2, 14, 254])
def test_codes_are_those_of_a_search(kernel: object, borders: int) -> None:
    """Values on a border belong above it, and there are values in several blocks."""
    values = np.random.default_rng(2).integers(-300, 300, 1500).astype(np.float32)
    edges = np.sort(np.random.default_rng(3).integers(-300, 300, borders).astype(np.float32))
    codes = np.empty(values.size, np.uint8)
    kernel(values, edges, codes)  # type: ignore[operator]
    assert codes.tolist() == (np.searchsorted(edges, values, side="right") + 1).tolist()
