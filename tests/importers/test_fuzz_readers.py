"""Every reader of networks on damaged files: an error or a sound network, and little memory."""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from eiesim.base.errors import EieError
from eiesim.catalog.model import import_model, load_model
from eiesim.catalog.readers import read_weights_file
from eiesim.compress.container import write_dcz
from eiesim.importers.idx import read_idx
from tests.support.caffe_files import ONE_BY_ONE, make_net
from tests.support.caffe_weights import caffe_weights
from tests.support.char_models import write_model
from tests.support.containers import mutate, repair
from tests.support.networks import chain_of_two
from tests.support.weight_files import Arrays, pack_safetensors, pack_zip, pickle_tensor

MOST_BYTES = 16 << 20
"""Peak of memory of a reader, for files of a few hundred bytes."""
MOST_SECONDS = 10.0
"""For one file: what no honest one takes, far from what a hang would."""
WORDS = re.compile(rb"\s+|[\w.+-]+|\S")
FORGED = (rb'0 -1 1000000 999999999999 1e308 nan "" [] { } [ ] x conv fc lstm concat true').split()
STEPS = {
    ".toml": b"""outputs = ["b"]
inputs = { x = [2, 6, 6] }
steps = [
  { name = "c", op = "conv", inputs = ["x"], layer = "c", settings = { pad = [1, 1, 1, 1] } },
  { name = "p", op = "maxpool", inputs = ["c"], settings = { kernel = [2, 2], stride = [2, 2] } },
  { name = "j", op = "relu", inputs = ["p"] },
  { name = "b", op = "fc", inputs = ["j"], layer = "f" },
]
""",
    ".prototxt": b"""input: "data" input_shape { dim: 1 dim: 2 dim: 6 dim: 6 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 3 kernel_size: 3 pad: 1 } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "p" type: "Pooling" bottom: "c" top: "p"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "f" type: "InnerProduct" bottom: "p" top: "f" inner_product_param { num_output: 4 } }
""",
}
"""Of one network, in two ways to tell them."""


class Seed(NamedTuple):
    """An honest file, what damages it, and what reads it."""

    file: Path
    damage: Callable[[bytes, np.random.Generator], bytes]
    read: Callable[[], object]


