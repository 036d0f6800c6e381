"""How long jobs of several steps take: nine layers, a layer of 100 M weights, the papers' page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.conftest import SECOND, Ratios
from eiesim import Hardware, encode, load_benchmark, simulate
from eiesim.base.published import PAPER_LAYERS
from eiesim.compress.container import pack
from eiesim.compress.pipeline import compress_network
from eiesim.compress.plan import read_plan
from eiesim.layer.weights import DenseLayer
from eiesim.paper.cache import FOLDER_VARIABLE

HW = Hardware()


def test_nine_layers(measure: Any, ratios: Ratios) -> None:
    def run_all() -> None:
        for name in PAPER_LAYERS:
            benchmark = load_benchmark(name)
            simulate(encode(benchmark.layer, HW), benchmark.activations, HW)

    name = "nine layers drawn, encoded and simulated"
    measure(name, run_all, rounds=2)
    ratios.add(name, SECOND, 5)


def test_compress_vgg6(measure: Any, ratios: Ratios) -> None:
    """Weights of 411 MB pruned, shared and packed."""
    rng = np.random.default_rng(0)
    weights = np.empty((4096, 25_088), np.float32)
    for row in weights:
        rng.standard_normal(out=row, dtype=np.float32)
    plan = read_plan(None, ["density=0.04", "index_bits=5"])

    def compress() -> bytes:
        return pack([step.stored for step in compress_network({"6": DenseLayer(weights)}, plan)])

    name = "VGG-6 pruned, shared and packed"
    measure(name, compress, rounds=2)
    ratios.add(name, SECOND, 10)


def test_reproduce_all(tmp_path: Path, measure: Any, ratios: Ratios) -> None:
    """`make reproduce` on two processors: with nothing kept but the compiled code, and again."""
    command = [str(Path(sys.executable).with_name("eiesim")), "reproduce", "all", "--jobs", "2",
               "--out", str(tmp_path / "out"), "--force"]  # fmt: skip
    environment = os.environ | {FOLDER_VARIABLE: str(tmp_path / "cache")}

    def reproduce(*more: str) -> None:
        subprocess.run([*command, *more], check=True, capture_output=True, env=environment)

    first, again = "everything of the papers computed", "everything of the papers drawn again"
    measure(first, lambda: reproduce("--fresh"), rounds=1)
    ratios.add(first, SECOND, 60)
    measure(again, reproduce, rounds=1)
    ratios.add(again, SECOND, 10)
