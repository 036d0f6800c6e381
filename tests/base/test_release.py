"""The version is written once, and what cites or announces it says the same."""

from __future__ import annotations

import re
import tomllib

import eiesim
from eiesim.base.resources import PACKAGE
from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_the_version_has_one_place() -> None:
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]


def test_the_citation_has_the_version() -> None:
    assert re.findall(r"^version: (.+)$", read("CITATION.cff"), re.M) == [eiesim.__version__]


def test_the_newest_entry_of_the_changelog_is_of_the_version() -> None:
    newest = re.search(r"^## (\S+)", read("CHANGELOG.md"), re.M)
    assert newest is not None
    assert newest[1] == eiesim.__version__


def test_types_are_shipped() -> None:
    """With a marker, type checkers read the annotations of the installed package (PEP 561)."""
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert (PACKAGE / "py.typed").is_file()
    assert "py.typed" in read(".ci/run")  # where the wheel is installed


def test_pandas_is_an_extra() -> None:
    names = [re.split(r"[>=<\[; ]", line)[0] for line in PROJECT["dependencies"]]
    assert "pandas" not in names
    assert PROJECT["optional-dependencies"]["tables"]


def test_the_workflow_tests_each_python_that_is_promised() -> None:
    listed = re.search(r"^ +python: \[(.+)\]$", read(".github/workflows/ci.yml"), re.M)
    assert listed is not None
    pythons = listed[1].replace('"', "").split(", ")
    prefix = "Programming Language :: Python :: 3."
    promised = [line.split(" :: ")[-1] for line in PROJECT["classifiers"] if prefix in line]
    assert pythons[: len(promised)] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_the_workflow_holds_no_secret() -> None:
    assert "secrets." not in read(".github/workflows/ci.yml")
