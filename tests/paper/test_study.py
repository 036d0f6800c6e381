"""Verdicts and the parts of reports."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from eiesim import Hardware
from eiesim.base import tables
from eiesim.base.errors import EieError
from eiesim.base.files import MANIFEST, new_folder, replacing
from eiesim.base.published import read_table
from eiesim.base.units import bits_to_bytes, cycles_to_us
from eiesim.baselines.published import find_time_us
from eiesim.paper.verdict import (
    DIFFERS,
    EXACT,
    IMPOSSIBLE,
    MATCH,
    Statement,
    Tolerance,
    Unreproducible,
    Verdict,
)
from eiesim.report.report import Report


@pytest.mark.parametrize(
    ("paper", "ours", "text"),
    [
        ("9.9", 9.91, "match"),
        ("9.9", 9.949, "match"),
        ("9.9", 9.96, "within 10 % (it is drawn)"),
        ("10", 10.4, "match"),
        ("10", 10.9999, "within 10 % (it is drawn)"),
        ("10", 11.01, "differs because it does"),
        ("10", 8.99, "differs because it does"),
    ],
)
def test_verdicts(paper: str, ours: float, text: str) -> None:
    tolerance = Tolerance(10, "it is drawn")
    verdict = Verdict("x", "time", "us", paper, ours, tolerance, "it does", "published")
    assert verdict.text == text
    row = verdict.to_row()
    assert (row["paper"], row["ours"], row["workload"]) == (paper, ours, "published")
    assert row["deviation_percent"] == pytest.approx(100 * (ours - float(paper)) / float(paper))


def test_what_agrees_by_construction_is_told() -> None:
    put_in = Verdict("x", "clock", "MHz", "800", 800.0, EXACT, "", "", "it was put in")
    assert (put_in.kind, put_in.text) == (MATCH, "match by construction: it was put in")
    assert put_in.to_row()["by_construction"]
    assert not replace(put_in, by_construction="").to_row()["by_construction"]


def test_verdicts_without_numbers_have_the_same_columns() -> None:
    statement = Statement("x", "falls", "section VI", "it rises", False, "it is so")
    absent = Unreproducible("x", "time", "us", "9.9", "it was measured elsewhere")
    number = Verdict("x", "time", "us", "9.9", 9.9, EXACT, "")
    assert [v.kind for v in (statement, absent, number)] == [DIFFERS, IMPOSSIBLE, MATCH]
    assert replace(statement, holds=True).kind == MATCH
    assert statement.text == "differs because it is so"
    assert absent.text == "not reproducible here because it was measured elsewhere"
    assert absent.to_row()["ours"] is None
    columns = [list(v.to_row()) for v in (statement, absent, number)]
    assert columns[0] == columns[1] == columns[2]


def test_units() -> None:
    """800 cycles at 800 MHz take a microsecond."""
    assert cycles_to_us(800, 800) == 1
    assert cycles_to_us(600, 1200) == 0.5
    assert [bits_to_bytes(bits) for bits in (0, 1, 8, 9)] == [0, 1, 1, 2]


def test_published_times() -> None:
    """EIE, Table IV: EIE's speedup over the CPU on AlexNet's fc6 is printed as 248x in Figure 6."""
    assert len(read_table("paper/eie_table4")) == 14 * 9
    dense = float(find_time_us("alex-6", "cpu", 1, "dense"))
    actual = float(find_time_us("alex-6", "eie", 1, "actual"))
    assert math.floor(dense / actual) == 248


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
