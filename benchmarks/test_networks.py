"""How fast whole networks run, against a second; real ones, which are left out where missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.conftest import SCIPY, SECOND, Ratios
from eiesim import Hardware, load_model, run_model
from eiesim.catalog.model import import_model
from eiesim.compress.plan import read_plan
from eiesim.energy.machine import price_machine
from eiesim.importers.described import Interface
from eiesim.importers.idx import read_idx
from eiesim.runs.network import run_examples
from tests.support.char_models import make_bronte
from tests.support.paths import require_data
from tests.support.photographs import read_photograph

EIGHT_BITS = Hardware(codebook_bits=8)


@pytest.fixture
def data() -> Path:
    return require_data()


def test_squeezenet(data: Path, measure: Any, ratios: Ratios) -> None:
    folder = data / "squeezenet"
    model = load_model(folder / "compressed_SqueezeNet.net", folder / "SqueezeNet_deploy.prototxt")
    examples = [{"data": read_photograph(data, "cat")}]
    name = "SqueezeNet on a photograph"
    measure(name, lambda: list(run_model(model, examples, EIGHT_BITS)), rounds=20)
    ratios.add(name, SECOND, 0.3)
    ratios.add(name, SCIPY)


@pytest.mark.parametrize("priced", [False, True])
def test_lenet5(data: Path, priced: bool, measure: Any, ratios: Ratios) -> None:
    """By `run_model`, and as `eiesim run` does it, with energy and limits."""
    model = import_model(
        data / "lenet" / "caffe_lenet5_sparse.caffemodel", data / "lenet" / "lenet5.prototxt",
        read_plan(None, ["codebook_bits=4"]), interface=Interface(outputs=("ip2",)),
    ).model  # fmt: skip
    pixels = read_idx(data / "mnist" / "t10k-images-idx3-ubyte.gz")[:100].astype(np.float32)
    examples = [{"data": image[np.newaxis] / np.float32(256)} for image in pixels]
    hw = Hardware()
    prices = price_machine(hw)

    def run() -> list[Any]:
        if priced:
            return list(run_examples(model, examples, hw, prices))
        return list(run_model(model, examples, hw))

    name = f"100 images through LeNet-5{', with energy and limits' if priced else ''}"
    measure(name, run, rounds=20)
    ratios.add(name, SECOND, 0.1)
    ratios.add(name, SCIPY)


def test_lstm(measure: Any, ratios: Ratios) -> None:
    model = make_bronte()
    numbers = np.random.default_rng(0).integers(0, 40, 1000).astype(np.float32)
    name = "1,000 steps of two LSTM layers of 128"
    measure(name, lambda: list(run_model(model, [{"characters": numbers}], EIGHT_BITS)), rounds=20)
    ratios.add(name, SECOND, 0.1)
    ratios.add(name, SCIPY)
