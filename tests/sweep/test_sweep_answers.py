"""What a sweep says is so: matched pairs, conditions, maps, and what counts are of."""

from __future__ import annotations

import csv
import html
import itertools
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eiesim import Hardware, encode, estimate_energy, load_benchmark, price_machine, simulate
from eiesim.cli.main import main
from eiesim.energy.estimate import find_chip_power_mw, find_wires_power_mw
from eiesim.sweep import sweep
from eiesim.sweep.answers import find_best, find_judged, sum_layers
from eiesim.sweep.brief import describe_best, shorten
from eiesim.sweep.journal import open_journal
from eiesim.sweep.maps import count_reasons, draw_maps
from eiesim.sweep.metrics import name_metrics
from eiesim.sweep.objectives import Objective
from eiesim.sweep.page import list_metrics
from eiesim.sweep.runner import How, run_sweep
from eiesim.sweep.sensitivity import describe_axes, find_sensitivity
from eiesim.sweep.spec import Constraint, make_sweep

Row = dict[str, Any]
Grid = dict[tuple[Any, ...], Row]
AXES: dict[str, list[Any]] = {
    "n_pes": [8, 16, 32], "queue_depth": [2, 4, 8, 16], "spmat_width_bits": [32, 64, 128],
}  # fmt: skip
SPEC: Row = {"layers": ["nt-we"], "objectives": ["cycles", "energy_pj"], "axes": AXES}


@pytest.fixture(scope="module")
def grid() -> Grid:
    """All machines, by their place on the axes; nothing left out."""
    _, _, rows, _ = answer(SPEC)
    return {tuple(row[axis] for axis in AXES): row for row in rows}


def answer(spec: Row) -> tuple[Any, Any, list[Row], list[Row]]:
    with open_journal(":memory:") as journal:
        wanted, planned, rows = run_sweep(make_sweep(spec), journal, How(1))
    return wanted, planned, rows, find_judged(wanted, rows)


@pytest.mark.parametrize("quantile", [0.5, 0.75, 1.0])
def test_only_matched_pairs_that_meet_the_conditions_are_compared(
    grid: Grid, quantile: float
) -> None:
    """Against all pairs of a grid without conditions, looked at one by one."""
    limits = {
        name: float(pd.Series([row[name] for row in grid.values()]).quantile(quantile)) * 1.0001
        for name in ("chip_run_power_mw", "edp_pj_us")
    }
    spec = SPEC | {"where": [f"{name} < {limit!r}" for name, limit in limits.items()]}
    _, _, _, judged = answer(spec)
    steps = find_sensitivity(judged, AXES, [Objective("cycles"), Objective("energy_pj")])
    checked = 0
    for at, (axis, values) in enumerate(AXES.items()):
        for one, other in itertools.pairwise(values):
            pairs = [
                (grid[place], grid[(*place[:at], other, *place[at + 1 :])])
                for place in grid if place[at] == one
            ]  # fmt: skip
            able = [
                pair for pair in pairs
                if all(row[name] < limit for row in pair for name, limit in limits.items())
            ]  # fmt: skip
            for name in ("cycles", "energy_pj"):
                (step,) = (
                    it for it in steps
                    if (it["axis"], it["from"], it["to"], it["objective"])
                    == (axis, one, other, name)
                )  # fmt: skip
                times = [second[name] / first[name] for first, second in able]
                assert step["pairs"] == len(times)
                assert step["larger"] == sum(it > 1 for it in times)
                assert step["smaller"] == sum(it < 1 for it in times)
                assert (step["times"] is None) == (not times) == bool(step["why_empty"])
                if times:
                    checked += 1
                    product = math.prod(times) ** (1 / len(times))
                    assert step["times"] == pytest.approx(product, rel=1e-12)
                    assert (step["times_least"], step["times_most"]) == (min(times), max(times))
    assert checked > 3


