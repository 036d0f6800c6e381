"""Experiments as a whole: run, kept, judged, failed; and the design figures of the paper."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eiesim import Hardware, encode, simulate
from eiesim.base.published import PAPER_LAYERS, read_table
from eiesim.catalog.layers import load_benchmark
from eiesim.cli.main import main
from eiesim.paper import cache, registry
from eiesim.paper.eie import claims, figure8, partitioning, scaling, table1, table3
from eiesim.paper.experiment import Outcome
from eiesim.paper.parts.curves import Curve
from eiesim.paper.record import DONE, FAILED, Record, count_kinds, list_differences
from eiesim.paper.runner import plan_experiments, reproduce, run_experiments
from eiesim.paper.verdict import DIFFERS, IMPOSSIBLE, KINDS, MATCH, WITHIN
from tests.support.experiments import NOWHERE


def get(name: str) -> Record:
    return reproduce([name], NOWHERE)[name]


def run_all(names: list[str], data: Path = NOWHERE, jobs: int = 1) -> dict[str, Record]:
    plan = plan_experiments(names, data, fresh=False)
    told: list[str] = []
    done = {record.name: record for record in run_experiments(plan, data, jobs, told.append)}
    assert set(told) <= {f"{group.names[0]}: {step}" for group in plan.groups
                         for step in _steps(group.names[0])}  # fmt: skip
    return plan.records | done


def _steps(name: str) -> tuple[str, ...]:
    return registry.load_experiment(name).work.steps


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(folder))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.EXPERIMENTS)
def test_every_experiment_comes_without_real_data(name: str) -> None:
    """What needs it is told to be not reproducible here, and the rest stands; as JSON, too."""
    record = get(name)
    assert (record.state, record.title) == (DONE, registry.EXPERIMENTS[name].title)
    assert Record.from_json(record.to_json()).to_json() == record.to_json()
    assert sum(count_kinds([record]).values()) == len(record.verdicts) > 0
    assert {row["kind"] for row in record.verdicts} <= set(KINDS)
    assert Hardware().to_toml() == record.hardware_toml
    for row in record.verdicts:
        assert row["kind"] != DIFFERS or len(row["verdict"]) > len("differs because ") + 10
        counted = row["by_construction"] and row["kind"] in (MATCH, WITHIN)
        assert counted == ("by construction: " in row["verdict"])
    for chart in record.charts.values():
        assert chart.see.endswith(".")
    for rows in record.tables.values():
        assert len({tuple(row) for row in rows}) == 1  # every row has the same columns
    sources = {source["given"] for source in record.sources}
    assert sources or name in ("table1", "table2", "figure10")


def test_what_is_there_is_in_the_papers_order() -> None:
    names = ["figure6", "table4", "figure6", "dc_table1"]
    assert registry.choose(names) == ["table4", "figure6", "dc_table1"]
    assert registry.choose(["all"]) == [*registry.EXPERIMENTS]


def test_a_record_is_kept_and_not_computed_again(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = get("table1")
    assert [file.name for file in empty_cache.iterdir()] == ["table1.json"]
    refused = replace(table1.EXPERIMENT, judge=lambda _: pytest.fail("judged again"))
    monkeypatch.setattr(table1, "EXPERIMENT", refused)
    assert get("table1").to_json() == first.to_json()
    plan = plan_experiments(["table1"], NOWHERE, fresh=True)
    assert [group.names for group in plan.groups] == [("table1",)]


@pytest.mark.parametrize("damage", ["", "key\n{}", "{", "half"])
def test_a_damaged_record_is_computed_again(empty_cache: Path, damage: str) -> None:
    first = get("table1")
    file = empty_cache / "table1.json"
    text = file.read_text()
    file.write_text(text[: len(text) // 2] if damage == "half" else damage)
    assert get("table1").verdicts == first.verdicts
    assert file.read_text().split("\n")[0] == text.split("\n")[0]


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "file"))
    assert get("table1").state == DONE


def test_a_key_stands_for_the_data_that_is_read(tmp_path: Path) -> None:
    """A file that is changed, that is missing, or that another experiment reads."""
    keys = [cache.make_key("x", tmp_path, ("a",))]
    for text in ("1", "2"):
        (tmp_path / "a").write_text(text)
        keys.append(cache.make_key("x", tmp_path, ("a",)))
    keys += [cache.make_key("y", tmp_path, ("a",)), cache.make_key("x", tmp_path, ("b",))]
    assert len(set(keys)) == 5
    assert cache.make_key("x", tmp_path, ("a",)) == keys[2]


@pytest.mark.usefixtures("empty_cache")
def test_one_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> Outcome:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(table3, "EXPERIMENT", replace(table3.EXPERIMENT, judge=fail))
    records = run_all(["table1", "table3", "table4"])
    assert [record.state for record in records.values()].count(DONE) == 2
    assert (records["table3"].state, records["table3"].note) == (
        FAILED, "ZeroDivisionError: by nothing"
    )  # fmt: skip
    assert not (cache.find_folder() / "table3.json").exists()


@pytest.mark.usefixtures("empty_cache")
def test_a_failed_experiment_has_its_place_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command line and in two processes: a damaged file fails those that read it."""
    (tmp_path / "data" / "alex8").mkdir(parents=True)
    (tmp_path / "data" / "alex8" / "layer.npz").write_text("damaged")
    out = str(tmp_path / "out")
    words = ["reproduce", "table1", "table3", "figure8", "--jobs", "2", "--out", out, "--data"]
    assert main([*words, str(tmp_path / "data")]) == 1
    page = (tmp_path / "out" / "index.html").read_text()
    printed = capsys.readouterr().out
    for name in ("table3", "figure8"):
        assert f"{name}: failed: " in printed
        assert f'data-experiment="{name}"' in page
    assert page.count("layer.npz: expected a .npz or .npy file of plain arrays") >= 2
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    states = {name: one["state"] for name, one in summary["experiments"].items()}
    assert states == {"table1": DONE, "table3": FAILED, "figure8": FAILED}
    assert (tmp_path / "out" / "table1.csv").exists()
    assert not (tmp_path / "out" / "table3.csv").exists()
    with (tmp_path / "out" / "table1.csv").open(newline="") as stream:
        assert [row["kind"] for row in csv.DictReader(stream)].count("match") == 5


