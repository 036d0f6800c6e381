"""`eiesim baseline`: what it prints and writes, and one line for each kind of bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eiesim.base.published import PAPER_LAYERS
from eiesim.baselines.cpu import count_processors, find_processor
from eiesim.baselines.measured import Measurement
from eiesim.baselines.rows import read_baseline
from tests.support.arrays import f32, u8
from tests.support.commands import check_refusal, run


@pytest.fixture
def layer_file(in_folder: Path) -> str:
    np.savez(in_folder / "mine.npz", codes=u8([[1, 0], [0, 2]]), codebook=f32([0, 1, 2, 3]))
    return "mine.npz"


@pytest.mark.usefixtures("without_gpu")
def test_baseline_prints_a_table(capsys: pytest.CaptureFixture[str], layer_file: str) -> None:
    command = ("baseline", layer_file, "--batch", "1", "--seconds", "0", "--cache", "both")
    code, out, err = run(capsys, *command)
    assert (code, err) == (0, "")
    answer, header, *rows, gpu = (
        line for line in out.splitlines() if not line.startswith("disturbed: ")
    )
    assert answer.startswith("mine takes ")
    assert answer.endswith("the fastest of 4.")
    assert header.split() == list(Measurement.__annotations__)
    assert len(rows) == 4
    assert all(row.startswith("mine   this cpu: ") and row.endswith("measured") for row in rows)
    assert gpu == "gpu: not measured: neither CuPy nor PyTorch is installed"


@pytest.mark.usefixtures("without_gpu")
def test_baseline_writes_a_folder(capsys: pytest.CaptureFixture[str], layer_file: str) -> None:
    command = ("baseline", layer_file, "nt-we", "--threads", "1", "--seconds", "0", "--json")
    code, out, err = run(capsys, *command, "--out", "results")
    assert (code, err) == (0, "written: results\n")
    summary = json.loads(out)
    folder = Path("results")
    assert out == (folder / "summary.json").read_text()
    assert (summary["schema"], summary["kind"]) == ("eiesim baseline 1", "measured")
    assert summary["gpu"] == "not measured: neither CuPy nor PyTorch is installed"
    rows = read_baseline(folder / "baseline.csv")
    assert [vars(row) for row in rows] == summary["rows"]
    assert [row.time_us for row in rows] == [
        it["median_us"] if it["median_us"] <= 2 * it["min_us"] else it["min_us"]
        for it in summary["measurements"]
    ]
    assert [row.layer for row in rows] == ["mine"] * 4 + ["nt-we"] * 4
    assert {path.name for path in folder.iterdir()} == {
        "baseline.csv", "summary.json", "manifest.json",
    }  # fmt: skip
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["command"] == [*command, "--out", "results"]
    assert [source["given"] for source in manifest["sources"]] == [layer_file, "nt-we"]
    assert manifest["measured"]["processor"] == find_processor()
    assert (manifest["measured"]["seconds"], manifest["measured"]["seed"]) == (0, 0)
    assert manifest["hardware"] is None


@pytest.mark.parametrize("kind", ["published", "roofline"])
def test_baseline_lists_the_nine_layers(
    kind: str, capsys: pytest.CaptureFixture[str], in_folder: Path
) -> None:
    code, out, _ = run(capsys, "baseline", "--kind", kind, "--json", "--out", "results")
    assert code == 0
    summary = json.loads(out)
    assert (summary["kind"], summary["measurements"], summary["gpu"]) == (kind, None, None)
    rows = read_baseline(in_folder / "results" / "baseline.csv")
    assert [vars(row) for row in rows] == summary["rows"]
    assert {row.kind for row in rows} == {kind}
    assert [row.layer for row in rows] == [name for name in PAPER_LAYERS for _ in range(12)]
    manifest = json.loads((in_folder / "results" / "manifest.json").read_text())
    assert manifest["measured"] is None
    code, out, _ = run(capsys, "baseline", "--kind", kind, "nt-we", "--batch", "64")
    assert code == 0
    assert [line.split()[6] for line in out.splitlines()[1:]] == ["power_w"] + ["null"] * 6


BAD_COMMANDS = [
    (["alex-9"], "layer 'alex-9': unknown, did you mean 'alex-"),
    (["missing.npz"], "missing.npz: cannot be read: No such file or directory"),
    (["text.npz"], "text.npz: expected a .npz or .npy file of plain arrays"),
    (["wide.toml"], "wide: its products need 4.4e+03 GB, as float32 [1048576, 1048576] and more"),
    (["mine.npz", "other/mine.npz"], "layer 'mine': given twice"),
    (["mine.npz", "--kind", "published"], "layer 'mine.npz': nothing is published of it"),
    (["alex-6", "ALEX-6", "--kind", "published"], "layer 'alex-6': given twice"),
    (["alex-6", "alex-6", "--kind", "roofline"], "layer 'alex-6': given twice"),
    (["alex\n6", "--kind", "published"], r"layer 'alex\n6': nothing is published of it"),
    (["mine.npz", "--kind", "guessed"], "argument --kind: invalid choice: 'guessed'"),
    (["mine.npz", "--batch", "2"], "argument --batch: invalid choice: 2"),
    (["mine.npz", "--batch", "x"], "argument --batch: invalid int value: 'x'"),
    (["mine.npz", "--cache", "hot"], "argument --cache: invalid choice: 'hot'"),
    (["mine.npz", "--threads", "0"], "threads: expected 1 to"),
    (["mine.npz", "--threads", str(count_processors() + 1)], "threads: expected 1 to"),
    (["mine.npz", "--threads", "1.5"], "argument --threads: invalid int value: '1.5'"),
    (["mine.npz", "--seconds", "-1"], "seconds: expected 0 to 3600, found -1.0"),
    (["mine.npz", "--seconds", "nan"], "seconds: expected 0 to 3600, found nan"),
    (["mine.npz", "--seconds", "inf"], "seconds: expected 0 to 3600, found inf"),
    (["--kind", "roofline", "--seconds", "1"], "--seconds goes with --kind measured, found roofl"),
    (["--kind", "published", "--threads", "1"], "--threads goes with --kind measured, found publ"),
    (["--kind", "published", "--cache", "cold"], "--cache goes with --kind measured, found publ"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_COMMANDS)
def test_bad_baseline_commands(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    in_folder: Path,
    layer_file: str,
) -> None:
    Path("text.npz").write_text("not an archive")
    Path("other").mkdir()
    Path("other/mine.npz").write_bytes(Path(layer_file).read_bytes())
    Path("wide.toml").write_text(
        "name = 'wide'\ntitle = 'wide'\ninputs = 1048576\noutputs = 1048576\n"
        "weight_density = 1e-9\nactivation_density = 1.0\n"
    )
    quick = [] if "--seconds" in arguments or "--kind" in arguments else ["--seconds", "0"]
    command = ["baseline", *arguments, *quick, "--out", "results"]
    check_refusal(capsys, in_folder, command, message)
