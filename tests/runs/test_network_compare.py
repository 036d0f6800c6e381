"""A network beside CPU and GPU: each step's products in batches, sums over all steps."""

from __future__ import annotations

import csv
import json
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim.cli.main import main

GRAPH = """
input: "data"  input_shape { dim: 1 dim: 2 dim: 12 dim: 12 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 4 kernel_size: 3 group: 2 } }
layer { name: "act" type: "ReLU" bottom: "conv" top: "act" }
layer { name: "fc" type: "InnerProduct" bottom: "act" top: "fc"
        inner_product_param { num_output: 5 } }
"""
FEW = ("--set", "codebook_bits=4")
Row = dict[str, Any]


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A convolution in two groups, 100 positions each, and a fully connected layer."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("net.npz", conv=rng.normal(size=(4, 1, 3, 3)).astype(np.float32),
             fc=rng.normal(size=(5, 400)).astype(np.float32))  # fmt: skip
    Path("net.prototxt").write_text(GRAPH)
    assert main(["import", "net.npz", "--graph", "net.prototxt", "-o", "net.eie", *FEW]) == 0
    return "net.eie"


def read_rows(capsys: pytest.CaptureFixture[str], *words: str) -> list[Row]:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    rows: list[Row] = json.loads(capsys.readouterr().out)["rows"]
    return rows


def choose(rows: list[Row], **values: Any) -> Row:
    (row,) = (row for row in rows if row.items() >= values.items())
    return row


