"""What the talk says of weights, by other means: histograms, quantisation, fine-tuning."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import pytest
from scipy.cluster.vq import vq

from eiesim import CompressedLayer
from eiesim.catalog.trained import load_trained, trained_names
from eiesim.compress.codebook import build_codebook
from eiesim.paper.talk.distributions import BIN, EDGES, measure_spread, quantise, quantise_evenly
from eiesim.paper.talk.tuning import tune, tune_layers


def decode(layer: CompressedLayer) -> Any:
    dense = layer.codebook[layer.codes.toarray()].ravel().astype(np.float64)
    return dense[dense != 0]


def test_spreads_are_the_histogram_of_the_decoded_weights() -> None:
    for name in trained_names():
        for stored in load_trained(name).container.layers:
            spread = measure_spread(stored.name, stored.layer)
            weights = decode(stored.layer)
            middles = np.rint(weights / np.sqrt((weights**2).mean()) / BIN)
            truth = [int((middles == place).sum()) for place in range(-6, 7)]
            # a codebook entry on an edge, if any, may go to either side
            assert (
                np.abs(spread.counts - truth).sum()
                <= 2 * np.isin(np.round(weights / np.sqrt((weights**2).mean()), 9), EDGES).sum()
            ), (name, stored.name)
            assert spread.pruned == (weights.size < 0.99 * stored.layer.rows * stored.layer.cols)


def share(values: Any) -> CompressedLayer:
    codebook = build_codebook(values, 8)
    codes = 1 + np.abs(values[:, None] - codebook[1:]).argmin(axis=1)
    return CompressedLayer(codes.astype(np.uint8)[None, :], codebook, name="x")


def test_a_bell_has_one_cluster_and_its_tails_have_two() -> None:
    bell = np.random.default_rng(1).normal(size=20_000).astype(np.float32)
    assert not measure_spread("bell", share(bell)).has_two_clusters
    tails = bell[np.abs(bell) > 1]
    assert measure_spread("tails", share(tails)).has_two_clusters
    assert not measure_spread("one tail", share(tails[tails > 0])).has_two_clusters


@pytest.mark.parametrize("levels", [2, 3, 7, 33])
def test_even_steps_by_their_closed_form(levels: int) -> None:
    """Values that fill a range evenly err by step^2 / 12 in the mean; each goes to the nearest."""
    values = np.linspace(-1, 2, 30_001).astype(np.float32)
    codes, error = quantise_evenly(values, levels)
    step = 3 / (levels - 1)
    assert error / values.size == pytest.approx(step**2 / 12, rel=1e-2)
    grid = -1 + step * np.arange(levels)
    distances = np.abs(values[:, None].astype(np.float64) - grid)
    assert error == pytest.approx((distances.min(axis=1) ** 2).sum(), rel=1e-5)
    np.testing.assert_allclose(distances[np.arange(values.size), codes], distances.min(axis=1),
                               atol=1e-6)  # fmt: skip


def count_huffman_bits(codes: Any) -> int:
    """Merge the two rarest until one is left; each merge adds its weight."""
    heap = np.unique(codes, return_counts=True)[1].tolist()
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        total += both
        heapq.heappush(heap, both)
    return total


def test_quantisation_by_scipy_and_by_hand() -> None:
    values = np.random.default_rng(2).laplace(size=3000).astype(np.float32)
    power = float((values.astype(np.float64) ** 2).sum())
    for one in quantise("x", values):
        codebook = build_codebook(values, one.bits)[1:]
        codes, distances = vq(values[:, None].astype(np.float64), codebook[:, None])
        kmeans = float((distances**2).sum())
        assert one.kmeans_error == pytest.approx(np.sqrt(kmeans / power), rel=1e-6)
        assert one.kmeans_huffman_bits * values.size == pytest.approx(
            count_huffman_bits(codes), rel=1e-3
        )
        low, high = float(values.min()), float(values.max())
        errors = {}
        for levels in range(2**one.bits - 1, one.linear_levels + 1):
            grid = np.linspace(low, high, levels)
            nearest, far = vq(values[:, None].astype(np.float64), grid[:, None])
            errors[levels] = float((far**2).sum())
        assert one.linear_error == pytest.approx(np.sqrt(errors[2**one.bits - 1] / power))
        assert [levels for levels in errors if errors[levels] <= kmeans] == [one.linear_levels]
        # a code for each level and one for pruned weights
        assert 2 ** (one.linear_bits - 1) < one.linear_levels + 1 <= 2**one.linear_bits
        assert one.linear_huffman_bits * values.size == pytest.approx(
            count_huffman_bits(nearest), rel=1e-3
        )


def test_sgd_finds_what_one_weight_of_each_cluster_asks_for() -> None:
    """Six weights in three clusters of two; an input that sees one of each tells the answer."""
    codebook = np.array([0, -2, -1.8, 0.9, 1.1, 3, 3.2], np.float32)
    codes = np.array([[1, 2, 3, 4, 5, 6]], np.uint8)
    layer = CompressedLayer(codes, np.pad(codebook, (0, 9)), name="x")
    inputs = np.zeros((3, 6), np.float32)
    inputs[[0, 1, 2], [0, 3, 4]] = 1
    found = tune("x", layer, inputs)
    # k-means gives -1.9, 1 and 3.1: each 0.1 away from -2, 1.1 and 3
    assert found.before == pytest.approx(0.03 / (4 + 1.21 + 9), rel=1e-4)
    assert found.after < 1e-9


def test_sgd_stays_above_the_least_squares_of_fixed_assignments() -> None:
    network = load_trained("lenet-300-100")
    layer, inputs = network.container.layers[0].layer, network.inputs["ip1"].astype(np.float64)
    found = next(one for one in tune_layers() if one.name == "lenet-300-100/ip1")
    dense = layer.codebook[layer.codes.toarray()].astype(np.float64)
    shared = build_codebook(layer.codebook[layer.codes.data], 2)[1:]
    nearest = np.abs(dense[..., None] - shared).argmin(axis=-1)
    sums = np.stack(
        [(inputs @ ((nearest == code) & (dense != 0)).T).ravel() for code in range(3)], axis=1
    )
    outputs = (inputs @ dense.T).ravel()
    best, *_ = np.linalg.lstsq(sums, outputs)
    errors = [float(np.square(sums @ it - outputs).sum() / np.square(outputs).sum())
              for it in (best, shared)]  # fmt: skip
    assert found.before == pytest.approx(errors[1], rel=1e-5)
    assert errors[0] <= found.after < found.before
    # most of what can be had is had
    assert found.before - found.after > 0.5 * (errors[1] - errors[0])
