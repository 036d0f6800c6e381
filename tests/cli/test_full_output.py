"""Output that nobody reads, or that finds no room: an exit code and a line, never Python's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORDS = [["--help"], ["--version"], ["run", "--help"], ["reproduce", "--list"], ["chip", "--json"]]
FULL = "/dev/full"


def run(words: list[str], buffered: bool, **streams: int) -> tuple[int, str]:
    options = os.environ | {"PYTHONUNBUFFERED": "" if buffered else "1"}
    command = [sys.executable, "-m", "eiesim", *words]
    given = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE} | streams
    done = subprocess.run(command, env=options, text=True, check=False, **given)  # type: ignore[call-overload]
    return done.returncode, done.stderr


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("words", WORDS)
def test_a_closed_pipe(words: list[str], buffered: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert run(words, buffered, stdout=writer) == (141, "")
    finally:
        os.close(writer)


@pytest.mark.skipif(not Path(FULL).is_char_device(), reason=f"no {FULL} here")
@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("words", WORDS)
def test_a_full_device(words: list[str], buffered: bool) -> None:
    with Path(FULL).open("w") as full:
        assert run(words, buffered, stdout=full.fileno()) == (
            2, "eiesim: error: cannot write the output: No space left on device\n",
        )  # fmt: skip


@pytest.mark.skipif(not Path(FULL).is_char_device(), reason=f"no {FULL} here")
@pytest.mark.parametrize("words", [["run", "alex-9"], ["run", "--frob"], ["frob"], ["--version"]])
def test_errors_that_find_no_room(words: list[str]) -> None:
    """The exit code is what it would be."""
    with Path(FULL).open("w") as full:
        code, _ = run(words, True, stderr=full.fileno())
    assert code == (0 if words == ["--version"] else 2)
