"""Import contracts hold for every module, for those to come as well."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from eiesim.base.resources import PACKAGE

PROJECT = PACKAGE.parent / "pyproject.toml"
CHECK = "from importlinter.cli import lint_imports_command as check; check()"
WRONG = {
    "simpy": ("inference/execution.py", "import simpy"),
    "simpy in a module to come": ("sim/another.py", "import simpy"),
    "numba": ("image/encode.py", "from numba import njit"),
    "torch": ("training/curves.py", "import torch"),
    "matplotlib": ("report/page.py", "from matplotlib import figure"),
    "pandas": ("sweep/runner.py", "import pandas"),
    "the models": ("sim/golden.py", "from eiesim.sim import bounds"),
    "the import ladder": ("hardware.py", "from eiesim.image import encode"),
    "the import ladder: a module to come": ("another.py", "import eiesim.cli.main"),
}

pytestmark = [
    pytest.mark.skipif(not PROJECT.is_file(), reason="contracts are in the project's folder"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(PROJECT, folder)
    skip = shutil.ignore_patterns("__pycache__", "data", "models", "traces")
    shutil.copytree(PACKAGE, folder / "eiesim", ignore=skip)
    return folder


def find_broken(folder: Path) -> list[str]:
    """Return the names of the contracts that do not hold."""
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [sys.executable, "-c", CHECK, "--no-cache"],
        cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    kept = re.findall(r"^(.+) KEPT", done.stdout, re.M)
    broken = re.findall(r"^(.+) BROKEN", done.stdout, re.M)
    names = [
        it["name"] for it in tomllib.loads(PROJECT.read_text())["tool"]["importlinter"]["contracts"]
    ]
    assert sorted(kept + broken) == sorted(names), done.stdout + done.stderr
    return broken


def test_contracts_hold(copy: Path) -> None:
    assert find_broken(copy) == []


@pytest.mark.parametrize("what", WRONG)
def test_an_import_that_must_not_be_breaks_its_contract(what: str, copy: Path) -> None:
    name, line = WRONG[what]
    path = copy / "eiesim" / name
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        (broken,) = find_broken(copy)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
    assert what.partition(" in ")[0].partition(":")[0] in broken
