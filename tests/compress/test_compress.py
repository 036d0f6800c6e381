"""Pruning and shared weights, against slow and obvious versions."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import kmeans1d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from eiesim import CompressedLayer, compress
from eiesim.base.errors import ConfigError, WorkloadError
from eiesim.compress.codebook import Initialisation, assign_codes, build_codebook, cluster
from eiesim.compress.pipeline import share_bias
from eiesim.compress.plan import read_plan
from eiesim.compress.prune import prune
from eiesim.layer.weights import StoredLayer
from tests.support.arrays import f32

INITIALISATIONS = get_args(Initialisation)
numbers = st.floats(-100, 100, width=32, allow_subnormal=False)
matrices = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=numbers
)

vectors = hnp.arrays(np.float32, st.integers(1, 60), elements=numbers)


@given(matrices, st.floats(0, 1))
def test_pruning_keeps_the_largest(weights: Any, density: float) -> None:
    kept = prune(weights, density)
    order = np.argsort(-np.abs(weights).ravel(), kind="stable")[: round(density * weights.size)]
    expected = np.zeros(weights.size, np.float32)
    expected[order] = weights.ravel()[order]
    assert (kept.toarray() == expected.reshape(weights.shape)).all()
    assert kept.has_canonical_format
    assert (kept.data != 0).all()


def test_pruning_by_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eiesim.compress.prune.PART", 1000)
    weights = np.random.default_rng(2).normal(0.5, 2, (61, 77)).astype(np.float32)
    kept = prune(weights, quality=1.5)
    limit = 1.5 * float(np.std(weights.astype(np.float64)))
    assert kept.nnz == np.count_nonzero(np.abs(weights) >= limit) > 0
    constant = np.full((2, 3), 2, np.float32)
    assert prune(constant, quality=1).nnz == 6


@given(matrices, st.floats(0, 100))
def test_pruning_at_a_threshold(weights: Any, threshold: float) -> None:
    kept = prune(weights, threshold=threshold)
    small = np.abs(weights.astype(np.float64)) < threshold
    assert (kept.toarray() == np.where(small, 0, weights)).all()
    assert (kept.data != 0).all()


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (
            np.zeros((2, 2)),
            {"density": 0.5},
            r"weights: expected float32 \[rows, cols\], found float64",
        ),
        (np.zeros(2, np.float32), {"density": 0.5}, r"found float32 \[2\]"),
        (
            f32([[0, np.nan]]),
            {"density": 0.5},
            r"weights\[0, 1\]: expected a number, found nan",
        ),
        (f32([[-np.inf]]), {"threshold": 1}, r"weights\[0, 0\]: expected a number"),
        (f32([[1]]), {}, "one of density, threshold and quality"),
        (f32([[1]]), {"density": 1, "threshold": 1}, "one of density, threshold and quality"),
        (f32([[1]]), {"density": 1.1}, "density: expected 0 to 1, found 1.1"),
        (f32([[1]]), {"quality": 1, "threshold": 1}, "one of density, threshold and quality"),
        (f32([[1]]), {"quality": -1}, "quality: expected a number from 0 on, found -1"),
        (f32([[1]]), {"threshold": -1}, "threshold: expected a number from 0 on, found -1"),
    ],
)
def test_pruning_refuses(weights: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        prune(weights, **options)


def squared_error(values: Any, centroids: Any) -> float:
    distances = values.astype(np.float64)[:, None] - np.asarray(centroids)[None, :]
    return float((distances**2).min(axis=1).sum())


@settings(max_examples=60)
@given(vectors, st.integers(1, 16), st.integers(0, 3))
def test_clustering(values: Any, n_clusters: int, seed: int) -> None:
    """The objective never rises and is the distance to the nearest centroid; the optimum is that of
    an independent exact solver and never worse than Lloyd's."""
    used = min(n_clusters, np.unique(values).size)
    exact = squared_error(values, kmeans1d.cluster(values.astype(float), used).centroids)
    scale = 1e-6 * max(float(np.square(values, dtype=np.float64).sum()), 1.0)
    for initialisation in INITIALISATIONS:
        found = cluster(values, n_clusters, initialisation, seed)
        assert found.centroids.shape == (n_clusters,)
        assert (np.diff(found.centroids) >= 0).all()
        errors = np.array(found.squared_errors)
        assert (np.diff(errors) <= scale).all()
        assert errors[-1] == pytest.approx(squared_error(values, found.centroids), abs=scale)
        assert errors[-1] >= exact - scale
        if initialisation == "optimal":
            assert errors[-1] <= exact + scale


@given(vectors, st.integers(1, 8), st.sampled_from(INITIALISATIONS))
def test_codes_are_those_of_the_nearest_shared_weight(
    values: Any, codebook_bits: int, initialisation: Initialisation
) -> None:
    codebook = build_codebook(values, codebook_bits, initialisation)
    assert codebook.dtype == np.float32
    assert codebook[0] == 0.0
    codes = assign_codes(values, codebook)
    assert codes.min() >= 1
    chosen = np.abs(values.astype(np.float64) - codebook[codes])
    best = np.abs(values.astype(np.float64)[:, None] - codebook[None, 1:]).min(axis=1)
    assert chosen == pytest.approx(best, abs=1e-12)


