"""Interleaved CSC: the papers' examples, round trips, and what is wrong with a damaged image."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from scipy import sparse

from eiesim import CompressedLayer, Hardware, InterleavedCSC, encode
from eiesim.base.errors import EieError, ImageError, WorkloadError
from tests.support import oracles
from tests.support.arrays import f32, u8
from tests.support.strategies import Case, cases

ONE = f32([0, 1])


def column_layer(column: list[int]) -> CompressedLayer:
    return CompressedLayer(np.array(column, np.uint8)[:, None], np.arange(4, dtype=np.float32))


def test_papers_example_of_padding_zeros() -> None:
    """EIE, section III-B: [0,0,1,2, eighteen zeros, 3] is v = [1,2,0,3], z = [2,0,15,2]."""
    image = encode(column_layer([0, 0, 1, 2, *[0] * 18, 3]), Hardware(n_pes=1))
    assert image.codes.tolist() == [1, 2, 0, 3]
    assert image.relative_index.tolist() == [2, 0, 15, 2]


@pytest.mark.parametrize(("zeros", "padding"), [(15, 0), (16, 1), (31, 1), (32, 2)])
def test_padding_starts_beyond_the_longest_run(zeros: int, padding: int) -> None:
    image = encode(column_layer([*[0] * zeros, 3]), Hardware(n_pes=1))
    assert image.padding_entries == padding


@given(cases(largest=60))
def test_round_trip_and_oracle(case: Case) -> None:
    image = encode(case.layer, case.hw)
    image.check()
    assert image.decode() == case.layer
    expected = oracles.interleave(case.layer, case.hw)
    for pe in range(case.hw.n_pes):
        first = int(image.base[pe])
        for column, entries in enumerate(expected[pe]):
            part = slice(first + image.ptr[column, pe], first + image.ptr[column + 1, pe])
            found = zip(
                image.codes[part].tolist(), image.relative_index[part].tolist(), strict=True
            )
            assert list(found) == entries


@given(cases(largest=60))
def test_sparse_input_gives_the_same_image(case: Case) -> None:
    codes = case.layer.codes
    expected = encode(case.layer, case.hw)
    for other in (codes.toarray(), sparse.csr_array(codes), sparse.csc_matrix(codes)):
        layer = CompressedLayer(other, case.layer.codebook, case.layer.bias_codes)
        image = encode(layer, case.hw)
        for name in ("ptr", "codes", "relative_index"):
            assert (getattr(image, name) == getattr(expected, name)).all()


@pytest.mark.data
def test_alex8(alex8: tuple[CompressedLayer, Any]) -> None:
    """1,051,991 weights, no padding zero with 64 PEs; 1,061,645 entries row by row: the count in
    the header of the authors' AlexNet_compressed.net."""
    layer, _ = alex8
    image = encode(layer, Hardware())
    assert (image.entries, image.padding_entries) == (1_051_991, 0)
    assert image.decode() == layer
    assert (image.decode().codes.toarray() == layer.codes.toarray()).all()
    row_major = sparse.csc_array(layer.codes.toarray().reshape(-1, 1))
    one_column = CompressedLayer(row_major, layer.codebook)
    assert encode(one_column, Hardware(n_pes=1)).entries == 1_061_645


def test_memory_stays_with_the_weights_that_are_kept() -> None:
    """A matrix of 10**9 places; dense in one byte each it would take a gigabyte."""
    codes = sparse.csc_array(
        (np.ones(3, np.uint8), (np.array([0, 7, 999_999]), np.array([0, 5, 999]))),
        shape=(1_000_000, 1000),
    )
    tracemalloc.start()
    try:
        image = encode(CompressedLayer(codes, ONE), Hardware(index_bits=8))
        assert image.decode().weights == 3
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 10_000_000


def test_save_and_load(tmp_path: Path) -> None:
    layer = column_layer([0, 2, 0, 1])
    image = encode(replace_bias(layer), Hardware(n_pes=3))
    file = tmp_path / "image.npz"
    image.save(file)
    loaded = InterleavedCSC.load(file)
    assert loaded.decode() == image.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["image.npz"]


