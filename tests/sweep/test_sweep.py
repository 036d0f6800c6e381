"""Sweeps: their points, that each is what a run of its own gives, and that none is lost."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import (
    Hardware,
    encode,
    estimate_area,
    load_benchmark,
    price_machine,
    simulate,
)
from eiesim.base.errors import ConfigError
from eiesim.catalog.matched import draw_matched
from eiesim.cli.main import main
from eiesim.runs.layer import run_layer
from eiesim.sweep import sweep
from eiesim.sweep.answers import find_best, find_front, sum_layers
from eiesim.sweep.journal import open_journal
from eiesim.sweep.metrics import METRICS, name_metrics
from eiesim.sweep.objectives import Objective
from eiesim.sweep.planning import plan_points
from eiesim.sweep.points import count_points, list_points
from eiesim.sweep.runner import collect_rows, run_points
from eiesim.sweep.shared import Encoded, share
from eiesim.sweep.spec import make_sweep, read_sweep
from tests.support import browser as look

SMALL = """
layers = ["tiny.toml", "nt-we"]
where = ["area_mm2 < 60"]
[axes]
n_pes = [16, 64]
queue_depth = { from = 2, to = 16, times = 2 }
spmat_width_bits = [32, 64]
"""
TINY = """
name = "tiny"
title = "a small layer"
inputs = 300
outputs = 200
weight_density = 0.1
activation_density = 0.5
"""


@pytest.fixture
def folder(in_folder: Path) -> Path:
    (in_folder / "tiny.toml").write_text(TINY)
    (in_folder / "spec.toml").write_text(SMALL)
    return in_folder


def test_points_of_a_grid_are_in_order() -> None:
    spec = make_sweep({"layers": ["a", "b"], "axes": {"n_pes": [4, 8], "queue_depth": [2, 3]}})
    points = list(list_points(spec))
    assert count_points(spec) == len(points) == 8
    assert [it.number for it in points] == list(range(8))
    assert [(it.layer, it.values["n_pes"], it.values["queue_depth"]) for it in points] == [
        (layer, pes, depth) for layer in "ab" for pes in (4, 8) for depth in (2, 3)
    ]


@pytest.mark.parametrize(
    ("given_axis", "values"),
    [
        ({"from": 2, "to": 16, "times": 2}, [2, 4, 8, 16]),
        ({"from": 2, "to": 11, "step": 3}, [2, 5, 8, 11]),
        ({"from": 5, "to": 5, "step": 1}, [5]),
        ([3, 9], [3, 9]),
    ],
)
def test_axes(given_axis: Any, values: list[int]) -> None:
    spec = make_sweep({"layers": ["a"], "axes": {"queue_depth": given_axis}})
    assert list(spec.axes["queue_depth"]) == values


def test_a_latin_hypercube_takes_each_value_as_often() -> None:
    axes = {"n_pes": [1, 2, 4, 8], "queue_depth": [2, 3, 4, 5, 6]}
    spec = make_sweep({"layers": ["a"], "axes": axes, "method": "latin", "points": 40, "seed": 3})
    points = list(list_points(spec))
    for axis, values in axes.items():
        counts = [sum(it.values[axis] == value for it in points) for value in values]
        assert counts == [40 // len(values)] * len(values)
    assert [it.values for it in points] == [it.values for it in list_points(spec)]
    other = replace(spec, seed=4)
    assert [it.values for it in points] != [it.values for it in list_points(other)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"layer": ["a"]}, "'layer': unknown, did you mean 'layers'?"),
        ({"layers": []}, "layers: expected names or files"),
        ({"axes": {"queue_dept": [2]}}, "axis 'queue_dept': unknown, did you mean 'queue_depth'?"),
        (
            {"axes": {"queue_depth": [1]}},
            "axis queue_depth: expected a whole number from 2 to 4096",
        ),
        ({"axes": {"queue_depth": []}}, "axis queue_depth: expected values"),
        ({"axes": {"queue_depth": [2, 2]}}, "expected each value once"),
        ({"axes": {"queue_depth": {"from": 2, "to": 8}}}, "one of step (above 0) and times"),
        ({"axes": {"queue_depth": {"from": 2, "to": 8, "step": 0}}}, "one of step (above 0)"),
        ({"axes": {"layer.weight_densty": [0.1]}}, "did you mean 'layer.weight_density'?"),
        ({"where": ["area < 5"]}, "did you mean 'area_mm2'?"),
        ({"where": ["area_mm2 ~ 5"]}, "expected METRIC < NUMBER"),
        ({"objectives": ["cycle"]}, "did you mean 'cycles'?"),
        ({"method": "latin"}, "points: expected 1 to"),
        ({"method": "list"}, "list: expected points"),
        ({"method": "gird"}, "did you mean 'grid'?"),
        ({"base": "none"}, "none"),
        ({"hardware": {"n_pe": 4}}, "did you mean 'n_pes'?"),
        ({"seed": -1}, "seed: expected 0 or more"),
        ({"points": "many"}, "points: expected a whole number"),
    ],
)
def test_wrong_files_are_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_sweep({"layers": ["a"], **change})
    assert told in str(caught.value)


def test_errors_tell_the_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.toml").write_text('layers = ["nt-we"]\n[axes]\nqueue_dept = [2]\n')
    assert main(["sweep", "bad.toml"]) == 2
    assert "bad.toml:3: axis 'queue_dept'" in capsys.readouterr().err
    assert not (folder / "bad.sqlite").exists()


AXES: dict[str, list[Any]] = {
    "n_pes": [1, 7, 64], "queue_depth": [2, 3, 9], "spmat_width_bits": [16, 64, 200],
    "index_bits": [2, 4], "broadcast_latency_cycles": [0, 3], "bias_row": [True, False],
    "datapath": ["float32", "fixed16"], "spmat_word_reuse": ["across_columns", "within_column"],
    "spmat_sram_bytes": [1 << 17, 300], "ptr_sram_bytes": [1 << 15, 200],
    "dram_gbps": [0.0, 0.5], "clock_mhz": [800.0, 333.0], "node_nm": [45.0, 32.0],
    "registers_per_pe": [64, 8], "act_batches": [False, True], "balance": [False, True],
    "layer.weight_density": [0.1, 0.3], "layer.seed": [0, 1], "multiplier": ["fixed16", "int32"],
    "dram": ["lpddr2", "hbm2"], "sram_cell": ["itrs-lstp", "itrs-hp"],
}  # fmt: skip


def test_every_point_is_what_a_run_of_its_own_gives(folder: Path) -> None:
    spec = {"layers": ["tiny.toml"], "axes": AXES, "method": "random", "points": 150, "seed": 1}
    table = sweep(spec, jobs=1)
    assert len(table) == 150
    priced = 0
    for row in table.to_dict("records"):
        hw = Hardware(
            **{key: row[key] for key in AXES if key in {it.name for it in fields(Hardware)}}
        )
        text = (
            TINY.replace("0.1", str(row["layer.weight_density"])) + f"seed = {row['layer.seed']}\n"
        )
        (folder / "own.toml").write_text(text)
        run = run_layer("own.toml", hw, price_machine(hw), balance=row["balance"])
        assert row["error"] is None
        assert row["cycles"] == run.result.cycles
        assert row["spmat_reads"] == run.result.counters.spmat_reads
        assert row["dram_bytes"] == run.result.dram_bytes
        assert row["load_balance"] == pytest.approx(run.result.load_balance, rel=1e-12)
        assert row["fits"] == all(use.fits for use in run.memories)
        if run.energy is None:
            assert np.isnan(row["energy_pj"])
            continue
        priced += 1
        assert row["energy_pj"] == pytest.approx(run.energy.total_pj, rel=1e-12)
        assert row["area_mm2"] == pytest.approx(estimate_area(hw).chip_mm2, rel=1e-12)
    assert priced > 10


@pytest.mark.usefixtures("folder")
def test_points_that_cannot_be_do_not_stop_the_rest() -> None:
    spec = {"layers": ["tiny.toml"], "axes": {"spmat_width_bits": [8, 64], "index_bits": [4, 6],
            "spmat_sram_bytes": [1 << 17, 1 << 40]}}  # fmt: skip
    table = sweep(spec, jobs=1)
    assert len(table) == 8
    wrong = table["error"].notna()
    assert wrong.sum() == 2
    assert "cannot hold an entry" in table["error"][wrong].iloc[0]
    # words of 8 bits and SRAMs of a terabyte: CACTI was not run for them
    assert table["energy_pj"][~wrong].isna().sum() == 4
    spec = {"layers": ["tiny.toml"], "axes": {"codebook_bits": [2, 4]}}
    errors = sweep(spec, jobs=1)["error"]
    assert "codebook has 4 bits" in errors[0]
    assert not isinstance(errors[1], str)


def run_to_csv(name: str, *words: str) -> str:
    assert main(["sweep", "spec.toml", "--out", name, *words]) == 0
    return (Path(name) / "points.csv").read_text()


@pytest.mark.usefixtures("folder")
def test_results_do_not_depend_on_workers_or_order() -> None:
    alone = run_to_csv("alone", "--store", "a", "--jobs", "1")
    assert alone.count("\n") == 1 + 2 * 2 * 4 * 2
    for jobs in ("2", "4"):
        assert run_to_csv(f"jobs{jobs}", "--store", f"s{jobs}", "--jobs", jobs) == alone
    for part in ("2/3", "3/3", "1/3"):
        shared = run_to_csv(f"part{part[0]}", "--store", "shared", "--jobs", "1", "--shard", part)
    assert shared == alone


def test_area_that_is_too_large_is_not_run(folder: Path) -> None:
    spec = replace(read_sweep("spec.toml"), where=())
    assert len(plan_points(spec).points) == 32
    (folder / "spec.toml").write_text(SMALL.replace("< 60", "< 20"))
    planned = plan_points(read_sweep("spec.toml"))
    assert (len(planned.points), len(planned.left_out)) == (16, 16)


def test_nothing_is_run_twice(folder: Path) -> None:
    spec = read_sweep("spec.toml")
    planned = plan_points(spec)
    with open_journal("store") as journal:
        assert run_points(planned, journal) == len(planned.points)
        assert run_points(planned, journal) == 0
        first = collect_rows(spec, planned, journal)
        more = replace(spec, axes={**spec.axes, "queue_depth": (*spec.axes["queue_depth"], 5)})
        wider = plan_points(more)
        assert run_points(wider, journal) == len(wider.points) - len(planned.points)
        # the layer's file is another one: half of the points are, too, and all of them larger
        (folder / "tiny.toml").write_text(TINY.replace("0.1", "0.2"))
        changed = plan_points(spec)
        assert run_points(changed, journal) == len(planned.points) // 2
        second = collect_rows(spec, changed, journal)
    for old, new in zip(first, second, strict=True):
        assert old["error"] is new["error"] is None
        assert (new["macs"] > 1.5 * old["macs"]) == (old["layer"] == "tiny.toml")


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_goes_on(folder: Path, times: int) -> None:
    """`kill -9` of the command, workers and all, at random moments."""
    text = SMALL.replace("to = 16", "to = 64").replace("[32, 64]", "[16, 32, 48, 64, 96, 128]")
    (folder / "spec.toml").write_text(text)
    undisturbed = run_to_csv("whole", "--store", "undisturbed", "--jobs", "2")
    moments = random.Random(times)
    command = [sys.executable, "-m", "eiesim", "sweep", "spec.toml", "--store", "killed"]
    for _ in range(times):
        process = subprocess.Popen([*command, "--jobs", "2"], stdout=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.3, 3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        with sqlite3.connect("killed") as store:
            assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert run_to_csv("resumed", "--store", "killed", "--jobs", "2") == undisturbed


def test_ctrl_c_keeps_what_is_done(folder: Path) -> None:
    (folder / "spec.toml").write_text(
        SMALL.replace("times = 2", "step = 1").replace("to = 16", "to = 4000")
    )
    command = [sys.executable, "-m", "eiesim", "sweep", "spec.toml", "--store", "s", "--jobs", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (Path("s").exists() and count_kept("s")):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert "kept in s: the same command goes on from there" in told
    assert "Traceback" not in told
    assert count_kept("s") > 0


def count_kept(path: str) -> int:
    try:
        with sqlite3.connect(path) as store:
            return int(store.execute("SELECT count(*) FROM results").fetchone()[0])
    except sqlite3.Error:
        return 0


FULL = """
import resource, signal, sys
from eiesim.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(["sweep", "spec.toml", "--store", "full", "--jobs", "1"]))
"""


@pytest.mark.parametrize("most_bytes", [3000, pytest.param(17_000, marks=pytest.mark.slow)])
def test_a_full_disk_is_told_and_the_store_stays_sound(folder: Path, most_bytes: int) -> None:
    (folder / "spec.toml").write_text(
        SMALL.replace("times = 2", "step = 1").replace("to = 16", "to = 90")
    )
    found = subprocess.run(
        [sys.executable, "-c", FULL, str(most_bytes)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 2
    assert "full: expected a store of eiesim sweep that can be written" in found.stderr
    assert "Traceback" not in found.stderr
    with sqlite3.connect("full") as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert run_to_csv("after", "--store", "full") == run_to_csv("whole", "--store", "other")


def test_targets_that_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "text").write_text("no database")
    with sqlite3.connect("other") as store:
        store.execute("CREATE TABLE mine (x)")
    for path in ("text", "other", "none/store", "."):
        assert main(["sweep", "spec.toml", "--store", path]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert "store of eiesim sweep" in told
    assert (folder / "text").read_text() == "no database"
    with open_journal("sound"):
        pass
    if os.geteuid():
        (folder / "sound").chmod(0o444)
        assert main(["sweep", "spec.toml", "--store", "sound"]) == 2


@pytest.mark.usefixtures("folder")
def test_writers_share_a_store() -> None:
    with open_journal("store") as one, open_journal("store") as other:
        one.write([("a", {"x": 1}), ("b", {"x": 2})])
        other.write([("b", {"x": 2}), ("c", {"x": 3})])
        assert dict(one.find("abcd")) == {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}}
    with pytest.raises(ValueError, match="float"), open_journal("store") as one:
        one.write([("e", {"x": float("nan")})])


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)), max_size=40))
def test_the_front_is_what_nothing_is_better_than(points: list[tuple[int, int, int]]) -> None:
    rows = [
        {"number": number, "cycles": a, "energy_pj": b, "load_balance": c, "meets": True}
        for number, (a, b, c) in enumerate(points)
    ]
    signed = [(a, b, -c) for a, b, c in points]
    wanted = [
        row
        for row, own in zip(rows, signed, strict=True)
        if not any(all(x <= y for x, y in zip(it, own, strict=True)) and it != own for it in signed)
    ]
    assert (
        find_front(rows, list(map(Objective.parse, ("cycles", "energy_pj", "-load_balance"))))
        == wanted
    )
    best = find_best(rows, list(map(Objective.parse, ("cycles", "-load_balance"))))
    if points:
        assert best["cycles"]["cycles"] == min(it[0] for it in points)
        assert best["-load_balance"]["load_balance"] == max(it[2] for it in points)


@pytest.mark.usefixtures("folder")
def test_a_machine_is_judged_by_all_layers() -> None:
    table = sweep("spec.toml", jobs=1)
    rows: list[dict[str, Any]] = [dict(row) for row in table.to_dict("records")]  # type: ignore[arg-type]
    sums = sum_layers(rows, ["n_pes", "queue_depth", "spmat_width_bits"], 64)
    assert len(sums) == len(rows) // 2
    for one, other, both in zip(rows[: len(sums)], rows[len(sums) :], sums, strict=True):
        assert both["cycles"] == one["cycles"] + other["cycles"]
        assert both["edp_pj_us"] == pytest.approx(
            (one["energy_pj"] + other["energy_pj"]) * (one["latency_us"] + other["latency_us"])
        )
        assert [name for name in both if name in METRICS] == name_metrics()


def test_files_and_answers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "spec.toml", "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["points"], plan["encodings"]) == (32, 4)
    assert not Path("spec.sqlite").exists()
    assert main(["sweep", "spec.toml", "--out", "out", "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "points: 32, done: 32" in printed
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert summary["points"]["not_run_yet"] == 0
    assert summary["front"]
    with (folder / "out" / "points.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 32
    assert set(name_metrics()) <= set(rows[0])
    assert main(["sweep", "spec.toml", "--shard", "4/3"]) == 2
    assert main(["sweep", "spec.toml", "--jobs", "-1"]) == 2
    assert main(["sweep", "spec.toml", "--parquet"]) == 2


@pytest.mark.usefixtures("folder")
def test_networks_are_swept_too() -> None:
    weights: dict[str, Any] = {
        "a.weight": np.random.default_rng(0).normal(size=(40, 30)).astype(np.float32),
        "b.weight": np.random.default_rng(1).normal(size=(10, 40)).astype(np.float32),
    }
    np.savez("net.npz", **weights)
    assert main(["import", "net.npz", "-o", "net.eie", "--set", "density=0.3"]) == 0
    axes = {"n_pes": [4, 8], "queue_depth": [2, 8], "balance": [False, True]}
    table = sweep({"layers": ["net.eie"], "axes": axes}, jobs=1)
    assert len(table) == 8
    assert table["error"].isna().all()
    fewer = table[table["n_pes"] == 4]["cycles"].to_numpy()
    assert (fewer > table[table["n_pes"] == 8]["cycles"].to_numpy()).all()
    wrong = sweep({"layers": ["net.eie"], "axes": {"layer.weight_density": [0.1]}}, jobs=1)
    assert "of drawn layers" in wrong["error"][0]


@pytest.mark.usefixtures("folder")
def test_parquet() -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    assert main(["sweep", "spec.toml", "--out", "out", "--parquet", "--jobs", "1"]) == 0
    table = parquet.read_table("out/points.parquet")
    assert table.num_rows == 32


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_dask_loses_a_worker_and_nothing_else() -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    alone = run_to_csv("alone", "--store", "a", "--jobs", "1")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as here:
        spec = read_sweep("spec.toml")
        planned = plan_points(spec)
        victim = next(iter(here.workers.values())).process.pid
        told: list[int] = []

        def kill_once(number: int) -> None:
            told.append(number)
            if len(told) == 2:
                os.kill(victim, signal.SIGKILL)

        with open_journal("dask") as journal:
            run_points(planned, journal, 2, here.scheduler_address, tell=kill_once)
    assert run_to_csv("dask_out", "--store", "dask", "--jobs", "1") == alone


@pytest.mark.usefixtures("folder")
def test_a_scheduler_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sweep", "spec.toml", "--scheduler", "nowhere"]
    assert main(words) == 2
    assert "scheduler" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_search_finds_what_the_whole_grid_has() -> None:
    axes = {
        "n_pes": [4, 8, 12, 16, 24, 32, 48, 64],
        "queue_depth": {"from": 2, "to": 33, "step": 1},
    }
    spec: dict[str, Any] = {"layers": ["tiny.toml", "nt-we"], "axes": axes,
                            "objectives": ["edp_pj_us"]}  # fmt: skip
    tables = {it: sweep({**spec, "method": it}, jobs=1) for it in ("grid", "narrow")}
    best = {}
    for method, table in tables.items():
        summed = table.groupby(["n_pes", "queue_depth"])[["energy_pj", "latency_us"]].sum()
        best[method] = (summed["energy_pj"] * summed["latency_us"]).min()
    assert best["narrow"] == pytest.approx(best["grid"], rel=0.01)
    assert len(tables["narrow"]) < len(tables["grid"]) / 4


@pytest.mark.usefixtures("folder")
def test_search_keeps_to_the_constraints() -> None:
    axes = {"n_pes": [4, 8, 16, 32, 64, 128], "queue_depth": [2, 4, 8, 16]}
    spec = {"layers": ["nt-we"], "axes": axes, "objectives": ["cycles"], "method": "narrow"}
    table = sweep({**spec, "where": ["area_mm2 < 30"]}, jobs=1)
    able = table[table["meets"]]
    whole = sweep({**spec, "where": ["area_mm2 < 30"], "method": "grid"}, jobs=1)
    assert able["cycles"].min() == whole[whole["meets"]]["cycles"].min()


@pytest.mark.parametrize("width", [1280, 360])
def test_page(in_folder: Path, width: int) -> None:
    (in_folder / "tiny.toml").write_text(TINY.replace("a small", "<script>hacked = 1</script>"))
    (in_folder / "spec.toml").write_text(SMALL)
    assert main(["sweep", "spec.toml", "--out", "out", "--jobs", "1"]) == 0
    with (
        look.open_browser() as browser,
        look.load_page(browser, in_folder / "out" / "index.html", width=width) as page,
    ):
        # three pairs of objectives, two maps, and all axes side by side
        assert look.check_figures(page) == 3 + 2 + 1
        assert look.find_overflow_px(page) <= 0
        assert look.find_ids_given_twice(page) == []
        assert look.find_faint_text(page) == {}
        assert page.evaluate("window.hacked") is None


def test_matched_layers_are_those_of_the_figures() -> None:
    operands = draw_matched("alex-8").operands
    table = sweep({"layers": ["matched/alex-8"], "axes": {"queue_depth": [2, 8]}}, jobs=1)
    image = encode(operands.layer, Hardware())
    for depth, cycles in zip((2, 8), table["cycles"], strict=True):
        hw = Hardware(queue_depth=depth)
        assert simulate(image, operands.activations, hw).cycles == cycles


def test_an_image_is_made_once_and_mapped(tmp_path: Path) -> None:
    benchmark = load_benchmark("alex-8")
    made: list[Encoded] = []

    def make() -> Encoded:
        made.append(Encoded(encode(benchmark.layer, Hardware()), benchmark.activations))
        return made[-1]

    first, second = (share(str(tmp_path), "a", make) for _ in range(2))
    assert len(made) == 1
    assert first is made[0]
    assert isinstance(second.image.columns.weights, np.memmap)
    assert isinstance(second.image.counts, np.memmap)
    assert second.image.decode() == benchmark.layer
    runs = [simulate(it.image, it.activations, Hardware()) for it in (first, second)]
    assert runs[0].counters.totals() == runs[1].counters.totals()
    assert np.array_equal(runs[0].output, runs[1].output)
    # nowhere to share, a folder that is gone: each makes its own
    for folder in ("", str(tmp_path / "gone")):
        share(folder, "a", make)
    assert len(made) == 3


def test_a_worker_that_was_killed_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eiesim.sweep.shared.LONGEST_WAIT_S", 0.1)
    benchmark = load_benchmark("nt-we")
    (tmp_path / "a.lock").mkdir()
    own = Encoded(encode(benchmark.layer, Hardware()), benchmark.activations)
    assert share(str(tmp_path), "a", lambda: own) is own


def test_progress_on_a_terminal(folder: Path) -> None:
    """Rate and time left, and nothing left of it but the answers."""
    (folder / "spec.toml").write_text(
        SMALL.replace("times = 2", "step = 1").replace("= 16", "= 900")
    )
    code = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    command = [sys.executable, "-m", "eiesim", "sweep", "spec.toml", "--jobs", "1"]
    found = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-2000:]
    assert re.search(r"\d+/7192", found.stdout)
    assert re.search(r"[\d,]+/s", found.stdout)
    assert "cycles: best of " in found.stdout


def test_page_tells_which_way_is_better(folder: Path) -> None:
    head, rest = SMALL.split("[axes]")
    objectives = 'objectives = ["cycles", "-load_balance"]'
    (folder / "spec.toml").write_text(f"{head}{objectives}\n[axes]{rest}")
    assert main(["sweep", "spec.toml", "--out", "out", "--jobs", "1"]) == 0
    assert "towards the upper left is better" in (folder / "out" / "index.html").read_text()
