"""The command line as a user calls it, and what a refusal looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from eiesim.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        code = main(list(arguments))
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def check_refusal(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], message: str
) -> None:
    """One line that says what and where, exit code 2, nothing printed, nothing written."""
    if "--out" not in arguments and arguments[0] == "run":
        arguments = [*arguments, "--out", "results"]
    before = list_files(folder)
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert err.startswith("eiesim")
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    assert "error: " in err
    assert message in err
    assert out == ""
    assert list_files(folder) == before


def list_files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}
