"""A part of a network is not shown as the whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eiesim.cli.main import main
from eiesim.compress.container import read_dcz, write_dcz

WHOLE = """
input: "data"  input_shape { dim: 1 dim: 6 }
layer { name: "one" type: "InnerProduct" bottom: "data" top: "one"
        inner_product_param { num_output: 5 } }
layer { name: "act" type: "ReLU" bottom: "one" top: "act" }
layer { name: "two" type: "InnerProduct" bottom: "act" top: "two"
        inner_product_param { num_output: 4 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "two" bottom: "label" top: "loss" }
"""
PART = WHOLE.replace('type: "ReLU"', 'type: "PReLU"')


def run(folder: Path, steps: str, capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    """Import and run a network; return what import and run print, and the run's JSON."""
    rng = np.random.default_rng(0)
    np.savez(folder / "net.npz", one=rng.normal(size=(5, 6)).astype(np.float32),
             two=rng.normal(size=(4, 5)).astype(np.float32))  # fmt: skip
    (folder / "net.prototxt").write_text(steps)
    net = str(folder / "net.eie")
    printed = []
    graph = ["--graph", str(folder / "net.prototxt")]
    for words in (
        ["import", str(folder / "net.npz"), *graph, "-o", net, *more],
        ["run", net, "--draw", "2"],
        ["run", net, "--draw", "2", "--json"],
    ):
        assert main(words) == 0
        printed.append(capsys.readouterr().out)
    return printed


def test_what_is_left_out_comes_first_and_leaves_no_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported, table, text = run(tmp_path, PART, capsys)
    summary = json.loads(text)
    for printed, words in (
        (imported, "; 2 not on EIE, from"),
        (table, "a part of the network, without"),
    ):
        answer, *lines = printed.splitlines()
        assert words in answer
        reason = "not on EIE: act: PReLU: not a layer that eiesim can run"
        assert next(line for line in lines if line.startswith("not on")).startswith(reason)
    assert [it["name"] for it in summary["not_on_eie"]] == ["act"]
    assert summary["frames_per_s"] is None
    assert summary["no_frames_per_s"] == "this is a part of the network, without act"
    assert "no frames a second: this is a part of the network, without act" in table


def test_layers_of_training_are_no_part_of_the_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported, table, text = run(tmp_path, WHOLE, capsys)
    summary = json.loads(text)
    assert "not on EIE: loss: reads 'label', which is not there; left out" in imported
    assert "not on EIE" not in table
    assert summary["not_on_eie"] == []
    assert summary["no_frames_per_s"] is None
    assert summary["frames_per_s"] == pytest.approx(1e6 / summary["latency_us"])


def test_outputs_that_are_whole_are_no_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, table, text = run(tmp_path, PART, capsys, "--output", "one")
    assert "not on EIE" not in table
    assert json.loads(text)["frames_per_s"] is not None


def test_a_damaged_list_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, PART, capsys)
    whole = read_dcz(tmp_path / "net.eie")
    for damage in ("[[1, 2]]", '[["a", "b", "ALL"]]', "{}]", '"x"', "[3]"):
        write_dcz(tmp_path / "bad.eie", whole.layers, whole.metadata | {"skipped": damage})
        assert main(["run", str(tmp_path / "bad.eie"), "--draw", "1"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "skipped: expected rows of a name, a reason and an effect" in line


def test_labels_go_with_one_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two outputs nothing says which one scores the classes."""
    np.savez(tmp_path / "inputs.npz", data=np.ones((3, 6), np.float32))
    np.save(tmp_path / "labels.npy", np.zeros(3, np.int64))
    words = ["--inputs", str(tmp_path / "inputs.npz"), "--labels", str(tmp_path / "labels.npy")]
    two = WHOLE.replace('bottom: "act" top: "two"', 'bottom: "data" top: "two"').replace(
        "num_output: 4", "num_output: 3"
    )
    for steps, right in ((WHOLE, True), (two, False)):
        rng = np.random.default_rng(0)
        inputs = 5 if right else 6
        np.savez(tmp_path / "net.npz", one=rng.normal(size=(5, 6)).astype(np.float32),
                 two=rng.normal(size=(4 if right else 3, inputs)).astype(np.float32))  # fmt: skip
        (tmp_path / "net.prototxt").write_text(steps)
        net = str(tmp_path / "net.eie")
        graph = ["--graph", str(tmp_path / "net.prototxt")]
        assert main(["import", str(tmp_path / "net.npz"), *graph, "-o", net]) == 0
        assert (main(["run", net, *words]) == 0) is right
    error = capsys.readouterr().err
    assert "labels: expected a network with one output, which scores the classes" in error
    assert "found act, two" in error or "found two, act" in error
