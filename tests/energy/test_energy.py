"""Prices and their table, the energy of runs, Table II again, areas, SRAMs."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eiesim import (
    Hardware,
    encode,
    estimate_area,
    estimate_energy,
    load_benchmark,
    price_machine,
    simulate,
)
from eiesim.base.errors import ConfigError, EieError, EnergyError
from eiesim.energy.calibrate import MODULES, PARTS, calibrate, fit_sums, read_table2
from eiesim.energy.estimate import (
    find_chip_power_mw,
    find_pes_power_mw,
    find_steady_power_mw,
)
from eiesim.energy.prices import KINDS, PriceTable
from eiesim.energy.sram import find_sram
from tests.support.energies import PAPER, make_run
from tests.support.strategies import Case, cases

HEADER = "component,part,action,value,unit,kind,source\n"
READ = "spmat_read,memory,read,{},pJ,assumed,mine\n"


COUNTED = (
    "scan_cycles", "broadcasts", "ptr_reads", "spmat_reads", "macs", "padding_macs",
    "accumulator_reads", "accumulator_writes", "act_register_reads", "act_sram_reads",
    "act_sram_writes", "spmat_dram_words", "ptr_dram_reads",
)  # fmt: skip
counts_of_a_run = st.fixed_dictionaries({name: st.integers(0, 10**7) for name in COUNTED})


def test_one_pe_in_the_steady_state_is_table_ii() -> None:
    """EIE, Table II: 9.157 mW, and each module's and each component type's power."""
    power_mw = find_steady_power_mw(PAPER, price_machine(PAPER))
    assert sum(power_mw.values()) == pytest.approx(9.157, rel=0.01)
    for module, printed in read_table2("power_mw", "module").items():
        assert sum(power_mw[module, part] for part in PARTS) == pytest.approx(printed, rel=0.03)
    for part, printed in read_table2("power_mw", "component").items():
        assert sum(power_mw[module, part] for module in MODULES) == pytest.approx(printed, rel=0.01)


def test_the_chip_is_that_of_section_vi() -> None:
    """EIE, section VI and Table V: 64 PEs and 21 LNZD units, 0.59 W, 40.8 mm2."""
    assert PAPER.lnzd_nodes == 21
    assert round(find_pes_power_mw(PAPER, price_machine(PAPER)) / 1000, 2) == 0.59
    area = estimate_area(PAPER)
    assert area.chip_mm2 == pytest.approx(40.8, rel=0.02)
    assert area.pe_um2 == pytest.approx(638024, rel=1e-6)
    for module, printed in read_table2("area_um2", "module").items():
        assert area.by_component()[module] == pytest.approx(printed, rel=1e-6)


@pytest.mark.parametrize(("n_pes", "nodes"), [(1, 1), (4, 1), (5, 3), (16, 5), (64, 21), (256, 85)])
def test_lnzd_nodes(n_pes: int, nodes: int) -> None:
    """A quadtree by hand: 16 + 4 + 1 for 64 lanes."""
    assert Hardware(n_pes=n_pes).lnzd_nodes == nodes


def test_a_run_in_the_steady_state_costs_power_times_time() -> None:
    """8,000 cycles of 64 PEs, each an entry a cycle and both SRAMs every 8: chip power x 10 us."""
    cycles, n = 8000, PAPER.n_pes
    run = make_run(cycles, {
        "scan_cycles": cycles, "broadcasts": cycles // 8, "ptr_reads": n * cycles // 8,
        "spmat_reads": n * cycles // 8, "macs": n * cycles, "accumulator_reads": n * cycles,
        "accumulator_writes": n * cycles,
    })  # fmt: skip
    power_mw = find_chip_power_mw(PAPER, price_machine(PAPER))
    assert estimate_energy(run).total_pj == pytest.approx(power_mw * 10 * 1000, rel=1e-12)


def test_energy_by_hand() -> None:
    """Table I's own numbers: 1,000 float32 multiply-adds at 3.7 + 0.9 pJ."""
    hw = Hardware(multiplier="float32")
    rows = estimate_energy(make_run(10, {"macs": 900, "padding_macs": 100}, hw)).rows
    spent = {row.action: row.energy_pj for row in rows if row.component == "arithm"}
    assert spent["multiply"] == pytest.approx(3700)
    assert spent["add"] == pytest.approx(900)


