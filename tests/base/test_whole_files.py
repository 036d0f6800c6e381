"""Units, files and folders that are there whole or not at all, null in every form of a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from eiesim import Hardware
from eiesim.base import tables
from eiesim.base.errors import EieError
from eiesim.base.files import MANIFEST, new_folder, replacing
from eiesim.base.units import bits_to_bytes, cycles_to_us
from eiesim.report.report import Report


def test_units() -> None:
    """800 cycles at 800 MHz take a microsecond."""
    assert cycles_to_us(800, 800) == 1
    assert cycles_to_us(600, 1200) == 0.5
    assert [bits_to_bytes(bits) for bits in (0, 1, 8, 9)] == [0, 1, 1, 2]


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def stop_half_way() -> None:
        with new_folder(tmp_path / "deep" / "run") as folder:
            (folder.work / "half").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_half_way()
    assert list(tmp_path.iterdir()) == []
    for name in ("run", "run-2"):
        with new_folder(tmp_path / "run") as folder:
            (folder.work / "file").write_text("whole")
        assert (tmp_path / name / "file").read_text() == "whole"


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")

    def stop_half_way() -> None:
        with replacing(file) as stream:
            stream.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_half_way()
    assert file.read_text() == "old"
    with replacing(file) as stream:
        stream.write(b"new")
    assert file.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(EieError, match="cannot be written: Is a directory"), replacing(tmp_path):
        pass


def test_a_folder_is_replaced_only_if_eiesim_wrote_it(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with new_folder(tmp_path / "run", replace=True) as folder:
            (folder.work / MANIFEST).write_text('{"versions": {"eiesim": "1"}}')
            (folder.work / f"{text}.csv").write_text(text)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [MANIFEST, "new.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]

    def stop_half_way() -> None:
        with new_folder(tmp_path / "run", replace=True) as folder:
            (folder.work / "half").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_half_way()
    assert (tmp_path / "run" / "new.csv").read_text() == "new"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    (tmp_path / "mine" / MANIFEST).write_text('{"name": "an app"}')
    with (
        pytest.raises(EieError, match=r"mine: expected a folder that eiesim wrote, with manifest"),
        new_folder(tmp_path / "mine", replace=True),
    ):
        pass
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


def test_null_is_null_in_every_form() -> None:
    rows = [{"a": None, "b": True, "c": 1.5, "d": "x"}]
    assert tables.to_csv(rows) == "a,b,c,d\nnull,true,1.5,x\n"
    assert Report(title="", summary={}, shown=()).make_manifest([])["hardware"] is None
    report = Report(title="", summary={}, shown=(), hardware=Hardware())
    assert report.make_manifest([])["hardware"]["n_pes"] == 64
