"""Bytes that come out stay as they are while the structure changes.

`frozen.json` holds the SHA-256 of each output, numbers to nine digits and without the seconds
that something took. What changes on purpose is taken over from the file that a failing test names.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim.cli.main import COMMANDS
from eiesim.paper.registry import EXPERIMENTS
from tests.support.paths import DOCS, ROOT

FROZEN = Path(__file__).with_name("frozen.json")
LAYERS = ["alex-6", "alex-7", "alex-8", "vgg-6", "vgg-7", "vgg-8", "nt-we", "nt-wd", "nt-lstm"]
MEASURED = ("seconds",)
"""Parts of names of fields that differ from run to run."""
TIMED = ("dc_table8", "dc_table9", "dc_figure9")
"""Experiments whose tables hold times of this computer, or its name."""
GRAPH = """
outputs = ["fc"]
[inputs]
picture = [1, 12, 12]
[[steps]]
name = "conv"
op = "conv"
inputs = ["picture"]
layer = "conv"
[[steps]]
name = "relu"
op = "relu"
inputs = ["conv"]
[[steps]]
name = "pool"
op = "maxpool"
inputs = ["relu"]
[[steps]]
name = "flat"
op = "flatten"
inputs = ["pool"]
[[steps]]
name = "fc"
op = "fc"
inputs = ["flat"]
layer = "fc"
"""

pytestmark = pytest.mark.slow


def execute(folder: Path, *arguments: str) -> str:
    """Return what a command prints."""
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "eiesim", *arguments]
    process = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def normalise(value: Any) -> Any:
    """Numbers to nine digits, since other processors add in another order; without seconds."""
    if isinstance(value, dict):
        return {
            key: normalise(item)
            for key, item in value.items()
            if not any(part in key for part in MEASURED)
        }
    if isinstance(value, list):
        return [normalise(item) for item in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def show(text: str) -> str:
    return json.dumps(normalise(json.loads(text)), indent=1, ensure_ascii=False)


def compare(tmp_path: Path, outputs: dict[str, bytes | str]) -> None:
    """Compare outputs with their digests; those that differ are written down."""
    frozen: dict[str, str] = json.loads(FROZEN.read_text("utf-8"))
    changed = {}
    for name, output in outputs.items():
        content = output.encode() if isinstance(output, str) else output
        digest = hashlib.sha256(content).hexdigest()
        (tmp_path / name.replace("/", "-")).write_bytes(content)
        if frozen.get(name) != digest:
            changed[name] = digest
    if changed:
        (tmp_path / "changed.json").write_text(json.dumps(changed, indent=1), "utf-8")
    assert not changed, f"what came out instead lies in {tmp_path}"


def write_weights(folder: Path) -> None:
    """A convolution and a fully connected layer, and two pictures: multiples of 1/64."""
    draw = np.random.Generator(np.random.PCG64(5))
    shapes = {
        "conv.weight": (4, 1, 3, 3),
        "conv.bias": (4,),
        "fc.weight": (10, 100),
        "fc.bias": (10,),
    }
    arrays: dict[str, Any] = {
        name: draw.integers(-64, 65, shape).astype(np.float32) / 64
        for name, shape in shapes.items()
    }
    np.savez(folder / "weights.npz", **arrays)
    np.save(folder / "pictures.npy", draw.integers(0, 65, (2, 1, 12, 12)).astype(np.float32) / 64)
    (folder / "steps.toml").write_text(GRAPH, "utf-8")


def test_helps(tmp_path: Path) -> None:
    outputs = {f"help {name}": execute(tmp_path, name, "--help") for name in COMMANDS}
    compare(tmp_path, {**outputs, "help": execute(tmp_path, "--help")})


def test_layers(tmp_path: Path) -> None:
    run = {name: show(execute(tmp_path, "run", name, "--json")) for name in LAYERS}
    compare(tmp_path, {f"run {name}": text for name, text in run.items()})


def test_networks(tmp_path: Path) -> None:
    write_weights(tmp_path)
    execute(tmp_path, "compress", "weights.npz", "--set", "density=0.5", "--out", "small")
    (dcz,) = (tmp_path / "small").glob("*.dcz")
    execute(tmp_path, "import", "weights.npz", "--graph", "steps.toml", "-o", "drawn.eie")
    trained = ROOT / "models" / "trained" / "lenet-300-100-seed0.dcz"
    execute(tmp_path, "import", str(trained), "-o", "lenet.eie")
    runs = {
        "run drawn": ("drawn.eie", "--inputs", "pictures.npy"),
        "run lenet": ("lenet.eie", "--draw", "2"),
    }
    outputs: dict[str, bytes | str] = {
        name: show(execute(tmp_path, "run", *words, "--set", "codebook_bits=8", "--json"))
        for name, words in runs.items()
    }
    outputs["compress small"] = dcz.read_bytes()
    outputs["import drawn"] = (tmp_path / "drawn.eie").read_bytes()
    compare(tmp_path, outputs)


def test_sweep(tmp_path: Path) -> None:
    page = (DOCS / "sweeps.md").read_text("utf-8")
    (tmp_path / "spec.toml").write_text(page.split("```toml\n")[1].split("```")[0], "utf-8")
    execute(tmp_path, "sweep", "spec.toml", "--store", "s", "--out", "results", "--jobs", "2")
    rows = (tmp_path / "results" / "points.csv").read_text("utf-8").splitlines()
    compare(tmp_path, {"sweep points": "\n".join(sorted(rows))})


def test_experiments(tmp_path: Path, shared_data: Path) -> None:
    summary = json.loads(
        execute(tmp_path, "reproduce", "all", "--json", "--data", str(shared_data))
    )
    assert list(summary["experiments"]) == list(EXPERIMENTS)
    for name in TIMED:
        del summary["experiments"][name]["tables"]
    compare(tmp_path, {
        f"reproduce {name}": show(json.dumps(experiment))
        for name, experiment in summary["experiments"].items()
    })  # fmt: skip