def test_laws_of_the_machine_hold_behind_any_condition() -> None:
    """Words change no cycle, and more slots never cost one, whichever machines are left out."""
    spec = SPEC | {"where": ["area_mm2 < 10.1", "power_mw < 160"]}
    _, planned, _, judged = answer(spec)
    assert planned.left_out
    assert 0 < sum(row["meets"] for row in judged) < len(judged)
    steps = [
        it
        for it in find_sensitivity(judged, AXES, [Objective("cycles")])
        if it["times"] is not None
    ]
    words = [it for it in steps if it["axis"] == "spmat_width_bits"]
    slots = [it for it in steps if it["axis"] == "queue_depth"]
    assert words
    assert slots
    assert all(it["equal"] == it["pairs"] and it["times"] == 1 for it in words)
    assert all(it["larger"] == 0 and it["times"] <= 1 for it in slots)


def test_sentences_say_what_the_numbers_say() -> None:
    def tell(values: list[float], meets: bool = True) -> str:
        rows = [
            {"n_pes": at, "queue_depth": depth, "cycles": value, "meets": meets}
            for depth in (2, 4) for at, value in enumerate(values)
        ]  # fmt: skip
        axes = {"n_pes": list(range(len(values))), "queue_depth": [2, 4]}
        told, slots = describe_axes(
            find_sensitivity(rows, axes, [Objective("cycles")]), Objective("cycles")
        )
        assert slots.startswith("queue_depth: ")
        return told

    assert "changes most from 1 to 2, 0.5 times in the mean of 2 pairs" in tell([8, 9, 4.5])
    assert "smaller in 2, equal in 0, larger in 0" in tell([8, 9, 4.5])
    assert "changes most from 0 to 1, 3 times" in tell([3, 9, 4.5])
    assert tell([5, 5, 5]) == "n_pes: cycles is the same in 4 pairs."
    assert "in none of 2 pairs both meet the conditions" in tell([8, 9, 4.5], meets=False)
    assert "cycles is 0 in 2 of 2 pairs" in tell([0, 3])


@pytest.mark.parametrize("limit", [120.0, 1e9])
def test_maps_keep_to_the_conditions(grid: Grid, limit: float) -> None:
    spec = SPEC | {"where": [f"power_mw < {limit}", "area_mm2 < 15"]}
    wanted, planned, rows, judged = answer(spec)
    seen: set[str] = set()
    for chart, (x, y) in zip(
        draw_maps(wanted, planned, rows, judged), itertools.pairwise(AXES), strict=True
    ):
        (panel,) = chart.panels
        broken: dict[str, Callable[[Row], bool]] = {
            f"power_mw < {limit:g} is not met": lambda row: row["power_mw"] >= limit,
            "left out, area_mm2 < 15 is not met": lambda row: row["area_mm2"] >= 15,
        }
        able = [row for row in grid.values() if not any(it(row) for it in broken.values())]
        least = min(row["cycles"] for row in able)
        letters = dict(re.findall(r"([a-z]), ([^;]*) \(\d+\)", chart.see.partition("squares:")[2]))
        empty = {}
        for line, up in enumerate(AXES[y]):
            for place, across in enumerate(AXES[x]):
                square = [row for row in grid.values() if (row[x], row[y]) == (across, up)]
                own = [row["cycles"] for row in square if row in able]
                value = panel.series[str(up)][place]
                assert value == (pytest.approx(min(own) / least) if own else None)
                if not own:
                    # one whose machine alone is left out is not run
                    ran = [row for row in square if row["area_mm2"] < 15]
                    asked = zip(broken.items(), (ran, square), strict=True)
                    empty[line, place] = {
                        why for (why, breaks), rows in asked if any(map(breaks, rows))
                    }
        found = {at: {letters[it] for it in mark} for at, mark in panel.marks.items()}
        assert found == empty
        assert ("Empty squares" in chart.see) == bool(empty)
        seen |= set().union(*empty.values())
    assert len(seen) == (2 if limit == 120 else 1)