@pytest.mark.slow
def test_processes_give_what_one_gives(empty_cache: Path) -> None:
    names = ["table1", "table4", "figure6", "figure9"]
    alone = run_all(names)
    for file in empty_cache.iterdir():
        file.unlink()
    together = run_all(names, jobs=2)
    for name in names:
        assert replace(together[name], seconds=0) == replace(
            Record.from_json(alone[name].to_json()), seconds=0
        )


def wait_for_the_end_of(group: int) -> bool:
    """Return whether no process of a group is left; Python's own helpers end a little later."""
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="no process groups to interrupt")
def test_ctrl_c_keeps_what_is_done(empty_cache: Path, tmp_path: Path) -> None:
    """One line, exit code 130, no process left, no folder; what was finished is there later."""
    command = [sys.executable, "-m", "eiesim", "reproduce", "all", "--jobs", "2", "--out", "out",
               "--data", str(NOWHERE)]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    while not list(empty_cache.glob("*.json")):
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err) == (130, "eiesim: stopped\n")
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert wait_for_the_end_of(process.pid)
    kept = {file.stem for file in empty_cache.glob("*.json")}
    plan = plan_experiments(list(kept), NOWHERE, fresh=False)
    assert set(plan.records) == kept


def test_differences_are_listed_with_their_experiment() -> None:
    record = get("table1")
    differing = list_differences([record])
    assert [row["experiment"] for row in differing] == ["table1"] * count_kinds([record])[DIFFERS]


@pytest.fixture(scope="module")
def curves() -> list[Curve | None]:
    return list(scaling.WORK.compute(NOWHERE))


def test_scaling_counts_by_hand(curves: list[Curve | None]) -> None:
    """NT-We, 600 rows: cycles of each machine by itself; and with 64 PEs or more no PE holds more
    than 10 rows, so that there is no padding zero."""
    curve = next(c for c in curves if c is not None and c.layer == "nt-we")
    assert tuple(curve.points) == scaling.PES
    for n_pes, point in curve.points.items():
        assert point.n_pes == n_pes
        assert 0 < point.real_work <= 1
        assert point.entries <= n_pes * point.cycles
        assert (point.real_work == 1) == (n_pes >= 64)
    # the work is the same on every machine, padding apart
    assert len({point.macs for point in curve.points.values()}) == 1


def test_figures_11_to_13_say_what_the_text_says(curves: list[Curve | None]) -> None:
    for figure in (scaling.FIGURE_11, scaling.FIGURE_12, scaling.FIGURE_13):
        outcome = figure.judge(curves)
        assert all(verdict.within for verdict in outcome.verdicts)
        assert len(outcome.tables["curves"]) == 9 * len(scaling.PES)
        assert {row["speedup"] for row in outcome.tables["curves"] if row["n_pes"] == 1} == {1}
        (chart,) = outcome.charts.values()
        assert set(chart.panels[0].series) == set(PAPER_LAYERS)


