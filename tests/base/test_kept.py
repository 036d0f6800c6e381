"""Results that are kept: never those of another program, other data, or another file."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import Hardware
from eiesim.base import digest
from eiesim.base.digest import hash_folder, hash_program
from eiesim.base.resources import PACKAGE, models_path, traces_path
from eiesim.catalog import readers
from eiesim.catalog.model import import_model
from eiesim.energy.machine import price_machine
from eiesim.paper import cache, runner
from eiesim.paper.eie import table1
from eiesim.runs.layer import run_layer
from eiesim.sweep import evaluate, identity, sweep
from eiesim.sweep.journal import open_journal
from eiesim.sweep.planning import plan_points
from eiesim.sweep.runner import collect_rows, run_points
from eiesim.sweep.spec import make_sweep

KEEPERS = """
from pathlib import Path
import numpy as np
from eiesim.compress.stages import Stage, Stages
from eiesim.paper import cache
from eiesim.sweep.runner import plan_points
from eiesim.sweep.spec import make_sweep

made = []
Stages(Path("stages"), {}).run("one", {}, lambda: made.append(1) or Stage({"n": np.ones(1)}))
layer = "lenet-300-100/ip1"
planned = plan_points(make_sweep({"layers": [layer], "axes": {"queue_depth": [8]}}))
print("taken" if not made else "made")
print(cache.make_key("figure10", Path("nowhere"), ()))
print(planned.points[0].key)
"""


def ask_keepers(folder: Path) -> list[str]:
    """Return what the keepers of the program in a folder say: stage, record, point."""
    command = [sys.executable, "-B", "-c", KEEPERS]
    environment = {"PYTHONPATH": str(folder), "PATH": ""}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_every_keeper_depends_on_program_and_data(tmp_path: Path) -> None:
    """A file of each kind is changed, by a byte: nothing kept is taken after any of them."""
    skip = shutil.ignore_patterns("__pycache__")
    for source, name in ((PACKAGE, "eiesim"), (models_path(), "models"), (traces_path(), "traces")):
        if not (tmp_path / name).exists() and (name == "eiesim" or not (PACKAGE / name).is_dir()):
            shutil.copytree(source, tmp_path / name, ignore=skip)
    first = ask_keepers(tmp_path)
    assert first[0] == "made"
    assert ask_keepers(tmp_path) == ["taken", *first[1:]]
    seen = [first]
    for name in (
        "models/trained/lenet-5-seed0.dcz", "traces/lenet-5.npz",
        "eiesim/data/energy/cacti_sram.csv", "eiesim/sim/scan.py",
    ):  # fmt: skip
        path = tmp_path / name
        before, after = (b"CYCLES = 6", b"CYCLES = 600") if path.suffix == ".py" else (b"", b"\n")
        content = path.read_bytes()
        path.write_bytes(content.replace(before, after) if before else content + after)
        found = ask_keepers(tmp_path)
        assert found[0] == "made", name
        for earlier in seen:
            assert set(found[1:]).isdisjoint(earlier[1:]), name
        seen.append(found)


def test_a_digest_is_of_every_file_whatever_its_kind(tmp_path: Path) -> None:
    kinds = {path.suffix for root in (PACKAGE, models_path(), traces_path())
             for path in root.rglob("*") if path.is_file()} - {".pyc", ".nbi", ".nbc"}  # fmt: skip
    assert {".py", ".csv", ".toml", ".json", ".dcz", ".npz", ".css", ".js"} <= kinds
    found = [hash_folder(tmp_path)]
    for kind in (*sorted(kinds), ".of a kind to come"):
        path = tmp_path / "folder" / f"file{kind}"
        path.parent.mkdir(exist_ok=True)
        for content in (b"", b"1", b"2"):
            path.write_bytes(content)
            found.append(hash_folder(tmp_path))
    path.rename(path.with_name("another name"))
    found.append(hash_folder(tmp_path))
    assert len(set(found)) == len(found)
    # what Python and numba make of them, and what editors and file managers leave behind
    for name in ("__pycache__/file.pyc", ".DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    assert hash_folder(tmp_path) == found[-1]


@pytest.mark.parametrize("package", ["numpy", "scipy", "numba", "simpy", "torch", "python"])
def test_a_digest_is_of_the_versions_of_what_computes(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = digest._find_version
    before = hash_program()
    if package == "python":
        monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    monkeypatch.setattr(
        digest, "_find_version", lambda name: "another" if name == package else find(name)
    )
    assert hash_program.__wrapped__() != before


def test_a_tool_for_work_on_eiesim_changes_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    find = digest._find_version
    tools = ("ruff", "mypy", "pytest", "hypothesis", "playwright")
    monkeypatch.setattr(
        digest, "_find_version", lambda name: "another" if name in tools else find(name)
    )
    assert hash_program.__wrapped__() == hash_program()


# what was hashed is what is read


def write_layer(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, 16, (40, 60)) * (rng.random((40, 60)) < 0.1 * (1 + seed % 7))
    codebook = np.append(0, rng.normal(size=15)).astype(np.float32)
    act = rng.normal(size=60).astype(np.float32)
    np.savez(path, codes=codes.astype(np.uint8), codebook=codebook, act=act)


def write_description(path: Path, seed: int) -> None:
    path.write_text(
        f'name = "drawn"\ntitle = "drawn"\ninputs = 60\noutputs = 40\nseed = {seed}\n'
        f"weight_density = {0.1 * (1 + seed % 7)}\nactivation_density = 0.5\n"
    )


def write_input(path: Path, seed: int) -> None:
    act = np.zeros(60, np.float32)
    act[: 5 + 7 * (seed % 7)] = seed + 1
    np.save(path, act)


def write_network(path: Path, seed: int) -> None:
    import_model(models_path() / "trained" / f"lenet-300-100-seed{seed % 2}.dcz").model.save(path)


FILES: dict[str, Callable[[Path, int], None]] = {
    "layer.npz": write_layer, "drawn.toml": write_description, "given.npy": write_input,
    "network.eie": write_network,
}  # fmt: skip


def make_spec(folder: Path, name: str) -> Any:
    axes: dict[str, Any] = {"queue_depth": [2, 8], "n_pes": [16]}
    layer = name
    if name == "given.npy":
        layer = "layer.npz"
        axes["inputs"] = [name]
        write_layer(folder / layer, 3)
    return make_sweep({"layers": [layer], "axes": axes})


@pytest.fixture(autouse=True)
def _nothing_in_memory() -> None:
    """What other tests have read is forgotten."""
    forget()


def forget() -> None:
    for kept in (evaluate._prepare_shared, evaluate._load_operands, evaluate._load_network):
        kept.cache_clear()


def count_kept(store: str) -> int:
    with closing(sqlite3.connect(store)) as connection:
        return int(connection.execute("SELECT count(*) FROM results").fetchone()[0])


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_exported_again_meanwhile_is_not_taken_for_the_old_one(
    in_folder: Path, name: str
) -> None:
    write = FILES[name]
    write(in_folder / name, 10)
    spec = make_spec(in_folder, name)
    with open_journal("store") as journal:
        planned = plan_points(spec)
        write(in_folder / name, 11)
        run_points(planned, journal)
        rows = collect_rows(spec, planned, journal)
        again = plan_points(spec)
        assert run_points(again, journal) == 2
        anew = collect_rows(spec, again, journal)
    for row in rows:
        assert row["error"] == (
            f"{name}: expected the file that the sweep began with, found another; run the sweep "
            "again"
        )
        assert row["cycles"] is None
    assert count_kept("store") == 2
    assert [row["error"] for row in anew] == [None, None]
    assert [row["cycles"] for row in anew] == sweep_alone(spec)
    write(in_folder / name, 10)
    assert [row["cycles"] for row in anew] != sweep_alone(spec)


def sweep_alone(spec: Any) -> list[int]:
    """Return the cycles of a sweep that keeps nothing and begins anew."""
    forget()
    planned = plan_points(spec)
    with open_journal(":memory:") as journal:
        run_points(planned, journal)
        return [row["cycles"] for row in collect_rows(spec, planned, journal)]


def test_a_file_that_is_exported_again_while_it_is_read(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_layer(in_folder / "layer.npz", 20)
    spec, load = make_spec(in_folder, "layer.npz"), readers.load_layer

    def read(given: str) -> Any:
        write_layer(in_folder / "layer.npz", 21)
        return load(given)

    monkeypatch.setattr(evaluate, "load_layer", read)
    with open_journal("store") as journal:
        run_points(plan_points(spec), journal)
    assert count_kept("store") == 0


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_away_for_a_moment_is_no_failure_for_good(
    in_folder: Path, name: str
) -> None:
    FILES[name](in_folder / name, 30)
    spec = make_spec(in_folder, name)
    planned = plan_points(spec)
    (in_folder / name).rename("away")
    with open_journal("store") as journal:
        run_points(planned, journal)
        assert all(name in row["error"] for row in collect_rows(spec, planned, journal))
        assert count_kept("store") == 0
        (in_folder / "away").rename(name)
        assert run_points(planned, journal) == 2
    with open_journal("store") as journal:
        assert run_points(planned, journal) == 0
        assert [row["error"] for row in collect_rows(spec, planned, journal)] == [None, None]


def test_what_a_machine_cannot_run_is_kept(in_folder: Path) -> None:
    """It is so for good: what is kept says why."""
    write_layer(in_folder / "layer.npz", 40)
    spec = make_sweep({"layers": ["layer.npz"], "axes": {"codebook_bits": [2, 4]}})
    planned = plan_points(spec)
    with open_journal("store") as journal:
        assert run_points(planned, journal) == 2
    with open_journal("store") as journal:
        assert run_points(planned, journal) == 0
        first, second = collect_rows(spec, planned, journal)
    assert "codebook has 4 bits" in first["error"]
    assert second["error"] is None


def test_a_worker_with_another_program_gives_no_result(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one of a cluster where eiesim was installed at another time."""
    write_layer(in_folder / "layer.npz", 50)
    spec = make_spec(in_folder, "layer.npz")
    planned = plan_points(spec)
    monkeypatch.setattr(identity, "hash_program", lambda: "of another program")
    with open_journal("store") as journal:
        run_points(planned, journal)
        rows = collect_rows(spec, planned, journal)
    assert all("expected the program and packages" in row["error"] for row in rows)
    assert count_kept("store") == 0


def test_layers_of_one_trained_network_are_not_one_another() -> None:
    """They lie in one file."""
    names = ["lenet-300-100/ip1", "lenet-300-100/ip2", "lenet-300-100/ip3"]
    table = sweep({"layers": names, "axes": {"queue_depth": [8]}}, jobs=1)
    hw = Hardware()
    alone = [run_layer(name, hw, price_machine(hw)).result.cycles for name in names]
    assert table["cycles"].tolist() == alone
    assert len(set(alone)) == 3


def test_a_record_of_data_that_changed_meanwhile_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    file, work = tmp_path / "data", table1.WORK
    for changes in (True, False):
        file.write_text("before")

        def change(data: Path, changes: bool = changes) -> Any:
            yield from work.compute(data)
            if changes:
                file.write_text("after")

        changed = replace(work, compute=change, reads=("data",))
        monkeypatch.setattr(table1, "EXPERIMENT", replace(table1.EXPERIMENT, work=changed))
        plan = runner.plan_experiments(["table1"], tmp_path, fresh=False)
        (record,) = runner.run_experiments(plan, tmp_path, 1, lambda _: None)
        assert record.state == "done"
        assert (cache.load("table1", plan.keys["table1"]) is None) == changes
