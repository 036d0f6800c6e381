"""Activations below a threshold, and changes below one: what is sent, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import CompressedLayer, Hardware, encode, simulate
from eiesim.base.errors import ConfigError, WorkloadError
from eiesim.counters import DeltaState
from eiesim.sim.engines import Engine
from eiesim.sim.golden import compute_output
from tests.support.arrays import f32
from tests.support.differences import bits, find_differences
from tests.support.strategies import Case, cases

ENGINES = get_args(Engine)
both_engines = pytest.mark.parametrize("engine", ENGINES)
ONES = CompressedLayer(np.ones((1, 5), np.uint8), f32([0, 1]))
FIVE = f32([-0.5, 0.25, 0.0, 0.75, -1.0])


def sum_up(engine: Engine, activations: npt.NDArray[np.float32], **fields: object) -> list[float]:
    """Return output and broadcasts of the sum of five activations."""
    hw = replace(Hardware(n_pes=2, bias_row=False), **fields)  # type: ignore[arg-type]
    result = simulate(encode(ONES, hw), activations, hw, engine)
    return [float(result.output[0]), result.counters.broadcasts]


@both_engines
def test_what_is_not_above_the_threshold_is_left_out(engine: Engine) -> None:
    """By hand; both signs, and neither the threshold itself nor its neighbour below."""
    assert sum_up(engine, FIVE) == [-0.5, 4]
    assert sum_up(engine, FIVE, act_threshold=0.25) == [-0.75, 3]
    assert sum_up(engine, FIVE, act_threshold=np.nextafter(0.5, 0)) == [-0.75, 3]
    assert sum_up(engine, FIVE, act_threshold=0.5) == [-0.25, 2]
    assert sum_up(engine, FIVE, act_threshold=1.0) == [0, 0]


@both_engines
def test_a_float32_is_compared_exactly(engine: Engine) -> None:
    """0.1 in float32 is above 0.1; rounded to float32, the threshold would equal it."""
    tenths = np.full(5, 0.1, np.float32)
    assert float(tenths[0]) > 0.1
    assert sum_up(engine, tenths, act_threshold=0.1)[1] == 5
    assert sum_up(engine, tenths, act_threshold=float(tenths[0]))[1] == 0


@both_engines
def test_fixed16_compares_what_the_registers_hold(engine: Engine) -> None:
    """With two fraction bits 0.4 is 0.5 there, and 0.6 is 0.5, too; -200 is -128 and has a
    magnitude that 16 bits do not hold with 8 fraction bits."""
    fixed = {"datapath": "fixed16", "act_fraction_bits": 2}
    near = f32([0.4, 0.6, -0.6, 0.1, 0.7])
    assert sum_up(engine, near, act_threshold=0.45, **fixed) == [0.5 + 0.5 - 0.5 + 0.75, 4]
    assert sum_up(engine, near, act_threshold=0.5, **fixed) == [0.75, 1]
    lowest = f32([-200, 0, 0, 0, 0])
    eight = {"datapath": "fixed16", "act_fraction_bits": 8}
    assert sum_up(engine, lowest, act_threshold=127.9, **eight) == [-128, 1]
    assert sum_up(engine, lowest, act_threshold=128.0, **eight) == [0, 0]


@both_engines
def test_a_quantile_leaves_out_its_share(engine: Engine) -> None:
    """Magnitudes 0, 0.25, 0.5, 0.75, 1: the smallest that a share does not exceed."""
    sent = {0.0: 4, 0.2: 4, 0.21: 3, 0.4: 3, 0.5: 2, 0.6: 2, 0.8: 1, 0.81: 0, 1.0: 0}
    for share, broadcasts in sent.items():
        assert sum_up(engine, FIVE, act_threshold_quantile=share)[1] == broadcasts
    hundred = CompressedLayer(np.ones((1, 100), np.uint8), f32([0, 1]))
    hw = Hardware(bias_row=False, act_threshold_quantile=0.07)
    numbers = np.arange(1, 101, dtype=np.float32)
    run = simulate(encode(hundred, hw), numbers, hw, engine)
    assert run.counters.broadcasts == 93  # and not 92, though 100 x 0.07 is above 7 in floats


@both_engines
def test_the_bias_is_always_sent(engine: Engine) -> None:
    layer = CompressedLayer(np.ones((2, 3), np.uint8), f32([0, 1]), np.array([1, 0], np.uint8))
    for fields in ({"act_threshold": 5.0}, {"delta_threshold": 5.0}):
        hw = replace(Hardware(n_pes=2), **fields)  # type: ignore[arg-type]
        run = simulate(encode(layer, hw), np.ones(3, np.float32), hw, engine)
        assert (run.output.tolist(), run.counters.broadcasts) == ([1, 0], 1)


def test_both_kinds_of_threshold_do_not_go_together() -> None:
    with pytest.raises(ConfigError, match="act_threshold_quantile: expected this or"):
        Hardware(act_threshold=0.1, act_threshold_quantile=0.5)
    with pytest.raises(ConfigError, match="delta_threshold: the accumulators keep"):
        Hardware(delta_threshold=0.1, act_batches=True)
    # they are of different layers
    assert Hardware(act_threshold=0.1, delta_threshold=0.1).has_threshold


@settings(max_examples=60)
@given(case=cases(largest_pes=12, largest=60), more=st.floats(0, 2))
def test_a_higher_threshold_never_sends_more(case: Case, more: float) -> None:
    low = replace(case.hw.send_all(), act_threshold=case.hw.act_threshold)
    high = replace(low, act_threshold=low.act_threshold + more)
    image = encode(case.layer, low)
    runs = [simulate(image, case.activations, hw).counters for hw in (low, high)]
    assert runs[1].broadcasts <= runs[0].broadcasts
    assert runs[1].macs <= runs[0].macs


@settings(max_examples=150)
@given(
    case=cases(largest_pes=12, largest=40),
    threshold=st.sampled_from([0.0, 0.05, 0.5, 3.0]),
    seed=st.integers(0, 1000),
)
def test_golden_and_engines_agree_over_a_sequence(case: Case, threshold: float, seed: int) -> None:
    """Outputs, counters and what is kept, after each of four steps of a random walk."""
    hw = replace(case.hw, delta_threshold=threshold)
    image, rng = encode(case.layer, hw), np.random.default_rng(seed)
    vector, before = case.activations, None
    for _ in range(4):
        expected = compute_output(case.layer, vector, hw, before)
        fast, reference = (simulate(image, vector, hw, engine, before) for engine in ENGINES)
        assert find_differences(fast, reference) == {}
        assert bits(fast.output) == bits(expected)
        assert fast.state is not None
        assert reference.state is not None
        assert bits(fast.state.sums) == bits(fast.output) == bits(reference.state.sums)
        assert np.array_equal(fast.state.sent, reference.state.sent)
        before = fast.state
        moved = rng.normal(scale=rng.choice([0.1, 100.0]), size=vector.size)
        vector = (vector + moved * (rng.random(vector.size) < 0.5)).astype(np.float32)


@both_engines
def test_a_sequence_by_hand(engine: Engine) -> None:
    """One weight of 2 and a bias of 1: changes of more than 0.5 of what was sent last."""
    layer = CompressedLayer(np.array([[2]], np.uint8), f32([0, 1, 2, 3]), np.array([1], np.uint8))
    hw = Hardware(n_pes=1, delta_threshold=0.5)
    image, before, found = encode(layer, hw), None, []
    for number in (1.0, 1.5, 1.75, 1.0, 1.25):
        run = simulate(image, f32([number]), hw, engine, before)
        before = run.state
        assert before is not None
        found.append((float(run.output[0]), float(before.sent[0]), run.counters.broadcasts))
    # 1 + 2 x 1; 0.5 is not above; 0.75 is; -0.75 is; 0.25 is not
    assert found == [(3, 1, 2), (3, 1, 0), (4.5, 1.75, 1), (3, 1, 1), (3, 1, 0)]


@both_engines
def test_a_change_that_16_bits_do_not_hold_is_sent_in_two_steps(engine: Engine) -> None:
    """From -100 to 100 with 8 fraction bits: 32767 / 256 first, the rest in the next step."""
    layer = CompressedLayer(np.array([[1]], np.uint8), f32([0, 0.5]))
    hw = Hardware(n_pes=1, datapath="fixed16", delta_threshold=0.0)
    image, before, sent = encode(layer, hw), None, []
    for number in (-100, 100, 100, 100):
        run = simulate(image, f32([number]), hw, engine, before)
        before = run.state
        assert before is not None
        sent.append(float(before.sent[0]))
    assert sent == [-100, -100 + 32767 / 256, 100, 100]
    assert float(run.output[0]) == pytest.approx(50, abs=2 / 256)


@both_engines
def test_what_is_kept_passes_through_the_activation_sram(engine: Engine) -> None:
    """Each step reads 10 inputs as they were sent last, and writes those whose change is sent; two
    registers a PE do not hold its three sums, which are written and in the next step read."""
    layer = CompressedLayer(np.ones((6, 10), np.uint8), f32([0, 1]))
    for registers, spilled in ((5, 0), (2, 6)):
        hw = Hardware(n_pes=2, registers_per_pe=registers, delta_threshold=0.0)
        image = encode(layer, hw)
        beyond = 10 if registers < 5 else 0  # inputs that the source registers cannot hold
        first = simulate(image, np.ones(10, np.float32), hw, engine)
        counters = first.counters
        assert counters.act_sram_reads == 10 + beyond
        assert counters.act_sram_writes == 10 + spilled
        second = f32([1] * 7 + [2] * 3)
        counters = simulate(image, second, hw, engine, first.state).counters
        assert counters.act_sram_reads == 10 + beyond + spilled
        assert counters.act_sram_writes == 3 + spilled


@both_engines
def test_a_step_before_goes_with_a_machine_that_keeps(engine: Engine) -> None:
    kept = DeltaState(np.zeros(5, np.float32), np.zeros(1, np.float32))
    with pytest.raises(ConfigError, match="before: nothing is kept"):
        simulate(encode(ONES, Hardware()), FIVE, Hardware(), engine, kept)
    hw = Hardware(delta_threshold=0.0)
    wrong = DeltaState(np.zeros(4, np.float32), np.zeros(1, np.float32))
    with pytest.raises(WorkloadError, match="inputs of the step before: expected float32"):
        simulate(encode(ONES, hw), FIVE, hw, engine, wrong)
