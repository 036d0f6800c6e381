"""What objects show of themselves in a notebook: the few numbers that count, in any theme."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Protocol
from xml.etree import ElementTree

import numpy as np
import pytest

from eiesim import CompressedLayer, Hardware, encode, estimate_energy, simulate, simulate_passes
from eiesim.base.cards import make_card
from eiesim.base.labels import MISSING
from eiesim.counters import WORDS
from eiesim.image import encode_passes
from tests.support.arrays import f32
from tests.support.machines import make_uneven

HW = Hardware(n_pes=4)
LAYER, ACTIVATIONS = make_uneven()
IMAGE = encode(LAYER, HW)
RESULT = simulate(IMAGE, ACTIVATIONS, HW)
REPORT = estimate_energy(RESULT)
OBJECTS = (HW, LAYER, IMAGE, RESULT, REPORT)


def read_card(html: str) -> tuple[str, dict[str, str]]:
    """Return the title of a card, and its values by name."""
    title, *lines = ElementTree.fromstring(html).iter("tr")
    names, values = ([cell.text or "" for cell in column] for column in zip(*lines, strict=True))
    return "".join(title.itertext()), dict(zip(names, values, strict=True))


class Shown(Protocol):
    """What a notebook asks for its HTML."""

    def _repr_html_(self) -> str: ...


def show(shown: Shown) -> dict[str, str]:
    return read_card(shown._repr_html_())[1]


def test_texts_are_escaped() -> None:
    html = make_card("<b>", {"a<b": "<script>&", "none": None})
    assert read_card(html) == ("<b>", {"a<b": "<script>&", "none": MISSING})
    assert "<script>" not in html


def test_a_name_is_text() -> None:
    layer = CompressedLayer(LAYER.codes, LAYER.codebook, name="<i>&")
    assert read_card(layer._repr_html_())[0] == "CompressedLayer <i>&"


@pytest.mark.parametrize("shown", OBJECTS, ids=lambda it: type(it).__name__)
def test_a_card_is_small_and_has_no_colour(shown: Shown) -> None:
    html = shown._repr_html_()
    title, values = read_card(html)
    assert title.split()[0] == type(shown).__name__
    assert 5 <= len(values) <= 14
    assert max(map(len, values.values())) < 40
    assert set(re.findall(r'style="(.*?)"', html)) == {"text-align: left"}


def test_the_machine_shows_what_is_not_the_papers() -> None:
    assert show(HW)["n PEs"] == "4"
    assert "dram (GB/s)" not in show(HW)
    changed = show(replace(HW, dram_gbps=6.4, bias_row=False))
    assert (changed["DRAM (GB/s)"], changed["bias row"]) == ("6.4", "no")


def test_a_layer_and_its_image() -> None:
    layer, image = show(LAYER), show(IMAGE)
    assert layer["weights"] == f"{LAYER.weights:,}"
    assert float(layer["density"]) == pytest.approx(LAYER.density, rel=1e-3)
    for name in ("outputs", "inputs", "bias"):
        assert layer[name] == image[name]
    assert image["entries"] == f"{IMAGE.entries:,}"
    assert image["most entries of a PE"] == str(max(IMAGE.counts.sum(axis=0)))


def test_a_run_says_what_limits_it() -> None:
    card = show(RESULT)
    assert card["cycles"] == f"{RESULT.cycles:,}"
    first = RESULT.limits.first
    assert first is not None
    share = RESULT.limits.added_cycles[first] / RESULT.cycles
    assert card["limited by"] == f"{WORDS[first]}, {share:.0%} of the cycles"


def test_a_run_that_nothing_limits() -> None:
    layer = CompressedLayer(np.ones((4, 8), np.uint8), f32([0, 1]), np.ones(4, np.uint8))
    result = simulate(encode(layer, HW), np.ones(8, np.float32), HW)
    assert result.limits.first is None
    assert show(result)["limited by"] == "its entries alone"


def test_the_fill_of_each_pass_is_no_limit() -> None:
    """In every pass, the first column takes two cycles to arrive."""
    hw = Hardware(n_pes=1, registers_per_pe=1, act_batches=True)
    layer = CompressedLayer(np.ones((3, 1), np.uint8), f32([0, 1]))
    images = encode_passes(layer, hw)
    result = simulate_passes(images, np.ones(1, np.float32), hw)
    assert result.passes == len(images) == 3
    assert result.limits.ends_cycles >= 2 * result.passes


def test_where_the_energy_goes() -> None:
    card = show(REPORT)
    assert float(card["energy (µJ)"]) == pytest.approx(REPORT.total_pj / 1e6, rel=1e-3)
    shares = [int(value.split()[-1].removesuffix("%")) for value in list(card.values())[3:]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=len(shares))