def test_linear_initialisation_lies_between_the_extremes() -> None:
    values = f32([0, 1, 10])
    first = squared_error(values, [0, 5, 10])
    assert cluster(values, 3, "linear").squared_errors[0] == first


def test_density_and_forgy_start_on_values() -> None:
    values = np.arange(100, dtype=np.float32)
    assert cluster(values, 4, "density").squared_errors[0] == squared_error(
        values, [12, 37, 62, 87]
    )
    draws = {cluster(values, 4, "forgy", seed).squared_errors[0] for seed in range(5)}
    assert len(draws) > 1
    assert (
        cluster(values, 4, "forgy", 3).squared_errors
        == cluster(values, 4, "forgy", 3).squared_errors
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(0, np.float32), 4), "at least one value"),
        ((f32([1, np.nan]), 4), "numbers only"),
        ((f32([1]), 4, "lineer"), "did you mean 'linear'"),
    ],
)
def test_clustering_refuses(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        cluster(*arguments)


@given(matrices, st.integers(1, 8), st.booleans())
def test_compress(weights: Any, codebook_bits: int, with_bias: bool) -> None:
    bias = weights[:, 0].copy() if with_bias else None
    layer = compress(weights, 0.5, codebook_bits, bias)
    kept = prune(weights, 0.5)
    assert (layer.codes.indices == kept.indices).all()
    assert (layer.codes.indptr == kept.indptr).all()
    assert layer.codebook_bits == codebook_bits
    if with_bias:
        assert layer.bias_codes is not None
        assert ((layer.bias_codes == 0) == (weights[:, 0] == 0)).all()
    else:
        assert layer.bias_codes is None


@given(matrices, st.floats(0, 1))
def test_sparse_weights_compress_like_dense_ones(weights: Any, density: float) -> None:
    for kind in (sparse.csc_array, sparse.csr_array):
        mine = compress(kind(weights), density)
        assert mine == compress(weights, density)
        assert compress(kind(weights)) == compress(weights)
    assert compress(prune(weights, threshold=1.0)).codes.nnz == np.count_nonzero(
        np.abs(weights) >= 1
    )


def test_enough_codes_lose_nothing() -> None:
    weights = f32([[0.5, 0, -1], [2, 0.5, 0]])
    layer = compress(weights, codebook_bits=2, initialisation="optimal")
    assert (layer.codebook[layer.codes.toarray()] == weights).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codebook_bits": 9}, "codebook_bits: expected 1 to 8, found 9"),
        (
            {"bias": np.zeros(3, np.float32)},
            r"bias: expected float32 \[2\], found float32 \[3\]",
        ),
        ({"bias": np.zeros(2)}, "found float64"),
        ({"density": -0.1}, "density: expected 0 to 1, found -0.1"),
    ],
)
def test_compress_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        compress(np.ones((2, 3), np.float32), **options)


def test_compress_refuses_other_sparse_matrices() -> None:
    with pytest.raises(WorkloadError, match="expected a CSC or CSR matrix, found COO"):
        compress(sparse.coo_array(np.ones((2, 2))))  # type: ignore[arg-type]
    with pytest.raises(WorkloadError, match=r"weights\[0, 0\]: expected a number, found inf"):
        compress(sparse.csc_array(f32([[np.inf]])))


@pytest.mark.parametrize(
    "first",
    ["import eiesim", "import eiesim.compress.prune", "from eiesim.compress import pipeline"],
)
def test_the_package_is_the_function(first: str) -> None:
    """`from eiesim import compress` is callable whatever was imported before."""
    script = f"""{first}
import numpy
from eiesim import CompressedLayer, compress
assert compress(numpy.ones((2, 2), numpy.float32), 0.5).weights == 2
import eiesim.compress.codebook
assert eiesim.compress(numpy.ones((2, 2), numpy.float32), 0.5).weights == 2
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("key", ["codebook_bits", "index_bits"])
def test_codes_and_relative_indices_have_one_to_eight_bits(key: str) -> None:
    for bits in (1, 8):
        assert getattr(read_plan(None, [f"{key}={bits}"]).common, key) == bits
    for bits in (0, 9):
        with pytest.raises(ConfigError, match=f"{key}.*found {bits}"):
            read_plan(None, [f"{key}={bits}"])


def test_a_shared_bias_is_the_nearest_entry() -> None:
    layer = CompressedLayer(np.eye(3, dtype=np.uint8), f32([0, 1, -0.5, 4]), None, "fc")
    shared = share_bias(StoredLayer(layer, (3, 3), f32([0.9, -0.3, 3]), 4))
    assert shared.bias_codes is not None
    assert shared.bias_codes.tolist() == [1, 2, 3]
