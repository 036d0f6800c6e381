"""How fast a layer is run when its image is there: counters, outputs, and what surrounds the run.

Times are set against the same product in SciPy and in BLAS, measured in this run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.conftest import ALEX8_RUN, BLAS, SCIPY, SECOND, Ratios
from eiesim import CompressedLayer, Hardware, encode, price_machine, simulate
from eiesim.base.published import PAPER_LAYERS
from eiesim.catalog.readers import load_operands
from eiesim.image import InterleavedCSC
from eiesim.runs.layer import run_operands
from eiesim.sim.fast.engine import Prepared
from eiesim.sim.passes import compute_outputs, simulate_inputs

DATAPATHS = ("float32", "fixed16")
INPUTS = 1000


def test_product_in_scipy(alex8: Any, measure: Any) -> None:
    layer, activations = alex8
    weights = layer.codes.astype(np.float32)
    weights.data = layer.codebook[layer.codes.data]
    measure(SCIPY, lambda: weights @ activations)


def test_product_in_blas(alex8: Any, measure: Any) -> None:
    layer, activations = alex8
    weights = layer.codebook[layer.codes.toarray()]
    measure(BLAS, lambda: weights @ activations)


@pytest.mark.parametrize("datapath", DATAPATHS)
def test_simulate(datapath: str, alex8: Any, measure: Any, ratios: Ratios) -> None:
    (layer, activations), hw = alex8, Hardware(datapath=datapath)
    image = encode(layer, hw)
    name = ALEX8_RUN.replace("float32", datapath)
    measure(name, lambda: simulate(image, activations, hw))
    ratios.add(name, SCIPY, 0.75)
    ratios.add(name, BLAS)
    ratios.add(name, SECOND, 300e-6)


@pytest.mark.parametrize("datapath", DATAPATHS)
def test_outputs_alone(datapath: str, alex8: Any, measure: Any, ratios: Ratios) -> None:
    (layer, activations), hw = alex8, Hardware(datapath=datapath)
    image = encode(layer, hw)
    name = f"outputs of Alex-8 alone, {datapath}"
    measure(name, lambda: compute_outputs([image], activations[np.newaxis], hw))
    ratios.add(name, SCIPY)
    ratios.add(name, BLAS)


def test_counters_alone(alex8: Any, measure: Any, ratios: Ratios) -> None:
    (layer, activations), hw = alex8, Hardware()
    image = encode(layer, hw)
    name = "counters of Alex-8 alone, as a sweep takes them"
    measure(name, lambda: Prepared(image, activations).count(hw))
    ratios.add(name, SCIPY)


@pytest.mark.parametrize("datapath", DATAPATHS)
def test_a_thousand_inputs(datapath: str, measure: Any, ratios: Ratios) -> None:
    image, stack, hw = draw_small(datapath)
    name = f"1,000 inputs of 256 x 256 at 10 %, {datapath}"
    measure(name, lambda: simulate_inputs([image], stack, hw), rounds=5)
    ratios.add(name, SECOND)


@pytest.mark.parametrize("datapath", DATAPATHS)
def test_outputs_of_a_thousand_inputs(datapath: str, measure: Any, ratios: Ratios) -> None:
    image, stack, hw = draw_small(datapath)
    name = f"outputs alone of 1,000 inputs of 256 x 256 at 10 %, {datapath}"
    measure(name, lambda: compute_outputs([image], stack, hw), rounds=20)
    ratios.add(name, SECOND)


def draw_small(datapath: str) -> tuple[InterleavedCSC, Any, Hardware]:
    """A small layer, and inputs of which 40 % are not zero."""
    rng, hw = np.random.default_rng(0), Hardware(datapath=datapath)
    codes = rng.integers(1, 16, (256, 256), np.uint8) * (rng.random((256, 256)) < 0.1)
    codebook = np.concatenate(([0], rng.normal(size=15))).astype(np.float32)
    stack = rng.normal(size=(INPUTS, 256)) * (rng.random((INPUTS, 256)) < 0.4)
    return encode(CompressedLayer(codes, codebook), hw), stack.astype(np.float32), hw


def test_one_run_of_a_tiny_layer(measure: Any, ratios: Ratios) -> None:
    """What a run takes beside its work."""
    image, stack, hw = draw_small("float32")
    name = "simulate 256 x 256 at 10 %"
    measure(name, lambda: simulate(image, stack[0], hw))
    ratios.add(name, SECOND)


@pytest.mark.parametrize("layer", PAPER_LAYERS)
def test_run_of_a_layer(layer: str, measure: Any, ratios: Ratios) -> None:
    """Encoded, run, bounded and priced."""
    operands, hw = load_operands(layer), Hardware()
    prices = price_machine(hw)
    name = f"run of drawn {layer}"
    measure(name, lambda: run_operands(operands, hw, prices), rounds=5)
    ratios.add(name, SECOND)
