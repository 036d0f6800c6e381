"""docs/howto/change.md: its diffs fit the code, and with them its commands print what it says."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import DOCS, ROOT

TEXT = (DOCS / "howto" / "change.md").read_text("utf-8")
CHANGES = dict(re.findall(r"^## (A .*?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
BLOCK = re.compile(
    r"^```\{code-block\} (\w+)\n(?::caption: (\S+)\n\n)?(.*?)^```$", re.MULTILINE | re.DOTALL
)
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
every = pytest.mark.parametrize("change", CHANGES)
TESTS = {
    "A hardware parameter": "tests/sim/test_conformance.py::test_engines_agree "
    "tests/sim/test_conformance.py::test_cycles_and_words_are_the_contracts",
    "A counter": "tests/sim/test_conformance.py::test_engines_agree tests/runs/test_explain.py",
    "A format": "tests/importers/test_matrix_market.py",
}
"""Tests of the code with the change; the page says what is left of the others."""


def apply_change(change: str, root: Path) -> None:
    for kind, file, text in BLOCK.findall(CHANGES[change]):
        path = root / file
        if kind == "python":
            path.write_text(text, encoding="utf-8")
        elif kind == "diff":
            content = path.read_text("utf-8")
            for hunk in re.split(r"^@@\n", text, flags=re.MULTILINE):
                lines = hunk.splitlines(keepends=True)
                old = "".join(line[1:] for line in lines if not line.startswith("+"))
                assert content.count(old) == 1, f"{file}: the page's diff does not fit:\n{hunk}"
                new = "".join(line[1:] for line in lines if not line.startswith("-"))
                content = content.replace(old, new)
            path.write_text(content, encoding="utf-8")


def copy_project(root: Path) -> None:
    skipped = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
    for folder in ("eiesim", "models", "traces", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=skipped)
    for file in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / file, root)


def run(words: list[str], root: Path) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=root, env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_are_five_changes() -> None:
    assert len(CHANGES) == 5
    assert TESTS.keys() <= CHANGES.keys()


@every
def test_diffs_fit_the_code(change: str, tmp_path: Path) -> None:
    for _, file, _ in BLOCK.findall(CHANGES[change]):
        if file:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / file).exists():
                shutil.copy(ROOT / file, tmp_path / file)
    apply_change(change, tmp_path)


@pytest.mark.slow
@every
def test_commands_with_the_change(change: str, tmp_path: Path) -> None:
    copy_project(tmp_path)
    apply_change(change, tmp_path)
    if change in TESTS:
        run(["-m", "pytest", "-q", *TESTS[change].split()], tmp_path)
    for kind, _, text in BLOCK.findall(CHANGES[change]):
        for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:] if kind == "console" else ():
            command, _, wanted = step.partition("\n")
            program, *words = shlex.split(command)
            module = ["-m", "eiesim"] if program == "eiesim" else []
            printed = run([*module, *words], tmp_path)
            assert doctest.OutputChecker().check_output(wanted, printed, ALIKE), printed