def test_each_step_and_the_sum(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = read_rows(capsys, "baseline", net, "--kind", "roofline")
    assert {row["layer"] for row in one} == {"net/conv", "net/fc"}
    rows = read_rows(capsys, "compare", net, "--draw", "2", "--baseline", "roofline")
    assert not any(row["layer"] == "geomean" for row in rows)

    products = {"net/conv": 200, "net/fc": 1}  # of an input; 100 positions in each of two groups
    for platform in ("cpu", "gpu", "mgpu"):
        for inputs in (1, 64):
            total_us = 0.0
            for layer, number in products.items():
                times_us = {
                    row["batch"]: row["time_us"]
                    for row in one
                    if (row["layer"], row["platform"], row["matrix"]) == (layer, platform, "dense")
                }
                best_us = min(
                    ceil(number * inputs / size) * size * time_us / inputs
                    for size, time_us in times_us.items()
                )
                row = choose(rows, layer=layer[4:], platform=platform, batch=inputs,
                             matrix="dense")  # fmt: skip
                assert row["time_us"] == pytest.approx(best_us)
                total_us += best_us
            row = choose(rows, layer="all steps", platform=platform, batch=inputs, matrix="dense")
            assert row["time_us"] == pytest.approx(total_us)


def test_eies_side_is_what_run_says(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = read_rows(capsys, "compare", net, "--draw", "3", "--baseline", "roofline")
    assert main(["run", net, "--draw", "3", "--json"]) == 0
    run = json.loads(capsys.readouterr().out)
    for step in run["steps"]:
        row = choose(rows, layer=step["step"], kind="simulated")
        assert row["time_us"] == pytest.approx(step["latency_us"])
        assert row["power_w"] * row["time_us"] * 1e6 == pytest.approx(step["energy_pj"])
    both = choose(rows, layer="all steps", kind="simulated")
    assert both["time_us"] == pytest.approx(run["latency_us"])
    assert both["power_w"] == pytest.approx(run["power_mw"] / 1000)
    reference = choose(rows, layer="all steps", platform="cpu", matrix="dense", batch=1)
    assert both["speedup"] == pytest.approx(reference["time_us"] / both["time_us"])


def test_measured_steps_are_read_back(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["baseline", net, "--seconds", "0.001", "--threads", "1", "--out", "mine"]
    assert main(words) == 0
    with Path("mine/baseline.csv").open(newline="") as stream:
        measured = list(csv.DictReader(stream))
    rows = read_rows(capsys, "compare", net, "--draw", "1", "--baseline", "mine/baseline.csv")
    (fc,) = (
        row
        for row in measured
        if (row["layer"], row["matrix"], row["batch"]) == ("net/fc", "sparse", "1")
    )
    row = choose(rows, layer="fc", matrix="sparse", batch=1, kind="measured")
    assert row["time_us"] <= float(fc["time_us"])
    assert choose(rows, layer="fc", matrix="dense", batch=1, kind="measured")["speedup"] == 1


def test_products_of_a_sequence_go_one_after_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    shapes = {"weight_ih_l0": (32, 6), "weight_hh_l0": (32, 8), "bias_ih_l0": (32,),
              "bias_hh_l0": (32,)}  # fmt: skip
    arrays = {f"lstm.{key}": rng.normal(size=it) for key, it in shapes.items()}
    np.savez("lstm.npz", **{key: it.astype(np.float32) for key, it in arrays.items()})  # type: ignore[arg-type]
    assert main(["import", "lstm.npz", "-o", "lstm.eie"]) == 0
    (name,) = {
        row["layer"] for row in read_rows(capsys, "baseline", "lstm.eie", "--kind", "roofline")
    }
    one = read_rows(capsys, "baseline", "lstm.eie", "--kind", "roofline", "--batch", "1")
    rows = read_rows(capsys, "compare", "lstm.eie", "--draw", "1", "--baseline", "roofline")
    each = choose(one, platform="gpu", matrix="dense")
    of_step = choose(rows, layer=name.split("/", 1)[1], platform="gpu", matrix="dense", batch=1)
    assert of_step["time_us"] == pytest.approx(16 * each["time_us"])  # sequences of 16 are drawn
    assert main(["run", "lstm.eie", "--draw", "1", "--json"]) == 0
    run = json.loads(capsys.readouterr().out)
    assert run["sequence_steps"] == 16
    assert run["steps_per_s"] == pytest.approx(16e6 / run["latency_us"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a network: expected inputs, either by --inputs FILE or by --draw N"),
        (["--draw", "1"], "nothing is published of it; take the baseline roofline"),
        (["--draw", "1", "--baseline", "other.csv"], "layer 'net/conv': not there"),
        (["alex-7", "--draw", "1"], "a .eie file: expected one, by itself"),
        (["--draw", "0", "--baseline", "roofline"], "--draw: expected 1 or more, found 0"),
    ],
)
def test_what_is_missing_is_said(
    words: list[str], message: str, net: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("other.csv").write_text(
        "layer,platform,batch,matrix,kind,time_us,power_w,source\n"
        "net/fc,cpu,1,dense,measured,1.0,null,mine\n"
    )
    assert main(["compare", net, *words]) == 2
    assert message in capsys.readouterr().err


def test_an_approximate_network_is_said_to_be_one(
    net: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [net, "--draw", "2"]
    command = ["compare", *words, "--baseline", "roofline"]
    assert main(command) == 0
    assert "not exact" not in capsys.readouterr().out
    assert main([*command, "--set", "act_threshold_quantile=0.5"]) == 0
    words_out = " ".join(capsys.readouterr().out.split())
    assert "EIE's outputs are not exact, since a threshold" in words_out
    assert "not priced: the comparator of each lane" in words_out
    assert main(["run", *words, "--set", "act_threshold_quantile=0.5", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    worst = max(steps, key=lambda row: row["output_error"])
    assert f"output error up to {worst['output_error']:.3g}, of {worst['step']}; the" in words_out


def test_an_approximate_layer_is_said_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 2 + 1, the 1 is left out: an error of a third."""
    path = tmp_path / "sum.npz"
    np.savez(path, codes=np.ones((1, 2), np.uint8), act=np.array([2, 1], np.float32),
             codebook=np.array([0, 1], np.float32))  # fmt: skip
    command = ["compare", str(path), "--baseline", "roofline", "--set", "act_threshold=1"]
    assert main(command) == 0
    assert "output error up to 0.333, of sum; the" in " ".join(capsys.readouterr().out.split())


def test_options_of_a_network_do_not_go_with_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "alex-7", "--draw", "2"]) == 2
    assert "--draw goes with a .eie file" in capsys.readouterr().err
