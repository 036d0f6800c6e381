"""Every number of eiesim/data/energy against a second transcription, and prices from the papers'
tables and CACTI's rows, computed here once more."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import Hardware, estimate_area, estimate_energy, price_machine
from eiesim.base.published import read_table
from eiesim.energy.actions import ACTIONS, count_actions
from eiesim.energy.area import AreaReport
from eiesim.energy.estimate import find_chip_power_mw, find_pes_power_mw
from eiesim.energy.prices import Key
from eiesim.energy.sram import find_sram
from tests.support.energies import PAPER, make_run

MULTIPLY_ADD_PJ = {  # EIE, Table I; Horowitz, ISSCC 2014, Figure 1.1.9; EIE, section VI-C: 3.1 / 5
    "float32": (3.7, 0.9),
    "int32": (3.1, 0.1),
    "fixed16": (3.1 / 5, 0.05),
    "fixed8": (0.2, 0.03),
}
MULTIPLY_ADD_UM2 = {  # Hennessy and Patterson, 6th edition, Figure 1.13; 16 bits: a mean
    "float32": (7700, 4184),
    "int32": (3495, 137),
    "fixed16": (round(math.sqrt(282 * 3495)), 67),
    "fixed8": (282, 36),
}
DRAM_PJ_PER_BIT = {  # EIE, Table I; Malladi et al., ISCA 2012; O'Connor et al., MICRO 2017
    "lpddr2": 640 / 32,
    "ddr3": 70,
    "gddr5": 14,
    "hbm2": 3.92,
}
MODULES = ("act_queue", "ptr_read", "spmat_read", "arithm", "act_rw")
POWER_MW = {  # EIE, Table II, by module, and by memory, clock, register, combinational logic
    "modules": (0.112, 1.807, 4.955, 1.162, 1.122),
    "parts": (5.416, 1.874, 1.026, 0.841),
}
AREA_UM2 = {"modules": (758, 121849, 469412, 3110, 18934), "parts": (594786, 866, 9465, 8946)}
CACTI = {  # 45 nm, itrs-lstp: read and write in pJ, leakage in mW of all banks, mm2 of all banks
    "ptr_read": (9.1727, 4.9635, 2 * 0.00032521, 2 * 0.050813),
    "spmat_read": (32.286, 26.065, 0.0023322, 0.42959),
    "act_rw": (1.9699, 1.8331, 4.73e-05, 0.0070905),
}
PJ_A_CYCLE = 1.25  # of 1 mW at 800 MHz


def fit(
    printed: Mapping[str, tuple[float, ...]], known: dict[Any, float], seed: dict[str, float]
) -> Any:
    """Table II filled in: known parts set, the rest as even as both its sums allow."""
    rows, columns = (np.array(printed[name], float) for name in ("modules", "parts"))
    columns *= rows.sum() / columns.sum()
    fixed, free = np.zeros((5, 4)), np.ones((5, 4))
    free[:, 0] = [seed.get(module, 0.0) for module in MODULES]
    for (module, part), value in known.items():
        fixed[MODULES.index(module), part] = value
    for _ in range(3000):
        free *= (rows - fixed.sum(axis=1))[:, None] / free.sum(axis=1)[:, None]
        free *= (columns - fixed.sum(axis=0)) / free.sum(axis=0)
    return fixed + free


def price_by_hand() -> dict[Key, float]:
    """The paper's chip: steps 1 to 4 of docs/energy.md."""
    multiply_add_pj = 0.62 + 0.05
    known = {(module, 0): row[2] for module, row in CACTI.items()}
    known |= {("arithm", 3): multiply_add_pj / PJ_A_CYCLE}
    # a word of 64 bits and two pointers every 8 cycles; the activation SRAM rests
    seed = {"spmat_read": 32.286 / 8 / PJ_A_CYCLE, "ptr_read": 2 * 9.1727 / 8 / PJ_A_CYCLE}
    power_mw = fit(POWER_MW, known, seed)
    prices = {}
    for module, (read, write, leakage, _) in CACTI.items():
        place = MODULES.index(module)
        factor = (power_mw[place, 0] - leakage) / seed[module] if module in seed else 1
        prices[Key(module, "memory", "read")] = read * factor
        prices[Key(module, "memory", "write")] = write * factor
        prices[Key(module, "memory", "leakage")] = leakage
    often = {  # actions of a module and how often each is done in a cycle
        "act_queue": (("push", "pop"), 1 / 8), "ptr_read": (("look-up",), 1 / 8),
        "spmat_read": (("entry",), 1), "arithm": (("entry",), 1),
        "act_rw": (("register_read", "register_write"), 1),
    }  # fmt: skip
    for place, module in enumerate(MODULES):
        prices[Key(module, "clock", "cycle")] = power_mw[place, 1] * PJ_A_CYCLE
        actions, rate = often[module]
        for part, column in (("register", 2), ("combinational", 3)):
            spent = power_mw[place, column] * PJ_A_CYCLE
            if (module, part) == ("arithm", "combinational"):
                spent -= multiply_add_pj
            prices |= {Key(module, part, it): spent / len(actions) / rate for it in actions}
    return prices | {
        Key("arithm", "combinational", "multiply"): 0.62,
        Key("arithm", "combinational", "add"): 0.05,
        Key("lnzd", "combinational", "detect"): 0.023 * PJ_A_CYCLE,
        # Keckler et al. 2011, Table 1; 28 bits over an H-tree in 40.84 mm2, by 64 PEs
        Key("broadcast", "wire", "send"): 310
        / 256
        / 10
        * 28
        * 1.5
        * 7
        / 64
        * math.sqrt(64 * 0.638024 + 21 * 189e-6),
        Key("dram", "memory", "read"): 20.0,
    }


