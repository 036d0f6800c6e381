"""On a terminal the answer comes first, in few lines that fit; a pipe and JSON have everything."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from eiesim.cli.common import MORE
from tests.support.commands import run

WORDS = {
    "run alex-7": "alex-7 takes 13.03 us and 9.865 uJ on EIE: 475 times as fast as the paper's CPU",
    "run alex-7 nt-we": "alex-7, nt-we take 20.76 us and 17.59 uJ on EIE, one after the other",
    "run net.eie --draw 2": "weights takes ",
    "run today/spartus-lstm-1024 --set codebook_bits=8": "A time step of spartus-lstm-1024 takes ",
    "compare": "In the geometric mean of the layers EIE is 208 times as fast as cpu published, ",
    "chip": "64 PEs and 21 LNZD units, none waiting: 609.3 mW",
    "chip --vary n_pes=32,64,128": "64 PEs and 21 LNZD units, none waiting: 609.3 mW",
    "formats nt-we": "Fewest bits: index_bits = ",
    "explain nt-we": "nt-we is limited by empty columns: ",
    "explain cycles": "name: cycles",
    "baseline --kind published": "9 layers, at best: nt-wd takes 2.3 us on gpu, dense, batch 64",
    "reproduce table4": "11 match, 21 within tolerance, 4 differs, 110 not reproducible here",
    "doctor": "eiesim works here.",
    "sweep sweep.toml --jobs 1": "edp_pj_us_mm2: best of 2 points is number ",
    "compress weights.npz": "The file takes ",
    "import weights.npz -o again.eie": "weights: 1 steps, 1 with weights for EIE, from ",
    "trace nt-we -o trace --to 9 --format csv": "nt-we: cycles 0 to 9 of 6179",
}
MOST_LINES = 50


@pytest.fixture
def files(in_folder: Path) -> Path:
    np.savez("weights.npz", fc=np.eye(30, 40, dtype=np.float32))
    Path("sweep.toml").write_text(
        'layers = ["nt-we"]\nobjectives = ["edp_pj_us_mm2"]\n[axes]\nn_pes = [16, 64]\n'
    )
    return in_folder


def print_to(monkeypatch: pytest.MonkeyPatch, is_terminal: bool) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("words", "answer"), WORDS.items(), ids=WORDS)
def test_the_answer_comes_first(
    words: str,
    answer: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    print_to(monkeypatch, is_terminal=True)
    if "net.eie" in words:
        run(capsys, "import", "weights.npz", "-o", "net.eie")
    code, out, err = run(capsys, *words.split())
    assert code == 0, err
    lines = out.splitlines()
    assert " ".join(lines[:3]).startswith(answer)
    assert len(lines) <= MOST_LINES
    assert [line for line in lines if len(line) > 80 and " " in line.strip()] == []


def test_all_of_it_is_what_a_pipe_has(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_to(monkeypatch, is_terminal=True)
    brief = run(capsys, "run", "nt-we")[1]
    everything = run(capsys, "run", "nt-we", "--all")[1]
    print_to(monkeypatch, is_terminal=False)
    pipe = run(capsys, "run", "nt-we")[1]
    assert set(everything.split()) == set(pipe.split())
    assert "spmat_reads" in everything
    assert "spmat_reads" not in brief
    assert brief.splitlines()[-1] == MORE
    assert MORE not in everything + pipe


def test_json_is_whole_in_any_case(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_to(monkeypatch, is_terminal=True)
    code, out, _ = run(capsys, "run", "nt-we", "--json")
    assert (code, json.loads(out)["layers"][0]["layer"]) == (0, "nt-we")
    code, out, err = run(capsys, "run", "nt-we", "--json", "--all")
    assert (code, out) == (2, "")
    assert "--all does not go with --json" in err
