"""How long a command takes from its start to its end, against a second."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.conftest import SECOND, Ratios

NUMPY = "a Python that imports numpy"


def run(*words: str, **environment: str) -> None:
    command = [sys.executable, "-m", "eiesim", *words]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)


def test_numpy(measure: Any) -> None:
    command = [sys.executable, "-c", "import numpy"]
    measure(NUMPY, lambda: subprocess.run(command, check=True), rounds=20)


def test_help(measure: Any, ratios: Ratios) -> None:
    name = "python -m eiesim --help"
    measure(name, lambda: run("--help"), rounds=20)
    ratios.add(name, SECOND, 0.15)
    ratios.add(name, NUMPY)


def test_one_layer(measure: Any, ratios: Ratios) -> None:
    name = "eiesim run alex-8, compiled before"
    measure(name, lambda: run("run", "alex-8"), rounds=20)
    ratios.add(name, SECOND, 1.0)
    ratios.add(name, NUMPY)


def test_one_layer_for_the_first_time(measure: Any, tmp_path: Path, ratios: Ratios) -> None:
    name = "eiesim run alex-8, nothing compiled"
    folders = (str(tmp_path / str(number)) for number in range(10))
    measure(name, lambda: run("run", "alex-8", NUMBA_CACHE_DIR=next(folders)), rounds=1)
    ratios.add(name, SECOND, 8.0)