def mix_words(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a text with words left out, doubled, swapped, or replaced."""
    words = WORDS.findall(content)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(len(words)))
        kind = rng.integers(5)
        if kind == 0:
            del words[place]
        elif kind == 1:
            words[place:place] = words[place : place + int(rng.integers(1, 12))]
        elif kind == 2:
            words[place] = words[int(rng.integers(len(words)))]
        elif kind == 3:
            words[place] = FORGED[int(rng.integers(len(FORGED)))]
        else:
            return mutate(content, rng)
        if not words:
            return b""
    return b"".join(words)


def mend(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage a container behind its checksums, and its graph by words."""
    changed = mutate(content, rng)
    return repair(changed) if rng.integers(4) else changed


def damage_graph(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage the graph in a `.eie` file, the length kept, and make its checksum right."""
    start, end = content.index(b'{"network"'), content.index(b'"]}"}') + 5
    changed = bytearray(content)
    for place in rng.integers(start, end, rng.integers(1, 4)):
        changed[place] = rng.choice(list(b'0123456789abcfx"[]{},:-'))
    return repair(bytes(changed))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def make_seed(kind: str, folder: Path) -> Seed:
    """Write the files of a network, and tell which is to be damaged."""
    numbers = np.arange(4, dtype="<f4").reshape(2, 2)
    model, _ = chain_of_two(np.random.default_rng(0))
    conv: Arrays = {"c.weight": np.ones((3, 2, 3, 3), "<f4"), "f.weight": np.ones((4, 27), "<f4")}
    weights = write(folder / "conv.safetensors", pack_safetensors(conv))
    definition = write(folder / "one.prototxt", ONE_BY_ONE.encode())
    net = write(folder / "one.net", make_net([(3, 2), (0, 15), (7, 0)], [0.5, -1.0]))
    layers, npz, eie = folder / "net.dcz", folder / "net.npz", folder / "net.eie"
    np.savez(npz, weight=numbers)
    model.save(eie)
    write_dcz(layers, list(model.layers.values()))
    write_model(folder)
    sizes = b"".join(size.to_bytes(4, "big") for size in (2, 3, 4))
    images = write(folder / "images", bytes([0, 0, 8, 3]) + sizes + bytes(24))
    tensors = write(folder / "net.pt", pack_zip(pickle_tensor("2 2", "2 1"), s0=numbers.tobytes()))
    caffe = write(folder / "net.caffemodel", caffe_weights())
    ones = np.ones((4, 3), "<f4")
    parts: Arrays = {
        "a.weight_orig": numbers, "a.weight_mask": ones[:2, :2], "b.weight_g": ones[:3, :1],
        "b.weight_v": ones[:3, :2], "n.running_mean": ones[0], "n.running_var": ones[0],
        "c.weight_ih_l0": ones, "c.weight_hh_l0": ones[:, :1],
    }  # fmt: skip
    in_parts = write(folder / "parts.safetensors", pack_safetensors(parts))
    places = dict.fromkeys(parts, "parts.safetensors")
    index = write(folder / "i.index.json", json.dumps({"weight_map": places}).encode())
    toml, prototxt = (write(folder / f"s{end}", it) for end, it in STEPS.items())
    steps = write(folder / "s.json", model.graph.to_json().encode())
    seeds = {
        ".safetensors": Seed(weights, mutate, lambda: read_weights_file(weights)),
        "weights in parts": Seed(in_parts, mutate, lambda: import_model(in_parts)),
        ".index.json": Seed(index, mix_words, lambda: import_model(index)),
        ".pt": Seed(tensors, mutate, lambda: import_model(tensors)),
        ".caffemodel": Seed(caffe, mutate, lambda: import_model(caffe)),
        ".npz": Seed(npz, mutate, lambda: read_weights_file(npz)),
        ".net": Seed(net, mutate, lambda: import_model(net, definition)),
        "shapes of a .net": Seed(definition, mix_words, lambda: import_model(net, definition)),
        ".toml": Seed(toml, mix_words, lambda: import_model(weights, toml)),
        ".prototxt": Seed(prototxt, mix_words, lambda: import_model(weights, prototxt)),
        ".json": Seed(steps, mix_words, lambda: import_model(layers, steps)),
        ".eie": Seed(eie, mend, lambda: load_model(eie)),
        "graph of a .eie": Seed(eie, damage_graph, lambda: load_model(eie)),
        "idx": Seed(images, mutate, lambda: read_idx(images)),
        "manifest.json": Seed(folder / "manifest.json", mix_words, lambda: import_model(folder)),
    }
    return seeds[kind]


KINDS = (
    "weights in parts", ".index.json",
    ".safetensors", ".pt", ".caffemodel", ".npz", ".net", "shapes of a .net", ".toml", ".prototxt",
    ".json", ".eie", "graph of a .eie", "idx", "manifest.json",
)  # fmt: skip


@pytest.mark.parametrize("rounds", [400, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files(kind: str, rounds: int, tmp_path: Path) -> None:
    seed = make_seed(kind, tmp_path)
    honest = seed.file.read_bytes()
    seed.read()
    rng = np.random.default_rng(rounds)
    refused, highest, slowest = 0, 0, 0.0
    tracemalloc.start()
    try:
        for _ in range(rounds):
            seed.file.write_bytes(seed.damage(honest, rng))
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            begin = time.process_time()
            try:
                seed.read()
            except EieError:
                refused += 1
            slowest = max(slowest, time.process_time() - begin)
            highest = max(highest, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert refused > rounds / 10
    assert highest < MOST_BYTES
    assert slowest < MOST_SECONDS
