"""How far encoding, compressing, drawing and files are from what the machine allows.

Each job stands beside its floor: its entries at one a cycle, or the bytes that it reads and writes
at the speed of a copy, whichever takes longer. Clock and copy are measured in the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from benchmarks.conftest import Ratios
from eiesim import Hardware, InterleavedCSC, encode, load_benchmark
from eiesim.base.jit import kernel
from eiesim.compress.codebook import assign_codes, build_codebook, cluster
from eiesim.compress.container import read_dcz, write_dcz
from eiesim.compress.huffman import HuffmanCode
from eiesim.compress.prune import prune
from eiesim.layer.weights import StoredLayer

HW = Hardware()
COUNT = 10**7
COPY, CHAIN = "10^8 bytes copied", "4 x 10^7 cycles of one chain"
LAYER_BYTES = 5
"""Of a weight in a layer: its row and its code."""
IMAGE_BYTES = 2
"""Of an entry in an image: its code and its relative index."""
Job = Callable[..., Any]


class Speed(NamedTuple):
    """What the machine can do at most."""

    cycle_s: float
    byte_s: float


@kernel
def chain(steps: int) -> int:
    """Take four cycles a step: a product takes three, and waits for the step before."""
    value = np.uint64(1)
    for step in range(steps):
        value = (value * np.uint64(0x9E3779B97F4A7C15)) ^ np.uint64(step)
    return int(value)


@pytest.fixture
def speed(measure: Any, ratios: Ratios) -> Speed:
    if COPY not in ratios.times:
        source = np.ones(10**8, np.uint8)
        target = np.empty_like(source)
        measure(COPY, lambda: np.copyto(target, source), 20)
        measure(CHAIN, lambda: chain(10**7), 20)
    copy_s, chain_s = ratios.times[COPY].min_s, ratios.times[CHAIN].min_s
    return Speed(chain_s / 4e7, copy_s / 2e8)


@pytest.fixture
def measure_beside_floor(measure: Any, speed: Speed, ratios: Ratios) -> Job:
    """Time a job beside its floor; return the result of the job."""

    def run(
        name: str, function: Callable[[], Any], entries: int, entry_bytes: float, rounds: int = 20
    ) -> Any:
        floor_s = max(entries * speed.cycle_s, entries * entry_bytes * speed.byte_s)
        floor = f"floor of: {name}"
        ratios.set_fixed(floor, floor_s)
        ratios.add(name, floor)
        return measure(name, function, rounds)

    return run


@pytest.fixture(scope="module")
def vgg6() -> Any:
    return load_benchmark("vgg-6").layer


@pytest.fixture(scope="module")
def symbols() -> Any:
    drawn = np.random.default_rng(0).geometric(0.2, COUNT)
    return drawn.clip(max=15).astype(np.uint8)


@pytest.fixture(scope="module")
def values() -> Any:
    return np.random.default_rng(0).normal(size=COUNT).astype(np.float32)


@pytest.mark.parametrize("name", ["alex-8", "vgg-6"])
def test_encode_and_decode(name: str, measure_beside_floor: Job) -> None:
    layer = load_benchmark(name).layer
    entry_bytes = LAYER_BYTES + IMAGE_BYTES
    job = (lambda: encode(layer, HW), layer.weights, entry_bytes, 20)
    image = measure_beside_floor(f"drawn {name} encoded for 64 PEs", *job)

    def decode() -> Any:
        image.__dict__.pop("columns", None)  # kept otherwise
        return image.decode()

    assert (
        measure_beside_floor(f"image of {name} decoded", decode, image.entries, entry_bytes)
        == layer
    )
    measure_beside_floor(f"image of {name} checked", image.check, image.entries, IMAGE_BYTES)


def test_draw(vgg6: Any, measure_beside_floor: Job) -> None:
    measure_beside_floor("VGG-6 drawn", lambda: load_benchmark("vgg-6"), vgg6.weights, LAYER_BYTES)


def test_image_files(vgg6: Any, tmp_path: Path, measure_beside_floor: Job) -> None:
    image = encode(vgg6, HW)
    size = (image.entries, 2 * IMAGE_BYTES)
    measure_beside_floor("image of VGG-6 saved", lambda: image.save(tmp_path / "image.npz"), *size)
    measure_beside_floor(
        "image of VGG-6 loaded", lambda: InterleavedCSC.load(tmp_path / "image.npz"), *size
    )


def test_containers(vgg6: Any, tmp_path: Path, measure_beside_floor: Job) -> None:
    stored = StoredLayer(vgg6, (vgg6.rows, vgg6.cols))
    path = tmp_path / "net.dcz"
    size = (vgg6.weights, LAYER_BYTES + 1)
    measure_beside_floor("VGG-6 written to a container", lambda: write_dcz(path, [stored]), *size)
    container = measure_beside_floor("VGG-6 read from a container", lambda: read_dcz(path), *size)
    assert container.layers[0] == stored


def test_pruning(measure_beside_floor: Job) -> None:
    weights = np.random.default_rng(0).standard_normal((4096, 4096), np.float32)
    size = (weights.size, 4)
    measure_beside_floor("16.8 M weights pruned to 4 %", lambda: prune(weights, 0.04), *size)


def test_codebook(values: Any, measure_beside_floor: Job) -> None:
    """A sort by four bytes reads and writes the values four times at least, after a first look."""
    size = (COUNT, 4 + 8 * 4)
    measure_beside_floor("10^7 weights, linear, 15 clusters", lambda: cluster(values, 15), *size)
    codebook = build_codebook(values, 4)
    measure_beside_floor(
        "10^7 codes assigned", lambda: assign_codes(values, codebook), COUNT, 4 + 1
    )


def test_huffman(symbols: Any, measure_beside_floor: Job) -> None:
    code = HuffmanCode.of(np.bincount(symbols, minlength=16))
    content = measure_beside_floor(
        "10^7 symbols coded", lambda: code.encode(symbols), COUNT, 1 + 0.5
    )
    decode = (lambda: code.decode(content, COUNT), COUNT, 1 + 0.5)
    assert np.array_equal(measure_beside_floor("10^7 symbols decoded", *decode), symbols)
