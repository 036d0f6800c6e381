"""A token through a model: the sum of its layers run one by one, and what follows from it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eiesim import Hardware
from eiesim.base.errors import ImageError
from eiesim.catalog.today import load_token_model
from eiesim.cli.main import main
from eiesim.energy.machine import price_machine
from eiesim.image import PTR_SRAM, SPMAT_SRAM
from eiesim.runs import today
from eiesim.runs.layer import run_layer
from eiesim.runs.today import ModelRun, collect_model, plan_draws, run_draws
from eiesim.runs.today_page import render_markdown, show
from eiesim.runs.today_rows import describe_lacks, describe_matrix, describe_model
from eiesim.sim.engines import Engine

HW = Hardware(n_pes=4, spmat_sram_bytes=2048, ptr_sram_bytes=4096)
MODEL = """
title = "two blocks with experts"
blocks = 32
hidden = 24
heads = 2
kv_heads = 1
head_width = 4
vocabulary = 10
context = 5
teal_model = "Llama-2-7B"
teal_sparsity = 0.5
seed = 3
shape_source = "made up"
weight_source = "made up, too"
activation_source = "TEAL"

[matrices.q]
inputs = 24
outputs = 40
weight_density = 0.4
teal_column = "q"

[matrices.k]
inputs = 24
outputs = 40
weight_density = 0.4
teal_column = "k"

[matrices.gate]
inputs = 40
outputs = 24
stored = 4
used = 2
weight_density = 0.25
activation_density = 0.5
activation_source = "a guess"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.toml"
    path.write_text(MODEL, encoding="utf-8")
    return path


def run(
    word: str, hw: Hardware = HW, engine: Engine = "fast", balance: bool = False, jobs: int = 1
) -> ModelRun:
    model = load_token_model(word)
    runs: dict[Any, Any] = {}
    for _, drawn in run_draws(plan_draws([(model, hw)], engine, balance), jobs):
        runs |= drawn
    return collect_model(model, hw, runs, price_machine(hw), model.context)


def write_layer(folder: Path, shape: tuple[int, int], density: float, activations: float) -> str:
    path = folder / "layer.toml"
    path.write_text(
        f'name = "layer"\ntitle = ""\ninputs = {shape[0]}\noutputs = {shape[1]}\nseed = 3\n'
        f"weight_density = {density}\nactivation_density = {activations}\n",
        encoding="utf-8",
    )
    return str(path)


@pytest.mark.parametrize(
    ("changes", "engine", "balance"),
    [
        ({}, "fast", False),
        ({}, "reference", False),
        ({}, "fast", True),
        ({"act_batches": True, "registers_per_pe": 4}, "fast", False),
        ({"spmat_sram_bytes": 64, "dram_gbps": 0.5}, "fast", False),
    ],
)
def test_a_token_takes_what_its_layers_take(
    file: Path, tmp_path: Path, changes: dict[str, Any], engine: Engine, balance: bool
) -> None:
    hw = replace(HW, **changes)
    whole = run(str(file), hw, engine, balance)
    model, prices = whole.model, price_machine(hw)
    cycles, energy_pj, macs, priced = 0, 0.0, 0, True
    for matrix in model.matrices:
        for density in model.list_densities(matrix):
            shape = (matrix.inputs, matrix.outputs)
            word = write_layer(tmp_path, shape, matrix.weight_density, density)
            layer = run_layer(word, hw, prices, balance=balance)
            cycles += matrix.used * layer.result.cycles
            macs += matrix.used * layer.result.counters.macs
            if layer.energy is None:
                priced = False
                continue
            energy_pj += matrix.used * layer.energy.total_pj
    assert whole.cycles == cycles
    assert sum(it.counters.macs for it in whole.matrices) == macs
    row = describe_model(whole)
    assert row["latency_us"] == pytest.approx(cycles / 800)
    assert row["tokens_per_s"] == pytest.approx(800e6 / cycles)
    assert row["block_us"] == pytest.approx(cycles / 800 / 32)
    assert priced == ("spmat_sram_bytes" not in changes)  # CACTI has no SRAM of 64 bytes
    expected = pytest.approx(energy_pj / 1e9) if priced else None
    assert row["mj_per_token"] == expected
    assert bool(whole.kinds) is priced
    for kind in whole.kinds:
        assert kind["total_if_doubled_pj"] == pytest.approx(energy_pj + kind["energy_pj"])
        assert kind["total_if_halved_pj"] == pytest.approx(energy_pj - kind["energy_pj"] / 2)
    assert sum(kind["energy_pj"] for kind in whole.kinds) == pytest.approx(
        energy_pj if priced else 0
    )


