"""How fast eiesim is, on AlexNet's fc8: the real one where it is there, else one drawn like it.

Times are set against the chip's own time, against a second, and against the same product in BLAS
and in SciPy, all measured in this run. Nothing here fails on a slow machine; the ratios are printed
at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.conftest import SECOND, Ratios
from eiesim import Hardware, encode, load_benchmark, simulate
from eiesim.base.published import PAPER_LAYERS
from eiesim.compress.codebook import cluster
from eiesim.compress.container import pack
from eiesim.compress.huffman import HuffmanCode
from eiesim.compress.pipeline import compress_network
from eiesim.compress.plan import read_plan
from eiesim.layer.weights import DenseLayer
from eiesim.paper.cache import FOLDER_VARIABLE
from eiesim.sim.fast._time_kernels import time_broadcasts
from eiesim.sim.scan import scan_activations
from eiesim.sweep.journal import open_journal
from eiesim.sweep.planning import plan_points
from eiesim.sweep.runner import run_points
from eiesim.sweep.spec import make_sweep

HW = Hardware()
SCIPY = "the product alone in SciPy, CSC float32"


def time_layer(layer: Any, activations: Any, name: str, measure: Any, ratios: Ratios) -> str:
    """Measure the exact cycles from ready counts, and return what to set them against."""
    image = encode(layer, HW)
    scan = scan_activations(activations, image, HW.scan)
    fetches = np.zeros(scan.columns.size, np.int32)
    arguments = (image.counts, scan.columns, scan.gaps, fetches, HW.queue_depth, 2, 1)
    _, last_issue, _ = measure(name, lambda: time_broadcasts(*arguments), rounds=2000)
    chip = f"the chip's {(last_issue + 6) / HW.clock_mhz:.2f} us"
    ratios.set_fixed(chip, (last_issue + 6) / (HW.clock_mhz * 1e6))
    return chip


def test_exact_cycles_from_ready_counts(alex8: Any, measure: Any, ratios: Ratios) -> None:
    layer, activations = alex8
    name = "exact cycles of Alex-8, 64 PEs, from ready counts"
    ratios.add(name, time_layer(layer, activations, name, measure, ratios), 1.0)


@pytest.mark.parametrize("layer", PAPER_LAYERS)
def test_exact_cycles_of_drawn_layers(layer: str, measure: Any, ratios: Ratios) -> None:
    drawn = load_benchmark(layer)
    name = f"exact cycles of drawn {layer}"
    ratios.add(name, time_layer(drawn.layer, drawn.activations, name, measure, ratios))


def test_simulate(alex8: Any, measure: Any, ratios: Ratios) -> None:
    layer, activations = alex8
    image = encode(layer, HW)
    name = "simulate Alex-8 with all counters and outputs"
    measure(name, lambda: simulate(image, activations, HW))
    ratios.add(name, SECOND, 0.002)
    ratios.add(name, SCIPY)
    ratios.add(name, "the product alone in BLAS, dense float32")


def test_points_that_share_an_image(
    alex8: Any, tmp_path: Path, measure: Any, ratios: Ratios
) -> None:
    """250 queue depths x 20 widths, each point with time, energy and area; two cores do twice."""
    spec = make_sweep({
        "layers": [write_layer(alex8, tmp_path)],
        "axes": {"queue_depth": {"from": 2, "to": 251, "step": 1},
                 "spmat_width_bits": {"from": 32, "to": 184, "step": 8}},
    })  # fmt: skip
    planned = plan_points(spec)

    def sweep() -> None:
        with open_journal(":memory:") as journal:
            assert run_points(planned, journal) == 5000

    name = "5,000 points of Alex-8, one core, one image"
    measure(name, sweep, rounds=1)
    ratios.add(name, SECOND, 2.0)


def test_points_with_images_of_their_own(
    alex8: Any, tmp_path: Path, measure: Any, ratios: Ratios
) -> None:
    axes = {"n_pes": {"from": 40, "to": 89, "step": 1}}
    spec = make_sweep({"layers": [write_layer(alex8, tmp_path)], "axes": axes})
    planned = plan_points(spec)

    def sweep() -> None:
        with open_journal(":memory:") as journal:
            assert run_points(planned, journal) == 50

    name = "50 points of Alex-8, one core, an image each"
    measure(name, sweep, rounds=1)
    ratios.add(name, SECOND, 2.0)


def write_layer(alex8: Any, folder: Path) -> str:
    layer, activations = alex8
    arrays: dict[str, Any] = {"codes": layer.codes.toarray(), "codebook": layer.codebook}
    if layer.bias_codes is not None:
        arrays["bias"] = layer.bias_codes
    np.savez(folder / "alex8.npz", act=activations, **arrays)
    return str(folder / "alex8.npz")


def test_product_in_scipy(alex8: Any, measure: Any) -> None:
    layer, activations = alex8
    weights = layer.codes.astype(np.float32)
    weights.data = layer.codebook[layer.codes.data]
    measure(SCIPY, lambda: weights @ activations)


def test_product_in_blas(alex8: Any, measure: Any) -> None:
    layer, activations = alex8
    weights = layer.codebook[layer.codes.toarray()]
    measure("the product alone in BLAS, dense float32", lambda: weights @ activations)


def test_encode(alex8: Any, measure: Any, ratios: Ratios) -> None:
    layer, _ = alex8
    name = "encode Alex-8 for 64 PEs"
    measure(name, lambda: encode(layer, HW), rounds=20)
    ratios.add(name, SECOND, 0.05)


def test_nine_layers(measure: Any, ratios: Ratios) -> None:
    def run_all() -> None:
        for name in PAPER_LAYERS:
            benchmark = load_benchmark(name)
            simulate(encode(benchmark.layer, HW), benchmark.activations, HW)

    name = "nine layers drawn, encoded and simulated"
    measure(name, run_all, rounds=2)
    ratios.add(name, SECOND, 5)


def test_draw_vgg6(measure: Any, ratios: Ratios) -> None:
    name = "draw VGG-6, 4.1 M of 103 M weights"
    measure(name, lambda: load_benchmark("vgg-6"), rounds=3)
    ratios.add(name, SECOND, 1)


def test_codebook_of_ten_million_weights(measure: Any, ratios: Ratios) -> None:
    values = np.random.default_rng(0).normal(size=10**7).astype(np.float32)
    name = "codebook of 10^7 weights, linear, 15 clusters"
    measure(name, lambda: cluster(values, 15), rounds=2)
    ratios.add(name, SECOND, 2)


def test_huffman_decoding(measure: Any, ratios: Ratios) -> None:
    symbols = np.random.default_rng(0).geometric(0.2, 10**7).clip(max=15).astype(np.uint8)
    code = HuffmanCode.of(np.bincount(symbols, minlength=16))
    content = code.encode(symbols)
    name = "10^7 Huffman-coded symbols decoded"
    found = measure(name, lambda: code.decode(content, symbols.size), rounds=3)
    assert np.array_equal(found, symbols)
    ratios.add(name, SECOND, 1)


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


def test_help(measure: Any, ratios: Ratios) -> None:
    name = "eiesim --help"
    command = [str(Path(sys.executable).with_name("eiesim")), "--help"]
    measure(name, lambda: subprocess.run(command, check=True, capture_output=True), rounds=5)
    ratios.add(name, SECOND, 0.3)
