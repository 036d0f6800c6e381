"""`sweep` from a plain script, without a guard and without being asked for processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eiesim.base.errors import ConfigError
from eiesim.cli.main import main
from eiesim.sweep import cost, sweep
from eiesim.sweep import runner as run
from eiesim.sweep.cost import choose_jobs, count_cores
from eiesim.sweep.planning import plan_points
from eiesim.sweep.points import list_tasks
from eiesim.sweep.spec import make_sweep

SCRIPT = """
from eiesim.sweep import sweep
print("begun", flush=True)
axes = {"n_pes": [16, 64], "queue_depth": [2, 8]}
table = sweep({"layers": ["nt-we", "nt-wd"], "axes": axes}, jobs=2, scheduler=SCHEDULER)
print(list(table["cycles"]), table["error"].isna().all())
"""


@pytest.mark.parametrize("scheduler", ["", pytest.param("local", marks=pytest.mark.slow)])
def test_a_plain_script_needs_no_guard(in_folder: Path, scheduler: str) -> None:
    if scheduler:
        pytest.importorskip("distributed", reason="Dask is not installed")
    (in_folder / "plain.py").write_text(SCRIPT.replace("SCHEDULER", repr(scheduler)))
    found = subprocess.run(
        [sys.executable, "plain.py"], capture_output=True, text=True, check=False
    )
    axes = {"n_pes": [16, 64], "queue_depth": [2, 8]}
    alone = sweep({"layers": ["nt-we", "nt-wd"], "axes": axes}, jobs=1)
    assert "Traceback" not in found.stderr
    assert found.returncode == 0
    # the script is run once, not by each worker as well
    assert found.stdout == f"begun\n{list(alone['cycles'])} True\n"


def list_own(layers: list[str], axes: dict[str, Any]) -> Any:
    return list(list_tasks(plan_points(make_sweep({"layers": layers, "axes": axes})).points))


def test_little_work_stays_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "count_cores", lambda: 7)
    little = list_own(["nt-we"], {"n_pes": [16, 64]})
    much = list_own(["vgg-6", "alex-6"], {"n_pes": [4, 8, 16, 32, 64], "index_bits": [2, 3, 4]})
    assert choose_jobs(None, little) == 1
    assert choose_jobs(None, much) == 7
    assert choose_jobs(3, little) == choose_jobs(3, much) == 3


def test_little_work_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Any:
        raise AssertionError("a process was started")

    monkeypatch.setattr(cost, "count_cores", lambda: 7)
    monkeypatch.setattr(run, "run_in_processes", refuse)
    spec = {"layers": ["nt-we", "nt-wd"], "axes": {"n_pes": [16, 64]}}
    assert len(sweep(spec)) == 4
    with pytest.raises(AssertionError, match="a process was started"):
        sweep(spec, jobs=2)


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_processes_are_refused(jobs: int, in_folder: Path) -> None:
    with pytest.raises(ConfigError, match=f"jobs: expected 1 or more processes, found {jobs}"):
        sweep({"layers": ["nt-we"], "axes": {"n_pes": [64]}}, "store", jobs=jobs)
    (in_folder / "spec.toml").write_text('layers = ["nt-we"]\n[axes]\nn_pes = [64]\n')
    assert main(["sweep", "spec.toml", "--jobs", str(jobs)]) == 2
    assert [it.name for it in in_folder.iterdir()] == ["spec.toml"]


def test_cores_are_those_that_may_be_used() -> None:
    assert count_cores() >= 1