def test_the_prices_of_the_papers_chip_by_hand() -> None:
    by_hand = price_by_hand()
    ours = {price.key: price.value for price in price_machine(PAPER).prices}
    assert ours.keys() == by_hand.keys()
    for key, value in ours.items():
        assert value == pytest.approx(by_hand[key], rel=1e-9), key


def test_the_areas_of_the_papers_chip_by_hand() -> None:
    seed = {module: 1e6 * row[3] for module, row in CACTI.items()}
    um2 = fit(AREA_UM2, {("arithm", 3): 993 + 67}, seed)
    area = estimate_area(PAPER)
    cells = {(row.component, row.part): row.um2_each for row in area.rows}
    for place, module in enumerate(MODULES):
        for column, part in enumerate(("memory", "clock", "register", "combinational")):
            assert cells[module, part] == pytest.approx(um2[place, column], rel=1e-9)
    assert cells["filler_cell", "filler"] == pytest.approx(23961, rel=1e-9)
    assert cells["lnzd", "combinational"] == 189
    assert area.chip_mm2 == pytest.approx((64 * (614063 + 23961) + 21 * 189) / 1e6, rel=1e-9)


@pytest.mark.parametrize("node", [22.0, 28.0, 32.0, 65.0])
def test_logic_goes_with_the_feature_size_and_its_area_with_the_square(node: float) -> None:
    """docs/energy.md: energy node / 45, area (node / 45)^2; SRAMs by CACTI, DRAM as it is."""
    by_hand, hw = price_by_hand(), Hardware(node_nm=node)
    for price in price_machine(hw).prices:
        if price.part == "wire":
            mm2 = estimate_area(hw).chip_mm2  # the price of a mm stays, the array shrinks
            side = math.sqrt(mm2 / estimate_area(PAPER).chip_mm2)
            assert price.value == pytest.approx(by_hand[price.key] * side, rel=1e-9)
        elif price.part != "memory":
            assert price.value == pytest.approx(by_hand[price.key] * node / 45, rel=1e-9), price.key
            assert price.kind == "scaled"
            assert price.node_nm == node
    assert _logic_um2(estimate_area(hw)) == pytest.approx(
        _logic_um2(estimate_area(PAPER)) * (node / 45) ** 2, rel=1e-9
    )


def _logic_um2(area: AreaReport) -> float:
    return sum(row.um2_each for row in area.rows if row.part not in ("memory", "filler"))


def test_an_sram_at_another_node_costs_what_cacti_gives_there() -> None:
    """28 nm lies between 22 and 32: powers of the feature size; CACTI's rows of 128 KB, 64 bits."""
    share = math.log(28 / 22) / math.log(32 / 22)
    rows = {
        int(row["node_nm"]): row
        for row in read_table("energy/cacti_sram")
        if (row["size_bytes"], row["width_bits"], row["cell"]) == ("131072", "64", "itrs-lstp")
    }
    factor = price_by_hand()[Key("spmat_read", "memory", "read")] / 32.286
    prices = {price.key: price.value for price in price_machine(Hardware(node_nm=28)).prices}
    for action, column, times in (
        ("read", "read_energy_pj", factor),
        ("write", "write_energy_pj", factor),
        ("leakage", "leakage_mw", 1),
    ):
        low, high = (float(rows[node][column]) for node in (22, 32))
        expected = times * math.exp(math.log(low) * (1 - share) + math.log(high) * share)
        assert prices[Key("spmat_read", "memory", action)] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("multiplier", MULTIPLY_ADD_PJ)