def test_figure_8_deeper_queues_never_cost_cycles() -> None:
    parts = list(figure8.WORK.compute(NOWHERE))
    assert parts[-1] is None
    for curve in parts[:-1]:
        assert curve is not None
        cycles = [point.cycles for point in curve.points.values()]
        assert cycles == sorted(cycles, reverse=True)
        assert curve.lock_step <= curve.points[1].load_balance
    outcome = figure8.judge(parts)
    (idle,) = (it for it in outcome.verdicts if it.quantity == "idle cycles at label 1")
    assert idle.kind == DIFFERS
    # no queue at all is our explanation, and no number of the paper
    curves = [curve for curve in parts if curve is not None]
    lock_step = 100 * (1 - np.mean([curve.lock_step for curve in curves]))
    assert f"all PEs in lock-step, the drawn layers would idle {lock_step:.0f} %" in idle.reason
    assert not any("lock-step" in it.quantity for it in outcome.verdicts)


@pytest.mark.data
def test_figure_8_on_the_real_layer(shared_data: Path) -> None:
    """Cycles that the authors' simulator prints for 2 to 64 slots (alex8/golden.csv)."""
    with (shared_data / "alex8" / "golden.csv").open(newline="") as stream:
        golden = {
            int(row["fifo"]): int(row["cycles"])
            for row in csv.DictReader(stream)
            if row["word_entries"] == "8"
        }
    outcome = figure8.judge(figure8.WORK.compute(shared_data))
    found = {
        row["queue_depth"]: row["cycles"]
        for row in outcome.tables["curves"]
        if row["workload"] == "real"
    }
    assert {slots: found[slots] for slots in golden} == golden


def test_groups_of_pes_compute_the_same_product() -> None:
    """Partial sums of all groups add up to the layer's output; one group is EIE itself."""
    benchmark = load_benchmark("vgg-8")
    layer, activations, hw = benchmark.layer, benchmark.activations, Hardware()
    whole = simulate(encode(layer, hw), activations, hw)
    for groups in (1, 8, 64):
        parts = partitioning.run_groups(layer, activations, replace(hw, n_pes=64 // groups), groups)
        assert len(parts) == groups
        assert sum(part.counters.macs for part in parts) == whole.counters.macs
        total = np.sum([part.output for part in parts], axis=0, dtype=np.float64)
        np.testing.assert_allclose(total, whole.output, rtol=1e-3, atol=1e-4)
        if groups == 1:
            assert parts[0].cycles == whole.cycles


def test_partitioning_traffic_by_hand() -> None:
    """NT-LSTM, 1201 dense inputs and 2400 outputs, 64 PEs: each activation reaches 63 others, each
    output is summed over the groups; 7 of 8 of the 300 sums of a PE are handed on."""
    (divided,) = [
        part for part in partitioning.WORK.compute(NOWHERE)
        if part is not None and part[0].layer == "nt-lstm"
    ]  # fmt: skip
    rows, blocks, columns = divided
    assert (rows.activation_deliveries, rows.partial_sum_transfers) == (1201 * 63, 0)
    assert (rows.reduction_cycles, rows.accumulators_per_pe) == (0, 38)
    assert (blocks.activation_deliveries, blocks.partial_sum_transfers) == (1201 * 7, 2400 * 7)
    assert (blocks.reduction_cycles, blocks.accumulators_per_pe) == (263, 300)
    assert (columns.activation_deliveries, columns.partial_sum_transfers) == (0, 2400 * 63)
    assert columns.cycles == columns.product_cycles + 2363


@pytest.mark.slow
def test_every_claim_is_judged() -> None:
    """Each row of the table of claims, by `claims` itself or by the experiment that it names."""
    judged = {row["quantity"]: row for row in get("claims").verdicts}
    for row in read_table("paper/eie_claims"):
        if row["claim"] not in claims.ELSEWHERE:
            assert any(quantity.startswith(row["claim"]) for quantity in judged), row["claim"]
            continue
        experiment = get(claims.ELSEWHERE[row["claim"]])
        printed = {verdict["paper"] for verdict in experiment.verdicts}
        assert row["value"].removeprefix("about ") in printed, row["claim"]


def test_dense_throughput_by_hand() -> None:
    """EIE, section VI: 64 PEs, two operations each at 800 MHz, are 102.4 GOP/s."""
    judged = {row["quantity"]: row for row in get("claims").verdicts}
    assert judged["peak throughput on the compressed network, 64 PEs"]["ours"] == 102.4
    assert judged["critical path"]["kind"] == IMPOSSIBLE
