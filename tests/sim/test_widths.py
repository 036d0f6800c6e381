"""Widths that the fast engine chooses by the run: every one of them, and where one ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import CompressedLayer, Hardware, encode, simulate
from eiesim.sim.fast._count_kernels import count_words
from eiesim.sim.fast._time_kernels import time_broadcasts
from tests.support.arrays import f32
from tests.support.differences import find_differences


@pytest.mark.parametrize(("rows", "cycles"), [(32_758, 32_766), (32_759, 32_767), (65_600, 65_608)])
def test_runs_that_end_where_times_no_longer_fit_into_16_bits(rows: int, cycles: int) -> None:
    """One column in one PE: entry by entry, from cycle 3 on, and 6 more cycles to the end."""
    layer = CompressedLayer(np.ones((rows, 1), np.uint8), f32([0, 1]))
    hw = Hardware(n_pes=1, bias_row=False)
    counters = simulate(encode(layer, hw), f32([1]), hw).counters
    pe = counters.pe
    assert counters.cycles == cycles
    assert (pe.busy_cycles[0], pe.starved_cycles[0], pe.drained_cycles[0]) == (rows, 2, 6)
    assert (pe.macs[0], pe.bypasses[0], pe.spmat_reads[0]) == (rows, 0, -(-rows // 8))


@pytest.mark.parametrize("rows_per_pe", [2, 128, 129, 32_768, 32_769])
@pytest.mark.parametrize("n_pes", [1, 64, 67])
def test_rows_of_each_width_in_any_number_of_pes(rows_per_pe: int, n_pes: int) -> None:
    """The last row of each PE has the one weight of each column: all after the first meet it."""
    rows = rows_per_pe * n_pes
    codes = np.zeros((rows, 3), np.uint8)
    codes[-n_pes:] = 1
    layer = CompressedLayer(codes, f32([0, 1]))
    hw = Hardware(n_pes=n_pes, index_bits=8, bias_row=False, act_batches=False)
    image = encode(layer, hw)
    width = 1 if rows_per_pe <= 128 else 2 if rows_per_pe <= 1 << 15 else 4
    assert image.columns.edge_rows.dtype == f"int{8 * width}"
    pe = simulate(image, np.ones(3, np.float32), hw).counters.pe
    assert pe.macs.tolist() == [3] * n_pes
    # padding zeros before it keep the columns apart
    assert pe.bypasses.tolist() == [2 if rows_per_pe <= 256 else 0] * n_pes


def test_lanes_that_are_not_all_pes() -> None:
    """Both engines on 64 PEs and more, of which the last ones have other rows than the first."""
    rng = np.random.default_rng(0)
    codes = (rng.integers(1, 4, (150, 40)) * (rng.random((150, 40)) < 0.3)).astype(np.uint8)
    layer = CompressedLayer(codes, f32([0, 1, 2, 3]))
    activations = rng.integers(0, 2, 40).astype(np.float32)
    for n_pes in (63, 64, 65, 128, 130):
        hw = Hardware(n_pes=n_pes, queue_depth=3)
        image = encode(layer, hw)
        fast, reference = (simulate(image, activations, hw, it) for it in ("fast", "reference"))
        assert find_differences(fast, reference) == {}


@pytest.mark.parametrize("largest", [1 << 20, 1 << 22, (1 << 31) - 1])
@pytest.mark.parametrize("across_columns", [True, False])
@pytest.mark.parametrize("entries_per_word", [1, 2, 3, 7, 8, 23, 64])
def test_words_of_pointers_of_any_size(
    largest: int, across_columns: bool, entries_per_word: int
) -> None:
    """Words in integers, of pointers up to the largest, of which many lie at a word's start."""
    rng = np.random.default_rng(entries_per_word)
    steps = rng.integers(0, 3, (400, 5)) * rng.choice([1, entries_per_word], (400, 5))
    ptr = np.zeros((401, 5), np.int64)
    ptr[1:] = np.cumsum(steps, axis=0)
    ptr = (ptr + (largest - ptr[-1])).astype(np.int32)
    columns = np.flatnonzero(rng.random(400) < 0.7).astype(np.int32)
    expected = []
    for starts, ends in zip(ptr[columns].T.tolist(), ptr[columns + 1].T.tolist(), strict=True):
        words, latched = 0, None
        for start, end in zip(starts, ends, strict=True):
            if start == end:
                continue
            first, last = start // entries_per_word, (end - 1) // entries_per_word
            words += last - first + 1 - (across_columns and first == latched)
            latched = last
        expected.append(words)
    assert count_words(ptr, columns, entries_per_word, across_columns).tolist() == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
@pytest.mark.parametrize("depth", [2, 3, 8, 300])
@pytest.mark.parametrize("longest", [1, 255])
@pytest.mark.parametrize("lead", [2, 5])
def test_times_of_long_runs(dtype: type, depth: int, longest: int, lead: int) -> None:
    """The recurrences word for word, in Python's integers; with 300 slots a PE is far behind."""
    rng = np.random.default_rng(depth)
    counts: npt.NDArray[Any] = rng.integers(0, longest + 1, (700, 3)).astype(dtype)
    counts[:, 0] = longest
    # with 8 slots, the first of the items whose ends are noted has the entry that ends last
    counts[-10:] = 0
    counts[-4, 1] = 1
    counts.flags.writeable = False
    gaps = rng.integers(1, 4, 700).astype(np.int32)
    gaps[[100, 250, 400]] = 25_000
    columns = np.arange(700, dtype=np.int32)
    starts = np.zeros((701, 3), np.int64)
    expected, now, last_end = [], 0, 1
    for item, n in enumerate(counts.astype(np.int64)):
        now += int(gaps[item])
        if item >= depth - 1:
            now = max(now, int(starts[item - depth + 1].max()))
        starts[item] = np.maximum(starts[item], now + lead)
        starts[item + 1] = starts[item] + np.maximum(n, 1)
        last_end = max(last_end, int((starts[item] + n)[n > 0].max(initial=0)))
        expected.append(now)
    none = np.zeros(700, np.int32)
    found, last_issue, stalls = time_broadcasts(counts, columns, gaps, none, depth, lead, 1)
    assert found.tolist() == expected
    assert last_issue == last_end - 1
    assert not stalls.any()