def test_a_multiplication_and_an_addition_cost_what_is_printed(multiplier: str) -> None:
    run = make_run(10, {"macs": 700, "padding_macs": 300}, Hardware(multiplier=multiplier))
    spent = {row.action: row.energy_pj for row in estimate_energy(run).rows
             if row.component == "arithm"}  # fmt: skip
    multiply, add = MULTIPLY_ADD_PJ[multiplier]
    assert spent["multiply"] == pytest.approx(1000 * multiply, rel=1e-9)
    assert spent["add"] == pytest.approx(1000 * add, rel=1e-9)


@pytest.mark.parametrize("dram", DRAM_PJ_PER_BIT)
def test_a_word_from_dram_is_fetched_written_to_the_buffer_and_no_more(dram: str) -> None:
    """100 words of 64 bits and 10 pointers of 16, and nothing else but time: DRAM's price of 6,560
    bits, 100 writes into the sparse-matrix SRAM and 10 into a bank of the pointers."""
    hw, by_hand = Hardware(dram=dram), price_by_hand()
    streamed = {"spmat_dram_words": 100, "ptr_dram_reads": 10}
    before, after = (estimate_energy(make_run(10, it, hw)).total_pj for it in ({}, streamed))
    writes_pj = 100 * by_hand[Key("spmat_read", "memory", "write")]
    writes_pj += 10 * by_hand[Key("ptr_read", "memory", "write")]
    assert writes_pj > 100 * 26
    assert after - before == pytest.approx(6560 * DRAM_PJ_PER_BIT[dram] + writes_pj, rel=1e-9)


def test_every_action_is_counted_as_the_machine_does_it() -> None:
    """Counts that are all different, and where each of them goes (EIE, section IV)."""
    counts = {
        "scan_cycles": 2, "broadcasts": 3, "ptr_reads": 5, "spmat_reads": 7, "macs": 11,
        "padding_macs": 13, "accumulator_reads": 17, "accumulator_writes": 19,
        "act_register_reads": 23, "act_sram_reads": 29, "act_sram_writes": 31,
        "spmat_dram_words": 37, "ptr_dram_reads": 41,
    }  # fmt: skip
    pes, cycles, hw = 16, 1000, Hardware(n_pes=16, clock_mhz=500, spmat_width_bits=128, ptr_bits=32)
    run = make_run(cycles, counts, hw)
    found = dict(zip(ACTIONS, count_actions(run.counters, hw), strict=True))
    expected = {
        ("lnzd", "combinational", "detect"): (4 + 1) * 2, ("broadcast", "wire", "send"): 3 * pes,
        ("ptr_read", "memory", "read"): 2 * 5, ("spmat_read", "memory", "read"): 7,
        ("arithm", "combinational", "multiply"): 24, ("arithm", "combinational", "add"): 24,
        ("act_rw", "memory", "read"): 29, ("act_rw", "memory", "write"): 31,
        ("spmat_read", "memory", "write"): 37, ("ptr_read", "memory", "write"): 41,
        ("dram", "memory", "read"): 37 * 128 + 41 * 32,
    }  # fmt: skip
    for part in ("register", "combinational"):
        expected |= {
            ("act_queue", part, "push"): 3 * pes, ("act_queue", part, "pop"): 5,
            ("ptr_read", part, "look-up"): 5, ("spmat_read", part, "entry"): 24,
            ("arithm", part, "entry"): 24, ("act_rw", part, "register_read"): 17 + 23,
            ("act_rw", part, "register_write"): 19,
        }  # fmt: skip
    expected |= {(module, "clock", "cycle"): cycles * pes for module in MODULES}
    expected |= {(module, "memory", "leakage"): cycles * pes * 2 for module in CACTI}  # 2 ns
    assert found == expected


def test_the_power_of_a_chip_that_never_waits_by_hand() -> None:
    """32-bit words hold 4 entries: a read every 4 cycles; at 400 MHz all but leakage halves."""
    by_hand, hw = price_by_hand(), Hardware(spmat_width_bits=32, n_pes=16, clock_mhz=400)
    read_pj, leakage_mw = 25.302, 0.0023426  # CACTI: 128 KB, 32 bits
    factor = by_hand[Key("spmat_read", "memory", "read")] / 32.286
    pe_mw = 9.158 - (by_hand[Key("spmat_read", "memory", "read")] / 8) / PJ_A_CYCLE
    pe_mw += factor * read_pj / 4 / PJ_A_CYCLE
    leaking = 0.0023322 + 2 * 0.00032521 + 4.73e-05
    ours = find_chip_power_mw(hw, price_machine(hw))
    expected = 16 * ((pe_mw - leaking) / 2 + leaking - 0.0023322 + leakage_mw) + 5 * 0.023 / 2
    assert find_pes_power_mw(hw, price_machine(hw)) == pytest.approx(expected, rel=1e-9)
    # 28 bits over 3/2 (4 - 1) sides, 50 million times in a second: once in 8 cycles
    wires_mw = 310 / 256 / 10 * 28 * 4.5 * math.sqrt(estimate_area(hw).chip_mm2) * 50e6 / 1e9
    assert ours == pytest.approx(expected + wires_mw, rel=1e-9)


