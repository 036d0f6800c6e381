"""Answers are computed from the numbers that they name, and say the opposite with others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eiesim import CompressedLayer, Hardware, encode
from eiesim.base.tables import Row
from eiesim.baselines.published import list_published
from eiesim.energy.clock import check_clock
from eiesim.energy.machine import price_machine
from eiesim.image import name_lacks
from eiesim.report.report import Report
from eiesim.runs.answers import (
    describe_clock,
    find_speedups,
    name_energy,
    name_ratio,
    name_time,
)
from eiesim.runs.baseline import describe_fastest
from eiesim.runs.chip import describe_variations, report_chip
from eiesim.runs.compare import describe_gain, describe_ratios, report_comparison
from eiesim.runs.layer import LayerRun, run_layer, run_layers
from eiesim.runs.layer_report import report_layers
from eiesim.runs.ratios import compare, take_simulated
from tests.support.arrays import f32, u8

HW = Hardware()


def run_on(word: str, **fields: Any) -> LayerRun:
    hw = replace(HW, **fields)
    return run_layer(word, hw, price_machine(hw))


def report(*runs: LayerRun) -> Report:
    return report_layers(runs, price_machine(runs[0].result.hardware))


@pytest.mark.parametrize(("speedup", "words"), [
    (2.0, "2 times as fast as"), (0.5, "2 times as slow as"), (1.0, "as fast as"),
    (1.001, "as fast as"), (12345.6, "12,346 times as fast as"), (0.99, "1.01 times as slow as"),
])  # fmt: skip
def test_a_ratio_has_its_direction(speedup: float, words: str) -> None:
    assert name_ratio(speedup) == words


def test_units_suit_the_size() -> None:
    assert [name_time(us) for us in (0.5, 999.0, 1000.0, 2.5e6)] == [
        "0.5 us", "999 us", "1 ms", "2.5 s",
    ]  # fmt: skip
    assert [name_energy(pj) for pj in (500.0, 1e6, 3e9, 2e12, None)] == [
        "0.0005 uJ", "1 uJ", "3 mJ", "2 J", "an unknown energy",
    ]  # fmt: skip


def test_speedups_are_those_of_the_comparison() -> None:
    """The paper's CPU and GPU, dense, one input; nothing for a layer that is not the paper's."""
    run = run_on("alex-8")
    speedups = find_speedups("ALEX-8", run.result.latency_us)
    ours = take_simulated("alex-8", run.result, run.energy)
    for platform, name in (("cpu", "CPU"), ("gpu", "GPU")):
        (reference,) = (
            row for row in list_published("alex-8", (1,))
            if (row.platform, row.matrix) == (platform, "dense")
        )  # fmt: skip
        (ratio,) = compare([ours], [reference])
        assert speedups[name] == ratio.speedup
    assert find_speedups("alex8.npz", 1.0) == {}


def test_a_slow_machine_is_said_to_be_slow() -> None:
    fast, slow = report(run_on("nt-we")), report(run_on("nt-we", clock_mhz=5))
    assert "78.3 times as fast as the paper's CPU and 8.42 times as fast as" in fast.answer[0]
    assert "2.04 times as slow as the paper's CPU and 19 times as slow as" in slow.answer[0]


def test_a_layer_that_is_not_the_papers_has_no_speedup() -> None:
    run = run_on("nt-we")
    (source,) = run.operands.sources
    own = replace(run, operands=replace(
        run.operands, sources=(replace(source, given="nt-we.npz"),)
    ))  # fmt: skip
    assert "paper's" not in report(own).answer[0]
    both = report(own, run)
    assert "paper's" not in both.answer[0]
    table = both.brief[0] if both.brief else ""
    assert not isinstance(table, str)
    assert [row["over_paper_cpu"] is None for row in table] == [True, False]


def test_the_limit_of_the_longest_layer_is_said() -> None:
    prices = price_machine(HW)
    runs = list(run_layers(["nt-we", "alex-7"], HW, prices))
    assert report(*runs).answer[1].startswith("alex-7 takes 63% of the cycles. alex-7 is limited")
    shorter = replace(runs[1], name="nt-we again", result=runs[0].result)
    assert report(runs[0], shorter).answer[1].startswith("nt-we takes 50% of the cycles.")


@pytest.mark.parametrize(("fields", "words"), [
    ({}, "on chip"),
    ({"spmat_sram_bytes": 256}, "streamed from DRAM"),
    ({"ptr_sram_bytes": 64}, "streamed from DRAM"),
    ({"ptr_bits": 8}, "out of pointer range"),
    ({"registers_per_pe": 2}, "more than the registers"),
    ({"act_sram_bytes": 16}, "more than the activation SRAM"),
    ({"ptr_bits": 8, "registers_per_pe": 2}, "out of pointer range, more than the registers"),
])  # fmt: skip
def test_what_a_memory_lacks_has_a_word_of_its_own(fields: Row, words: str) -> None:
    codes = u8([[1 + (row * column) % 3 for column in range(64)] for row in range(64)])
    layer = CompressedLayer(codes, f32([0, 1, 2, 3]))
    hw = replace(HW, n_pes=4, **fields)
    assert name_lacks(encode(layer, hw).fits(hw)) == words


def test_a_clock_is_judged_in_brief() -> None:
    slow = describe_clock(check_clock(HW).to_dict())
    assert slow == (
        "clock: the SRAMs keep up with 606 MHz, not with 800; with sram_cell = itrs-lop they do"
    )
    assert describe_clock(check_clock(replace(HW, clock_mhz=600)).to_dict()) == ""
    assert "they do" not in describe_clock(check_clock(replace(HW, clock_mhz=2000)).to_dict())


def test_variations_name_the_least_and_the_most() -> None:
    summary = report_chip(HW, price_machine(HW), ["n_pes=32,64,128"], None).summary
    assert isinstance(summary, dict)
    rows = summary["variations"]
    text = "n_pes: least power with 32, 304.0 mW in 20.42 mm2; most with 128, 1,220.6 mW in "
    assert describe_variations(rows)[0].startswith(text)
    turned = [row | {"chip_power_mw": 1 / row["chip_power_mw"]} for row in rows]
    assert describe_variations(turned)[0].startswith("n_pes: least power with 128, ")
    same = [row | {"chip_power_mw": 7.0} for row in rows]
    assert describe_variations(same) == ["n_pes: the chip draws 7.0 mW with 32, 64, 128."]
    assert describe_variations([row | {"chip_power_mw": None} for row in rows]) == []


def test_variations_stand_beside_the_papers_chip() -> None:
    hw = replace(HW, n_pes=32)
    brief = report_chip(hw, price_machine(hw), ["n_pes=64,128"], None).brief
    table = brief[0] if brief else ""
    assert not isinstance(table, str)
    assert [row["power_over_paper"] for row in table] == pytest.approx([1, 2.003], abs=5e-4)
    assert [row["area_over_paper"] for row in table] == pytest.approx([1, 2], abs=5e-4)


@pytest.mark.parametrize(("clock_mhz", "words"), [
    (800, "For nt-we EIE is 78.3 times as fast as cpu published"),
    (5, "For nt-we EIE is 2.04 times as slow as cpu published"),
])  # fmt: skip
def test_a_comparison_says_who_is_faster(clock_mhz: float, words: str) -> None:
    run = run_on("nt-we", clock_mhz=clock_mhz)
    report = report_comparison([run], "published", price_machine(run.result.hardware))
    assert report.answer[0].startswith(words)


def test_a_comparison_says_who_takes_more_energy() -> None:
    run = run_on("nt-we")
    ours = take_simulated("nt-we", run.result, run.energy)
    cpu = list_published("nt-we", (1,))[0]
    rows = describe_ratios(compare([cpu, ours], [cpu]), [cpu, ours])
    assert describe_gain(rows).endswith("and takes 1/7,071 of the energy of cpu dense published.")
    thirsty = [row | {"energy_efficiency": 0.5} for row in rows]
    assert describe_gain(thirsty).endswith("and takes 2 times the energy of cpu dense published.")
    unknown = [row | {"energy_efficiency": None} for row in rows]
    assert describe_gain(unknown).endswith("(dense, batch 1).")


def test_the_fastest_baseline_is_named() -> None:
    row = {"layer": "a", "platform": "cpu", "matrix": "dense", "batch": 1, "time_us": 5.0}
    other = row | {"platform": "gpu", "time_us": 2.0}
    assert describe_fastest([row, other]) == (
        "a takes 2 us on gpu, dense, batch 1, the fastest of 2.",
    )
    slower = other | {"time_us": 9.0}
    assert describe_fastest([row, slower])[0].startswith("a takes 5 us on cpu")
    assert describe_fastest([row, slower | {"layer": "b"}]) == (
        "2 layers, at best: a takes 5 us on cpu, dense, batch 1, to b takes 9 us on gpu, dense, "
        "batch 1.",
    )
    assert describe_fastest([]) == ()
