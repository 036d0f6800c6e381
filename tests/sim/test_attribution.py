"""Where every cycle goes: the seven causes of each PE, in both engines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings

from eiesim import CompressedLayer, Counters, Hardware, encode, simulate
from eiesim.counters import CAUSES
from eiesim.sim.engines import Engine
from tests.support import cycle_model
from tests.support.arrays import f32
from tests.support.cycle_model import DRAINED, DRAM, EMPTY, MACS, PADDING, QUEUE, SCAN
from tests.support.strategies import Case, cases

both_engines = pytest.mark.parametrize("engine", get_args(Engine))
N_PES = 4
FILL, PIPELINE = 2, 6
"""Cycles from the first broadcast to its first entry, and from the last entry to the end."""


ONE_COLUMN_BEHIND_THE_END = Case(
    CompressedLayer(np.ones((1, 1), np.uint8), f32([0, 1])), f32([1]),
    Hardware(n_pes=1, queue_depth=2, codebook_bits=1, broadcast_latency_cycles=5),
)  # fmt: skip
"""The row of the bias is sent so late that it starts when the run is over."""


def list_causes(counters: Counters) -> list[dict[str, int]]:
    """Return what each PE did, by cause."""
    counts = {name: getattr(counters.pe, name).tolist() for name in CAUSES}
    return [{name: counts[name][pe] for name in CAUSES} for pe in range(counters.pe.macs.size)]


@both_engines
@settings(max_examples=60)
@given(case=cases(largest_pes=8, largest=24))
@example(case=ONE_COLUMN_BEHIND_THE_END)
def test_causes_are_the_contracts_cycle_by_cycle(engine: Engine, case: Case) -> None:
    """Against a machine that is walked through cycle by cycle (tests/support/cycle_model.py)."""
    hw = replace(case.hw, datapath="float32")
    if 0 < hw.dram_gbps < 1:  # as many cycles more
        hw = replace(hw, dram_gbps=1.0)
    counters = simulate(encode(case.layer, hw), case.activations, hw, engine).counters
    work = cycle_model.list_work(case.layer, case.activations, hw)
    cycles, causes = cycle_model.count_causes(work, hw)
    assert counters.cycles == cycles
    assert list_causes(counters) == causes
    for own in causes:
        assert sum(own.values()) == cycles


@pytest.mark.parametrize("name", CAUSES)
def test_counts_that_do_not_add_up_are_refused(name: str) -> None:
    counters = run_one(np.ones((N_PES, 8)), np.ones(8), "fast")
    wrong = getattr(counters.pe, name) + np.eye(N_PES, dtype=np.int64)[0]
    with pytest.raises(ValueError, match="add up"):
        replace(counters, pe=replace(counters.pe, **{name: wrong}))


def run_one(
    codes: npt.ArrayLike, activations: npt.ArrayLike, engine: Engine, **changes: Any
) -> Counters:
    """Run a layer whose only loss is made by hand, on four PEs without a bias row."""
    hw = Hardware(**{"n_pes": N_PES, "bias_row": False} | changes)
    layer = CompressedLayer(np.array(codes, np.uint8), f32(np.arange(16)), None, "made")
    return simulate(encode(layer, hw), f32(np.array(activations)), hw, engine).counters


def list_lost(counters: Counters) -> list[dict[str, int]]:
    """Return what each PE did beyond entries and what every run has: fill and pipeline."""
    lost = []
    for causes in list_causes(counters):
        beyond = causes | {SCAN: causes[SCAN] - FILL, DRAINED: causes[DRAINED] - PIPELINE}
        lost.append({name: number for name, number in beyond.items() if number and name != MACS})
    return lost


@both_engines
def test_nothing_lost_but_fill_and_pipeline(engine: Engine) -> None:
    """One entry in each PE for each of 8 activations, which come one a cycle."""
    counters = run_one(np.ones((N_PES, 8)), np.ones(8), engine)
    assert counters.cycles == FILL + 8 + PIPELINE
    assert list_lost(counters) == [{}] * N_PES


@both_engines
def test_only_padding_zeros(engine: Engine) -> None:
    """With one bit of index, two zeros before an entry take a padding zero: one in each column."""
    codes = np.zeros((3 * N_PES, 8))
    codes[2 * N_PES :] = 1
    counters = run_one(codes, np.ones(8), engine, index_bits=1)
    assert list_lost(counters) == [{PADDING: 8}] * N_PES
    assert counters.cycles == FILL + 16 + PIPELINE


@both_engines
def test_only_empty_columns(engine: Engine) -> None:
    """Every other column is empty in all PEs, and the last one is not."""
    codes = np.zeros((N_PES, 8))
    codes[:, 1::2] = 1
    counters = run_one(codes, np.ones(8), engine)
    assert list_lost(counters) == [{EMPTY: 4}] * N_PES
    assert counters.cycles == FILL + 8 + PIPELINE


@both_engines
def test_only_the_scan(engine: Engine) -> None:
    """One activation in a row of four: each takes the load of the next row, too."""
    activations = np.zeros(8 * N_PES)
    activations[::N_PES] = 1
    counters = run_one(np.ones((N_PES, 8 * N_PES)), activations, engine)
    assert list_lost(counters) == [{SCAN: 7}] * N_PES
    assert counters.cycles == FILL + 8 + 7 + PIPELINE


@both_engines
def test_only_full_queues(engine: Engine) -> None:
    """Columns 0 and 1 have five entries in PEs 0 and 2; the others have one everywhere.

    Of two slots one is usable: a broadcast waits until all PEs have popped the one before, that is
    until they start on it. PE 0 starts in cycles 3, 8, 13 and 15, so that broadcasts go out in 1,
    3, 8 and 13. PE 1 starts 2 cycles behind each of them.
    """
    codes = np.zeros((5 * N_PES, 4))
    codes[:N_PES] = 1
    codes[0::2, :2] = 1
    counters = run_one(codes, np.ones(4), engine, queue_depth=2)
    assert list_lost(counters) == [{QUEUE: 1}, {QUEUE: 1 + 4 + 4}] * 2
    assert counters.cycles == 15 + PIPELINE


@both_engines
def test_only_dram(engine: Engine) -> None:
    """Every column is a word of 64 bits in each PE, and DRAM sends a bit a cycle."""
    codes = np.ones((8 * N_PES, 4))
    counters = run_one(codes, np.ones(4), engine, spmat_sram_bytes=8, dram_gbps=0.1)
    # the first word is resident, so that a0 goes out in cycle 1; three are fetched from cycle 0 on
    last_sent = 3 * 64 * N_PES
    assert list_lost(counters) == [{DRAM: last_sent - 1 - 3 * 8}] * N_PES
    assert counters.cycles == last_sent + FILL + 8 - 1 + PIPELINE
    endless = run_one(codes, np.ones(4), engine, spmat_sram_bytes=8)
    assert list_lost(endless) == [{}] * N_PES


@both_engines
def test_only_drained(engine: Engine) -> None:
    """One column, of which PE 0 has 32 entries and the others one."""
    codes = np.zeros((32 * N_PES, 1))
    codes[:N_PES] = 1
    codes[::N_PES] = 1
    counters = run_one(codes, [1], engine)
    assert list_lost(counters) == [{}] + [{DRAINED: 31}] * (N_PES - 1)
    assert counters.cycles == FILL + 32 + PIPELINE