def test_operations_are_transcribed_right() -> None:
    """operations.csv, all of it, against the numbers above: no row more, none less."""
    expected: dict[tuple[str, str, str], float] = {
        ("lnzd", "detect", ""): 0.023 / 0.8, ("broadcast", "send", ""): 310,
    }  # fmt: skip
    for name, (multiply, add) in MULTIPLY_ADD_PJ.items():
        expected |= {("arithm", "multiply", name): multiply, ("arithm", "add", name): add}
    expected |= {("dram", "read", name): value for name, value in DRAM_PJ_PER_BIT.items()}
    rows = {(row["component"], row["action"], row["variant"]): row
            for row in read_table("energy/operations")}  # fmt: skip
    assert rows.keys() == expected.keys()
    for key, row in rows.items():
        assert float(row["energy_pj"]) == pytest.approx(expected[key], rel=1e-12), key
        assert float(row["node_nm"]) == (40 if key[0] == "broadcast" else 45)
        assert row["voltage_v"] == ("0.9" if key[0] in ("arithm", "broadcast") else "")


def test_areas_are_transcribed_right() -> None:
    """areas.csv, all of it; an LNZD node: EIE, section VI."""
    expected: dict[tuple[str, str, str], float] = {("lnzd", "detect", ""): 189}
    for name, (multiply, add) in MULTIPLY_ADD_UM2.items():
        expected |= {("arithm", "multiply", name): multiply, ("arithm", "add", name): add}
    rows = {(row["component"], row["action"], row["variant"]): row
            for row in read_table("energy/areas")}  # fmt: skip
    assert {key: float(row["area_um2"]) for key, row in rows.items()} == expected
    assert {float(row["node_nm"]) for row in rows.values()} == {45}


@pytest.mark.data
@pytest.mark.parametrize("name", ["cacti_sram", "cacti_sram_variants"])
def test_cacti_is_transcribed_right(shared_data: Path, name: str) -> None:
    """Every row and column, write energies and cycle times too."""
    with (shared_data / f"{name}.csv").open(encoding="utf-8") as stream:
        assert list(read_table(f"energy/{name}")) == list(csv.DictReader(stream))


@pytest.mark.data
def test_srams_have_all_of_cactis_numbers(shared_data: Path) -> None:
    with (shared_data / "cacti_sram.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    quantities = ("read_energy_pj", "write_energy_pj", "leakage_mw", "access_time_ns",
                  "cycle_time_ns", "area_mm2")  # fmt: skip
    for row in rows:
        sizes = int(row["size_bytes"]), int(row["width_bits"]), float(row["node_nm"])
        sram = find_sram(*sizes, row["cell"])
        for name in quantities:
            assert getattr(sram, name) == float(row[name])


@pytest.mark.data
@pytest.mark.parametrize("name", ["eie_table1_energy_45nm", "eie_table2_pe_45nm"])
def test_the_papers_tables_are_transcribed_right(shared_data: Path, name: str) -> None:
    with (shared_data / "paper" / f"{name}.csv").open(encoding="utf-8") as stream:
        theirs = [{**row, "part": row["part"].replace("_unit", "")} if "part" in row else row
                  for row in csv.DictReader(stream)]  # fmt: skip
    ours = [{key: row[key] for key in row if key != "source"}
            for row in read_table("paper/" + "_".join(name.split("_")[:2]))]  # fmt: skip
    assert ours == theirs


def test_table_ii_is_transcribed_right() -> None:
    """Its sums by module and by type of component, and the whole."""
    rows = {(row["breakdown"], row["part"]): row for row in read_table("paper/eie_table2")}
    parts = ("memory", "clock_network", "register", "combinational")
    for quantity, printed in (("power_mw", POWER_MW), ("area_um2", AREA_UM2)):
        for breakdown, names in (("module", MODULES), ("component", parts)):
            values = printed["modules" if breakdown == "module" else "parts"]
            assert tuple(float(rows[breakdown, name][quantity]) for name in names) == values
    assert (rows["total", "total"]["power_mw"], rows["total", "total"]["area_um2"]) == (
        "9.157",
        "638024",
    )
