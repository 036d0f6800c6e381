"""docs/networks.md, run as it stands."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim.cli.main import main
from eiesim.graph import OPS, infer_shapes, read_graph
from eiesim.importers.network_file import read_steps
from tests.support.paths import DOCS

PAGE = DOCS / "networks.md"


def find_blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_first_twenty_lines_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in ("torch", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    monkeypatch.chdir(tmp_path)
    start = "\n".join(PAGE.read_text(encoding="utf-8").splitlines()[:20])
    code, commands = find_blocks("python")[0], find_blocks("sh")[0]
    assert code in start
    assert commands in start
    with warnings.catch_warnings():  # PyTorch's exporter warns of its own
        warnings.simplefilter("ignore")
        exec(compile(code, str(PAGE), "exec"), {})
    assert "Sequential: 2 layers on EIE" in capsys.readouterr().out
    for command in commands.splitlines():
        assert main(command.split()[1:]) == 0
    assert "frames_per_s" in capsys.readouterr().out


def test_the_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (make train-extra)")
    monkeypatch.chdir(tmp_path)
    block = find_blocks("python")[1]
    assert len([line for line in block.splitlines() if line]) <= 15
    names: dict[str, Any] = {}
    exec(compile(block, str(PAGE), "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(int(line.split()[0]) > 100 for line in lines)
    np.save("images.npy", names["images"])
    commands = find_blocks("sh")[1]
    for command in commands.splitlines():
        assert main(command.split()[1:]) == 0
    printed = capsys.readouterr().out
    assert "frames_per_s" in printed
    assert (tmp_path / "results" / "inputs.csv").read_text().count("\n") == 6
    cycles = [line.split(",")[1] for line in
              (tmp_path / "results" / "inputs.csv").read_text().splitlines()[1:]]  # fmt: skip
    assert cycles == [line.split()[0] for line in lines]


def test_the_steps_are_those_of_a_lenet(tmp_path: Path) -> None:
    (block,) = find_blocks("toml")
    file = tmp_path / "steps.toml"
    file.write_text(block, encoding="utf-8")
    graph = read_steps(file).graph
    shapes = infer_shapes(graph, {"0": (6, 1, 5, 5), "3": (10, 6 * 14 * 14)})
    assert shapes["scores"] == (10,)
    assert read_graph({"inputs": graph.inputs, "steps": [
        {"name": step.name, "op": step.op, "inputs": list(step.inputs), "layer": step.layer,
         "settings": dict(step.settings)} for step in graph.steps
    ], "outputs": ["scores"]}, "again") == graph  # fmt: skip


def test_the_table_of_steps_is_whole() -> None:
    rows = [line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines()
            if re.match(r"\| `.*\| (EIE|host) \|", line)]  # fmt: skip
    told = {op: "EIE" in row[2] for row in rows for op in re.findall(r"`(\w+)`", row[1])}
    assert told == {name: op.on_eie for name, op in OPS.items()}
    words = {word for row in rows for word in re.findall(r"`(\w+)`", row[3])}
    assert {key for op in OPS.values() for key in op.settings} <= words
