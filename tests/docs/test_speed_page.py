"""What the pages say of speed is what was measured, and a ratio past its limit fails."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given

from benchmarks import conftest, page
from benchmarks.conftest import Ratios, Times, describe_row
from benchmarks.cycle_by_cycle import count_cycles
from benchmarks.scaling import describe_slopes, fit_slope, read_table
from eiesim import encode, simulate
from eiesim.sim.scan import PIPELINE_CYCLES, load_registers, scan_activations
from tests.support.strategies import Case, cases

JOB, OTHER = "a job", "another"


@pytest.mark.parametrize("path", page.PAGES, ids=lambda path: path.parent.name)
def test_pages_are_made_from_the_tables(path: Any) -> None:
    text = path.read_text("utf-8")
    assert page.MARKED.search(text)
    assert page.fill_page(text, page.read_results(), read_table()) == text


def test_sentences_follow_their_numbers() -> None:
    row = {"job": "times of alex-6, 64 PEs", "ratio": "0.5", "min_us": "5", "machine": "m; s",
           "median_us": "6", "runs": "9", "against": "the chip", "against_us": "10", "aim": "1",
           "limit": ""}  # fmt: skip
    slow = row | {"job": "times of vgg-8, 64 PEs", "ratio": "3"}
    whole = row | {"job": conftest.ALEX8_RUN, "min_us": "1234", "aim": ""}
    claim = page.describe_claim([row, slow, whole], [])
    assert "takes 0.5 to 3 times" in claim
    assert "1,234 us" in claim
    table = page.tabulate_results([row, slow], [])
    assert "| 5 us | 6 us | 9 | 0.5 x the chip (aim 1) |" in table
    assert table.endswith("1 of 2 aims are missed: times of vgg-8, 64 PEs.\n")
    assert page.tabulate_results([row], []).endswith("All 1 aims are reached.\n")


def test_slopes() -> None:
    scaling = read_table()
    assert "1.00 of inputs" in describe_slopes(
        [row | {"us": row["inputs"]} for row in scaling if row["axis"] == "inputs"]
        + [row for row in scaling if row["axis"] != "inputs"]
    )
    assert fit_slope([1, 10, 100], [1, 100, 10_000]) == pytest.approx(2)


def test_each_limit_is_of_what_was_measured_and_leaves_room() -> None:
    ratios = {(row["job"], row["against"]): float(row["ratio"]) for row in page.read_results()}
    for pair, limit in conftest.read_limits().items():
        assert 1.9 < limit / ratios[pair] < 5.2, pair


@pytest.mark.parametrize(("limit", "code"), [(2.0, 1), (4.0, 0)])
def test_a_ratio_past_its_limit_fails(
    limit: float, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ratios = Ratios({JOB: Times(3.0, 3.0, 1), OTHER: Times(1.0, 1.0, 1)}, {(JOB, OTHER): 3.5})
    monkeypatch.setattr(conftest, "RATIOS", ratios)
    monkeypatch.setattr(conftest, "read_limits", lambda: {(JOB, OTHER): limit})
    session: Any = SimpleNamespace(
        exitstatus=0, config=SimpleNamespace(getoption=lambda _name: None)
    )
    conftest.pytest_sessionfinish(session)
    assert session.exitstatus == code
    (row,) = ratios.rows({(JOB, OTHER): limit})
    assert ("PAST" in describe_row(row)) == bool(code)
    assert "reaches 3.5" in describe_row(row)


@given(cases())
def test_the_loop_over_cycles_takes_the_engines_cycles(case: Case) -> None:
    hw = case.hw.send_all().with_settings(["dram_gbps=0", "ptr_sram_bytes=2097152"])
    image = encode(case.layer, hw)
    registers = load_registers(case.activations, hw.scan)
    scan = scan_activations(registers, image, hw.scan)
    last_issue = count_cycles(
        image.counts, scan.columns, scan.gaps, hw.queue_depth, hw.timing.lead_cycles
    )
    if last_issue:
        assert last_issue + PIPELINE_CYCLES == simulate(image, case.activations, hw).cycles
