"""What must hold for any layer, input and machine."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import CompressedLayer, Hardware, encode, simulate
from eiesim.counters import PE_FIELDS
from eiesim.sim.bounds import bound_cycles
from eiesim.sim.engines import Engine
from eiesim.sim.reference.lnzd import LeadingNonzeroDetector
from tests.support import oracles
from tests.support.arrays import f32
from tests.support.strategies import HOLDS_ALL, Case, cases

ENGINES = get_args(Engine)
both_engines = pytest.mark.parametrize("engine", ENGINES)


@both_engines
@settings(max_examples=60)
@given(case=cases(largest_pes=12, largest=40))
def test_conservation(engine: Engine, case: Case) -> None:
    """Busy + starved + drained = cycles for every PE, and what each PE does is what its part of the
    dense matrix holds in the columns that are broadcast (tests/support/oracles.py)."""
    hw = replace(case.hw, datapath="float32")
    result = simulate(encode(case.layer, hw), case.activations, hw, engine)
    counters, pe = result.counters, result.counters.pe
    for name in PE_FIELDS:
        assert (getattr(pe, name) >= 0).all()
    times = pe.busy_cycles + pe.starved_cycles + pe.drained_cycles
    assert (times == result.cycles).all()
    assert (pe.accumulator_reads + pe.bypasses == pe.macs).all()

    broadcasts, _ = oracles.scan(case.activations, hw, case.layer.bias_codes is not None)
    columns = [column for column, _ in broadcasts]
    assert counters.broadcasts == len(columns)
    assert pe.ptr_reads.tolist() == [len(columns)] * hw.n_pes
    for number, part in enumerate(oracles.interleave(case.layer, hw)):
        visited = [entry for column in columns for entry in part[column]]
        macs = sum(code != 0 for code, _ in visited)
        assert pe.macs[number] == pe.accumulator_writes[number] == macs
        assert pe.padding_macs[number] == len(visited) - macs
        occupied = sum(max(len(part[column]), 1) for column in columns)
        empty = sum(not part[column] for column in columns)
        assert occupied - empty <= pe.busy_cycles[number] <= occupied
    assert counters.macs == sum(
        code != 0
        for part in oracles.interleave(case.layer, hw)
        for column in columns
        for code, _ in part[column]
    )


@both_engines
@settings(max_examples=60)
@given(case=cases())
def test_floor_and_ceiling(engine: Engine, case: Case) -> None:
    image = encode(case.layer, case.hw)
    cycles = simulate(image, case.activations, case.hw, engine).cycles
    bounds = bound_cycles(image, case.activations, case.hw)
    assert bounds.floor_cycles <= cycles <= bounds.ceiling_cycles


@settings(max_examples=100)
@given(cases(), st.integers(2, 60))
def test_a_deeper_queue_never_costs_cycles(case: Case, depth: int) -> None:
    image = encode(case.layer, case.hw)
    shallow, deep = sorted((depth, case.hw.queue_depth))
    runs = [
        simulate(image, case.activations, replace(case.hw, queue_depth=slots))
        for slots in (shallow, deep)
    ]
    assert runs[1].cycles <= runs[0].cycles
    assert (runs[1].output == runs[0].output).all()


@settings(max_examples=100)
@given(cases(), st.integers(8, 512), st.sampled_from(["across_columns", "within_column"]))
def test_words_change_reads_and_nothing_else(case: Case, width_bits: int, reuse: str) -> None:
    image = encode(case.layer, case.hw)
    width_bits = max(width_bits, case.hw.entry_bits)
    hw = replace(case.hw, **HOLDS_ALL)
    other = replace(hw, spmat_width_bits=width_bits, spmat_word_reuse=reuse)
    first = simulate(image, case.activations, hw).counters.totals()
    second = simulate(image, case.activations, other).counters.totals()
    first.pop("spmat_reads"), second.pop("spmat_reads")
    assert first == second


@both_engines
@pytest.mark.parametrize("n_pes", [1, 3, 4, 64])
@pytest.mark.parametrize("bias_row", [True, False])
def test_an_all_zero_input_runs_only_the_scan(engine: Engine, n_pes: int, bias_row: bool) -> None:
    """One cycle a row; the bias's row broadcasts its 1.0 and, unless that is the last lane, takes
    one more cycle to find that it holds none any more."""
    hw = Hardware(n_pes=n_pes, bias_row=bias_row)
    layer = CompressedLayer(np.ones((10, 20), np.uint8), np.arange(16, dtype=np.float32))
    result = simulate(encode(layer, hw), np.zeros(20, np.float32), hw, engine)
    rows = -(-20 // n_pes)
    assert result.cycles == result.counters.scan_cycles == rows + bias_row * (1 + (n_pes > 1))
    assert result.counters.broadcasts == bias_row
    assert result.counters.macs == result.counters.spmat_reads == 0
    assert not result.output.any()


@both_engines
@pytest.mark.parametrize("latency", [0, 1, 5])
@pytest.mark.parametrize("column", [0, 3, 4, 9])
def test_one_weight_and_one_activation(engine: Engine, column: int, latency: int) -> None:
    """By hand, 4 PEs: the scan reaches row `column // 4` in cycle 1 + column // 4 and broadcasts
    there; popped 1 + latency later, issued in the cycle after, written 6 cycles after that."""
    hw = Hardware(n_pes=4, broadcast_latency_cycles=latency, bias_row=False)
    codes = np.zeros((5, 10), np.uint8)
    codes[3, column] = 1
    activations = np.zeros(10, np.float32)
    activations[column] = 2.0
    layer = CompressedLayer(codes, f32([0, 1.5]))
    result = simulate(encode(layer, hw), activations, hw, engine)
    assert result.cycles == (1 + column // 4) + (1 + latency) + 1 + 6
    assert result.output.tolist() == [0, 0, 0, 3.0, 0]
    assert result.counters.busy_cycles.tolist() == [1, 1, 1, 1]


@both_engines
def test_negative_activations_and_negative_zero(engine: Engine) -> None:
    """All that differ from 0 are broadcast; -0.0 does not."""
    hw = Hardware(n_pes=2, bias_row=False)
    layer = CompressedLayer(np.ones((1, 3), np.uint8), f32([0, 1]))
    result = simulate(encode(layer, hw), f32([-2.0, -0.0, 0.5]), hw, engine)
    assert result.output.tolist() == [-1.5]
    assert result.counters.broadcasts == 2


@both_engines
def test_fixed16_saturates_and_rounds_half_up(engine: Engine) -> None:
    """By hand: weights with 1 fraction bit, activations with 2. 0.5 x 0.25 is half of the last
    place and rounds up; -0.5 x 0.25 rounds up to 0; 30000 / 4 twice saturates at 32767 / 4."""
    hw = Hardware(
        n_pes=1, datapath="fixed16", weight_fraction_bits=1, act_fraction_bits=2, bias_row=False
    )
    codes = np.array([[1, 0, 0], [2, 0, 0], [0, 3, 3]], np.uint8)
    layer = CompressedLayer(codes, f32([0, 0.5, -0.5, 1.0]))
    activations = f32([0.25, 7500.0, 7500.0])
    result = simulate(encode(layer, hw), activations, hw, engine)
    assert result.output.tolist() == [0.25, 0.0, 32767 / 4]


@both_engines
def test_fixed16_broadcasts_what_is_not_zero_in_fixed_point(engine: Engine) -> None:
    hw = Hardware(n_pes=1, datapath="fixed16", act_fraction_bits=2, bias_row=False)
    layer = CompressedLayer(np.ones((1, 2), np.uint8), f32([0, 1]))
    result = simulate(encode(layer, hw), f32([0.1, 1.0]), hw, engine)
    assert result.counters.broadcasts == 1


@both_engines
def test_bypass_within_two_cycles(engine: Engine) -> None:
    """By hand: one row, one PE. Three columns back to back write the same accumulator: the second
    and third find it not committed. A pause of two empty columns lets it commit."""
    hw = Hardware(n_pes=1, bias_row=False)
    dense = CompressedLayer(np.array([[1, 1, 1]], np.uint8), f32([0, 1]))
    pause = CompressedLayer(np.array([[1, 0, 0, 1]], np.uint8), f32([0, 1]))
    short = CompressedLayer(np.array([[1, 0, 1]], np.uint8), f32([0, 1]))
    found = [
        simulate(encode(layer, hw), np.ones(layer.cols, np.float32), hw, engine).counters.bypasses
        for layer in (dense, pause, short)
    ]
    assert found == [2, 0, 1]


def test_lnzd_tree() -> None:
    row = [0, 0, 3, 0, 0, 0, 0, -1, 2]
    found = [LeadingNonzeroDetector().find(row, after) for after in range(-1, 9)]
    assert found == [2, 2, 2, 7, 7, 7, 7, 7, 8, None]


@both_engines
def test_activation_sram_only_beyond_the_registers(engine: Engine) -> None:
    layer = CompressedLayer(np.ones((6, 10), np.uint8), f32([0, 1]))
    for registers, reads, writes in ((5, 0, 0), (4, 10, 0), (2, 10, 6)):
        hw = Hardware(n_pes=2, registers_per_pe=registers)
        counters = simulate(encode(layer, hw), np.ones(10, np.float32), hw, engine).counters
        assert (counters.act_sram_reads, counters.act_sram_writes) == (reads, writes)
        assert counters.act_register_reads == 11
