"""What is said to limit a layer, against layers that one cause limits by design."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import CompressedLayer, Hardware
from eiesim.base.tables import Row
from eiesim.catalog.operands import Operands, Source
from eiesim.counters import Cause
from eiesim.energy.machine import price_machine
from eiesim.runs.layer import LayerRun, run_operands
from eiesim.runs.layer_page import total_layers
from eiesim.runs.layer_report import report_layers
from eiesim.runs.layer_rows import describe_layer
from eiesim.runs.limits import (
    ADDED,
    describe_limits,
    name_imbalance,
    name_limit,
    split_cycles,
)
from tests.support.arrays import f32

N_PES = 4
FULL = np.ones((2 * N_PES, 16))


class Made(NamedTuple):
    """A layer that something limits, and the same without it.

    Attributes
    ----------
    cause
        None for a layer that nothing limits.
    words
        How the sentence names it.
    """

    cause: Cause | None
    words: str
    codes: npt.NDArray[Any]
    activations: npt.NDArray[Any]
    hw: dict[str, Any]
    without: dict[str, Any]


def make_uneven() -> npt.NDArray[Any]:
    """The first PE has three rows of entries, the others one each: six rows for four PEs."""
    codes = np.zeros((3 * N_PES, 16))
    codes[0::N_PES] = 1
    codes[:N_PES] = 1
    return codes


def make_gaps() -> npt.NDArray[Any]:
    """Columns of four entries in each PE, and three empty ones behind each."""
    codes = np.zeros((4 * N_PES, 16))
    codes[:, ::4] = 1
    return codes


def make_sparse_rows() -> npt.NDArray[Any]:
    """Behind two zeros in each PE comes an entry."""
    codes = np.zeros((3 * N_PES, 16))
    codes[2 * N_PES :] = 1
    return codes


def make_bursts() -> npt.NDArray[Any]:
    """In turn, half of the PEs have nine entries and the others one: equal work for all."""
    codes = np.zeros((9 * N_PES, 16))
    codes[:N_PES] = 1
    for column in range(16):
        codes[(column // 4) % 2 :: 2, column] = 1
    return codes


ALL = np.ones(16)
LANE = np.zeros(16 * N_PES)
LANE[::N_PES] = 1
SMALL_SRAM = {"spmat_sram_bytes": 8, "dram_gbps": 0.5}
LAYERS = [
    Made(Cause.BUSIEST_PE, "the work of PE 0 beyond the mean", make_uneven(), ALL, {},
         {"balance": True}),
    Made(Cause.EMPTY_COLUMNS, "empty columns", make_gaps(), ALL, {},
         {"activations": np.tile([1, 0, 0, 0], 4)}),
    Made(Cause.PADDING, "padding zeros", make_sparse_rows(), ALL, {"index_bits": 1},
         {"hw": {"index_bits": 8}}),
    Made(Cause.SCAN, "the scan", np.ones((N_PES, 16 * N_PES)), LANE, {},
         {"codes": np.ones((N_PES, 16)), "activations": ALL}),
    Made(Cause.QUEUE, "full queues", make_bursts(), ALL, {"queue_depth": 2},
         {"hw": {"queue_depth": 64}}),
    Made(Cause.DRAM, "DRAM", FULL, ALL, SMALL_SRAM, {"hw": SMALL_SRAM | {"dram_gbps": 0.0}}),
    Made(None, "its entries alone", FULL, ALL, {}, {}),
]  # fmt: skip


def run(
    codes: npt.NDArray[Any],
    activations: npt.NDArray[Any],
    hw: dict[str, Any],
    balance: bool = False,
) -> LayerRun:
    """Run a layer on four PEs without a bias row."""
    machine = Hardware(n_pes=N_PES, bias_row=False, **hw)
    layer = CompressedLayer(codes.astype(np.uint8), f32(np.arange(16)), None, "made")
    operands = Operands(layer, f32(activations), (Source("made", "", None),))
    return run_operands(operands, machine, price_machine(machine), balance=balance)


@pytest.mark.parametrize("made", LAYERS, ids=[it.words for it in LAYERS])
def test_the_cause_is_named_and_the_run_without_it_is_as_said(made: Made) -> None:
    row = describe_layer(run(made.codes, made.activations, made.hw))
    text = describe_limits(row, "made")
    assert text.startswith(f"made is limited by {made.words}: ")
    assert row["limit"] == (made.cause.value if made.cause else None)
    names = [it.words for it in LAYERS]
    assert [name for name in names if f"limited by {name}" in text] == [made.words]
    if made.cause is None:
        assert row["cycles_without_limit"] is None
        return
    operands = {"codes": made.codes, "activations": made.activations, "hw": made.hw}
    without = run(**operands | made.without).result.cycles  # type: ignore[arg-type]
    assert row["cycles_without_limit"] == without < row["cycles"]
    assert text.endswith(f"it would take {without:,} cycles.")
    share = row[ADDED[made.cause]] / row["cycles"]
    assert f"of its {row['cycles']:,} cycles, {share:.0%}" in text


def test_the_second_cause_is_named() -> None:
    """Empty columns in a layer whose first PE has most of the work."""
    codes = make_gaps()
    codes[1:N_PES, ::4] = 0
    row = describe_layer(run(codes, ALL, {}))
    assert (row["limit"], row["second_limit"]) == ("empty_columns", "busiest_pe")
    assert f"; then by the work of PE 0 beyond the mean: {row[ADDED[Cause.BUSIEST_PE]]:,.0f}," in (
        describe_limits(row, "made")
    )


def test_filling_and_draining_is_said_where_it_takes_more() -> None:
    row = describe_layer(run(np.eye(N_PES), np.ones(N_PES), {}))
    assert row["limit"] == "empty_columns"
    assert "To fill and drain, the machine takes 8." in describe_limits(row, "made")
    # the PE whose entry comes last has no other column behind it
    assert "If empty columns took no cycle, it would take as long." in describe_limits(row, "made")
    row = describe_layer(run(make_gaps(), ALL, {}))
    assert "drain" not in describe_limits(row, "made")


@pytest.mark.parametrize("made", LAYERS, ids=[it.words for it in LAYERS])
def test_columns_add_up_to_the_cycles(made: Made) -> None:
    row: Row = describe_layer(run(made.codes, made.activations, made.hw))
    parts = [
        row["entries_mean_cycles"],
        row["ends_cycles"],
        *(row[name] for name in ADDED.values()),
    ]
    assert sum(parts) == pytest.approx(row["cycles"])
    assert sum(cycles for (cycles,) in split_cycles([row]).values()) == pytest.approx(row["cycles"])


@pytest.mark.parametrize("made", LAYERS, ids=[it.words for it in LAYERS])
def test_terminal_and_page_say_it(made: Made) -> None:
    first = run(made.codes, made.activations, made.hw)
    text = describe_limits(describe_layer(first), "made")
    prices = price_machine(first.result.hardware)
    report = report_layers([first, replace(first, name="other")], prices)
    assert text in report.shown
    page = report.render(["run", "made"])
    assert page.count(text) == 2  # of the layer, and of the chart that compares layers
    assert text.replace("made", "other") in page
    assert "uneven" not in page


def test_layers_one_after_the_other_have_the_cause_that_adds_most() -> None:
    """The first one's DRAM takes longer than all that the second one takes."""
    rows = [
        describe_layer(run(made.codes, made.activations, made.hw))
        for made in LAYERS
        if made.cause in (Cause.DRAM, Cause.PADDING)
    ]
    assert [row["limit"] for row in rows] == ["padding", "dram"]
    assert total_layers(rows)["limit"] == "dram"
    assert name_limit([rows[0]]) == "padding"
    assert name_limit([describe_layer(run(FULL, ALL, {}))]) is None


def test_beyond_perfect_balance_padding_is_no_loss() -> None:
    padded = run(make_sparse_rows(), ALL, {"index_bits": 1})
    assert padded.result.limits.first is Cause.PADDING
    assert name_imbalance(padded.result.limits) == "fill and drain"
    assert name_imbalance(run(make_gaps(), ALL, {}).result.limits) == "empty columns"
    uneven = run(make_uneven(), ALL, {})
    assert name_imbalance(uneven.result.limits) == "the work of PE 0 beyond the mean"
