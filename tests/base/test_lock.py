"""The developers' list of versions has everything that pyproject.toml asks for, in its bounds."""

from __future__ import annotations

import tomllib

import pytest
from packaging.requirements import Requirement

from tests.support.paths import ROOT

LOCK = ROOT / "requirements-dev.txt"


def read_lock() -> list[Requirement]:
    lines = LOCK.read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.lstrip().startswith("#")]


def list_wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [
        Requirement(text) for text in (*project["dependencies"], *extras["dev"], *extras["docs"])
    ]


@pytest.mark.parametrize("wanted", list_wanted(), ids=lambda wanted: wanted.name)
def test_versions_are_within_the_bounds(wanted: Requirement) -> None:
    found = [locked for locked in read_lock() if locked.name.lower() == wanted.name.lower()]
    assert found, "make lock"
    for locked in found:
        (pin,) = locked.specifier
        assert pin.operator == "=="
        assert wanted.specifier.contains(pin.version, prereleases=True)


def test_no_host_is_named() -> None:
    text = LOCK.read_text("utf-8")
    assert "://" not in text
    assert "--index" not in text
