"""Input that is wrong in ways nobody means: never a crash, a wrong number or a changed object."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from scipy import sparse

from eiesim import CompressedLayer, Hardware, InterleavedCSC, compress, encode, simulate
from eiesim.base.errors import ConfigError, EieError, ImageError, WorkloadError
from eiesim.base.files import read_arrays
from eiesim.compress.codebook import Initialisation, build_codebook, cluster
from eiesim.sim.bounds import bound_cycles
from eiesim.sim.golden import compute_output
from tests.support.arrays import f32, u8

ONE = f32([0, 1])
HW = Hardware(n_pes=2)


@pytest.mark.parametrize(
    ("indices", "indptr"),
    [([0, 50_000_000], [0, 1, 2]), ([0, -4], [0, 1, 2]), ([0, 1], [0, 2, 1]), ([0, 1], [1, 2, 2])],
)
def test_sparse_matrices_that_point_outside(indices: list[int], indptr: list[int]) -> None:
    """SciPy's constructors do not look at the values of indices."""
    takes: list[tuple[Any, Any]] = [
        (np.uint8, lambda it: CompressedLayer(it, ONE)),
        (np.float32, compress),
    ]
    for dtype, take in takes:
        matrix: Any = sparse.csc_array((3, 2), dtype=dtype)
        matrix.data = np.ones(2, dtype)
        matrix.indices = np.array(indices, np.int32)
        matrix.indptr = np.array(indptr, np.int32)
        with pytest.raises(WorkloadError, match="not a valid CSC matrix"):
            take(matrix)


@pytest.mark.parametrize("columns", [2, 3, 4])
def test_more_padding_zeros_than_pointers_address(columns: int) -> None:
    rows = 2**31 - 1
    places = (np.full(columns, rows - 1, np.int32), np.arange(columns + 1, dtype=np.int32))
    codes = sparse.csc_array((np.ones(columns, np.uint8), *places), shape=(rows, columns))
    with pytest.raises(ImageError, match=r"PE 0 would hold .* most of them padding zeros"):
        encode(CompressedLayer(codes, ONE), Hardware(n_pes=1, index_bits=1))


def make_image() -> InterleavedCSC:
    return encode(CompressedLayer(np.eye(3, dtype=np.uint8), f32([0, 1, 2, 3])), HW)


def test_pointers_that_wrap_are_named() -> None:
    image = make_image()
    ptr = image.ptr.copy()
    ptr[:, 0] = [0, 2**31 - 1, -(2**31), -1, 1, 1]
    with pytest.raises(ImageError, match="PE 0, column 1: pointers fall from 2147483647"):
        replace(image, ptr=ptr).check()


@pytest.mark.parametrize("codebook", [[5, 1, 2, 3], [0, np.nan, 2, 3], [0, 1, 2], [0] * 512])
def test_images_with_a_wrong_codebook_are_refused(codebook: list[float]) -> None:
    with pytest.raises(EieError, match="codebook"):
        replace(make_image(), codebook=f32(codebook)).check()


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_unsound_images_are_never_run(engine: Any) -> None:
    entries = np.ones(200_000, np.uint8)
    ptr = np.array([[0], [200_000], [200_000]], np.int32)
    image = InterleavedCSC(3, 1, 1, 4, False, ONE, ptr, entries, entries * 15)
    with pytest.raises(ImageError, match="row beyond the PE's last one"):
        simulate(image, f32([1]), Hardware(n_pes=1), engine)


def test_nothing_that_was_made_can_be_changed() -> None:
    layer = CompressedLayer(np.eye(3, dtype=np.uint8), f32([0, 1]), u8([1, 0, 1]))
    image = encode(layer, HW)
    bias = layer.bias_codes
    assert bias is not None
    arrays: list[Any] = [
        layer.codebook,
        layer.codes.data,
        layer.codes.indices,
        layer.codes.indptr,
        bias,
    ]
    arrays += [image.codebook, image.ptr, image.codes, image.relative_index]
    arrays += [image.counts, image.base, *image.columns]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1


