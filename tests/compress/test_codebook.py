"""Codebooks without idle entries: exact where they can be, Lloyd's where none is idle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eiesim import compress
from eiesim.cli.main import main
from eiesim.compress.codebook import Initialisation, assign_codes, build_codebook, cluster
from eiesim.compress.container import read_dcz
from tests.support.arrays import f32

STARTS: tuple[Initialisation, ...] = ("linear", "density", "forgy", "optimal")
Floats = npt.NDArray[np.float32]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(
    "values",
    [
        [0.1, 0.2, 10], [-1, -0.01, 0.01, 1], [2.0**-n for n in range(15)], [0.5], [1e-3, 1e3],
        [1e-6, 2e-6, 3e-6, 1e6, 2e6], [*range(1, 16)],
    ],
)  # fmt: skip
def test_no_more_values_than_entries_are_stored_exactly(
    values: list[float], start: Initialisation
) -> None:
    rng = np.random.default_rng(0)
    weights = rng.permutation(np.resize(f32(values), 400)).reshape(20, 20)
    layer = compress(weights, initialisation=start)
    assert np.array_equal(layer.codebook[layer.codes.toarray()], weights)


@given(
    st.lists(st.floats(-(2.0**100), 2.0**100, width=32).filter(bool), min_size=1, max_size=40),
    st.integers(1, 5),
    st.sampled_from(STARTS),
)
def test_no_entry_is_idle_while_the_error_can_fall(
    numbers: list[float], bits: int, start: Initialisation
) -> None:
    values = f32(numbers)
    codebook = build_codebook(values, bits, start)
    assert (np.diff(codebook[1:]) >= 0).all()
    codes = assign_codes(values, codebook)
    distinct, entries = np.unique(values).size, codebook.size - 1
    if distinct <= entries:
        assert np.array_equal(codebook[codes], values)


def lloyd(values: Floats, n_clusters: int) -> tuple[npt.NDArray[np.float64], bool]:
    """Return Lloyd's centroids from a linear start, by its definition, and whether all are used."""
    exact = values.astype(np.float64)
    centroids = np.linspace(exact.min(), exact.max(), n_clusters)
    while True:
        # of two that are equally near, the upper one
        nearest = n_clusters - 1 - np.abs(exact[:, None] - centroids[::-1]).argmin(1)
        sums = np.bincount(nearest, exact, n_clusters)
        number = np.bincount(nearest, minlength=n_clusters)
        moved = np.where(number > 0, sums / np.maximum(number, 1), centroids)
        if np.allclose(moved, centroids, rtol=0, atol=1e-12):
            return moved, bool(number.all())
        centroids = moved


@pytest.mark.parametrize("seed", range(12))
def test_where_no_entry_is_idle_the_codebook_is_lloyds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = rng.normal(size=3000) if seed % 2 else rng.uniform(-1, 1, 3000)
    values = f32(size)
    for n_clusters in (3, 7, 15):
        expected, all_used = lloyd(values, n_clusters)
        found = cluster(values, n_clusters)
        assert all_used
        assert found.moved == 0
        assert found.centroids == pytest.approx(expected, abs=1e-9)


def test_one_outlier_does_not_cost_the_others_their_signs() -> None:
    rng = np.random.default_rng(0)
    values = f32([*rng.normal(0, 0.02, 999), 10.0])
    expected, all_used = lloyd(values, 15)
    assert not all_used  # as the paper begins: 2 of 15 are used, and half the signs are lost
    plain_kmeans = cluster(values, 15, move_idle=False)
    assert plain_kmeans.centroids == pytest.approx(expected, abs=1e-9)
    assert plain_kmeans.moved == 0
    found = cluster(values, 15)
    assert found.moved >= 13
    codebook = f32([0, *found.centroids])
    shared = codebook[assign_codes(values, codebook)]
    assert np.unique(shared).size == 15
    assert np.abs(shared - values).max() < 0.02
    assert (np.sign(shared) != np.sign(values)).mean() < 0.05
    plain = np.square(values[:, None] - expected).min(1).sum()
    assert np.square(values - shared).sum() < plain / 50


@pytest.mark.parametrize("command", ["compress", "import"])
def test_damage_by_sharing_is_printed(
    in_folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.02, (25, 40)).astype(np.float32)
    weights[3, 4] = 10
    np.savez(in_folder / "net.npz", fc=weights)
    words = {"compress": ["--out", "small"], "import": ["-o", "net.eie"]}[command]
    file = {"compress": Path("small/net.dcz"), "import": Path("net.eie")}[command]
    bits = ["--set", "codebook_bits=2"]
    assert main([command, "net.npz", *bits, *words, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    row: dict[str, Any] = summary[{"compress": "layers", "import": "steps"}[command]][0]
    layer = read_dcz(file).layers[0].layer
    shared = layer.codebook[layer.codes.toarray()]
    assert row["largest_error"] == pytest.approx(np.abs(shared - weights).max(), rel=1e-6)
    assert row["sign_changes"] == np.count_nonzero(np.sign(shared) != np.sign(weights)) > 0
    assert row["entries_used"] == 3
    assert row["entries_moved"] > 0
    assert "fc: k-means left entries of the codebook empty" in summary["notes"][0]
    capsys.readouterr()
    words = [] if command == "compress" else words
    assert main([command, "net.npz", *bits, *words]) == 0
    printed = capsys.readouterr().out
    for word in ("largest_error", "sign_changes", "entries_used", "note: fc: k-means"):
        assert word in printed
    np.savez(in_folder / "net.npz", fc=rng.uniform(-1, 1, (25, 40)).astype(np.float32))
    assert main([command, "net.npz", *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == []
