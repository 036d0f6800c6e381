"""What all commands share is declared in one place."""

from __future__ import annotations

import argparse
import ast
import json
from pathlib import Path

import numpy as np
import pytest

from eiesim.cli import common
from eiesim.cli.main import COMMANDS, build_parser
from tests.support.commands import run
from tests.support.paths import ROOT

FOLDER = ROOT / "eiesim" / "cli"


def find_commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command by its name."""
    (action,) = (
        action
        for action in build_parser()._actions  # argparse has no public way
        if isinstance(action, argparse._SubParsersAction)
    )
    return dict(action.choices)


def list_flags(parser: argparse.ArgumentParser) -> set[str]:
    return {flag for action in parser._actions for flag in action.option_strings}


def test_every_command_has_what_common_declares() -> None:
    bare = argparse.ArgumentParser(add_help=False)
    common.add_arguments(bare)
    declared = list_flags(bare)
    assert declared == {"--json", "--all", "-o", "--out", "--report"}
    commands = find_commands()
    assert set(commands) == set(COMMANDS)
    for name, parser in commands.items():
        assert declared <= list_flags(parser), name


def test_a_new_flag_is_one_change(monkeypatch: pytest.MonkeyPatch) -> None:
    declare = common.add_arguments

    def declare_more(parser: argparse.ArgumentParser, target: str | None = None) -> None:
        declare(parser, target)
        parser.add_argument("--frob")

    monkeypatch.setattr(common, "add_arguments", declare_more)
    for name, parser in find_commands().items():
        assert "--frob" in list_flags(parser), name


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_no_command_declares_them_itself(file: Path) -> None:
    calls = (node for node in ast.walk(ast.parse(file.read_text("utf-8")))
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
             and node.func.attr == "add_argument")  # fmt: skip
    words = {arg.value for call in calls for arg in call.args if isinstance(arg, ast.Constant)}
    assert file.stem == "common" or not words & {"--json", "--out", "--report"}


@pytest.mark.usefixtures("in_folder")
def test_commands_that_write_a_file_give_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    """The file is there, and JSON and a page of the report beside it."""
    np.savez("net.npz", fc=np.eye(3, 4, dtype=np.float32))
    code, out, err = run(capsys, "import", "net.npz", "-o", "net.eie", "--json", "--report", "i")
    assert (code, err) == (0, "written: net.eie\nwritten: i\n")
    assert [step["step"] for step in json.loads(out)["steps"]] == ["fc"]
    assert "net, imported" in Path("i").read_text("utf-8")
    words = ("export", "net.eie", "--to", "safetensors", "-o", "net.safetensors", "--report", "e")
    assert run(capsys, *words) == (0, "", "written: net.safetensors\nwritten: e\n")
    code, out, _ = run(capsys, *words, "--json")
    content = json.loads(out)
    assert (code, content["schema"], content["form"]) == (0, "eiesim export 1", "safetensors")
    assert content["file"] == "net.safetensors"