def test_what_scipy_changes_is_not_the_layer() -> None:
    """Operations that rebind a matrix's arrays change the object that was asked for, no more."""
    layer = CompressedLayer(np.eye(3, dtype=np.uint8), f32([0, 1]))
    codes: Any = layer.codes
    codes.data = u8([200, 200, 200])
    codes.resize(2, 2)
    assert layer == CompressedLayer(np.eye(3, dtype=np.uint8), f32([0, 1]))
    assert encode(layer, HW).decode() == layer


@pytest.mark.parametrize("copy", [deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies_are_locked_and_checked_again(copy: Callable[[Any], Any]) -> None:
    layer = CompressedLayer(np.eye(3, dtype=np.uint8), f32([0, 1]), u8([1, 0, 1]))
    image = encode(layer, HW)
    assert copy(layer) == layer
    again = copy(image)
    assert again.decode() == layer
    for array in (again.codes, again.ptr, copy(layer).codes.data, copy(layer).codebook):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
    assert "checked" not in vars(copy(image))


def test_columns_of_unsound_images_are_never_listed() -> None:
    ptr = np.array([[0], [2_000_000_000], [2_000_000_000]], np.int32)
    image = InterleavedCSC(3, 1, 1, 4, False, ONE, ptr, u8([1]), u8([0]))
    with pytest.raises(ImageError, match="the pointers of all PEs tell of 2000000000 entries"):
        _ = image.columns


def test_the_callers_arrays_stay_the_callers() -> None:
    codes = u8([1])
    ptr = np.array([[0], [1], [1]], np.int32)
    image = InterleavedCSC(1, 1, 1, 4, False, ONE, ptr, codes, u8([0]))
    codes[0] = ptr[1, 0] = 0
    assert image.decode() == CompressedLayer(u8([[1]]), ONE)


@pytest.mark.parametrize(
    "values",
    [
        1 + np.random.default_rng(0).normal(size=40) * 1e-5,
        np.append(np.random.default_rng(1).normal(size=39) * 0.01, 1e6),
        np.random.default_rng(2).normal(size=40) * 1e20,
    ],
    ids=["narrow", "outlier", "huge"],
)
def test_the_optimum_is_one(values: Any) -> None:
    """Against all cuts, by dynamic programming on squared distances to the clusters' own means."""
    values = np.sort(f32(values)).astype(np.float64)
    n, clusters = values.size, 4
    cost = [[0.0] * (n + 1) for _ in range(n + 1)]
    for first in range(n):
        for end in range(first + 1, n + 1):
            part = values[first:end]
            cost[first][end] = float(((part - part.mean()) ** 2).sum())
    best = cost[0]
    for _ in range(clusters - 1):
        best = [min(best[c] + cost[c][end] for c in range(end + 1)) for end in range(n + 1)]
    found = cluster(values.astype(np.float32), clusters, "optimal").squared_errors[-1]
    assert found == pytest.approx(best[n], rel=1e-9)


def test_codebooks_of_extreme_values() -> None:
    everything = f32([-3.4e38, 3.4e38, 1e38, -1e38])
    assert np.isfinite(build_codebook(everything, 2)).all()
    apart = f32([-1e17, 0.5, 0.6, 0.7, 0.8, 0.9])
    for initialisation in get_args(Initialisation):
        codebook = build_codebook(apart, 3, initialisation)
        assert (np.diff(codebook[1:]) >= 0).all()
        assert codebook[1:].max() <= 0.9000001


def test_sparse_weights_are_pruned_like_dense_ones() -> None:
    weights = np.ones((3, 3), np.float32)
    for kind in (sparse.csc_array, sparse.csr_array):
        assert compress(kind(weights), 0.34) == compress(weights, 0.34)
        with pytest.raises(WorkloadError, match=r"weights\[0, 1\]: expected a number, found nan"):
            compress(kind(f32(np.array([[1, np.nan, -3], [4, 0, 5]]))), 0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "x",
        [[1], [1, 2]],
        {},
        3,
        np.ones(3, bool),
        [0.5] * 3,
        np.ma.masked_array(np.ones(3, np.float32), mask=[True, False, False]),
    ],
)
def test_anything_for_an_array(wrong: Any) -> None:
    layer = CompressedLayer(np.eye(3, dtype=np.uint8), ONE)
    image = encode(layer, HW)
    calls: list[Callable[[], object]] = [
        lambda: CompressedLayer(wrong, ONE),
        lambda: CompressedLayer(layer.codes, wrong),
        lambda: simulate(image, wrong, HW),
        lambda: bound_cycles(image, wrong, HW),
        lambda: compute_output(layer, wrong, HW),
        lambda: compress(wrong, 0.5),
    ]
    if wrong is not None:
        calls.append(lambda: CompressedLayer(layer.codes, ONE, wrong))
        calls.append(lambda: compress(np.ones((2, 2), np.float32), 0.5, 4, wrong))
    for call in calls:
        with pytest.raises(WorkloadError, match="expected"):
            call()


@pytest.mark.parametrize(
    "options",
    [
        {"density": "a"}, {"density": np.ones(2)}, {"codebook_bits": 4.0}, {"codebook_bits": None},
        {"initialisation": "bogus"}, {"initialisation": None}, {"seed": -1}, {"seed": "a"},
    ],
)  # fmt: skip
def test_anything_for_an_option(options: dict[str, Any]) -> None:
    for weights in (np.ones((2, 2), np.float32), np.zeros((2, 2), np.float32)):
        with pytest.raises(WorkloadError):
            compress(weights, **options)


def test_anything_for_a_name(tmp_path: Path) -> None:
    layer = CompressedLayer(np.eye(2, dtype=np.uint8), ONE)
    for name in ("", "a\nb", "\x1b[31m", 5, None):
        with pytest.raises(WorkloadError, match="name: expected printable text"):
            CompressedLayer(layer.codes, ONE, name=name)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        Hardware.preset(None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        simulate(encode(layer, HW), f32([1, 1]), HW, None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="cannot be read"):
        Hardware.from_toml("a\0b")
    with pytest.raises(EieError, match="cannot be written"):
        encode(layer, HW).save(f"{tmp_path}/a\0b")


@pytest.mark.parametrize(
    "text", ["n_pes = 1" + "0" * 400, "n_pes = 1" + "0" * 9000, "n_pes = " + "[" * 9000]
)
def test_numbers_and_nesting_without_end(text: str, tmp_path: Path) -> None:
    file = tmp_path / "hardware.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        Hardware.from_toml(file)
    assert len(str(error.value)) < 500
    with pytest.raises(ConfigError):
        Hardware().with_settings([text])


def test_conflicts_are_told_with_the_other_problems(tmp_path: Path) -> None:
    file = tmp_path / "hardware.toml"
    file.write_text("index_bits = 8\ncodebook_bits = 8\nspmat_width_bits = 8\nclock_mhz = -1\n")
    with pytest.raises(ConfigError) as error:
        Hardware.from_toml(file)
    where = [line.split(": ")[0] for line in str(error.value).splitlines()]
    assert where == [f"{file}:4", f"{file}:3"]


@pytest.mark.parametrize("header", [b"[1]", b"{", b"5", b"[" * 5000, b"\xff"])
def test_headers_that_are_none(header: bytes, tmp_path: Path) -> None:
    image = make_image()
    arrays: dict[str, Any] = {
        name: getattr(image, name) for name in ("codebook", "ptr", "codes", "relative_index")
    }
    file = tmp_path / "image.npz"
    np.savez(file, header=np.frombuffer(header, np.uint8), **arrays)
    with pytest.raises(ImageError, match=r"image\.npz: expected an eiesim image"):
        InterleavedCSC.load(file)


def test_damaged_array_headers(tmp_path: Path) -> None:
    """NumPy's reader raises whatever the damage makes it stumble over; ours one kind of error."""
    file = tmp_path / "act.npy"
    np.save(file, f32([1, 2, 3]))
    whole = file.read_bytes()
    for place in range(6, 128):
        for value in (0, 0x28, 0x7B, 0xFF):
            file.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            with suppress(WorkloadError):
                read_arrays(file)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_float32_overflow_is_the_same_and_silent(engine: Any) -> None:
    layer = CompressedLayer(u8([[1, 1], [2, 1]]), f32([0, 3e38, -3e38, 1]))
    activations = f32([3e38, 3e38])
    output = simulate(encode(layer, HW), activations, HW, engine).output
    golden = compute_output(layer, activations, HW)
    assert output.view(np.uint32).tolist() == golden.view(np.uint32).tolist()
    assert not np.isfinite(output).any()
