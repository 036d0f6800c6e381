"""Formats of a layer: padding, bits and cycles counted again, place by place."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import CompressedLayer, Hardware, encode, estimate_energy, load_benchmark, simulate
from eiesim.catalog.layers import draw_benchmark
from eiesim.catalog.operands import Operands
from eiesim.catalog.readers import load_operands
from eiesim.cli.main import main
from eiesim.energy.kinds import show_kinds
from eiesim.energy.machine import price_machine
from eiesim.energy.prices import PriceTable
from eiesim.layer.weights import LayerSpec
from eiesim.runs.formats import describe_best, find_best, list_storage, report_formats
from tests.support.oracles import interleave

HW = Hardware(n_pes=4, queue_depth=4)
Row = dict[str, Any]


def draw(density: float = 0.2, codebook_bits: int = 4) -> Operands:
    spec = LayerSpec(
        name="drawn", title="", inputs=30, outputs=90, weight_density=density,
        activation_density=0.5, codebook_bits=codebook_bits, seed=1,
    )  # fmt: skip
    benchmark = draw_benchmark(spec)
    return Operands(benchmark.layer, benchmark.activations, ())


def list_formats(operands: Operands, hw: Hardware = HW, objective: Any = "bits") -> list[Row]:
    summary = report_formats(operands, hw, objective).summary
    assert isinstance(summary, dict)
    return list(summary["formats"])


@pytest.mark.parametrize("density", [0.02, 0.2])
def test_each_width_is_what_a_plain_encoder_gives(density: float) -> None:
    operands = draw(density)
    rows = list_formats(operands)
    assert [row["index_bits"] for row in rows] == list(range(1, 9))
    for row in rows:
        pes = interleave(operands.layer, replace(HW, index_bits=row["index_bits"]))
        entries = [sum(map(len, columns)) for columns in pes]
        padding = sum(code == 0 for columns in pes for column in columns for code, _ in column)
        assert row["padding_zeros"] == padding
        assert row["padding_percent"] == pytest.approx(100 * padding / sum(entries))
        assert row["entries_bits"] == sum(entries) * (4 + row["index_bits"])
        widest = max(entries)
        assert 2 ** (row["ptr_bits"] - 1) <= widest < 2 ** row["ptr_bits"]
        assert row["pointers_bits"] == sum(len(columns) + 1 for columns in pes) * row["ptr_bits"]
        assert row["bits"] == row["entries_bits"] + row["pointers_bits"]
        each = 64 // (4 + row["index_bits"])
        assert row["word_bits"] == 64 * sum(-(-number // each) for number in entries)


def test_cycles_and_energy_are_those_of_a_run() -> None:
    operands = draw()
    for row in list_formats(operands):
        hw = replace(HW, index_bits=row["index_bits"])
        image = encode(operands.layer, hw)
        result = simulate(image, operands.activations, hw, engine="reference")
        assert row["cycles"] == result.cycles
        assert row["energy_nj"] == pytest.approx(estimate_energy(result).total_pj / 1000)


def test_storage_by_hand() -> None:
    """Three weights in 2 x 5: CSR has column numbers of 3 bits and 3 pointers of 2."""
    codes = np.array([[1, 0, 0, 2, 0], [0, 0, 3, 0, 0]], np.uint8)
    layer = CompressedLayer(codes, np.array([0, 1, 2, 3], np.float32))
    bits = {row["storage"]: row["bits"] for row in list_storage(layer)}
    assert bits == {
        "dense codes": 20,
        "bitmap": 10 + 3 * 2,
        "CSR": 3 * (2 + 3) + 3 * 2,
        "CSC": 3 * (2 + 1) + 6 * 2,
    }


def test_a_wider_pointer_where_the_layer_needs_one() -> None:
    narrow = replace(HW, ptr_bits=5)
    rows = list_formats(draw(), narrow)
    assert all(row["ptr_bits"] > 5 and row["fits"] for row in rows)


def test_a_width_that_a_word_cannot_hold_says_so() -> None:
    rows = list_formats(draw(), replace(HW, spmat_width_bits=9))
    assert [row["error"] is None for row in rows] == [True] * 5 + [False] * 3
    assert "cannot hold an entry" in rows[-1]["error"]
    assert rows[-1]["cycles"] is None
    assert find_best(rows, "cycles") == min(
        rows[:5], key=lambda row: (row["cycles"], row["index_bits"])
    )["index_bits"]  # fmt: skip


def test_no_width_at_all_is_no_answer() -> None:
    report = report_formats(draw(codebook_bits=8), replace(HW, spmat_width_bits=8), "bits")
    summary: Any = report.summary
    assert report.failed
    assert all("cannot hold an entry" in row["error"] for row in summary["formats"])
    assert "No width can be judged by its bits." in report.answer
    assert not report_formats(draw(), replace(HW, spmat_width_bits=9), "bits").failed


def make_row(index_bits: int, bits: int, cycles: int, fits: bool = True) -> Row:
    return {"index_bits": index_bits, "codebook_bits": 4, "ptr_bits": 9, "bits": bits,
            "cycles": cycles, "energy_nj": None, "fits": fits}  # fmt: skip


def test_the_sentence_says_what_its_numbers_say() -> None:
    rows = [make_row(1, 70, 150), make_row(2, 75, 100), make_row(3, 100, 100)]
    told = describe_best(rows, 3, "bits")
    assert told == (
        "Fewest bits: index_bits = 1, codebook_bits = 4, ptr_bits = 9; against 3-bit indices "
        "-30.0 % bits, +50.0 % cycles."
    )
    assert "index_bits = 2" in describe_best(rows, 3, "cycles")  # the narrowest of two
    assert "as many cycles" in describe_best(rows, 3, "cycles")
    priced = [row | {"energy_nj": 5.0} for row in rows]
    assert describe_best(priced, 3, "bits").endswith(", as much energy.")
    assert describe_best(rows, 1, "bits").endswith("the machine's own indices.")
    assert describe_best(rows, 1, "energy") == "No width can be judged by its energy."
    some = [make_row(1, 70, 150, fits=False), *rows[1:]]
    assert find_best(some, "bits") == 2
    none = [make_row(1, 70, 150, fits=False), make_row(3, 100, 100, fits=False)]
    assert "not wholly on chip, as none is" in describe_best(none, 3, "bits")


def test_the_codebook(capsys: pytest.CaptureFixture[str]) -> None:
    codes = np.array([[1, 0, 5], [0, 1, 0]], np.uint8)
    layer = CompressedLayer(codes, np.arange(16, dtype=np.float32), name="few")
    report = report_formats(Operands(layer, np.ones(3, np.float32), ()), HW, "bits")
    assert "few has a codebook of 4 bits; the codes that it uses fit 2." in report.answer
    assert main(["formats", "alex-8", "--objective", "cycles"]) == 0
    told = capsys.readouterr().out
    assert "uses it whole" in told
    assert "Fewest cycles: index_bits = " in told


def test_a_layer_of_a_wider_codebook() -> None:
    rows = list_formats(draw(codebook_bits=8))
    assert {row["entry_bits"] - row["index_bits"] for row in rows} == {8}


def test_json_and_folder(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", "alex-8", "--json", "--out", "out"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["schema"] == "eiesim formats 1"
    assert summary["best"] in range(1, 9)
    assert len((in_folder / "out" / "formats.csv").read_text("utf-8").splitlines()) == 9
    benchmark = load_benchmark("alex-8")
    ours = next(row for row in summary["formats"] if row["index_bits"] == 4)
    assert ours["entries_bits"] == 8 * (benchmark.layer.weights + ours["padding_zeros"])


@pytest.mark.parametrize("objective", ["bits", "cycles", "energy"])
def test_the_energy_of_the_best_by_kind_of_price(objective: Any) -> None:
    """Against a run with indices of that width, and the prices of one kind replaced."""
    operands = draw()
    report = report_formats(operands, HW, objective)
    summary: Any = report.summary
    hw = replace(HW, index_bits=summary["best"])
    result = simulate(encode(operands.layer, hw), operands.activations, hw, engine="reference")
    total_pj = estimate_energy(result).total_pj
    assert sum(row["energy_pj"] for row in summary["kinds"]) == pytest.approx(total_pj)
    assert len(summary["kinds"]) == 4
    for row in summary["kinds"]:
        for factor, column in ((0.5, "total_if_halved_pj"), (2, "total_if_doubled_pj")):
            moved = PriceTable(tuple(
                replace(price, value=price.value * (factor if price.kind == row["kind"] else 1))
                for price in price_machine(hw).prices
            ))  # fmt: skip
            assert estimate_energy(result, prices=moved).total_pj == pytest.approx(row[column])
    assert report.list_tables()["kinds"] == summary["kinds"]
    assert show_kinds(summary["kinds"]) in report.shown
    assert f"Energy with index_bits = {hw.index_bits} by kind of price:" in report.shown


def test_no_shares_without_prices() -> None:
    summary: Any = report_formats(draw(), replace(HW, spmat_sram_bytes=64), "bits").summary
    assert summary["best"] is not None
    assert summary["kinds"] == []


def test_replaced_and_missing_prices_are_named(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = "component,part,action,value,unit,kind,source"
    Path("mine.csv").write_text(f"{header}\nspmat_read,memory,read,1.5,pJ,published,a data sheet\n")
    words = ["formats", "alex-8", "--energy-table", "mine.csv", "--set", "act_threshold=0.1"]
    assert main([*words, "--out", "out"]) == 0
    told = capsys.readouterr().out
    assert told.count("price of spmat_read memory read: 1.5 pJ (mine.csv:2) in place of ") == 1
    assert told.count("not priced: the comparator of each lane") == 1
    kinds = (in_folder / "out" / "kinds.csv").read_text("utf-8").splitlines()
    assert kinds[0].startswith("kind,energy_pj,share,")
    assert len(kinds) == 5


@pytest.mark.slow
def test_half_full_matrices_are_best_with_two_bits() -> None:
    """Issue 18: at 50 % density 2-bit indices cost 3.6 % time and save a quarter of the bits."""
    operands = load_operands("today/llama-2-7b/q")
    hw = Hardware.preset("eie-256pe-28nm")
    rows = {row["index_bits"]: row for row in list_formats(operands, hw)}
    two, four = rows[2], rows[4]
    assert two["entry_bits"] / four["entry_bits"] == 0.75
    assert two["cycles"] / four["cycles"] == pytest.approx(1.036, abs=0.005)
    assert two["entries_bits"] / four["entries_bits"] == pytest.approx(0.79, abs=0.005)
    assert re.search("index_bits = 2", describe_best(list(rows.values()), 4, "bits"))
