"""The reference is whole: every option, key, counter and public name of the code has its entry."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

import eiesim
from docs import tables
from eiesim.base.schema import fields_of
from eiesim.cli.main import COMMANDS, build_parser
from eiesim.glossary import list_terms
from eiesim.image import archive
from tests.support.paths import DOCS, ROOT

REFERENCE = DOCS / "reference"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_that_help_prints(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    sections = re.split(r"^## eiesim ", tables.list_commands(), flags=re.MULTILINE)
    (section,) = (text for text in sections if text.startswith(f"{command}\n"))
    entries = "\n".join(line for line in section.splitlines() if line.startswith("`"))
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    options = re.findall(r"^  (?:-\w(?: \w+)?, )?(--[a-z-]+)", capsys.readouterr().out, re.M)
    assert set(options) >= {"--json", "--report"}
    missing = {option for option in options if f"`{option}" not in entries}
    assert missing == {"--help"}


def test_every_class_with_checked_fields_has_a_table() -> None:
    page = (REFERENCE / "keys.md").read_text("utf-8")
    asked = set(re.findall(r"\{from-code\} keys (\S+)", page))
    found = set()
    for path in (ROOT / "eiesim").rglob("*.py"):
        for text in re.split(r"^class ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            if re.search(r"\bvalidate\(self\)", text):
                module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                found.add(f"{module}.{re.findall(r'[A-Za-z_]+', text)[0]}")
    assert len(found) >= 4
    assert found <= asked
    for place in found:
        module, _, name = place.rpartition(".")
        keys = re.findall(r"^\| `(\w+)` \|", tables.list_keys(place), re.M)
        assert keys == list(fields_of(getattr(import_module(module), name)))


def test_every_term_has_one_entry() -> None:
    page = (REFERENCE / "names.md").read_text("utf-8")
    text = "\n".join(map(tables.list_names, re.findall(r"\{from-code\} names (\w+)", page)))
    entries = re.findall(r"^\| `(.+?)` \|", text, re.M)
    places = ("eiesim.hardware.Hardware", "eiesim.sweep.spec.OF_RUN")  # on the page of keys
    machine = "\n".join(map(tables.list_keys, places))
    entries += [
        name
        for name in re.findall(r"^\| `(\w+)` \|", machine, re.M)
        if list_terms()[name].section == "machine"
    ]
    assert sorted(entries) == sorted(list_terms())


def test_every_public_name_has_a_section() -> None:
    sections = re.findall(r"^## (\w+)$", tables.list_public(), re.MULTILINE)
    assert sorted(sections) == sorted(set(eiesim.__all__) - {"__version__"})


def test_the_parts_of_an_image_are_on_the_page_of_files() -> None:
    page = (REFERENCE / "files.md").read_text("utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith("| `.npz` of an image"))
    words = set(re.findall(r"`(\w+)`", row))
    assert set(archive.HEADER) | set(archive.ARRAYS) | {"header", "format", "version"} <= words
    assert f'"{archive.FORMAT}"' in row


def test_each_part_that_a_page_asks_for_is_there() -> None:
    pages = "".join(page.read_text("utf-8") for page in DOCS.rglob("*.md"))
    assert set(re.findall(r"\{from-code\} ([\w-]+)", pages)) == set(tables.TABLES)