def test_rows_add_up(file: Path) -> None:
    whole = run(str(file))
    rows = [describe_matrix(whole, matrix) for matrix in whole.matrices]
    assert sum(row["cycles"] for row in rows) == whole.cycles
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert sum(row["energy_uj"] for row in rows) * 1e6 == pytest.approx(whole.energy_pj)
    assert [(row["used"], row["stored"]) for row in rows] == [(32, 32), (32, 32), (64, 128)]
    assert [row["activation_source"] for row in rows] == ["TEAL", "TEAL", "a guess"]
    parts = ("entries_mean_cycles", "ends_cycles")
    for row in rows:
        added = sum(value for key, value in row.items() if key.endswith("_added_cycles"))
        assert added + sum(row[key] for key in parts) == pytest.approx(row["cycles"])
    row = describe_model(whole)
    assert row["matrix_macs"] == 32 * (2 * 24 * 40 + 2 * 24 * 40)
    assert row["share_of_macs"] == row["matrix_macs"] / (row["matrix_macs"] + row["host_macs"])


def test_alike_matrices_are_drawn_once(file: Path) -> None:
    model = load_token_model(str(file))
    tasks = plan_draws([(model, HW), (replace(model, name="twin"), HW)])
    assert len(tasks) == 2  # q and k are alike, and so are the two models
    q, k = (set(model.list_densities(matrix)) for matrix in model.matrices[:2])
    both = next(task for task in tasks if task.spec.inputs == 24)
    assert sorted(both.densities) == sorted(q | k)


def test_processes_give_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(today, "WORTH_A_PROCESS", 0)
    assert describe_model(run(str(file), jobs=2)) == describe_model(run(str(file)))