def test_a_bit_from_dram_costs_what_table_i_says() -> None:
    """640 pJ for 32 bits: 100 words of 64 bits and 10 pointers of 16 bits are 6,560 bits."""
    report = estimate_energy(make_run(10, {"spmat_dram_words": 100, "ptr_dram_reads": 10}))
    assert report.by_component()["dram"] == pytest.approx(6560 / 32 * 640)


@given(counts_of_a_run, st.integers(1, 10**7))
def test_the_rows_add_up_in_any_order(counts: dict[str, int], cycles: int) -> None:
    report = estimate_energy(make_run(cycles, counts))
    energies = [row.energy_pj for row in report.rows]
    assert sum(energies) == sum(reversed(energies)) == sum(sorted(energies)) == report.total_pj
    assert math.fsum(energies) == report.total_pj
    exact = sum(Fraction(row.count) * Fraction(row.pj_each) for row in report.rows)
    assert report.total_pj == pytest.approx(float(exact), rel=1e-13)


@given(counts_of_a_run, st.data())
def test_a_price_changes_the_total_by_count_times_difference(
    counts: dict[str, int], data: st.DataObject
) -> None:
    run, table = make_run(1000, counts), price_machine(PAPER)
    place = data.draw(st.integers(0, len(table.prices) - 1))
    price = table.prices[place]
    changed = replace(price, value=data.draw(st.floats(0, 1000)))
    prices = (*table.prices[:place], changed, *table.prices[place + 1 :])
    before, after = estimate_energy(run), estimate_energy(run, prices=PriceTable(prices))
    counted = [
        row.count for row in before.rows if (row.component, row.part, row.action) == price.key
    ]
    difference = sum(counted) * (changed.value - price.value)
    largest = max(before.total_pj, after.total_pj)
    assert after.total_pj - before.total_pj == pytest.approx(difference, abs=1e-12 * largest)


@given(st.integers(1, 10**6))
def test_zero_counts_cost_clock_and_leakage_alone(cycles: int) -> None:
    report = estimate_energy(make_run(cycles, {}))
    standing = [row.energy_pj for row in report.rows if row.is_standing]
    assert report.total_pj == sum(standing) > 0
    assert {row.part for row in report.rows if row.is_standing} == {"clock", "memory"}


@given(counts_of_a_run, st.sampled_from(COUNTED), st.integers(1, 1000))
def test_more_of_anything_never_costs_less(counts: dict[str, int], name: str, more: int) -> None:
    less = estimate_energy(make_run(100, counts))
    assert estimate_energy(make_run(100, counts | {name: counts[name] + more})).total_pj >= (
        less.total_pj
    )


@given(cases(largest=60))
def test_both_engines_cost_the_same(case: Case) -> None:
    image = encode(case.layer, case.hw)
    runs = [simulate(image, case.activations, case.hw, engine) for engine in ("fast", "reference")]
    table = price_machine(case.hw)  # a random SRAM may be one without a price: then it is free
    prices = PriceTable((*table.prices, *table.missing))
    reports = [estimate_energy(run, prices=prices) for run in runs]
    assert [asdict(row) for row in reports[0].rows] == [asdict(row) for row in reports[1].rows]


def test_every_price_has_kind_source_and_unit() -> None:
    for name in ("eie-64pe-45nm", "eie-256pe-28nm"):
        for price in price_machine(Hardware.preset(name)).prices:
            assert price.kind in KINDS
            assert price.source
            assert price.per
            assert price.unit == ("mW" if price.action == "leakage" else "pJ")