def test_maps_without_conditions_name_none() -> None:
    charts = draw_maps(*answer(SPEC))
    assert len(charts) == 2
    assert not any("conditions" in it.see or "Empty" in it.see for it in charts)


TWO: Row = {
    "layers": ["nt-we", "nt-wd"], "axes": {"n_pes": [32, 64], "queue_depth": [2, 8]},
    "objectives": ["cycles", "energy_pj"],
}  # fmt: skip


def write_spec(folder: Path, spec: Row) -> None:
    lists = {key: it for key, it in spec.items() if key != "axes"}
    lines = [f"{key} = {json.dumps(it)}" for key, it in lists.items()]
    axes = [f'"{key}" = {json.dumps(it)}' for key, it in spec["axes"].items()]
    (folder / "spec.toml").write_text("\n".join([*lines, "[axes]", *axes]))


def test_conditions_are_judged_on_the_machine_in_every_table(in_folder: Path) -> None:
    rows = sweep(TWO, jobs=1)
    sums = rows.groupby(["n_pes", "queue_depth"])["cycles"].sum()
    limit = float(sums.median())
    assert rows["cycles"].max() < limit  # each layer by itself meets it
    write_spec(in_folder, TWO | {"where": [f"cycles < {limit}", "chip_power_mw < 5000"]})
    assert main(["sweep", "spec.toml", "--out", "out", "--jobs", "1"]) == 0
    able = set(sums[sums < limit].index)
    assert 0 < len(able) < len(sums)
    with (in_folder / "out" / "points.csv").open() as stream:
        for row in csv.DictReader(stream):
            place = int(row["n_pes"]), int(row["queue_depth"])
            assert (row["meets"] == "true") == (place in able)
    summary = json.loads((in_folder / "out" / "summary.json").read_text())
    assert {(row["n_pes"], row["queue_depth"]) for row in summary["front"]} <= able
    assert summary["judged"] == {
        "what": "machines over all 2 layers", "number": len(sums), "meet": len(able),
    }  # fmt: skip
    assert [(it["judged_on"], it["met_by"]) for it in summary["where"]] == [
        ("the sum over all layers", len(able)), ("the machine alone", len(sums)),
    ]  # fmt: skip
    page = (in_folder / "out" / "index.html").read_text()
    assert re.search(rf"<b>{len(able)}</b> machines over all 2 layers that meet", page)
    assert re.search(rf"<b>{len(rows)}</b> points to run", page)
    assert all(row["meaning"] in html.unescape(page) for row in list_metrics(name_metrics()))


