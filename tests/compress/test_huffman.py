"""Huffman codes and relative indices of whole layers."""

from __future__ import annotations

import heapq
import inspect
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from eiesim.base.errors import WorkloadError
from eiesim.compress import _kernels as kernels
from eiesim.compress.gaps import code_gaps, place_gaps
from eiesim.compress.huffman import HuffmanCode
from eiesim.importers.net import read_net
from eiesim.layer.weights import CompressedLayer

TWO = np.arange(2, dtype=np.float32)
counts_lists = st.lists(
    st.one_of(st.integers(0, 9), st.integers(0, 10**6)), min_size=2, max_size=70
)


def huffman_bits(counts: list[int]) -> tuple[int, int]:
    """Total and longest length of an unlimited Huffman code, merged with a heap."""
    heap = [(count, 0, 0) for count in counts if count]  # (weight, cost below, height)
    heapq.heapify(heap)
    while len(heap) > 1:
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        weight = first[0] + second[0]
        heapq.heappush(heap, (weight, first[1] + second[1] + weight, max(first[2], second[2]) + 1))
    return heap[0][1:] if heap else (0, 0)


@given(counts_lists)
def test_code_is_optimal_and_a_prefix_code(counts: list[int]) -> None:
    occurring = sum(count > 0 for count in counts)
    code = HuffmanCode.of(np.array(counts))
    bits, height = huffman_bits(counts)
    total = code.count_bits(np.array(counts))
    if occurring == 1:
        assert total == sum(counts)  # no word is shorter than a bit
    elif height <= 15:
        assert total == bits
    else:
        assert total >= bits
    assert ((code.lengths > 0) == (np.array(counts) > 0)).all()
    words = [
        format(int(word), f"0{length}b")
        for word, length in zip(code._number_words(), code.lengths, strict=True)
        if length
    ]
    words.sort()
    assert not any(b.startswith(a) for a, b in itertools.pairwise(words))


@given(counts_lists.filter(any))
def test_mean_length_lies_between_the_entropy_and_one_more(counts: list[int]) -> None:
    numbers = np.array(counts)
    shares = numbers[numbers > 0] / numbers.sum()
    entropy = float(-(shares * np.log2(shares)).sum())
    mean = HuffmanCode.of(numbers).count_bits(numbers) / numbers.sum()
    assert entropy - 1e-9 <= mean <= entropy + 1 + 1e-9


def test_words_are_limited_to_15_bits() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 30:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    code = HuffmanCode.of(np.array(fibonacci))
    assert code.lengths.max() == 15
    assert sum(2.0 ** -int(length) for length in code.lengths) == 1
    assert huffman_bits(fibonacci)[1] == 29


@given(st.lists(st.integers(0, 255), max_size=300), st.data())
def test_symbols_come_back(symbols: list[int], data: st.DataObject) -> None:
    given_symbols = np.array(symbols, dtype=np.uint8)
    code = HuffmanCode.of(np.bincount(given_symbols, minlength=256))
    content = code.encode(given_symbols)
    assert np.array_equal(code.decode(content, len(symbols)), given_symbols)
    if content:
        place = data.draw(st.integers(0, 8 * len(content) - 1))
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        try:
            other = code.decode(bytes(flipped), len(symbols))
        except WorkloadError:
            return
        assert code.encode(other) == bytes(flipped)  # nothing is read in two ways


def test_other_bits_are_refused() -> None:
    code = HuffmanCode.of(np.array([5, 2, 1]))
    content = code.encode(np.array([0, 1, 2, 0], np.uint8))  # 0 10 11 0: six bits
    assert content == bytes([0b01011000])
    for count, found in (
        (9, "9 symbols, found 8 bits"),
        (8, "found them in 10 bits"),
        (0, "1 bytes"),
    ):
        with pytest.raises(WorkloadError, match=found):
            code.decode(content, count)
    with pytest.raises(WorkloadError, match="found other bits"):
        code.decode(bytes([0b01011001]), 4)
    alone = HuffmanCode.of(np.array([0, 3]))
    assert alone.encode(np.array([1, 1, 1], np.uint8)) == b"\0"
    with pytest.raises(WorkloadError, match="found other bits"):
        alone.decode(b"\x40", 3)
    with pytest.raises(WorkloadError, match="3 symbols, found 8 bits"):
        HuffmanCode.of(np.array([0, 0])).decode(b"\0", 3)


def test_symbols_beyond_the_code_are_refused() -> None:
    with pytest.raises(WorkloadError, match="expected symbols below 3, found 7"):
        HuffmanCode.of(np.array([5, 2, 1])).encode(np.array([0, 7, 2], np.uint8))


