"""Commands on the manual's pages, run as they stand, with what they print.

In a block ``console`` each line after ``$`` is run, and what stands below it is what it prints;
``...`` is any text. A ``code-block`` with a caption is a file of that name.
"""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from eiesim.cli.main import main
from tests.support.paths import DOCS

FENCE = re.compile(r"^(`{3,})(\S+)(?: (\S+))?\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FOLDERS = ("tutorial", "howto", "explanation")


class Block(NamedTuple):
    """A fenced block: its kind, the name of its file if any, and its lines."""

    kind: str
    file: str
    text: str


def list_blocks(page: Path) -> Iterator[Block]:
    for _, kind, _, text in FENCE.findall(page.read_text("utf-8")):
        caption = re.match(r":caption: (\S+)\n+", text)
        yield Block(kind, caption[1] if caption else "", text[caption.end() :] if caption else text)


def list_steps(block: Block) -> list[tuple[str, str]]:
    """Return each command of a block, with what it prints."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not parts[0].strip(), "a block console begins with a command"
    steps = (part.partition("\n") for part in parts[1:])
    return [(command, printed) for command, _, printed in steps]


def list_pages() -> list[Path]:
    pages = [DOCS / "faq.md", *(page for name in FOLDERS for page in (DOCS / name).glob("*.md"))]
    return sorted(page for page in pages if page.exists()
                  and any(block.kind == "console" for block in list_blocks(page)))  # fmt: skip


def run(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    program, *words = shlex.split(command, comments=True)
    if program == "python":
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
    assert program == "eiesim", f"{command}: blocks console hold what can be run here"
    capsys.readouterr()
    code = main(words)
    printed = capsys.readouterr()
    assert code == 0, (command, printed.err)
    return printed.out


@pytest.mark.parametrize("page", list_pages(), ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_commands(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for block in list_blocks(page):
        if block.file:
            Path(block.file).write_text(block.text, encoding="utf-8")
        if block.kind != "console":
            continue
        for command, wanted in list_steps(block):
            printed = run(command, capsys)
            if wanted.strip():
                alike = doctest.OutputChecker().check_output(wanted, printed, ALIKE)
                assert alike, f"{command}\n{printed}"


def test_no_command_stands_where_it_is_not_run() -> None:
    """A block ``sh`` is for what no test can run; what eiesim can stands in ``console``."""
    for name in FOLDERS:
        for page in (DOCS / name).glob("*.md"):
            blocks = [it for it in list_blocks(page) if it.kind in ("sh", "bash", "shell")]
            assert not [it for it in blocks if re.search(r"^\W*eiesim ", it.text, re.M)], page
