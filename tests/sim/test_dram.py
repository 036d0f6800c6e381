"""What the SRAMs do not hold is streamed from DRAM."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import CompressedLayer, Hardware, encode, simulate
from eiesim.base.errors import ConfigError, ImageError
from eiesim.base.units import bytes_to_gbps, gbps_to_bits_per_cycle
from eiesim.sim.bandwidth import find_bandwidth
from eiesim.sim.bounds import bound_cycles
from eiesim.sim.engines import Engine
from tests.support.arrays import f32
from tests.support.differences import find_differences
from tests.support.strategies import HOLDS_ALL, Case, cases

ENGINES = get_args(Engine)
both_engines = pytest.mark.parametrize("engine", ENGINES)
DRAM_COUNTERS = ("spmat_dram_words", "ptr_dram_reads", "dram_stall_cycles")

# 4 bits come in a cycle; a word of 16 bits holds two entries
SLOW: dict[str, Any] = {
    "n_pes": 1, "bias_row": False, "spmat_width_bits": 16, "clock_mhz": 1000, "dram_gbps": 0.5,
}  # fmt: skip


def columns_of(*entries: int) -> CompressedLayer:
    """Columns of so many weights each, at the top."""
    codes = np.zeros((max(entries), len(entries)), np.uint8)
    for column, number in enumerate(entries):
        codes[:number, column] = 1
    return CompressedLayer(codes, f32([0, 1]))


@both_engines
def test_broadcasts_wait_for_their_data(engine: Engine) -> None:
    """By hand: one PE, four columns of a word each, the first one resident. The fetches take cycles
    0-3, 4-7 and 8-11, so that the columns are broadcast in 1, 4, 8 and 12 instead of 2, 3 and 4:
    2, 3 and 3 cycles of waiting. The last column starts in 14, its second entry is issued in 15."""
    hw = Hardware(**SLOW, queue_depth=3, spmat_sram_bytes=2)
    result = simulate(encode(columns_of(2, 2, 2, 2), hw), np.ones(4, np.float32), hw, engine)
    counters = result.counters
    assert (result.cycles, counters.stall_cycles, counters.dram_stall_cycles) == (15 + 6, 0, 8)
    assert (counters.spmat_reads, counters.spmat_dram_words, counters.ptr_dram_reads) == (4, 3, 0)
    assert result.dram_bytes == 6
    assert result.dram_gbps_average == pytest.approx(6 / 21)  # 21 ns


@both_engines
def test_the_stream_buffer_holds_as_many_columns_as_a_queue_has_slots(engine: Engine) -> None:
    """By hand: two slots, and a first column of 20 resident entries, started in 3. The second one,
    fetched in 0-3, waits in 2 for the queue and in 3 for its data, and starts in 23. The third one,
    fetched in 4-7, waits for the queue in 5-22. Only in 23 there is room to fetch the fourth one,
    until 26: it waits in 24 for the queue, in 25 and 26 for its data, and starts in 29."""
    hw = Hardware(**SLOW, queue_depth=2, spmat_sram_bytes=20)
    result = simulate(encode(columns_of(20, 2, 2, 2), hw), np.ones(4, np.float32), hw, engine)
    counters = result.counters
    found = (result.cycles, counters.stall_cycles, counters.dram_stall_cycles)
    assert found == (30 + 6, 1 + 18 + 1, 1 + 2)


@both_engines
def test_pointers_and_bytes(engine: Engine) -> None:
    """By hand: two PEs, three columns, pointers of 12 bits in 3 bytes of SRAM: 0 and 1 are
    resident. Columns 0, 1 and 2 and the bias's column 4 take 0, 1, 2 and 2 pointers: in all 10
    pointers of 12 bits, 15 bytes. An odd number of bits is rounded up."""
    hw = Hardware(n_pes=2, ptr_bits=12, ptr_sram_bytes=3)
    image = encode(columns_of(2, 2, 2), hw)
    result = simulate(image, np.ones(3, np.float32), hw, engine)
    assert result.counters.pe.ptr_dram_reads.tolist() == [5, 5]
    assert (result.counters.spmat_dram_words, result.dram_bytes) == (0, 15)
    hw = replace(hw, ptr_bits=11, ptr_sram_bytes=3)
    result = simulate(image, np.ones(3, np.float32), hw, engine)
    assert result.dram_bytes == math.ceil(110 / 8)


@both_engines
@pytest.mark.parametrize(("gbps", "fetch_cycles"), [(0.3, 9), (np.nextafter(0.3, 1), 8)])
def test_bandwidth_is_taken_exactly(engine: Engine, gbps: float, fetch_cycles: int) -> None:
    """The float 0.3 is a little less than 3/10: 24 bits do not come in 8 cycles of 3 bits each."""
    assert Fraction(0.3) < Fraction(3, 10) < Fraction(np.nextafter(0.3, 1))
    hw = Hardware(n_pes=1, bias_row=False, spmat_width_bits=24, spmat_sram_bytes=1, dram_gbps=gbps)
    result = simulate(encode(columns_of(1), hw), np.ones(1, np.float32), hw, engine)
    assert result.cycles == fetch_cycles + 2 + 6


def test_units() -> None:
    """At 800 MHz and 1 GB/s 10 bits come in a cycle; 1000 bytes in a microsecond are 1 GB/s."""
    assert gbps_to_bits_per_cycle(1, 800) == 10
    assert bytes_to_gbps(1000, 1) == 1


def test_very_little_bandwidth() -> None:
    """Exact in the reference engine as far as 64 bits go, refused beyond, never wrong."""
    hw = Hardware(n_pes=1, bias_row=False, spmat_width_bits=24, spmat_sram_bytes=1)
    image, activations = encode(columns_of(1), hw), np.ones(1, np.float32)
    slow = replace(hw, dram_gbps=2.0**-40)
    cycles = math.ceil(Fraction(24 * 2**40, 10)) + 2 + 6
    assert simulate(image, activations, slow, "reference").cycles == cycles
    assert bound_cycles(image, activations, slow).ceiling_cycles >= cycles
    with pytest.raises(ImageError, match="use the reference engine"):
        simulate(image, activations, slow)
    for engine in ENGINES:
        with pytest.raises(ConfigError, match=r"^dram_gbps: fetching at 5e-324 GB/s takes 2\*\*62"):
            simulate(image, activations, replace(hw, dram_gbps=5e-324), engine)


@settings(max_examples=100)
@given(cases(), st.floats(0.01, 1000))
def test_more_bandwidth_never_costs_cycles(case: Case, gbps: float) -> None:
    image = encode(case.layer, case.hw)
    slow, fast = (
        simulate(image, case.activations, replace(case.hw, dram_gbps=value))
        for value in sorted((gbps, case.hw.dram_gbps or 1000.0))
    )
    assert fast.cycles <= slow.cycles
    assert fast.dram_bytes == slow.dram_bytes
    for name in ("spmat_dram_words", "ptr_dram_reads"):
        assert getattr(fast.counters.pe, name).tolist() == getattr(slow.counters.pe, name).tolist()
    assert (fast.output.view(np.uint32) == slow.output.view(np.uint32)).all()


@both_engines
@settings(max_examples=60)
@given(case=cases(largest_pes=12, largest=60))
def test_a_fetch_of_one_cycle_costs_none(engine: Engine, case: Case) -> None:
    """As much bandwidth as it takes: only what comes from where tells the machine from one whose
    SRAMs hold everything. Where they do, the bandwidth changes nothing."""
    image = encode(case.layer, case.hw)
    streaming, plenty, holding, unused = (
        simulate(image, case.activations, hw, engine)
        for hw in (
            replace(case.hw, dram_gbps=0.0),
            replace(case.hw, dram_gbps=1e9),
            replace(case.hw, **HOLDS_ALL, dram_gbps=0.0),
            replace(case.hw, **HOLDS_ALL, dram_gbps=0.01),
        )
    )
    assert find_differences(streaming, plenty) == {}
    assert find_differences(holding, unused) == {}
    differing = {name.removeprefix("pe.") for name in find_differences(streaming, holding)}
    assert differing <= {"spmat_dram_words", "ptr_dram_reads"}
    assert [holding.counters.totals()[name] for name in DRAM_COUNTERS] == [0, 0, 0]
    assert streaming.counters.dram_stall_cycles == 0
    assert holding.dram_bytes == holding.dram_gbps_average == 0


@settings(max_examples=100)
@given(cases())
def test_only_what_does_not_fit_is_streamed(case: Case) -> None:
    """A machine that broadcasts every column streams unless both SRAMs hold their part."""
    image = encode(case.layer, case.hw)
    fits = {use.memory: use.fits for use in image.fits(case.hw)}
    hw = replace(case.hw.send_all(), datapath="float32", bias_row=True)
    counters = simulate(image, np.ones(image.cols, np.float32), hw).counters
    assert (counters.spmat_dram_words == 0) == fits["sparse-matrix SRAM"]
    assert (counters.ptr_dram_reads == 0) == fits["pointer SRAM"]


@settings(max_examples=100)
@given(cases())
def test_the_bandwidth_found_is_the_smallest_one(case: Case) -> None:
    """The run keeps its cycles with it, and neither with the float below nor with 1 % less."""
    image = encode(case.layer, case.hw)

    def run(gbps: float) -> Any:
        return simulate(image, case.activations, replace(case.hw, dram_gbps=gbps))

    needed = find_bandwidth(image, case.activations, case.hw)
    unlimited = run(0.0)
    assert (needed is None) == (unlimited.dram_bytes == 0)
    if needed == 0:
        assert run(0.01).cycles == unlimited.cycles
    elif needed is not None:
        assert run(needed).cycles == unlimited.cycles
        assert run(math.nextafter(needed, 0)).cycles > unlimited.cycles
        assert run(0.99 * needed).cycles > unlimited.cycles


def test_data_behind_the_last_entry_cost_no_cycle() -> None:
    """Only the second pointer of the bias's empty column is in DRAM: any bandwidth will do."""
    hw = Hardware(n_pes=2, ptr_sram_bytes=2 * 5)
    image = encode(columns_of(2, 2, 2, 2), hw)
    assert image.ptr.shape[0] == 6
    assert find_bandwidth(image, np.ones(4, np.float32), hw) == 0
    slow, unlimited = (
        simulate(image, np.ones(4, np.float32), replace(hw, dram_gbps=gbps)) for gbps in (1e-4, 0)
    )
    assert slow.cycles == unlimited.cycles
    assert slow.dram_bytes == 4
    assert slow.counters.dram_stall_cycles > 0
