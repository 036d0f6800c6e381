"""docs/thresholds.md: error against cycles and energy, of a language model's layer and of a
character model."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import CompressedLayer, Hardware, run_model
from eiesim.catalog.characters import number_text
from eiesim.catalog.model import Model
from eiesim.catalog.operands import Operands, Source
from eiesim.energy.machine import price_machine
from eiesim.importers.char_lstm import read_char_lstm
from eiesim.importers.torch_file import read_torch
from eiesim.inference import Setup
from eiesim.layer.drawing import draw_codebook, draw_codes
from eiesim.layer.weights import COLUMN_VARIATION, ROW_VARIATION
from eiesim.runs.layer import run_operands
from eiesim.runs.layer_rows import describe_layer
from eiesim.runs.text import measure_text
from tests.support.char_models import make_bronte
from tests.support.pages import read_table

LLAMA = Hardware(n_pes=256)
SIZE, DENSITY, SEED = 4096, 0.5, 0
CHARACTERS = Hardware(codebook_bits=8)
READ = 1000
"""Characters at the end of the excerpt, which the training has not seen."""


def draw_query(folder: Path, layer: int) -> Operands:
    """Llama-2-7B's q of a decoder layer: its weights drawn, its input drawn from the histogram."""
    rng = np.random.default_rng(SEED)
    variations = (ROW_VARIATION, COLUMN_VARIATION)
    codes = draw_codes((SIZE, SIZE), DENSITY, variations, 4, rng)
    weights = CompressedLayer(codes, draw_codebook(4, DENSITY, SIZE), None, f"q of layer {layer}")
    name = f"llama-2-7b-layer-{layer}-self_attn-histograms.pt"
    arrays: dict[str, Any] = read_torch(folder / "teal" / name)
    counts, centers = (arrays[key].astype(np.float64) for key in ("h1", "h1_centers"))
    width = np.median(np.diff(centers))
    # the first and last bin hold all that lies beyond the others: at least their inner edge
    lows = np.append(centers[1] - width / 2, centers[1:-1] - width / 2)
    lows = np.append(lows, centers[-2] + width / 2)
    widths = np.full(counts.size, width)
    widths[[0, -1]] = 0
    bins = rng.choice(counts.size, SIZE, p=counts / counts.sum())
    values = lows[bins] + rng.random(SIZE) * widths[bins]
    return Operands(weights, values.astype(np.float32), (Source(name, ""),))


@cache
def load_characters(folder: Path) -> tuple[Model, str]:
    """Return the character model that eiesim ships, pruned to 10 %, and the text."""
    source = folder / "char_lstm" / "charlotte_bronte"
    text = (source / "bronte_excerpt.txt").read_text("utf-8")[-READ:]
    return make_bronte("".join(read_char_lstm(source).characters)), text


@pytest.mark.data
def test_a_layer_of_a_language_model(shared_data: Path) -> None:
    operands, prices = draw_query(shared_data, 15), price_machine(LLAMA)
    plain = describe_layer(run_operands(operands, LLAMA, prices))
    magnitudes = np.sort(np.abs(operands.activations))
    found = []
    for share in (0.0, 0.25, 0.4, 0.5, 0.65, 0.8, 0.9):
        hw = replace(LLAMA, act_threshold_quantile=share)
        row = describe_layer(run_operands(operands, hw, prices))
        threshold = magnitudes[int(share * SIZE) - 1] if share else 0.0
        found.append([
            f"{share:.0%}", f"{threshold:.3f}", f"{row['broadcasts'] - 1}",
            f"{row.get('output_error', 0):.3f}", f"{row['cycles']}",
            f"{row['energy_pj'] / 1e6:.1f}", f"{row['energy_pj'] / plain['energy_pj']:.2f}",
        ])  # fmt: skip
    assert found == read_table("thresholds.md", "| left out")


def measure(folder: Path, fields: dict[str, float]) -> Any:
    model, text = load_characters(folder)
    hw = replace(CHARACTERS, **fields)  # type: ignore[arg-type]
    return measure_text(model, text, Setup(hw), price_machine(CHARACTERS))


def list_settings(words: str) -> dict[str, float]:
    """Return the fields that a cell of the table names."""
    return {name: float(value) for name, value in re.findall(r"`(\w+) = ([\d.]+)`", words)}


@pytest.mark.data
def test_why_activations_do_as_well_as_changes(shared_data: Path) -> None:
    model, text = load_characters(shared_data)
    numbers = number_text(text, tuple(model.characters)).astype(np.float32)
    (run,) = run_model(model, [{"characters": numbers}], CHARACTERS)
    embedding, state = run.values["embedding"], run.values["lstm1"]
    assert (np.diff(embedding, axis=0) != 0).mean() == pytest.approx(0.96, abs=0.005)
    assert (np.abs(state) <= 0.05).mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.data
@pytest.mark.parametrize("place", [0, 3, 8, pytest.param(None, marks=pytest.mark.slow)])
def test_a_character_model(shared_data: Path, place: int | None) -> None:
    rows = read_table("thresholds.md", "| machine")
    plain = measure(shared_data, {})
    for words, *cells in rows if place is None else [rows[place]]:
        run = measure(shared_data, list_settings(words))
        share = run.energy_pj_per_character / plain.energy_pj_per_character
        assert cells == [
            f"{run.bits_per_character:.2f}", f"{run.cycles_per_character:.0f}",
            f"{run.energy_pj_per_character / 1000:.0f}", f"{share:.2f}",
        ]  # fmt: skip