@pytest.mark.parametrize("lengths", [[1, 2], [1, 1, 1], [2], [16, 1], [1] + [0] * 256, [3, 3, 3]])
def test_lengths_of_no_code_are_refused(lengths: list[int]) -> None:
    with pytest.raises(WorkloadError, match="Huffman code: expected"):
        HuffmanCode(np.array(lengths, np.uint8))


@pytest.mark.parametrize(
    "name", ["count_symbols", "pack_symbols", "unpack_symbols", "count_gaps", "fill_gaps"]
)
def test_kernels_as_plain_python(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = inspect.unwrap(getattr(kernels, name))
    module = "huffman" if "symbols" in name else "gaps"
    symbols = np.random.default_rng(1).integers(0, 5, 99).astype(np.uint8)
    code = HuffmanCode.of(np.bincount(symbols, minlength=16))
    layer = CompressedLayer((symbols == 1).astype(np.uint8).reshape(9, 11), TWO)
    compiled = (code.encode(symbols), code_gaps(layer, 2))
    monkeypatch.setattr(f"eiesim.compress.{module}.{name}", plain)
    assert code.encode(symbols) == compiled[0]
    assert np.array_equal(code.decode(compiled[0], 99), symbols)
    gaps = code_gaps(layer, 2)
    assert np.array_equal(gaps.codes, compiled[1].codes)
    assert np.array_equal(gaps.gaps, compiled[1].gaps)


def test_paper_example() -> None:
    """Deep Compression, Figure 2: with 3 bits a zero is padded where a gap is longer than 8."""
    row = np.zeros((1, 16), np.uint8)
    row[0, [1, 4, 15]] = 1, 2, 3
    gaps = code_gaps(CompressedLayer(row, np.arange(4, dtype=np.float32)), 3)
    assert gaps.codes.tolist() == [1, 2, 0, 3]
    assert gaps.gaps.tolist() == [1, 2, 7, 2]
    assert gaps.padding == 1


@st.composite
def layers(draw: st.DrawFn) -> CompressedLayer:
    rows, cols = draw(st.integers(1, 9)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    density = draw(st.sampled_from([0, 0.02, 0.2, 1]))
    codes = rng.integers(1, 16, (rows, cols)) * (rng.random((rows, cols)) < density)
    return CompressedLayer(codes.astype(np.uint8), np.arange(16, dtype=np.float32))


@given(layers(), st.integers(1, 8))
def test_layers_come_back(layer: CompressedLayer, index_bits: int) -> None:
    coded = code_gaps(layer, index_bits)
    assert coded.codes.size == layer.weights + coded.padding
    shape = (layer.rows, layer.cols)
    back: Any = place_gaps(coded.codes, coded.gaps, index_bits, shape)
    assert np.array_equal(back.toarray(), layer.codes.toarray())
    dense = layer.codes.toarray().ravel()
    assert np.array_equal(dense[np.cumsum(coded.gaps + 1) - 1], coded.codes)


@pytest.mark.parametrize(
    ("codes", "gaps", "found"),
    [
        ([1, 1], [3, 2], "found one at place 6"),
        ([1, 0], [0, 3], "padding zeros before a weight"),
        ([0, 1], [2, 0], "padding zeros before a weight"),
    ],
)
def test_other_entries_are_refused(codes: list[int], gaps: list[int], found: str) -> None:
    with pytest.raises(WorkloadError, match=re.escape(found)):
        place_gaps(np.array(codes, np.uint8), np.array(gaps, np.uint8), 2, (2, 3))


@pytest.mark.data
def test_entries_of_the_authors_files(shared_data: Path) -> None:
    folder = shared_data / "squeezenet"
    records = read_net(folder / "compressed_SqueezeNet.net", folder / "SqueezeNet_deploy.prototxt")
    for record in records:
        coded = code_gaps(record.layer, record.index_bits)
        assert (coded.codes.size, coded.padding) == (record.entries, record.padding)
    assert sum(record.entries for record in records) == 422_083  # the data's README


@pytest.mark.data
def test_entries_of_alex8(alex8: tuple[CompressedLayer, Any]) -> None:
    """AlexNet_compressed.net's header tells 1061645 entries of fc8."""
    assert code_gaps(alex8[0], 4).codes.size == 1_061_645


def test_empty_layer() -> None:
    layer = CompressedLayer(sparse.csc_array((3, 5), dtype=np.uint8), TWO)
    assert code_gaps(layer, 4).codes.size == 0
