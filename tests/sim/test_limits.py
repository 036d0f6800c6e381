"""What limits a run: the parts add up, and a cause that is left out gives the run without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import CompressedLayer, Hardware, encode_passes
from eiesim.counters import Cause
from eiesim.sim.passes import Passes, time_inputs_without
from tests.support import cycle_model
from tests.support.cycle_model import EMPTY, PADDING, Work
from tests.support.strategies import Case, cases, take_batches

LEFT_OUT = [None, *(cause for cause in Cause if cause is not Cause.BUSIEST_PE)]


def lay_out(case: Case, hw: Hardware) -> Passes:
    return Passes(encode_passes(case.layer, hw), case.activations, hw)


def make_plain(case: Case) -> Hardware:
    """Return the machine of a case as the contract's lists have it, without waits of 1e9 cycles."""
    hw = replace(case.hw, datapath="float32")
    return replace(hw, dram_gbps=1.0) if 0 < hw.dram_gbps < 1 else hw


@settings(max_examples=100)
@given(case=cases(largest_pes=12, largest=60))
def test_parts_add_up_to_the_cycles(case: Case) -> None:
    passes = lay_out(case, case.hw)
    run = passes.simulate()
    limits = run.limits
    added = limits.added_cycles
    assert set(added) == set(Cause)
    assert min(*added.values(), limits.entries_cycles, limits.ends_cycles) >= 0
    total = limits.entries_cycles + sum(added.values()) + limits.ends_cycles
    assert total == pytest.approx(run.cycles)
    busy = run.counters.busy_cycles
    assert busy[limits.busiest_pe] == busy.max()
    assert [added[cause] for cause in limits.causes] == sorted(
        (it for it in added.values() if it >= 0.5), reverse=True
    )


@settings(max_examples=100)
@given(case=cases(largest_pes=12, largest=60))
def test_without_waits_is_another_machine(case: Case) -> None:
    """A queue that never is full, and a DRAM that sends any column in a cycle."""
    hw = make_plain(case)
    passes = lay_out(case, hw)
    assert passes.time_without(None) == passes.simulate().cycles
    deep = replace(hw, queue_depth=case.layer.cols + 3)
    assert passes.time_without(Cause.QUEUE) == lay_out(case, deep).simulate().cycles
    endless = replace(hw, dram_gbps=0.0)
    assert passes.time_without(Cause.DRAM) == lay_out(case, endless).simulate().cycles


@settings(max_examples=100)
@given(case=cases(largest_pes=8, largest=24))
def test_without_padding_and_scan_is_the_contract_with_less_work(case: Case) -> None:
    """Against a machine that is walked through cycle by cycle (tests/support/cycle_model.py)."""
    hw = make_plain(case)
    passes = lay_out(case, hw)
    work = cycle_model.list_work(case.layer, case.activations, hw)
    columns = [
        [[what for what in column if what != PADDING] for column in pe] for pe in work.columns
    ]
    unpadded, _ = cycle_model.count_causes(work._replace(columns=columns), hw)
    assert passes.time_without(Cause.PADDING) == unpadded
    at_once, _ = cycle_model.count_causes(
        work._replace(gaps=[1] * len(work.gaps), end_of_scan=0), hw
    )
    assert passes.time_without(Cause.SCAN) == at_once


def time_without_empty_columns(work: Work, hw: Hardware) -> int:
    """The contract's recurrences on lists, an empty column taking no cycle."""
    starts: list[list[int]] = []
    free = [0] * len(work.columns)
    sent, fetched, last = 0, 0, 0
    for item, (gap, fetch) in enumerate(zip(work.gaps, work.fetches, strict=True)):
        room = max(starts[item - hw.queue_depth]) if item >= hw.queue_depth else 0
        slot = max(starts[item - hw.queue_depth + 1]) if item >= hw.queue_depth - 1 else 0
        fetched = max(fetched, room) + fetch
        sent = max(sent + gap, slot, fetched)
        starts.append([max(it, sent + 2 + hw.broadcast_latency_cycles) for it in free])
        entries = [0 if pe[item] == [EMPTY] else len(pe[item]) for pe in work.columns]
        free = [start + n for start, n in zip(starts[item], entries, strict=True)]
        last = max([last, *(it - 1 for it, n in zip(free, entries, strict=True) if n)])
    return last + 6 if last else sent + work.end_of_scan


@settings(max_examples=100)
@given(case=cases(largest_pes=8, largest=24))
def test_without_empty_columns(case: Case) -> None:
    hw = make_plain(case)
    work = cycle_model.list_work(case.layer, case.activations, hw)
    found = lay_out(case, hw).time_without(Cause.EMPTY_COLUMNS)
    assert found == time_without_empty_columns(work, hw)


@settings(max_examples=60)
@given(
    case=cases(largest_pes=12, largest=60), cause=st.sampled_from(LEFT_OUT), batches=st.booleans()
)
def test_many_inputs_are_as_one_after_the_other(
    case: Case, cause: Cause | None, batches: bool
) -> None:
    hw = take_batches(case.hw, batches)
    images = encode_passes(case.layer, hw)
    stack = np.stack([case.activations, case.activations[::-1], 0 * case.activations])
    apart = [Passes(images, vector, hw).time_without(cause) for vector in stack]
    assert time_inputs_without(images, stack, hw, cause) == sum(apart)


def test_the_busiest_pe_takes_another_order_of_rows() -> None:
    layer = CompressedLayer(np.ones((4, 4), np.uint8), np.arange(16, dtype=np.float32))
    case = Case(layer, np.ones(4, np.float32), Hardware(n_pes=4))
    with pytest.raises(ValueError, match="rows"):
        lay_out(case, case.hw).time_without(Cause.BUSIEST_PE)
