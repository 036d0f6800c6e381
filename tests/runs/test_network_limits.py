"""What limits the steps of a network, against networks on machines without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eiesim import Hardware
from eiesim.base.tables import Row
from eiesim.catalog.model import Model
from eiesim.counters import Cause
from eiesim.energy.machine import price_machine
from eiesim.graph import Graph, Step
from eiesim.inference import Setup, run_steps
from eiesim.layer.weights import CompressedLayer, StoredLayer
from eiesim.runs.limits import ADDED, describe_limits
from eiesim.runs.network import run_examples
from eiesim.runs.network_report import report_network
from eiesim.runs.network_rows import summarise
from tests.support.networks import Floats, chain_of_two, draw_numbers, draw_stored

HW = Hardware(n_pes=4)


def list_rows(model: Model, examples: list[dict[str, Floats]], hw: Hardware) -> list[Row]:
    prices = price_machine(hw)
    rows: list[Row] = summarise(model, list(run_examples(model, examples, hw, prices)), prices)[
        "steps"
    ]
    return rows


@pytest.mark.parametrize(
    ("changes", "cause", "without"),
    [
        ({"queue_depth": 2, "broadcast_latency_cycles": 6}, Cause.QUEUE, {"queue_depth": 64}),
        ({"spmat_sram_bytes": 1, "dram_gbps": 0.2}, Cause.DRAM, {"dram_gbps": 0.0}),
        ({"n_pes": 1, "index_bits": 1}, Cause.PADDING, {"index_bits": 8}),
    ],
)
def test_each_step_is_timed_without_what_limits_it(
    changes: dict[str, Any], cause: Cause, without: dict[str, Any]
) -> None:
    """A step whose first input another cause limits says so instead."""
    model, examples = chain_of_two(np.random.default_rng(3))
    rows = list_rows(model, examples, replace(HW, **changes))
    others = list_rows(model, examples, replace(HW, **changes | without))
    limited = [
        (row, other) for row, other in zip(rows, others, strict=True) if row["limit"] == cause.value
    ]
    assert limited
    for row, other in limited:
        if row["no_cycles_without_limit"]:
            assert row["cycles_without_limit"] is None
        else:
            assert row["cycles_without_limit"] == pytest.approx(other["cycles"])
    assert any(row["cycles_without_limit"] is not None for row, _ in limited)


def make_uneven_convolution() -> tuple[Model, list[dict[str, Floats]]]:
    rng = np.random.default_rng(1)
    stored = draw_stored(rng, "w", (16, 3, 3, 3), bias=False)
    codes = np.ones((16, 27), np.uint8)
    codes[4:][np.arange(12) % 4 > 0] = 0  # PE 0 has four full rows, the others one each
    layer = CompressedLayer(codes, stored.layer.codebook, name="w")
    step = Step("conv", "conv", ("x",), "w", {"pad": (1, 1, 1, 1)})
    model = Model("net", Graph({"x": (3, 6, 7)}, (step,), ("conv",)),
                  {"w": StoredLayer(layer, stored.shape)})  # fmt: skip
    return model, [{"x": draw_numbers(rng, (3, 6, 7))} for _ in range(2)]


@pytest.mark.parametrize("act_batches", [False, True])
def test_the_busiest_pe_of_a_convolution(act_batches: bool) -> None:
    hw = replace(HW, act_batches=act_batches, registers_per_pe=64)
    model, examples = make_uneven_convolution()
    (row,) = list_rows(model, examples, hw)
    assert row["limit"] == "busiest_pe"
    balanced = list(run_steps(model, examples, Setup(hw, balance=True)))
    assert row["cycles_without_limit"] == np.mean([run.cycles for run in balanced])
    parts = [row["entries_mean_cycles"], *(row[key] for key in ADDED.values()), row["ends_cycles"]]
    assert sum(parts) == pytest.approx(row["cycles"])


def test_the_report_says_it() -> None:
    model, examples = make_uneven_convolution()
    prices = price_machine(HW)
    runs = list(run_examples(model, examples, HW, prices))
    report = report_network(model, runs, prices, None, ())
    assert isinstance(report.summary, dict)
    (row,) = report.summary["steps"]
    text = f"conv takes 100% of the cycles. {describe_limits(row, 'conv')}"
    assert "conv is limited by the work of PE 0 beyond the mean" in text
    assert text in report.answer
    assert report.charts["cycles"].see == text
    assert text in report.render(["run", "net.eie"])


def test_steps_are_timed_once_more_only_where_asked() -> None:
    model, examples = chain_of_two(np.random.default_rng(3))
    (run, *_) = run_steps(model, examples, Setup(HW))
    assert [step.cycles_without_cause for step in run.steps] == [None] * 3
