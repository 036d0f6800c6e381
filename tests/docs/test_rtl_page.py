"""docs/rtl.md: its tables are those of the program, and its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from eiesim.base.checksums import SUMS
from eiesim.base.memory_text import FORMATS
from eiesim.image.memories import list_files
from tests.support.commands import run
from tests.support.pages import read_table
from tests.support.paths import DOCS


def test_the_table_of_formats_is_whole() -> None:
    names = [name.partition(" ")[0].strip("`") for name, *_ in read_table("rtl.md", "| format |")]
    assert names == list(FORMATS)


def test_the_table_of_files_is_whole_and_in_order() -> None:
    names = [name.strip("`") for name, _ in read_table("rtl.md", "| file | what is in it")]
    names.remove(SUMS)
    assert [name.replace("<k>", "0") for name in names] == list_files(1, "hex")


@pytest.mark.slow
def test_its_commands_run(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```\n(eiesim .*?)```", (DOCS / "rtl.md").read_text("utf-8"), re.DOTALL)
    commands = "".join(blocks).splitlines()
    assert len(commands) == 4
    for command in commands:
        code, _, err = run(capsys, *shlex.split(command)[1:])
        assert code == 0, f"{command}: {err}"
    assert (in_folder / "data/ptr/ptr63.dat").is_file()