def replace_bias(layer: CompressedLayer) -> CompressedLayer:
    return CompressedLayer(layer.codes, layer.codebook, u8([1, 0, 2, 3]), "with bias")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "image.npz"
    image = encode(column_layer([1]), Hardware())
    image.save(file)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(EieError, match=r"image\.npz: cannot be written: No space left"):
        encode(column_layer([2]), Hardware()).save(file)
    assert InterleavedCSC.load(file).decode() == column_layer([1])
    assert [path.name for path in tmp_path.iterdir()] == ["image.npz"]
    with pytest.raises(EieError, match="cannot be written: No such file"):
        image.save(tmp_path / "missing" / "image.npz")


Change = Callable[[dict[str, Any]], None]


def set_item(name: str, place: Any, value: int) -> Change:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name][place] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_item("ptr", (0, 1), 1), "PE 1, column 0: pointer is 1, not 0"),
        (set_item("ptr", (1, 0), 9), "PE 0, column 1: pointers fall from 9 to 3"),
        (set_item("ptr", (-1, 1), 9), "PE 1: the pointers of all PEs tell of 12 entries, found 5"),
        (set_item("codes", 3, 200), "PE 1, column 0, entry 0: code not below 4 (code 200"),
        (set_item("relative_index", 1, 16), "PE 0, column 0, entry 1: relative index above 15"),
        (set_item("codes", 0, 0), "PE 0, column 0, entry 0: padding zero whose relative index"),
        (set_item("relative_index", 4, 5), "PE 1, column 1, entry 0: row beyond the PE's last one"),
    ],
)
def test_check_names_the_first_violation(change: Change, message: str) -> None:
    codes = np.array([[1, 0], [2, 3], [3, 0], [0, 0], [1, 0]], np.uint8)
    image = encode(CompressedLayer(codes, np.arange(4, dtype=np.float32)), Hardware(n_pes=2))
    assert image.ptr.T.tolist() == [[0, 3, 3, 3], [0, 1, 2, 2]]
    arrays = {name: getattr(image, name) for name in ("ptr", "codes", "relative_index")}
    change(arrays)
    with pytest.raises(ImageError) as error:
        replace(image, **arrays).check()
    assert str(error.value).startswith(f"layer: {message}")


def test_padding_at_the_end_of_a_column_is_a_violation() -> None:
    image = encode(column_layer([1, 0, 0, 2]), Hardware(n_pes=1, index_bits=1))
    assert image.codes.tolist() == [1, 0, 2]
    damaged = replace(image, codes=u8([1, 2, 0]), relative_index=u8([0, 0, 1]))
    with pytest.raises(ImageError, match="entry 2: padding zero at the end of a column"):
        damaged.check()


def test_fits_tells_what_does_not() -> None:
    """VGG-6 on the paper's chip: 25,088 columns and two more pointers do not fit 32 KB; 16-bit
    pointers address 65,536 entries of the 131,072 that 128 KB hold."""
    codes = sparse.csc_array((4096, 25088), dtype=np.uint8)
    uses = {
        use.memory: use for use in encode(CompressedLayer(codes, ONE), Hardware()).fits(Hardware())
    }
    pointers = uses["pointer SRAM"]
    assert (pointers.used, pointers.capacity, pointers.fits) == (2 * 25090, 32768, False)
    assert "address 50% of the sparse-matrix SRAM" in uses["pointer range"].note
    assert not uses["source activation registers"].fits
    assert uses["accumulators"].fits


def test_fits_counts_whole_words() -> None:
    layer = column_layer([1, 1, 1])
    hw = Hardware(n_pes=1, spmat_width_bits=20)
    image = encode(layer, hw)
    assert image.fits(hw)[0].used == 5  # 3 entries, 2 in a word of 20 bits: 40 bits


def test_other_hardware_is_refused() -> None:
    image = encode(column_layer([1]), Hardware(n_pes=2))
    with pytest.raises(ImageError, match=r"encoded for n_pes = 2, the hardware has 64"):
        image.require(Hardware())
    with pytest.raises(ImageError, match="index_bits = 4, the hardware has 5"):
        image.require(Hardware(n_pes=2, index_bits=5))
    with pytest.raises(ImageError, match="codebook has 2 bits, the hardware's codebook_bits is 1"):
        encode(column_layer([1]), Hardware(codebook_bits=1))


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    """Every length but the whole one is an error, never a crash or another image."""
    file = tmp_path / "image.npz"
    encode(column_layer([1, 2, 3]), Hardware(n_pes=2)).save(file)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises((WorkloadError, ImageError)):
            InterleavedCSC.load(file)


