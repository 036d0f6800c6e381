"""SRAMs that are slower than the clock: where they are named, with which numbers, and where not."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import Hardware, estimate_area, estimate_energy, price_machine
from eiesim.cli.main import main
from eiesim.energy.area import describe_wider_words
from eiesim.energy.clock import check_clock, fits_clock, swap_cell
from eiesim.energy.estimate import find_chip_power_mw
from eiesim.energy.prices import PriceTable
from eiesim.hardware import SRAM_CELLS
from eiesim.paper.eie import table2, table4, table5
from eiesim.runs.clock import note_clock
from eiesim.sweep import sweep
from tests.support.char_models import write_model
from tests.support.energies import PAPER, make_run

LOP = replace(PAPER, sram_cell="itrs-lop")
SLOW = "clock: the priced SRAMs are too slow for 800 MHz"
SPEC = """
layers = ["nt-we"]
objectives = ["latency_us"]
[axes]
sram_cell = ["itrs-lstp", "itrs-lop"]
clock_mhz = [400, 800]
"""


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 0
    return capsys.readouterr().out


def write_network(capsys: pytest.CaptureFixture[str]) -> None:
    """Write layers.npz, and net.eie of it."""
    rng = np.random.default_rng(0)
    weights: dict[str, Any] = {
        "a.weight": rng.normal(size=(40, 30)).astype(np.float32),
        "b.weight": rng.normal(size=(10, 40)).astype(np.float32),
    }
    np.savez("layers.npz", **weights)
    plan = ("--set", "density=0.3", "--set", "codebook_bits=4")
    ask(capsys, "import", "layers.npz", "-o", "net.eie", *plan)


def test_the_papers_machine_by_cactis_rows() -> None:
    """128 KB, 64 bits, 45 nm: 2.1132 and 1.6509 ns with low-standby cells, 1.4235 and 1.1681 with
    low-operating-power ones, which leak 0.59314, twice 0.082811 (16 KB) and 0.011899 mW (2 KB)."""
    check = check_clock(PAPER)
    assert (check.fits, check.period_ns, check.unknown) == (False, 1.25, "")
    assert check.highest_clock_mhz == pytest.approx(1000 / 1.6509)
    spmat = next(it for it in check.srams if it.memory == "sparse-matrix SRAM")
    assert (spmat.access_ns, spmat.cycle_ns, spmat.fits) == (2.1132, 1.6509, False)
    assert [it.fits for it in check.srams].count(False) == 1
    remedy = check.remedy
    assert remedy is not None
    assert (remedy.sram_cell, remedy.cycle_ns, remedy.access_ns) == ("itrs-lop", 1.1681, 1.4235)
    leakage_mw = 0.59314 + 2 * 0.082811 + 0.011899
    assert remedy.leakage_mw == pytest.approx(leakage_mw)
    assert remedy.pe_power_before_mw == pytest.approx(9.158)
    # Table II's 4.096 and 1.320 mW of memory, moved by CACTI's energies of a read, and leakage
    pe_mw = 9.158 - 4.096 * (1 - 15.545 / 32.286) - 1.320 * (1 - 5.0857 / 9.1727) + leakage_mw
    # wires: 28 bits over 3/2 (8 - 1) sides of the array, 100 million times in a second
    wires_mw = 310 / 2560 * 28 * 10.5 * 0.1
    lop_mm, side_mm = (estimate_area(hw).chip_mm2 ** 0.5 for hw in (LOP, PAPER))
    chip_mw = 64 * pe_mw + 21 * 0.023 + wires_mw * lop_mm
    assert remedy.chip_power_mw == pytest.approx(chip_mw, rel=1e-3)
    assert remedy.chip_power_before_mw == pytest.approx(586.595 + wires_mw * side_mm, rel=1e-6)
    assert check.describe() == (
        "clock: the priced SRAMs are too slow for 800 MHz: a cycle lasts 1.25 ns, from one access "
        "to the next CACTI gives 1.651 ns for the sparse-matrix SRAM (a word is out after 2.113 "
        "ns), so that 606 MHz is the most; sram_cell = itrs-lop would do (1.168 ns, a word after "
        "1.423 ns): a chip whose PEs never wait would draw 485 mW instead of 609, and a PE would "
        "leak 0.77 mW, 8% of the 9.16 mW that it draws now"
    )


@pytest.mark.parametrize("machine", [LOP, replace(PAPER, clock_mhz=605.7)])
def test_nothing_is_said_where_the_srams_keep_up(machine: Hardware) -> None:
    check = check_clock(machine)
    assert (check.fits, check.remedy, check.describe(), note_clock(machine)) == (True, None, "", "")


def test_no_cell_is_fast_enough_for_2_ghz() -> None:
    """The fastest one of 128 KB takes 0.79542 ns, 0.5 are asked for."""
    check = check_clock(replace(PAPER, clock_mhz=2000))
    assert (check.fits, check.remedy) == (False, None)
    assert check.describe().endswith("no cell that CACTI was run for is fast enough")
    assert "1.101 ns for the pointer SRAM" in check.describe()
    assert "0.666 ns for the activation SRAM" in check.describe()


def test_an_sram_without_times_is_not_called_fast() -> None:
    check = check_clock(replace(PAPER, spmat_width_bits=1024))
    assert (check.fits, check.highest_clock_mhz) == (None, None)
    assert "not known" in check.describe()
    assert "131072 bytes and 1024 bits" in check.describe()
    slow = check_clock(replace(PAPER, spmat_width_bits=1024, clock_mhz=1000))
    assert (slow.fits, slow.remedy) == (False, None)  # the pointers' 1.1011 ns
    assert "1.101 ns for the pointer SRAM" in slow.describe()
    assert "131072 bytes and 1024 bits" in slow.describe()


def test_an_sram_without_times_hides_no_other() -> None:
    """The pointers' SRAM comes first; the matrix' 1.651 ns are known all the same."""
    check = check_clock(replace(PAPER, ptr_sram_bytes=1 << 30))
    assert (check.fits, check.remedy) == (False, None)
    assert "1.651 ns for the sparse-matrix SRAM" in check.describe()
    assert "16 bits at 45 nm" in check.describe()


def list_machines(folder: Path) -> Iterator[tuple[Hardware, float]]:
    """Machines whose three SRAMs are runs of CACTI, and the longest of their cycles."""
    with (folder / "cacti_sram.csv").open(encoding="utf-8") as stream:
        cycles = {
            (int(row["size_bytes"]), int(row["width_bits"]), float(row["node_nm"]), row["cell"]):
            float(row["cycle_time_ns"]) for row in csv.DictReader(stream)
        }  # fmt: skip
    for (size, width, node, cell), cycle_ns in cycles.items():
        hw = replace(PAPER, spmat_sram_bytes=size, spmat_width_bits=width, node_nm=node,
                     sram_cell=cell)  # fmt: skip
        others = (cycles[16384, 16, node, cell], cycles[2048, 16, node, cell])
        yield hw, max(cycle_ns, *others)


@pytest.mark.data
def test_every_node_size_width_and_cell_to_the_picosecond(shared_data: Path) -> None:
    machines = list(list_machines(shared_data))
    assert len(machines) == 216
    for hw, cycle_ns in machines:
        assert fits_clock(replace(hw, clock_mhz=1000 / (cycle_ns + 0.0001)))
        assert fits_clock(replace(hw, clock_mhz=1000 / (cycle_ns - 0.0001))) is False


@pytest.mark.data
def test_the_cell_that_would_do_is_the_one_of_least_power(shared_data: Path) -> None:
    """At 22 nm and 2 GHz and others: no cell that keeps up draws less; none is named in vain."""
    cells: set[str | None] = set()
    for hw, _ in list(list_machines(shared_data))[::7]:
        for clock_mhz in (700, 1500, 3000):
            check = check_clock(replace(hw, clock_mhz=clock_mhz))
            if check.fits:
                continue
            machines = [replace(hw, clock_mhz=clock_mhz, sram_cell=cell) for cell in SRAM_CELLS]
            powers = {it.sram_cell: find_chip_power_mw(it, price_machine(it)) for it in machines
                      if fits_clock(it)}  # fmt: skip
            least = min(powers, key=lambda cell: powers[cell], default=None)
            cells.add(least)
            assert (check.remedy and check.remedy.sram_cell) == least
    assert {"itrs-lop", "itrs-hp", None} <= cells


def test_a_users_own_prices_stay_with_another_cell() -> None:
    own = next(it for it in price_machine(PAPER).prices if it.key[0::2] == ("spmat_read", "read"))
    mine = replace(own, value=30.0, kind="published", source="mine")
    rest = (it for it in price_machine(PAPER).prices if it.key != own.key)
    swapped = {it.key: it for it in swap_cell(PAPER, "itrs-lop", PriceTable((mine, *rest))).prices}
    lop = {it.key: it for it in price_machine(LOP).prices}
    assert swapped.keys() == lop.keys()
    assert swapped.pop(mine.key) == mine
    assert all(price == lop[key] for key, price in swapped.items())


def test_run_names_it_once_in_each_of_its_outputs(
    capsys: pytest.CaptureFixture[str], in_folder: Path
) -> None:
    """Two layers: the sentence stands once, with the energy of both on the other cell."""
    words = ("run", "nt-we", "nt-lstm")
    out = ask(capsys, *words, "--out", "results", "--report", "page.html")
    assert out.count(SLOW) == 1
    summary = json.loads((in_folder / "results" / "summary.json").read_text("utf-8"))
    clock = summary["clock"]
    assert clock["text"] in out
    other = ask(capsys, *words, "--set", "sram_cell=itrs-lop", "--out", "other")
    assert "clock:" not in other
    lop = json.loads((in_folder / "other" / "summary.json").read_text("utf-8"))
    assert (lop["clock"]["fits"], lop["clock"]["text"]) == (True, "")
    assert "remedy_energy_pj" not in lop["clock"]
    before, after = (sum(layer["energy_pj"] for layer in it["layers"]) for it in (summary, lop))
    assert clock["energy_pj"] == pytest.approx(before)
    assert clock["remedy_energy_pj"] == pytest.approx(after)
    assert clock["text"].endswith(f"{after / 1e6:.4g} uJ instead of {before / 1e6:.4g}")
    assert [layer["clock_fits"] for layer in summary["layers"]] == [False, False]
    assert [layer["clock_fits"] for layer in lop["layers"]] == [True, True]
    page = unescape((in_folder / "page.html").read_text("utf-8"))
    assert page.count(clock["text"]) == 1
    ask(capsys, *words, "--set", "sram_cell=itrs-lop", "--report", "page.html")
    assert SLOW not in (in_folder / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    "words",
    [
        ("chip",),
        ("compress", "layers.npz"),
        ("compare", "nt-we"),
        ("run", "net.eie", "--draw", "2"),
        ("run", "letters.eie", "--text", "text.txt"),
    ],
)
def test_other_commands_name_it_too(
    capsys: pytest.CaptureFixture[str], in_folder: Path, words: tuple[str, ...]
) -> None:
    if "net.eie" in words or "layers.npz" in words:
        write_network(capsys)
    elif "letters.eie" in words:
        write_model(in_folder)
        ask(capsys, "import", ".", "-o", "letters.eie")
        (in_folder / "text.txt").write_text("abab" * 3)
    text = json.loads(ask(capsys, *words, "--json"))["clock"]["text"]
    assert text.startswith(SLOW)
    assert ask(capsys, *words).count(text) == 1
    keeps_up = (*words, "--set", "clock_mhz=600")
    if "compress" in words:
        (in_folder / "slow.toml").write_text(replace(PAPER, clock_mhz=600).to_toml())
        keeps_up = (*words, "--hardware", "slow.toml")
    assert json.loads(ask(capsys, *keeps_up, "--json"))["clock"]["fits"] is True
    assert "clock:" not in ask(capsys, *keeps_up)


@pytest.mark.usefixtures("in_folder")
def test_the_network_on_the_other_cell_takes_what_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of three inputs the mean, as in the rest of the summary."""
    write_network(capsys)
    words = ("run", "net.eie", "--draw", "3", "--activation-density", "0.5", "--json")
    here, there = (
        json.loads(ask(capsys, *words, *more)) for more in ((), ("--set", "sram_cell=itrs-lop"))
    )
    assert here["clock"]["energy_pj"] == pytest.approx(here["energy_pj"])
    assert here["clock"]["remedy_energy_pj"] == pytest.approx(there["energy_pj"])
    assert "; an input, in the mean, would take " in here["clock"]["text"]