def test_clock_and_leakage_are_power_times_time() -> None:
    """1.874 mW of clock in each of 64 PEs (Table II) for 10 us; CACTI's leakage likewise."""
    report = estimate_energy(make_run(8000, {}))
    clock_pj = sum(row.energy_pj for row in report.rows if row.part == "clock")
    assert clock_pj == pytest.approx(64 * 1.874 * 10_000, rel=2e-4)
    leakage_pj = report.total_pj - clock_pj
    assert leakage_pj == pytest.approx(64 * (0.0023322 + 2 * 0.00032521 + 4.73e-5) * 1e4)


def test_half_the_clock_doubles_the_leakage_alone() -> None:
    fast, slow = (
        {(row.component, row.part, row.action): row for row in estimate_energy(run).rows}
        for run in (make_run(100, {"macs": 7}), make_run(100, {"macs": 7}, Hardware(clock_mhz=400)))
    )
    for key, row in fast.items():
        factor = 2 if key[2] == "leakage" else 1
        assert slow[key].energy_pj == pytest.approx(factor * row.energy_pj)


def test_a_run_is_priced_as_the_machine_it_ran_on() -> None:
    run = make_run(10, {"macs": 1})
    other = estimate_energy(run, Hardware(multiplier="int32", dram="hbm2", sram_cell="itrs-lop"))
    assert other.total_pj != estimate_energy(run).total_pj
    with pytest.raises(EnergyError, match="n_pes: expected the run's 64, found 32"):
        estimate_energy(run, Hardware(n_pes=32))


def test_an_action_without_a_price_is_an_error() -> None:
    table = price_machine(PAPER)
    without = tuple(price for price in table.prices if price.action != "multiply")
    with pytest.raises(EnergyError, match="no price of arithm combinational multiply"):
        estimate_energy(make_run(10, {}), prices=PriceTable(without))
    with pytest.raises(EnergyError, match="two prices of act_queue register push"):
        PriceTable((table.prices[0], table.prices[0]))


def test_an_sram_beyond_cacti_has_no_price_until_one_is_given(tmp_path: Path) -> None:
    hw = Hardware(spmat_width_bits=1024)
    with pytest.raises(EnergyError, match=r"spmat_read memory read: .* 131072 bytes and 1024 bits"):
        estimate_energy(make_run(10, {}, hw), prices=price_machine(hw))
    file = tmp_path / "mine.csv"
    rows = ("read,150,pJ", "write,300,pJ", "leakage,0.002,mW")
    text = HEADER + "".join(f"spmat_read,memory,{row},assumed,mine\n" for row in rows)
    file.write_text(text)
    unknown = r"broadcast wire send: its wires cross an unknown area: .* 1024 bits"
    with pytest.raises(EnergyError, match=unknown):
        estimate_energy(make_run(10, {}, hw), prices=price_machine(hw, file))
    file.write_text(f"{text}broadcast,wire,send,4,pJ,assumed,mine\n")
    table = price_machine(hw, file)
    report = estimate_energy(make_run(10, {"spmat_reads": 4}, hw), prices=table)
    read = next(r for r in report.rows if (r.component, r.action) == ("spmat_read", "read"))
    assert read.energy_pj == pytest.approx(600)
    assert "spmat_read memory read: 150 pJ" in report.overrides[0]
    assert report.overrides[0].endswith("in place of none")


def test_overrides_are_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("\ufeff" + HEADER.replace("\n", "\r\n") + "\n" + READ.format("2.5"))
    table = price_machine(PAPER, file)
    run = make_run(10, {"spmat_reads": 1000})
    before, after = estimate_energy(run), estimate_energy(run, prices=table)
    old = next(p for p in price_machine(PAPER).prices if p.key[0::2] == ("spmat_read", "read"))
    assert after.total_pj - before.total_pj == pytest.approx(1000 * (2.5 - old.value))
    assert after.overrides == (
        f"spmat_read memory read: 2.5 pJ ({file}:3) in place of {old.value:g} pJ",
    )


