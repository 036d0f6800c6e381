"""Every kernel as the plain Python it was compiled from: the same bits."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from eiesim import CompressedLayer, Hardware, Window, encode, simulate, trace
from eiesim.compress import codebook, prune
from eiesim.image import balance_rows
from eiesim.sim.fast import engine, inputs, schedule
from tests.support.arrays import f32
from tests.support.differences import find_differences
from tests.support.schedules import find_different
from tests.support.strategies import Case, cases


def unwrap_kernels(monkeypatch: pytest.MonkeyPatch) -> int:
    """Put the Python source of each kernel in its place, in all modules that name it."""
    ours = [module for name, module in sys.modules.items() if name.startswith("eiesim.")]
    replaced = 0
    for module in ours:
        for name, value in vars(module).copy().items():
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, inspect.unwrap(value))
                replaced += 1
    return replaced


@settings(max_examples=25)
@given(cases(largest_pes=6, largest=12))
def test_engine_and_encoder(case: Case) -> None:
    compiled_image = encode(case.layer, case.hw)
    compiled = simulate(compiled_image, case.activations, case.hw)
    compiled_schedule = trace(compiled_image, case.activations, case.hw)
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert unwrap_kernels(monkeypatch) >= 17
        image = encode(case.layer, case.hw)
        plain = engine.run(image, case.activations, case.hw)
        plain_schedule = schedule.list_schedule(image, case.activations, case.hw, Window())
        many = None
        if inputs.can_run(image, case.hw):
            times = inputs.time_inputs(image, case.activations[np.newaxis], case.hw, None)
            assert times.tolist() == [compiled.cycles]
            many = inputs.run_inputs(image, case.activations[np.newaxis], case.hw)
    assert (image.codes == compiled_image.codes).all()
    assert (image.relative_index == compiled_image.relative_index).all()
    assert (image.ptr == compiled_image.ptr).all()
    assert find_differences(compiled, plain) == {}
    assert find_different(compiled_schedule, plain_schedule) == []
    if many is not None:
        assert many.counters.totals() == compiled.counters.totals()
        assert np.array_equal(many.output[0].view(np.uint32), compiled.output.view(np.uint32))


def test_pruning_and_optimal_codebook(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.random.default_rng(0).normal(size=(9, 8)).astype(np.float32)
    compiled: tuple[Any, Any] = (
        prune.prune(weights, 0.4),
        codebook.cluster(weights.ravel(), 5, "optimal"),
    )
    assert unwrap_kernels(monkeypatch) >= 4
    assert (prune.prune(weights, 0.4) != compiled[0]).nnz == 0
    assert (
        codebook.cluster(weights.ravel(), 5, "optimal").centroids == compiled[1].centroids
    ).all()


def test_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = np.random.default_rng(0).integers(0, 3, (30, 50), np.uint8)
    layer = CompressedLayer(codes, f32([0, 1, 2, 3]))
    compiled = balance_rows(layer, 4)
    assert unwrap_kernels(monkeypatch) >= 14
    assert np.array_equal(balance_rows(layer, 4), compiled)


def test_counts_beyond_a_byte() -> None:
    """One PE and long columns: entries per column in 16 bits, the same cycles as the formula."""
    codes = np.ones((300, 3), np.uint8)
    layer = CompressedLayer(codes, f32([0, 1]))
    hw = Hardware(n_pes=1, bias_row=False)
    image = encode(layer, hw)
    assert image.counts.dtype == np.uint16
    assert simulate(image, np.ones(3, np.float32), hw).cycles == 1 + 1 + 3 * 300 + 6
