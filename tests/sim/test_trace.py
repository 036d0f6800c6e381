"""The schedule of a run: both engines give the same, it adds up to the counters, and can be cut."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import CompressedLayer, Hardware, Window, encode, simulate, trace
from eiesim.base.errors import ConfigError, ImageError
from eiesim.sim.engines import Engine
from eiesim.sim.tracing.cycle_table import show_cycles
from eiesim.sim.tracing.schedule import TABLES
from tests.support.arrays import f32
from tests.support.schedules import cut, find_different, find_wrong
from tests.support.strategies import Case, cases, take_batches

ENGINES = get_args(Engine)
Layer = tuple[CompressedLayer, npt.NDArray[np.float32]]


def trace_both(case: Case) -> None:
    hw = case.hw
    if hw.act_batches:  # one pass
        hw = replace(hw, registers_per_pe=max(hw.registers_per_pe, case.layer.rows))
    image = encode(case.layer, hw)
    fast, reference = (trace(image, case.activations, hw, engine) for engine in ENGINES)
    assert find_different(fast, reference) == []
    result = simulate(image, case.activations, hw)
    assert find_wrong(fast, result.counters) == []
    rows = fast.writes.row.astype(np.int64) * hw.n_pes + fast.writes.pe
    output = np.zeros(case.layer.rows, np.float32)
    output[rows] = fast.writes.value  # the last write of a row stays
    assert output.tobytes() == result.output.tobytes()


@given(cases(largest_pes=24, largest=80), st.booleans())
def test_engines_agree_and_events_add_up(case: Case, batches: bool) -> None:
    trace_both(replace(case, hw=take_batches(case.hw, batches)))


@pytest.mark.slow
@settings(settings.get_profile("slow"))
@given(cases(), st.booleans())
def test_engines_agree_on_many(case: Case, batches: bool) -> None:
    trace_both(replace(case, hw=take_batches(case.hw, batches)))


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=50)
@given(case=cases(largest_pes=12, largest=30), data=st.data())
def test_a_window_is_the_whole_cut(engine: Engine, case: Case, data: st.DataObject) -> None:
    image = encode(case.layer, case.hw)
    whole = trace(image, case.activations, case.hw, engine)
    first = data.draw(st.integers(0, min(whole.cycles, 200)))
    last = data.draw(st.integers(first, first + 60))
    some = st.sets(st.integers(0, case.hw.n_pes - 1), min_size=1)
    pes = sorted(data.draw(some))
    part = trace(image, case.activations, case.hw, engine, Window(first, last, tuple(pes)))
    expected = cut(whole, first, last, pes)
    for table in TABLES:
        found = [column.tolist() for column in getattr(part, table)]
        assert repr(found) == repr(expected[table]), table
    lines = show_cycles(whole).splitlines()[max(first, 1) :][: part.last_cycle + 1 - max(first, 1)]
    scans = [line.split("  ")[0].strip() for line in lines]
    assert [line.split("  ")[0].strip() for line in show_cycles(part).splitlines()[1:]] == scans
    if len(pes) == case.hw.n_pes:
        told = [line.split() for line in show_cycles(part).splitlines()[1:]]
        assert told == [line.split() for line in lines]


def trace_small(**window: Any) -> None:
    layer = CompressedLayer(np.ones((8, 4), np.uint8), f32([0, 1]), None, "small")
    hw = Hardware(n_pes=4)
    trace(encode(layer, hw), np.ones(4, np.float32), hw, window=Window(**window))


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ({"first_cycle": -1}, "first_cycle: expected 0 or more, found -1"),
        ({"first_cycle": 5, "last_cycle": 4}, "last_cycle: expected 5, which is the first"),
        ({"first_cycle": 99}, "first_cycle: expected 0 to 16, the last cycle of the run, found 99"),
        ({"pes": ()}, "pes: expected at least one PE, found none"),
        ({"pes": (1, 4)}, "pes: expected 0 to 3, found 4"),
        ({"pes": (-1,)}, "pes: expected 0 to 3, found -1"),
    ],
)
def test_windows_that_cannot_be(window: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trace_small(**window)


def test_operands_are_checked_as_for_a_run() -> None:
    layer = CompressedLayer(np.ones((8, 4), np.uint8), f32([0, 1]), None, "small")
    image = encode(layer, Hardware(n_pes=4))
    with pytest.raises(ImageError, match="encoded for n_pes = 4"):
        trace(image, np.ones(4, np.float32), Hardware(n_pes=2))
    with pytest.raises(ConfigError, match="did you mean 'fast'"):
        trace(image, np.ones(4, np.float32), Hardware(n_pes=4), "fas")  # type: ignore[arg-type]


@pytest.mark.data
def test_alex8_adds_up_and_is_told_in_seconds(alex8: Layer) -> None:
    layer, activations = alex8
    image = encode(layer, Hardware())
    schedule = trace(image, activations, Hardware())
    assert find_wrong(schedule, simulate(image, activations, Hardware()).counters) == []
    started = time.perf_counter()
    assert len(show_cycles(schedule).splitlines()) == schedule.cycles + 1
    assert time.perf_counter() - started < 30  # quadratic, it took hours


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"spmat_sram_bytes": 4096, "dram_gbps": 100.0}])
def test_engines_agree_on_alex8(alex8: Layer, changes: dict[str, Any]) -> None:
    layer, activations = alex8
    hw = replace(Hardware(), **changes)
    image = encode(layer, hw)
    fast, reference = (trace(image, activations, hw, engine) for engine in ENGINES)
    assert find_different(fast, reference) == []
