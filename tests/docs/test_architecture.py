"""ARCHITECTURE.md: the files that it names are there, and short enough to be read in an hour."""

from __future__ import annotations

import re

from tests.support.paths import ROOT


def test_the_files_to_read_are_short() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    names = re.findall(r"^\d\. `((?:eiesim|tests)/[\w/]+\.py)`", page, re.M)
    assert len(names) == 7
    assert {name: len((ROOT / name).read_text("utf-8").splitlines()) < 300 for name in names} == (
        dict.fromkeys(names, True)
    )


def test_every_room_is_in_the_table() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page, re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    rooms = {path.parent.name for path in (ROOT / "eiesim").glob("*/__init__.py")}
    assert rooms <= named