def test_a_table_can_be_written_and_read_back(tmp_path: Path) -> None:
    table = price_machine(Hardware.preset("eie-256pe-28nm"))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(asdict(table.prices[0])))
    writer.writeheader()
    writer.writerows(asdict(price) for price in table.prices)
    file = tmp_path / "prices.csv"
    file.write_text(stream.getvalue())
    assert table.override(file) == table


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected a header and rows, found an empty file"),
        (HEADER.replace(",unit", ""), ":1: unit: expected one column, found 0"),
        (HEADER.replace("unit", "units"), ":1: 'units': unknown column, did you mean 'unit'?"),
        (HEADER.replace("part", "value"), ":1: value: expected one column, found 2"),
        (HEADER + READ.format("-1"), ":2: spmat_read memory read: value: expected a number from 0"),
        (HEADER + READ.format("nan"), ":2: spmat_read memory read: value: expected a number"),
        (HEADER + READ.format(""), ":2: spmat_read memory read: value: expected a number"),
        (HEADER + READ.format("1e13"), ":2: spmat_read memory read: value: expected a number"),
        (HEADER + READ.format("1").replace("pJ", ""), "unit: expected pJ, found ''"),
        (HEADER + READ.format("1").replace("pJ", "nJ"), "unit: expected pJ, found 'nJ'"),
        (HEADER + READ.format("1").replace("read,1", "red,1"), "'red': did you mean 'read'?"),
        (HEADER + READ.format("1").replace("spmat", "spmatt"), "did you mean 'spmat_read'?"),
        (HEADER + READ.format("1").replace("assumed", "guessed"), "kind: 'guessed': known are"),
        (HEADER + READ.format("1").replace("mine", ""), "source: expected where the price comes"),
        (HEADER + READ.format("1") + "\n" + READ.format("2"),
         ":4: spmat_read memory read: duplicate row, the first is in line 2"),
        (HEADER + "spmat_read,memory\n", ":2: expected 7 values, found 2"),
        (HEADER + 'spmat_read,"memory\n', "expected CSV in UTF-8"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused_with_file_line_and_key(
    tmp_path: Path, text: str, problem: str
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(text)
    with pytest.raises(EieError) as caught:
        price_machine(PAPER, file)
    assert str(caught.value).startswith(f"{file}:")
    assert problem in str(caught.value)


def test_all_problems_of_a_table_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    short = "spmat_read,memory\n"
    file.write_text(HEADER + READ.format("-1") + short + READ.format("x") + READ.format("2"))
    with pytest.raises(ConfigError) as caught:
        price_machine(PAPER, file)
    lines = [problem.removeprefix(f"{file}:").split(":")[0] for problem in caught.value.problems]
    assert lines == ["2", "3", "4"]


@pytest.mark.data
def test_cacti_tables_are_the_shared_ones(shared_data: Path) -> None:
    with (shared_data / "cacti_sram.csv").open() as stream:
        for row in csv.DictReader(stream):
            sram = find_sram(
                int(row["size_bytes"]), int(row["width_bits"]), float(row["node_nm"]), row["cell"]
            )
            assert sram.kind == "CACTI run"
            for name in ("read_energy_pj", "leakage_mw", "access_time_ns", "area_mm2"):
                assert getattr(sram, name) == float(row[name])


def test_an_sram_between_runs_lies_between_them() -> None:
    between = find_sram(128 * 1024, 90, 40, "itrs-lstp")
    assert between.kind == "scaled"
    corners = [
        find_sram(128 * 1024, width, node, "itrs-lstp") for width in (64, 128) for node in (32, 45)
    ]
    for name in ("read_energy_pj", "leakage_mw", "access_time_ns", "area_mm2"):
        values = [getattr(corner, name) for corner in corners]
        assert min(values) < getattr(between, name) < max(values)
    middle = find_sram(128 * 1024, 256, 45, "itrs-hp")
    assert middle.kind == "CACTI run"


@pytest.mark.parametrize(
    ("size", "width", "node", "text"),
    [
        (128 * 1024, 1024, 45, "width_bits 32 to 512 at node_nm 45 at size_bytes 131072"),
        (1 << 30, 64, 45, "size_bytes 2048 to 262144"),
        (128 * 1024, 64, 7, "node_nm 22 to 65"),
        (48 * 1024, 256, 45, "width_bits 16 to 64"),
    ],
)
def test_an_sram_beyond_the_runs_is_refused(size: int, width: int, node: float, text: str) -> None:
    with pytest.raises(EnergyError, match=text):
        find_sram(size, width, node, "itrs-lstp")


def test_proportional_fitting() -> None:
    """From ones it is the product of the sums; zeros stay; a table that fits stays as it is."""
    rows, columns = np.array([1.0, 3.0]), np.array([2.0, 2.0])
    assert fit_sums(np.ones((2, 2)), rows, columns) == pytest.approx(np.outer(rows, columns) / 4)
    diagonal = fit_sums(np.array([[1.0, 1.0], [0.0, 5.0]]), np.array([3.0, 1.0]), columns)
    assert diagonal == pytest.approx(np.array([[2.0, 1.0], [0.0, 1.0]]))
    with pytest.raises(EnergyError, match="cannot be met"):
        fit_sums(np.eye(2), np.array([1.0, 3.0]), columns)


def test_the_calibration_stretches_cacti_by_less_than_a_third() -> None:
    assert all(0.7 < factor < 1.3 for factor in calibrate().energy_factors.values())
    assert sum(calibrate().area_um2.values()) == pytest.approx(638024 - 23961)


def test_area_moves_with_what_is_in_it() -> None:
    """Each by hand: PEs times the PE; a float32 multiplier and adder for the 16-bit ones, and all
    operands else in the unit twice as wide."""
    paper = estimate_area(PAPER)
    assert estimate_area(Hardware(n_pes=256)).chip_mm2 == pytest.approx(
        256 * 0.638024 + 85 * 189e-6
    )
    swapped = estimate_area(Hardware(multiplier="float32")).by_component()["arithm"]
    # 16 shared weights and 6 operands of 32 bits, not of 16, and 30 bits of rows and flags
    wider = (22 * 32 + 30) / (22 * 16 + 30)
    grown_um2 = (3110 - 993 - 67) * (wider - 1)
    assert swapped - 3110 == pytest.approx(7700 + 4184 - 993 - 67 + grown_um2)
    doubled = estimate_area(Hardware(queue_depth=16)).by_component()["act_queue"]
    assert doubled == pytest.approx(2 * 758)
    small = estimate_area(Hardware(spmat_sram_bytes=64 * 1024))
    assert small.chip_mm2 < paper.chip_mm2


def test_the_chip_at_28_nm_is_near_table_v() -> None:
    """EIE, Table V: 63.8 mm2. Its 2.36 W are four times 0.59 W, that is, the power of a PE at 45 nm
    and 800 MHz; scaled prices give less."""
    hw = Hardware.preset("eie-256pe-28nm")
    assert estimate_area(hw).chip_mm2 == pytest.approx(63.8, rel=0.10)
    power_w = find_pes_power_mw(hw, price_machine(hw)) / 1000
    assert 4 * 0.59 * 1.5 * (28 / 45) ** 3 < power_w < 2.36
    scaled = [p for p in price_machine(hw).prices if p.kind == "scaled"]
    reasons = ("28/45", "between runs", "H-tree")
    assert all(any(reason in price.source for reason in reasons) for price in scaled)


def test_alex_7_costs_the_papers_energy_per_frame_at_its_steady_power() -> None:
    """EIE, Table V: 81,967 frames/s and 138,927 frames/J are 0.59 W for 12.2 us. Counted, it costs
    more: its columns are short, so that both SRAMs are read more often than every 8 cycles."""
    steady_pj = find_pes_power_mw(PAPER, price_machine(PAPER)) * 12.2 * 1000
    assert steady_pj == pytest.approx(1e12 / 138927, rel=0.01)
    benchmark = load_benchmark("alex-7")
    run = simulate(encode(benchmark.layer, PAPER), benchmark.activations, PAPER)
    counted = estimate_energy(run)
    assert run.entries / run.counters.spmat_reads < 8
    assert run.entries / run.counters.ptr_reads < 8
    assert counted.total_pj > steady_pj
