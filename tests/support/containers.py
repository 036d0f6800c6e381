"""Layers for .dcz files, and damage to such files."""

from __future__ import annotations

import zlib

import numpy as np
from hypothesis import strategies as st

from eiesim.compress.container import HEADER_BYTES
from eiesim.layer.weights import CompressedLayer, StoredLayer


@st.composite
def stored_layers(draw: st.DrawFn, name: str = "fc") -> StoredLayer:
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=2, max_size=4)))
    rows, cols = shape[0], int(np.prod(shape[1:]))
    bits, index_bits = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    kept = rng.random((rows, cols)) < draw(st.sampled_from([0, 0.05, 0.5, 1]))
    codes = (rng.integers(1, 1 << bits, (rows, cols)) * kept).astype(np.uint8)
    special = np.array([-0.0, 1e-42, -3.4e38], np.float32)
    codebook = rng.normal(size=1 << bits).astype(np.float32)
    codebook[1:4] = special[: codebook[1:4].size]
    codebook[0] = 0
    kind = draw(st.sampled_from(["none", "float", "codes"]))
    bias_codes = rng.integers(0, 1 << bits, rows).astype(np.uint8) if kind == "codes" else None
    bias = rng.normal(size=rows).astype(np.float32) if kind == "float" else None
    layer = CompressedLayer(codes, codebook, bias_codes, name)
    return StoredLayer(layer, shape, bias, index_bits)


def small_network() -> list[StoredLayer]:
    rng = np.random.default_rng(7)
    layers = []
    for name, shape in (("conv", (4, 3, 3, 3)), ("fc/é", (10, 40))):
        matrix = (shape[0], int(np.prod(shape[1:])))
        codes = rng.integers(1, 16, matrix) * (rng.random(matrix) < 0.2)
        codebook = np.concatenate(([0], rng.normal(size=15))).astype(np.float32)
        layer = CompressedLayer(codes.astype(np.uint8), codebook, None, name)
        layers.append(StoredLayer(layer, shape, rng.normal(size=shape[0]).astype(np.float32), 3))
    return layers


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Return the content damaged at random."""
    kind = rng.integers(6)
    changed = bytearray(content)
    if kind == 0:
        return content[: rng.integers(len(content))]
    if kind == 1:
        return content + rng.bytes(int(rng.integers(1, 40)))
    for _ in range(1 if kind == 2 else rng.integers(1, 6)):
        place = int(rng.integers(len(changed)))
        if kind == 5:  # forged sizes: whole 32-bit numbers
            number = rng.choice([0, 1, 2**16, 2**31 - 1, 2**32 - 1, int(rng.integers(2**32))])
            changed[place : place + 4] = int(number).to_bytes(4, "little")
            changed = changed[: len(content)]
        else:
            changed[place] = rng.integers(256)
    return bytes(changed)


def repair(content: bytes) -> bytes:
    """Make every checksum right, as far as the sizes in the content lead to them."""
    changed = bytearray(content)
    if len(changed) < HEADER_BYTES:
        return content
    changed[8:12] = len(changed).to_bytes(4, "little")
    place = HEADER_BYTES + int.from_bytes(changed[12:16], "little")
    start = 0
    for _ in range(1 + int.from_bytes(changed[6:8], "little")):
        if place + 4 > len(changed) or place < start:
            break
        changed[place : place + 4] = zlib.crc32(changed[start:place]).to_bytes(4, "little")
        start = place + 4
        place = start + int.from_bytes(changed[start : start + 4], "little") - 4
    return bytes(changed)
