"""Networks drawn at random with the shapes, densities and bits of real ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.catalog.networks import NetworkLayer, NetworkSpec, find_network_file
from eiesim.catalog.operands import Source, hash_file
from eiesim.compress.codebook import assign_codes, build_codebook
from eiesim.layer.drawing import draw_codes
from eiesim.layer.weights import COLUMN_VARIATION, ROW_VARIATION, CompressedLayer, StoredLayer

Distribution = Literal["normal", "laplace"]


def draw_network(
    spec: NetworkSpec, seed: int = 0, distribution: Distribution = "normal"
) -> Iterator[StoredLayer]:
    """Draw the layers of a network one after the other, with biases of 0.

    The places of weights are drawn as in `eiesim.layer.drawing`. Their values are the largest of a
    bell-shaped distribution, and are shared as in Deep Compression, so that codes are as frequent
    as those of pruned weights.
    """
    for layer, child in zip(
        spec.layers, np.random.SeedSequence(seed).spawn(len(spec.layers)), strict=True
    ):
        yield _draw_layer(layer, np.random.default_rng(child), distribution)


def _draw_layer(
    layer: NetworkLayer, rng: np.random.Generator, distribution: Distribution
) -> StoredLayer:
    matrix = (layer.outputs, layer.weights // layer.outputs)
    variations = (ROW_VARIATION, COLUMN_VARIATION) if layer.density < 1 else (0.0, 0.0)
    places = draw_codes(matrix, layer.density, variations, 1, rng)
    values = draw_kept(places.nnz, layer.density, distribution, rng)
    # as the paper's k-means: entries between the two clusters that pruning leaves stay idle
    codebook = build_codebook(values, layer.codebook_bits, move_idle=False)
    codes = sparse.csc_array(
        (assign_codes(values, codebook), places.indices, places.indptr), matrix
    )
    bias = np.zeros(layer.outputs, np.float32) if layer.bias else None
    compressed = CompressedLayer(codes, codebook, None, layer.name)
    return StoredLayer(compressed, layer.shape, bias, layer.index_bits)


def draw_kept(
    count: int, density: float, distribution: Distribution, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Draw the weights that pruning leaves: the largest of a distribution with a scale of 1.

    `density` is the share that is not pruned. Half of the weights are negative.
    """
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import, and few commands draw so

    # half of the tail's probability, never 0: 1 - random() lies in (0, 1]
    tail = (1 - rng.random(count)) * density / 2
    size = -ndtri(tail) if distribution == "normal" else -np.log(2 * tail)
    return np.where(rng.random(count) < 0.5, -size, size).astype(np.float32)


def find_source(name: str, seed: int = 0) -> Source:
    """Return the source of a network that is drawn; names are those of `load_network`."""
    return Source(name, hash_file(find_network_file(name)), seed)
