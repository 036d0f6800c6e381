"""`eiesim compress` as a user calls it, and what it is made of: plans and readers of weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim.base.errors import ConfigError, EieError
from eiesim.catalog.readers import read_weights_file
from eiesim.cli.main import main
from eiesim.compress.container import read_dcz
from eiesim.compress.pipeline import Change, compress_network
from eiesim.compress.plan import read_plan
from eiesim.layer.weights import DenseLayer

PLAN = """\
density = 0.2  # for all

[layers.conv1]
density = 0.5
codebook_bits = 8

[layers."fc/6"]
quality = 1.5
"""


@pytest.fixture
def weights(in_folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    arrays: dict[str, Any] = {
        "conv1.weight": rng.normal(size=(6, 2, 3, 3)).astype(np.float32),
        "conv1.bias": rng.normal(size=6).astype(np.float32),
        "fc/6": rng.normal(size=(50, 80)).astype(np.float32),
        "fc7": rng.normal(size=(10, 50)).astype(np.float16),
    }
    np.savez(in_folder / "net.npz", **arrays)
    (in_folder / "plan.toml").write_text(PLAN)
    return arrays


def read_summary(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["compress", *words, "--json"]) == 0
    summary: dict[str, Any] = json.loads(capsys.readouterr().out)
    return summary


def test_from_weights_to_a_file(
    weights: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("net.npz", "--plan", "plan.toml", "--set", "fc7.density=1", "--out", "small")
    summary = read_summary(capsys, *words)
    rows = {row["name"]: row for row in summary["layers"]}
    assert [row["nonzeros"] for row in summary["layers"]][:1] == [54]
    deviation = weights["fc/6"].astype(np.float64).std()
    assert rows["fc/6"]["nonzeros"] == np.count_nonzero(np.abs(weights["fc/6"]) >= 1.5 * deviation)
    assert (rows["conv1"]["code_bits"], rows["fc7"]["code_bits"]) == (8, 4)
    assert rows["fc7"]["pruned_error"] == 0 < rows["fc7"]["shared_error"] < 0.2
    assert rows["conv1"]["cycles"] is None
    assert rows["fc/6"]["cycles"] > 0
    file = Path("small/net.dcz")
    assert summary["total"]["file_bits"] == 8 * file.stat().st_size
    assert {path.name for path in file.parent.iterdir()} == {
        "net.dcz", "ledger.csv", "summary.json", "manifest.json", "hardware.toml", "kinds.csv",
        "parts.svg", "parts.png",
    }  # fmt: skip
    again = read_summary(capsys, str(file))
    unknown = dict.fromkeys(Change._fields)  # of a file that was compressed before
    for mine, theirs in zip(again["layers"], summary["layers"], strict=True):
        assert mine == {**theirs, **unknown}
    stored = read_dcz(file).layers[0]
    assert stored.shape == (6, 2, 3, 3)
    bias = stored.bias
    assert bias is not None
    assert np.array_equal(bias, weights["conv1.bias"])


@pytest.mark.usefixtures("weights")
def test_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compress", "net.npz", "--set", "density=0.1"]) == 0
    printed = capsys.readouterr().out
    assert "file_rate" in printed
    assert "no cycles: conv1: a convolution is not one product" in printed


@pytest.mark.usefixtures("weights")
def test_stages_are_kept_and_taken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("net.npz", "--set", "density=0.3", "--stages", "stages")
    first = read_summary(capsys, *words)
    with monkeypatch.context() as patch:
        patch.setattr("eiesim.compress.pipeline.prune", None)  # nothing is pruned again
        assert read_summary(capsys, *words) == first
        fewer = read_summary(capsys, *words, "--set", "codebook_bits=2")
    assert fewer["total"]["code_bits"] == 2
    assert fewer == read_summary(capsys, *words[:3], "--set", "codebook_bits=2")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["none.npz"], "none.npz: expected a file, found none"),
        (["net.npz", "--set", "densty=1"], "did you mean 'density'?"),
        (["net.npz", "--set", "fc8.density=1"], "layer 'fc8' of the plan: did you mean 'fc7'?"),
        (["net.npz", "--set", "density=2"], "density: expected a number from 0 to 1, found 2"),
        (["net.npz", "--prototxt", "a"], "definition: expected a network's definition with a .net"),
        (["real.net"], "definition: expected a network's definition with a .net file, found none"),
        (["net.npz", "--data", "."], "--data goes with --train"),
        (["lenet", "--train", "--set", "density=1"], "do not go with --train"),
        (
            ["net.npz", "--activation-density", "2"],
            "--activation-density: expected 0 to 1, found 2.0",
        ),
        (["plan.toml"], "plan.toml: expected weights (a file of torch.save, .safetensors"),
    ],
)
@pytest.mark.usefixtures("weights")
def test_errors_are_told(capsys: pytest.CaptureFixture[str], words: list[str], found: str) -> None:
    Path("real.net").write_bytes(bytes(8))
    assert main(["compress", *words]) == 2
    captured = capsys.readouterr()
    assert found in captured.err
    assert not captured.out


def test_a_plans_problems_are_told_at_once(in_folder: Path) -> None:
    text = "density = 3\n\n[layers.fc6]\nbits = 4\ndensity = 0.1\nquality = 2\n"
    (in_folder / "plan.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_plan(in_folder / "plan.toml")
    told = str(caught.value).replace(f"{in_folder}/", "").split("\n")
    assert told[0].startswith("plan.toml:1: density: expected a number from 0 to 1, found 3")
    assert told[1].startswith("plan.toml:4: layers.fc6.bits: unknown key")
    assert told[2].startswith("plan.toml:6: layers.fc6.quality: expected one way to prune")
    (in_folder / "plan.toml").write_text("layers = 3\n")
    with pytest.raises(ConfigError, match=r"plan.toml:1: expected tables \[layers.NAME\]"):
        read_plan(in_folder / "plan.toml")


def test_errors_of_pruning_and_sharing() -> None:
    """Against their definition: the root of the squared change over the squares."""
    weights = np.random.default_rng(3).normal(size=(40, 30)).astype(np.float32)
    step = next(compress_network({"a": DenseLayer(weights)}, read_plan(None, ["density=0.2"])))
    layer = step.stored.layer
    shared = layer.codebook[layer.codes.toarray()]
    pruned = np.where(shared != 0, weights, 0)
    size = np.linalg.norm(weights.astype(np.float64))
    assert step.change.pruned_error == pytest.approx(
        np.linalg.norm(weights - pruned) / size, rel=1e-6
    )
    assert step.change.shared_error == pytest.approx(
        np.linalg.norm(weights - shared) / size, rel=1e-6
    )


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"a": np.zeros(3, np.float32)}, "array 'a' [3]: expected weights"),
        ({"a": np.ones((2, 2), np.int64)}, "a: weights: expected float32"),
        ({"a": np.full((2, 2), np.nan, np.float32)}, "a: weights[0, 0]: expected a number"),
        ({"a.weight": np.ones((2, 2), np.float32), "a": np.ones((2, 2), np.float32)}, "its own"),
        ({"a": np.ones((2, 2), np.float32), "a.bias": np.ones(3, np.float32)}, "a: bias: expected"),
        ({"a": np.uint8(3)}, "array 'a' []: expected weights"),
    ],
)
def test_other_weights_are_refused(in_folder: Path, arrays: dict[str, Any], found: str) -> None:
    np.savez(in_folder / "net.npz", **arrays)
    with pytest.raises(EieError) as caught:
        read_weights_file(in_folder / "net.npz")
    assert found in str(caught.value)


@pytest.mark.data
def test_caffemodel(shared_data: Path) -> None:
    layers = read_weights_file(shared_data / "lenet" / "caffe_lenet5_original.caffemodel").layers
    assert {name: layer.weights.shape for name, layer in layers.items()} == {
        "conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (500, 800), "ip2": (10, 500),
    }  # fmt: skip


@pytest.mark.data
def test_squeezenet(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data / "squeezenet"
    files = (str(folder / "compressed_SqueezeNet.net"), str(folder / "SqueezeNet_deploy.prototxt"))
    summary = read_summary(capsys, files[0], "--prototxt", files[1])
    assert len(summary["layers"]) == 26
    assert summary["total"]["weights"] == 1_244_448


def test_drawn_networks(capsys: pytest.CaptureFixture[str]) -> None:
    summary = read_summary(capsys, "lenet-300-100", "--seed", "3")
    assert summary["metadata"] == {"weights": "drawn, seed 3"}
    assert summary["total"]["dense_bits"] == 32 * 266_610
    assert main(["compress", "lenet-5", "--set", "density=1"]) == 2
    assert "is compressed already" in capsys.readouterr().err
