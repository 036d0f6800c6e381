"""A user without a home, as in containers: no HOME, and no entry for the user's number."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eiesim.base.caches import VARIABLE, find_caches, share_caches
from eiesim.base.errors import EieError
from eiesim.paper.cache import FOLDER_VARIABLE, find_folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files of such a user."""
    pwd = pytest.importorskip("pwd", reason="no users as on Unix")

    def find_nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", find_nobody)
    for name in ("HOME", VARIABLE, "LOCALAPPDATA", FOLDER_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_caches_are_among_temporary_files_and_private(temporary: Path) -> None:
    with pytest.raises(RuntimeError):  # what is asked for is the case
        Path.home()
    folder = find_caches()
    assert folder.parent == temporary
    assert folder.stat().st_mode & 0o077 == 0
    assert find_folder() == folder / "eiesim"
    share_caches()
    assert os.environ[VARIABLE] == str(folder)
    assert find_folder() == folder / "eiesim"


@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_caches_of_others_are_not_trusted(temporary: Path, kind: str) -> None:
    folder = temporary / f"eiesim-{os.getuid()}"
    if kind == "open":
        folder.mkdir()
        folder.chmod(0o777)
    elif kind == "link":
        folder.symlink_to(temporary)
    else:
        folder.touch()
    with pytest.raises(EieError, match=f"expected a folder that nobody else .* set {VARIABLE}"):
        find_caches()


@pytest.mark.usefixtures("temporary")
def test_what_is_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "somewhere")
    share_caches()
    assert find_folder() == Path("somewhere/eiesim")
    monkeypatch.setenv(FOLDER_VARIABLE, "own")
    assert find_folder() == Path("own")
    assert not Path("somewhere").exists()


def test_with_a_home_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (VARIABLE, "LOCALAPPDATA", FOLDER_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    share_caches()
    assert VARIABLE not in os.environ
    assert find_folder() == tmp_path / ".cache" / "eiesim"