def test_nothing_meets_conditions_that_there_are_not(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for spec, what in (
        (TWO, "4 machines over all 2 layers"),
        (TWO | {"layers": ["nt-we"]}, "4 points"),
    ):
        write_spec(in_folder, spec)
        assert main(["sweep", "spec.toml", "--out", "out", "--jobs", "1"]) == 0
        printed = capsys.readouterr().out
        assert f"judged: {what}\n" in printed
        newest = max(in_folder.glob("out*/index.html"), key=lambda it: it.stat().st_mtime_ns)
        assert "meet all conditions</li>" not in newest.read_text()


def test_power_of_the_chip_stands_apart_from_drams() -> None:
    """At the run's activity and at the paper's steady state, on a machine that streams."""
    axes = {"spmat_sram_bytes": [1 << 17, 4096], "queue_depth": [8, 11], "clock_mhz": [800, 500]}
    rows = sweep({"layers": ["alex-8"], "axes": axes}, jobs=1).to_dict("records")
    benchmark = load_benchmark("alex-8")
    streamed = 0
    for row in rows:
        hw = Hardware(**{str(axis): row[axis] for axis in axes})
        prices = price_machine(hw)
        report = estimate_energy(simulate(encode(benchmark.layer, hw), benchmark.activations, hw))
        dram_pj = report.by_component()["dram"]
        streamed += dram_pj > 0
        assert row["dram_energy_pj"] == pytest.approx(dram_pj)
        chip_mw = (report.total_pj - dram_pj) / 1000 / report.latency_us
        assert row["chip_run_power_mw"] == pytest.approx(chip_mw)
        assert row["power_mw"] == pytest.approx(report.power_mw)
        assert row["chip_power_mw"] == pytest.approx(find_chip_power_mw(hw, prices))
    assert 0 < streamed < len(rows)
    paper = rows[0]
    # EIE, section VI: 0.59 W of PEs and LNZD units; the wires between them come on top
    wires_mw = find_wires_power_mw(Hardware(), price_machine(Hardware()))
    assert round((paper["chip_power_mw"] - wires_mw) / 1000, 2) == 0.59
    tight = sweep({"layers": ["alex-8"], "axes": axes, "where": ["chip_power_mw < 400"]}, jobs=1)
    assert list(tight["number"]) == [it["number"] for it in rows if it["chip_power_mw"] < 400]
    assert 0 < len(tight) < len(rows)


def test_a_machine_that_is_drawn_twice_counts_once() -> None:
    spec = TWO | {"method": "random", "points": 12, "seed": 3}
    table = sweep(spec, jobs=1)
    assert table.duplicated(["layer", "n_pes", "queue_depth"]).any()
    rows: list[Row] = [
        {str(key): it for key, it in row.items()} for row in table.to_dict("records")
    ]
    whole = sweep(TWO, jobs=1).groupby(["n_pes", "queue_depth"])["cycles"].sum()
    for row in sum_layers(rows, ["n_pes", "queue_depth"], 64):
        assert row["cycles"] == whole[row["n_pes"], row["queue_depth"]]
        assert row["layer"] == "2 layers"


def test_conditions_are_written_as_they_were_given() -> None:
    given = ["area_mm2 < 50", "fits", "load_balance >= 0.3", "energy_pj < 123456789.25"]
    spec = make_sweep({"layers": ["a"], "where": given})
    assert [str(it) for it in spec.where] == given
    assert not Constraint("area_mm2", "<", 1.0).holds(None)


def test_reasons_that_are_as_frequent_are_in_order_of_their_names() -> None:
    """Sets have an order of their own in every process; a page has not."""
    empty = {(8, 1): {"c", "b", "a"}, (8, 2): {"d", "b", "c"}}
    assert count_reasons(empty) == [("b", 2), ("c", 2), ("a", 1), ("d", 1)]


def test_composed_objectives_are_multiples_of_the_papers_chip() -> None:
    """Where the sweep has it; without it the number stands with its unit."""
    spec = {"layers": ["nt-we"], "objectives": ["edp_pj_us_mm2"]}
    wanted, _, rows, judged = answer(spec | {"axes": {"n_pes": [16, 64]}})
    best = find_best(judged, wanted.objectives)
    small, paper = rows
    ratio = small["edp_pj_us_mm2"] / paper["edp_pj_us_mm2"]
    text = f"(n_pes = 16): {ratio:.3g} times that of the paper's chip."
    assert describe_best(wanted, judged, best)[0].endswith(text)
    keys = ("edp_pj_us_mm2", "energy_pj")
    assert shorten(judged, judged, wanted, keys)[0] == {
        "edp_pj_us_mm2_over_paper": ratio, "energy_uj": small["energy_pj"] / 1e6,
    }  # fmt: skip
    wanted, _, _, judged = answer(spec | {"axes": {"n_pes": [16, 32]}})
    best = find_best(judged, wanted.objectives)
    assert describe_best(wanted, judged, best)[0].endswith(" pJ us mm2.")
    assert list(shorten(judged, judged, wanted, keys)[0]) == ["edp_pj_us_mm2", "energy_uj"]
