"""docs/real_networks.md: its numbers, computed again."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from eiesim import Hardware, Model, compress, encode, load_model, simulate
from eiesim.base.files import read_arrays
from eiesim.catalog.model import import_model
from eiesim.catalog.trained import load_trained
from eiesim.cli.main import main
from eiesim.compress.plan import read_plan
from eiesim.energy.machine import price_machine
from eiesim.importers.raw import read_wavegru_layer
from eiesim.inference import Setup
from eiesim.paper.parts.real_layers import WAVEGRU_INPUTS, WAVEGRU_LAYERS
from eiesim.runs.network import run_examples
from eiesim.runs.text import measure_text
from tests.support.pages import read_table
from tests.support.paths import DOCS
from tests.support.photographs import EIGHT_BITS, read_photograph

PAGE = DOCS / "real_networks.md"
RETRAINED = "10 % 4 bits retrained"
FC = """
outputs = ["fc8"]
inputs = { pool5 = [9216] }
steps = [
  { name = "fc6", op = "fc", inputs = ["pool5"], layer = "fc6" },
  { name = "relu6", op = "relu", inputs = ["fc6"] },
  { name = "fc7", op = "fc", inputs = ["relu6"], layer = "fc7" },
  { name = "relu7", op = "relu", inputs = ["fc7"] },
  { name = "fc8", op = "fc", inputs = ["relu7"], layer = "fc8" },
]
"""


def test_alexnet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fc.toml").write_text(FC, encoding="utf-8")
    blocks = PAGE.read_text("utf-8").split("```\n")
    commands = next(block for block in blocks if "compress alexnet" in block)
    for command in commands.splitlines():
        assert main(command.split()[1:]) == 0
    printed = capsys.readouterr().out
    assert "17055." in printed
    rows = [line for line in printed.splitlines() if re.match(r"fc\d +fc ", line)]
    loaded = [row.split()[-1] for row in rows][-3:]
    assert loaded == ["9216.000", "0.000", "0.000"]


@pytest.mark.data
def test_wavegru(shared_data: Path) -> None:
    inputs = read_arrays(shared_data / WAVEGRU_INPUTS)
    rows = read_table("real_networks.md", "| layer | outputs x inputs")
    assert [row[0] for row in rows] == list(WAVEGRU_LAYERS)
    for name, shape, density, cycles, balance in rows:
        weights, bias = read_wavegru_layer(shared_data / "wavegru", f"lyra_16khz_{name}")
        layer, hw = compress(weights, bias=bias), Hardware()
        image = encode(layer, hw)
        runs = [simulate(image, given.astype(np.float32), hw) for given in inputs[name][:8]]
        assert shape == f"{layer.rows} x {layer.cols}"
        assert density == f"{100 * layer.density:.1f} %"
        assert cycles == f"{np.mean([run.cycles for run in runs]):.0f}"
        assert balance == f"{100 * np.mean([run.load_balance for run in runs]):.0f} %"


@pytest.mark.slow
@pytest.mark.data
def test_squeezenet(shared_data: Path) -> None:
    folder = shared_data / "squeezenet"
    model = load_model(folder / "compressed_SqueezeNet.net", folder / "SqueezeNet_deploy.prototxt")
    moved = Hardware(codebook_bits=8, act_batches=True)
    for name, *cells in read_table("real_networks.md", "| photograph"):
        given = [{"data": read_photograph(shared_data, name)}]
        plain, balanced, slow = (
            next(run_examples(model, given, hw, price_machine(hw), balance=balance))
            for hw, balance in ((EIGHT_BITS, False), (EIGHT_BITS, True), (moved, False))
        )
        assert plain.energy_pj is not None
        assert cells == [
            str(plain.cycles), f"{plain.cycles / 800e3:.1f}", f"{sum(plain.energy_pj) / 1e9:.1f}",
            str(balanced.cycles), str(slow.cycles),
        ]  # fmt: skip
        outputs = [next(iter(run.outputs.values())) for run in (plain, balanced)]
        assert np.array_equal(outputs[0], outputs[1])


@pytest.mark.slow
@pytest.mark.data
def test_character_models(shared_data: Path) -> None:
    folder = shared_data / "char_lstm"
    text = (folder / "charlotte_bronte" / "bronte_excerpt.txt").read_text("utf-8")
    for name, kept, *cells in read_table("real_networks.md", "| model"):
        if name == "Bolaño" or kept not in ("all 8 bits", RETRAINED):
            continue  # minutes, and nothing that these do not show
        plan = read_plan(None, ["codebook_bits=8"])
        model = import_model(folder / "charlotte_bronte", plan=plan).model
        if kept == RETRAINED:
            layers = {it.name: it for it in load_trained("bronte-lstm").container.layers}
            model = Model("bronte-lstm", model.graph, layers, model.characters)
        run = measure_text(model, text, Setup(EIGHT_BITS), price_machine(EIGHT_BITS))
        assert run.energy_pj_per_character is not None
        assert cells == [
            f"{run.bits_per_character:.2f}",
            f"{run.cycles_per_character:.0f}",
            f"{run.energy_pj_per_character / 1e6:.2f}",
        ]
