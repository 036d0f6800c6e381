"""What an energy rests on: shares by kind of price, and how the whole moves with each kind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import Hardware, encode, estimate_energy, load_benchmark, price_machine, simulate
from eiesim.base.published import PAPER_LAYERS
from eiesim.base.resources import models_path
from eiesim.cli.main import main
from eiesim.energy.area import estimate_area
from eiesim.energy.kinds import show_kinds, weigh_kinds
from eiesim.energy.prices import PriceTable
from eiesim.hardware import preset_names
from eiesim.runs.network import run_examples
from eiesim.runs.network_report import report_network
from eiesim.runs.network_rows import summarise
from tests.support.networks import chain_of_two

LENET = models_path() / "trained" / "lenet-300-100-seed0.dcz"
OWN = {"published", "CACTI run", "scaled", "calibrated"}
COLUMNS = {"kind", "energy_pj", "share", "total_if_halved_pj", "total_if_doubled_pj"}
CHANGED: tuple[dict[str, float | str], ...] = (
    {}, {"multiplier": "float32"}, {"codebook_bits": 8}, {"queue_depth": 3}, {"node_nm": 32},
    {"registers_per_pe": 16}, {"sram_cell": "itrs-hp"}, {"dram": "hbm2"}, {"n_pes": 7},
)  # fmt: skip


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("changes", CHANGED, ids=str)
def test_no_price_or_area_of_eiesims_own_is_assumed(
    name: str, changes: dict[str, float | str]
) -> None:
    hw = replace(Hardware.preset(name), **changes)  # type: ignore[arg-type]
    table = price_machine(hw)
    labels = [(row.kind, row.source) for row in (*table.prices, *table.missing)]
    labels += [(row.kind, row.source) for row in estimate_area(hw).rows]
    assert {kind for kind, _ in labels} <= OWN
    assert not [source for _, source in labels if "assumed" in source.lower()]


@pytest.mark.parametrize("layer", PAPER_LAYERS)
def test_halved_and_doubled_prices_move_the_whole_as_the_table_says(layer: str) -> None:
    """Against the same run with the prices of one kind replaced, one after the other."""
    hw, benchmark = Hardware(), load_benchmark(layer)
    run = simulate(encode(benchmark.layer, hw), benchmark.activations, hw)
    report, table = estimate_energy(run), price_machine(hw)
    rows = report.to_dict()["kinds"]
    assert {row["kind"] for row in rows} == OWN
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert sorted(rows, key=lambda row: -row["share"]) == rows
    for row in rows:
        for factor, column in ((0.5, "total_if_halved_pj"), (2, "total_if_doubled_pj")):
            moved = PriceTable(tuple(
                replace(price, value=price.value * (factor if price.kind == row["kind"] else 1))
                for price in table.prices
            ))  # fmt: skip
            assert estimate_energy(run, prices=moved).total_pj == pytest.approx(row[column])


def test_what_rests_on_nothing_has_no_share() -> None:
    assert weigh_kinds({}) == []
    assert [row["share"] for row in weigh_kinds({"scaled": 0.0})] == [0.0]


def weigh(rows: list[dict[str, float]], total_pj: float) -> None:
    """Check one table of a report against the energy beside it."""
    assert rows
    assert all(row.keys() == COLUMNS for row in rows)
    assert sum(row["energy_pj"] for row in rows) == pytest.approx(total_pj)
    for row in rows:
        halved, doubled = row["total_if_halved_pj"], row["total_if_doubled_pj"]
        assert (total_pj - halved) * 2 == pytest.approx(row["energy_pj"], abs=1e-6 * total_pj)
        assert doubled - total_pj == pytest.approx(row["energy_pj"], abs=1e-6 * total_pj)


def read(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """Return what a command gives as JSON, and on a terminal."""
    assert main([*words, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert main(words) == 0
    return summary, capsys.readouterr().out


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("words", [
    ["run", "nt-we", "alex-8"], ["compare", "nt-we"], ["compress", str(LENET)],
], ids=" ".join)  # fmt: skip
def test_reports_have_the_shares(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    summary, text = read(words, capsys)
    rows = summary["kinds"]
    if "layers" in summary:
        energies = [row["energy_pj"] for row in summary["layers"]]
        weigh(rows, sum(energy_pj for energy_pj in energies if energy_pj is not None))
    elif "energy_pj" in summary:
        weigh(rows, summary["energy_pj"])
    else:  # speedups and efficiencies: EIE's power and time beside those of others
        eie = next(row for row in summary["rows"]
                   if row["platform"] == "eie" and row["kind"] == "simulated")  # fmt: skip
        weigh(rows, eie["power_w"] * eie["time_us"] * 1e6)
    for row in rows:
        assert row["kind"] in text
        assert f"{100 * row['share']:.3f}"[:4] in text


def test_a_chips_power_has_the_shares(capsys: pytest.CaptureFixture[str]) -> None:
    """Table II's 9.158 mW less the multiplier, the adder and leakage are what is calibrated."""
    summary, text = read(["chip"], capsys)
    kinds = {row["kind"]: row for row in summary["kinds"]}
    assert kinds.keys() == OWN
    total_mw = sum(row["power_mw"] for row in kinds.values())
    assert total_mw == pytest.approx(summary["chip_power_mw"])
    leakage_mw = 0.0023322 + 2 * 0.00032521 + 4.73e-5
    calibrated_mw = 64 * (9.158 - (0.62 + 0.05) * 0.8 - leakage_mw)
    assert kinds["calibrated"]["power_mw"] == pytest.approx(calibrated_mw, rel=1e-4)
    assert kinds["calibrated"]["total_if_halved_mw"] == pytest.approx(total_mw - calibrated_mw / 2)
    assert "total_if_halved_mw" in text


def test_a_network_has_the_shares() -> None:
    model, examples = chain_of_two(np.random.default_rng(3))
    hw = Hardware(n_pes=4)
    prices = price_machine(hw)
    runs = list(run_examples(model, examples, hw, prices))
    summary, report = summarise(model, runs, prices), report_network(model, runs, prices, None, ())
    weigh(summary["kinds"], summary["energy_pj"])
    assert report.list_tables()["kinds"] == summary["kinds"]
    assert show_kinds(summary["kinds"]) in report.shown


def test_a_sweep_has_the_shares(capsys: pytest.CaptureFixture[str], in_folder: Path) -> None:
    (in_folder / "sweep.toml").write_text(
        'layers = ["nt-we", "alex-8"]\nobjectives = ["energy_pj"]\n[axes]\nqueue_depth = [2, 8]\n'
    )
    words = ["sweep", "sweep.toml", "--jobs", "1", "--report", "page.html"]
    assert main([*words, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    (best,) = summary["best"].values()
    (rows,) = summary["kinds"].values()
    weigh(rows, best["energy_pj"])
    assert "What energies rest on" in (in_folder / "page.html").read_text("utf-8")