def test_a_failure_in_a_process_is_the_commands(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(today, "WORTH_A_PROCESS", 0)
    file.write_text(MODEL.replace("seed = 3", "seed = 3\nrow_variation = 4\ncolumn_variation = 4"))
    with pytest.raises(Exception, match="expected a lower one"):
        run(str(file), jobs=2)


def test_chips_by_hand(file: Path) -> None:
    """Matrices are placed whole, in the order in which they run, where both SRAMs have room."""
    whole = run(str(file))
    needs = [
        tuple(matrix.count_bytes(memory) for memory in (SPMAT_SRAM, PTR_SRAM))
        for matrix in whole.matrices
    ]
    order = ([needs[0], needs[1]] + 4 * [needs[2]]) * 32
    chips: list[list[int]] = []
    for spmat, ptr in order:
        if not chips or chips[-1][0] + spmat > 2048 or chips[-1][1] + ptr > 4096:
            chips.append([0, 0])
        chips[-1][0] += spmat
        chips[-1][1] += ptr
    assert 4 < whole.chips == len(chips) < len(order)
    assert whole.sram_bytes == 4 * sum(spmat + ptr for spmat, ptr in order)
    energies = [matrix.leakage_pj for matrix in whole.matrices]
    leaks = sum(energy for energy in energies if energy is not None)
    assert whole.idle_leakage_pj == pytest.approx((len(chips) - 1) * leaks)
    assert 0 < leaks < (whole.energy_pj or 0)


def test_a_matrix_larger_than_a_chip(file: Path) -> None:
    small = replace(HW, spmat_sram_bytes=64)
    whole = run(str(file), small)
    assert all(matrix.count_bytes(SPMAT_SRAM) > 64 for matrix in whole.matrices[:2])
    each = [-(-matrix.count_bytes(SPMAT_SRAM) // 64) for matrix in whole.matrices]
    assert whole.chips >= 32 * sum(each[:2])
    assert not describe_model(whole)["fits"]
    assert "model/q: sparse-matrix SRAM" in describe_lacks([whole])[0]


def test_one_chip_streams_what_a_token_reads(file: Path) -> None:
    whole = run(str(file))
    row = describe_model(whole)
    assert (row["one_chip_us"], row["no_one_chip_us"] is None) == (None, False)
    read = sum(
        64 * matrix.counters.spmat_reads + 32 * matrix.counters.ptr_reads
        for matrix in whole.matrices
    )
    assert row["read_bytes"] == read // 8
    slow = describe_model(run(str(file), replace(HW, dram_gbps=0.5)))
    assert slow["one_chip_us"] == pytest.approx(row["read_bytes"] / 500)
    fast = describe_model(run(str(file), replace(HW, dram_gbps=1e6)))
    assert fast["one_chip_us"] == fast["latency_us"]


def test_no_price_has_its_reason(file: Path) -> None:
    row = describe_model(run(str(file), replace(HW, ptr_bits=9)))
    assert row["energy_uj"] is row["mj_per_token"] is row["idle_leakage_mj"] is None
    assert "ptr_read" in row["no_energy"] or "pointer" in row["no_energy"]


def test_the_page_says_why_there_is_no_energy(file: Path) -> None:
    priced, lacking = run(str(file)), run(str(file), replace(HW, ptr_bits=9))
    for runs in ([lacking], [priced, lacking]):
        page = render_markdown(runs, ["run", "x"])
        assert f"- no energy: model: {lacking.no_energy}\n" in page
        assert ("| kind of price |" in page) == (priced in runs)
    assert "no energy" not in render_markdown([priced], ["run", "x"])


def test_a_codebook_that_is_too_wide(file: Path) -> None:
    with pytest.raises(ImageError, match="model/q: the layer's codebook has 4 bits"):
        run(str(file), replace(HW, codebook_bits=3))


def test_pointers_that_are_too_narrow_say_what_would_do(file: Path) -> None:
    whole = run(str(file), replace(HW, ptr_bits=5))
    longest = next(
        use.used for use in whole.matrices[0].first.memories if use.memory == "pointer range"
    )
    (lack, *_) = describe_lacks([whole])
    found = re.search(r"ptr_bits = (\d+) would do", lack)
    assert found is not None
    bits = int(found[1])
    assert 2 ** (bits - 1) <= longest < 2**bits
    enough = run(str(file), replace(HW, ptr_bits=bits))
    assert not [lack for lack in describe_lacks([enough]) if "model/q: pointer range" in lack]


def test_the_cell_that_keeps_up_with_the_clock(file: Path) -> None:
    """At 1200 MHz and 28 nm it is itrs-lop; a machine with it takes what the remedy says."""
    hw = replace(HW, clock_mhz=1200.0, node_nm=28.0, spmat_sram_bytes=1 << 17)
    whole = run(str(file), hw)
    row = describe_model(whole)
    assert (row["clock_fits"], row["remedy_cell"]) == (False, "itrs-lop")
    fast = describe_model(run(str(file), replace(hw, sram_cell="itrs-lop")))
    assert (fast["clock_fits"], fast["remedy_cell"]) == (True, None)
    assert row["remedy_energy_uj"] == pytest.approx(fast["energy_uj"])
    assert whole.chips > 1
    assert row["remedy_idle_leakage_mj"] == pytest.approx(fast["idle_leakage_mj"])
    assert fast["idle_leakage_mj"] > 2 * row["idle_leakage_mj"]
    page = render_markdown([whole], ["run", "x"])
    assert "## The clock" in page
    assert f"| model | itrs-lop | {show(row['remedy_energy_uj'])} |" in page
    assert "## The clock" not in render_markdown([run(str(file))], ["run", "x"])


def test_numbers_of_the_page() -> None:
    assert [show(value) for value in (0, 0.0123456, 1.5, 12345.6, 174.164)] == [
        "0", "0.01235", "1.500", "12,350", "174.2",
    ]  # fmt: skip
    assert show(None) == "unknown"
    assert show(999.96, 3) == "1,000"


def test_a_part_is_never_shown_as_the_whole(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(file), "--set", "n_pes=4"]) == 0
    told = capsys.readouterr().out
    assert "cycles and energy are of its matrices alone" in told
    assert "Not counted at all: exponentials" in told
    assert "attention: queries x keys" in told
    assert "Not in the file" not in told
    file.write_text(MODEL.replace("blocks = 32", 'blocks = 32\nmissing = "a head"'))
    assert main(["run", str(file), "--set", "n_pes=4"]) == 0
    assert "Not in the file: a head." in capsys.readouterr().out
    assert "| model (a part) |" in render_markdown([run(str(file))], ["run", "x"])


def test_a_bar_in_a_source_splits_no_cell(file: Path) -> None:
    file.write_text(MODEL.replace('"made up, too"', '"one | other"'))
    page = render_markdown([run(str(file))], ["run", "x"])
    assert r"| one \| other |" in page


def test_json_and_folder(file: Path, in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", str(file), "--set", "n_pes=4", "--context", "7", "--json", "--out", "out"]
    assert main(words) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert model["context"] == 7
    assert model["not_simulated"][0]["macs"] == 32 * 2 * 4 * 7
    assert len(model["matrices"]) == 3
    names = {path.name for path in (in_folder / "out").iterdir()}
    assert {"models.csv", "matrices.csv", "host.csv", "today.md", "summary.json"} < names
    page = (in_folder / "out" / "today.md").read_text("utf-8")
    assert f"| model | 4 | {show(model['latency_us'])} |" in page
    assert "No figure that could be checked was found for model." in page


@pytest.mark.usefixtures("in_folder")
def test_replaced_and_missing_prices_are_named(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = "component,part,action,value,unit,kind,source"
    Path("mine.csv").write_text(f"{header}\nspmat_read,memory,read,1.5,pJ,published,a data sheet\n")
    words = ["run", str(file), "--set", "n_pes=4"]
    assert main([*words, "--energy-table", "mine.csv", "--set", "act_threshold=0.1"]) == 0
    told = capsys.readouterr().out
    assert told.count("price of spmat_read memory read: 1.5 pJ (mine.csv:2) in place of ") == 1
    assert told.count("not priced: the comparator of each lane") == 1
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "price of spmat_read" not in told
    assert "not priced" not in told


@pytest.mark.slow
def test_llama_2_7b_on_256_pes() -> None:
    """Issue 18: the seven matrices of a layer near 174.5 us and 305 uJ.

    The 305 uJ are of a time when the broadcast's wires had no price; they come on top.
    """
    hw = Hardware.preset("eie-256pe-28nm")
    model = run("today/llama-2-7b", hw, jobs=2)
    row = describe_model(model)
    energies = [matrix.energy for matrix in model.matrices if matrix.energy is not None]
    assert len(energies) == 7
    wires_uj = sum(energy.by_part()["wire"] for energy in energies) / 1e6 / model.model.blocks
    assert row["block_us"] == pytest.approx(174.5, rel=0.01)
    assert row["block_uj"] - wires_uj == pytest.approx(305, rel=0.02)
