"""`eiesim trace`: what it writes, and what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from eiesim.cli.trace import parse_pes
from eiesim.runs import trace_perfetto
from tests.support.commands import check_refusal, run

FILES = {
    "vcd": ["trace.vcd", "trace.vcd.gtkw", "trace.vcd.sucl"],
    "fst": ["trace.fst", "trace.fst.gtkw", "trace.fst.sucl"],
    "perfetto": ["trace.json"],
    "csv": ["events"],
    "ramulator": ["dram.csv", "ramulator.trace"],
}
ALWAYS = ["hardware.toml", "manifest.json", "summary.json"]
SMALL = ("trace", "lenet-300-100/ip3", "--set", "n_pes=4")
STREAMS = ("--set", "spmat_sram_bytes=8")


@pytest.mark.parametrize("form", FILES)
@pytest.mark.usefixtures("in_folder")
def test_each_format_has_its_files(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    if form in ("vcd", "fst"):
        pytest.importorskip("vcd")
    if form == "fst":
        pytest.importorskip("pylibfst")
    words = (*SMALL, *STREAMS, "-o", "t", "--format", form, "--from", "5", "--to", "40")
    code, out, err = run(capsys, *words, "--pes", "0-1,3", "--json")
    assert (code, err) == (0, "written: t\n")
    assert sorted(path.name for path in Path("t").iterdir()) == sorted(ALWAYS + FILES[form])
    summary = json.loads(out)
    assert json.loads(Path("t/summary.json").read_text()) == summary
    assert summary["schema"] == "eiesim trace 1"
    assert summary["formats"] == {form: 1}
    assert (summary["first_cycle"], summary["last_cycle"]) == (5, 40)
    assert summary["pes"] == [0, 1, 3]
    assert json.loads(Path("t/manifest.json").read_text())["sources"]


@pytest.mark.usefixtures("in_folder")
def test_the_whole_run_in_perfetto_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *SMALL, "--out", "t")[0] == 0
    assert (Path("t") / "trace.json").is_file()
    (layer,) = json.loads(run(capsys, "run", *SMALL[1:], "--json")[1])["layers"]
    cycles = layer["cycles"]
    summary = json.loads((Path("t") / "summary.json").read_text())
    assert (summary["first_cycle"], summary["last_cycle"]) == (0, cycles)
    assert summary["cycles"] == cycles


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--format zip", "format 'zip': known are csv, fst, perfetto, ramulator, vcd"),
        ("--format csv,cvs", "format 'cvs': did you mean 'csv'?"),
        ("--format csv,csv", "format 'csv': expected once, found 2 times"),
        ("--format ramulator", "expected requests to DRAM, found none"),
        ("--from 99999", "first_cycle: expected 0 to"),
        ("--from -1", "first_cycle: expected 0 or more, found -1"),
        ("--from 9 --to 8", "last_cycle: expected 9, which is the first one, or more, found 8"),
        ("--pes 2-4", "pes: expected 0 to 3, found 4"),
        ("--pes 2,x", "pes '2,x': expected numbers and ranges such as 0-7,12"),
        ("--pes 3-1", "pes '3-1': expected a range that ascends, found 3-1"),
        ("--pes 0-999999999", "pes: expected 0 to 3, found 4"),
        ("--set act_batches=true --set registers_per_pe=1", "expected a layer that takes one pass"),
    ],
)
def test_refusals(
    words: str, message: str, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_refusal(capsys, in_folder, [*SMALL, "--out", "t", *words.split()], message)


@pytest.mark.parametrize(("form", "package"), [("vcd", "vcd"), ("fst", "pylibfst"), ("fst", "vcd")])
def test_a_missing_package_is_named(
    form: str,
    package: str,
    in_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    message = "is missing: pip install 'eiesim[trace]'"
    check_refusal(capsys, in_folder, [*SMALL, "--out", "t", "--format", form], message)


def test_a_folder_is_there_whole_or_not_at_all(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trace_perfetto, "write_perfetto", fail)
    words = [*SMALL, "--out", "t", "--format", "csv,perfetto"]
    check_refusal(capsys, in_folder, words, "No space left on device")


def test_pes() -> None:
    assert parse_pes("0-3, 7,9-9") == (0, 1, 2, 3, 7, 9)