def test_flipped_bytes_never_give_another_layer(tmp_path: Path) -> None:
    """The archive's checksums cover the arrays; what they do not cover is not the layer."""
    layer = column_layer([1, 2, 3])
    file = tmp_path / "image.npz"
    encode(layer, Hardware(n_pes=2)).save(file)
    whole = bytearray(file.read_bytes())
    for place in range(0, len(whole), 5):
        damaged = whole.copy()
        damaged[place] ^= 0xFF
        file.write_bytes(damaged)
        try:
            loaded = InterleavedCSC.load(file)
        except EieError:
            continue
        assert loaded.decode() == layer


def forge(**changes: Any) -> bytes:
    image = encode(column_layer([1, 2, 3]), Hardware(n_pes=2))
    header = {
        "format": "eiesim image", "version": 1, "name": "x", "rows": 3, "cols": 1, "n_pes": 2,
        "index_bits": 4, "has_bias": False,
    } | changes  # fmt: skip
    arrays = {name: getattr(image, name) for name in ("codebook", "ptr", "codes", "relative_index")}
    stream = io.BytesIO()
    np.savez(stream, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "expected an eiesim image of version 1, found version 2"),
        ({"version": True}, "expected an eiesim image of version 1, found version True"),
        ({"format": "other"}, "expected an eiesim image of version 1, found another header"),
        ({"rows": -1}, "rows: expected a whole number from 1 to 2147483647, found -1"),
        ({"rows": True}, "rows: expected a whole number from 1 to 2147483647, found True"),
        ({"cols": 2**62}, "cols: expected a whole number"),
        ({"n_pes": 1025}, "n_pes: expected a whole number from 1 to 1024, found 1025"),
        ({"index_bits": 10**6}, "index_bits: expected a whole number from 1 to 8"),
        ({"name": "a\x1b[31mb"}, "name to be printable text"),
        ({"cols": 10**6}, r"ptr: expected int32 \[1000002, 2\], found int32 \[4, 2\]"),
        ({"has_bias": 1}, "expected has_bias to be true or false"),
        ({"extra": 1}, "header: expected cols, has_bias, .* found cols, extra"),
    ],
)
def test_forged_headers_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = tmp_path / "forged.npz"
    file.write_bytes(forge())
    assert InterleavedCSC.load(file).decode() == column_layer([1, 2, 3])
    file.write_bytes(forge(**changes))
    with pytest.raises(ImageError, match=message):
        InterleavedCSC.load(file)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "foreign.npz"
    np.savez(file, weights=np.zeros(3))
    with pytest.raises(ImageError, match="found no header"):
        InterleavedCSC.load(file)
    np.savez(file, header=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(WorkloadError, match="found pickled objects, which are never read"):
        InterleavedCSC.load(file)
    with pytest.raises(WorkloadError, match="No such file"):
        InterleavedCSC.load(tmp_path / "missing.npz")


def test_an_image_copies_what_others_can_write_to() -> None:
    """An array that is locked and the image's alone is kept; a view or an open one is copied."""
    image = encode(column_layer([0, 2, 0, 1]), Hardware(n_pes=2))
    opened = image.codes.copy()
    view = opened.view()
    view.setflags(write=False)
    assert replace(image).codes is image.codes
    for codes in (opened, view):
        copied = replace(image, codes=codes)
        opened[0] = 3
        assert copied.codes.tolist() == image.codes.tolist()
        opened[0] = image.codes[0]


def test_a_check_takes_no_memory_for_the_entries() -> None:
    codes = np.ones((1000, 1000), np.uint8)
    image = encode(CompressedLayer(codes, ONE), Hardware(n_pes=4))
    image.check()
    tracemalloc.start()
    try:
        image.check()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < image.entries / 4
