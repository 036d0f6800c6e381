"""Data frames: what is in them, and what works without pandas."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eiesim import EieError, Hardware, RunResult, encode, estimate_energy, simulate
from eiesim.counters import PE_FIELDS
from eiesim.sweep import sweep
from tests.support.commands import run
from tests.support.machines import make_uneven

SPEC = {"layers": ["nt-we"], "axes": {"queue_depth": [2, 8]}}
TOML = 'layers = ["nt-we"]\n[axes]\nqueue_depth = [2, 8]\n'


@pytest.fixture(scope="module")
def result() -> RunResult:
    layer, activations = make_uneven()
    hw = Hardware(n_pes=4)
    return simulate(encode(layer, hw), activations, hw)


@pytest.fixture
def without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pandas"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pandas", None)


def test_a_run_has_a_row_a_pe(result: RunResult) -> None:
    frame = result.to_frame()
    assert list(frame.columns) == ["pe", *PE_FIELDS]
    assert frame["pe"].tolist() == [0, 1, 2, 3]
    assert frame["macs"].sum() == result.counters.macs


def test_an_energy_report_has_a_row_an_action(result: RunResult) -> None:
    report = estimate_energy(result)
    frame = report.to_frame()
    assert frame["energy_pj"].sum() == report.total_pj
    assert frame["source"].tolist() == [row.source for row in report.rows]


@pytest.mark.usefixtures("without_pandas")
def test_without_pandas_an_error_names_the_extra(
    result: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eiesim.sweep.runner.run_sweep", None)  # refused before a point is run
    for call in (result.to_frame, estimate_energy(result).to_frame, lambda: sweep(SPEC)):
        with pytest.raises(EieError, match=r"expected pandas.*pip install 'eiesim\[tables\]'"):
            call()


@pytest.mark.usefixtures("without_pandas")
@pytest.mark.parametrize(
    "words",
    [
        ("run", "nt-we", "--out", "o"),
        ("explain", "nt-we", "--out", "o"),
        ("compare", "nt-we", "--set", "n_pes=32", "--out", "o"),
        ("trace", "nt-we", "--format", "csv", "--pes", "0", "--out", "o"),
        ("sweep", "spec.toml", "--jobs", "1", "--out", "o"),
        ("reproduce", "table1", "--out", "o"),
        ("doctor", "--out", "o"),
    ],
    ids=lambda words: words[0],
)
def test_commands_need_no_pandas(
    words: tuple[str, ...], in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "spec.toml").write_text(TOML)
    code, _, err = run(capsys, *words)
    assert code == 0, err
    assert (in_folder / "o").is_dir()