def test_variations_of_a_chip_have_a_column(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(ask(capsys, "chip", "--vary", "clock_mhz=600,2000", "--vary",
                          "sram_cell=itrs-lop", "--json"))  # fmt: skip
    assert [row["clock_fits"] for row in told["variations"]] == [True, False, True]


def test_each_point_of_a_sweep_has_a_flag_and_a_condition() -> None:
    """1.6509 and 1.1681 ns beside 2.5 and 1.25; what breaks the condition is not run."""
    spec: dict[str, Any] = {
        "layers": ["nt-we"], "objectives": ["latency_us"],
        "axes": {"sram_cell": ["itrs-lstp", "itrs-lop"], "clock_mhz": [400, 800]},
    }  # fmt: skip
    assert list(sweep(spec, jobs=1)["clock_fits"]) == [True, False, True, True]
    kept = sweep(spec | {"where": ["clock_fits"]}, jobs=1)
    assert list(zip(kept["sram_cell"], kept["clock_mhz"], strict=True)) == [
        ("itrs-lstp", 400), ("itrs-lop", 400), ("itrs-lop", 800),
    ]  # fmt: skip


def test_the_pages_of_a_sweep_say_how_many_and_name_the_best(
    capsys: pytest.CaptureFixture[str], in_folder: Path
) -> None:
    (in_folder / "spec.toml").write_text(SPEC)
    out = ask(capsys, "sweep", "spec.toml", "--jobs", "1", "--out", "results")
    summary = json.loads((in_folder / "results" / "summary.json").read_text("utf-8"))
    said = "clock: 1 of 4 points have SRAMs that are by CACTI slower than their clock"
    assert summary["clock"].startswith(said)
    assert SLOW in summary["clock"]  # the first of the two fastest points is the slow one
    assert [row["clock_fits"] for row in summary["front"]] == [False, True]
    page = unescape((in_folder / "results" / "index.html").read_text("utf-8"))
    assert summary["clock"] in out
    assert summary["clock"] in page
    (in_folder / "spec.toml").write_text(SPEC.replace("[axes]", 'where = ["clock_fits"]\n[axes]'))
    assert "clock:" not in ask(capsys, "sweep", "spec.toml", "--jobs", "1", "--out", "results")


@pytest.mark.slow
@pytest.mark.data
def test_the_tables_of_the_paper_say_it(shared_data: Path) -> None:
    """Tables II, IV and V; Table V of both chips, 28 nm and 1200 MHz too."""
    notes = {
        it: it.judge(list(it.EXPERIMENT.work.compute(shared_data))).note
        for it in (table2, table4, table5)
    }
    for note in notes.values():
        assert re.search("too slow for 800 MHz.* would draw 485 mW instead of 609", note)
    assert "too slow for 1200 MHz: a cycle lasts 0.8333 ns" in notes[table5]


def test_wider_words_are_smaller_by_cactis_shapes_alone(
    capsys: pytest.CaptureFixture[str], in_folder: Path
) -> None:
    """CACTI: 0.47384 mm2 of 128 KB in words of 256 bits, 0.39135 in words of 512."""
    assert describe_wider_words(PAPER, [64, 256]) == ""  # 0.42959 and 0.47384
    text = describe_wider_words(PAPER, [512, 32, 64, 256, 1024])
    assert "words of 512 bits make the chip smaller than words of 256 bits" in text
    assert "38.1 instead of 44.0 mm2" in text
    assert "0.391 and 0.474 mm2" in text
    vary = ("chip", "--vary", "spmat_width_bits={}")
    assert ask(capsys, *vary[:2], vary[2].format("256,512")).count("no law of wide words") == 1
    assert "no law of wide words" not in ask(capsys, *vary[:2], vary[2].format("64,256"))
    wide = SPEC.replace("clock_mhz = [400, 800]", "spmat_width_bits = [256, 512]")
    (in_folder / "wide.toml").write_text(wide)
    out = ask(capsys, "sweep", "wide.toml", "--jobs", "1", "--out", "wide")
    assert out.count("no law of wide words") == 1
    assert "no law of wide words" in (in_folder / "wide" / "index.html").read_text("utf-8")


def test_the_other_cell_changes_no_count() -> None:
    run = make_run(100, {"spmat_reads": 10, "ptr_reads": 10})
    here, there = (estimate_energy(run, it) for it in (PAPER, LOP))
    assert [row.count for row in here.rows] == [row.count for row in there.rows]
    assert here.total_pj != there.total_pj
