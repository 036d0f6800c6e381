"""Outputs to the last bit where numbers are wide: row numbers, products, and sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from eiesim import CompressedLayer, Hardware, encode, simulate
from eiesim.sim.golden import compute_output
from eiesim.sim.passes import compute_outputs
from tests.support.arrays import f32


@pytest.mark.parametrize(
    ("rows", "codebook_bits", "dtype"),
    [
        (1 << 12, 4, np.uint16),
        ((1 << 12) + 1, 4, np.uint32),
        (1 << 8, 8, np.uint16),
        (1 << 24, 8, np.uint32),
        ((1 << 24) + 1, 8, np.uint64),
    ],
)
@pytest.mark.parametrize("datapath", ["float32", "fixed16"])
def test_last_row_and_last_code(
    rows: int, codebook_bits: int, dtype: type[np.generic], datapath: str
) -> None:
    """A weight is kept with its row; here both are as large as its bits hold, or the row larger."""
    hw = Hardware(n_pes=1024, index_bits=8, codebook_bits=codebook_bits, datapath=datapath)
    last = (1 << codebook_bits) - 1
    codes = sparse.csc_array(
        (np.array([1, last, last], np.uint8), (np.array([0, rows - 1, 5]), np.array([0, 0, 1]))),
        shape=(rows, 2),
    )
    layer = CompressedLayer(codes, np.linspace(0, 2, last + 1, dtype=np.float32))
    image = encode(layer, hw)
    assert image.columns.weights.dtype == dtype
    assert image.decode() == layer
    output = simulate(image, f32([1.5, -3]), hw).output
    assert np.flatnonzero(output).tolist() == [0, 5, rows - 1]
    assert output[[5, rows - 1]].tolist() == [-6, 3]


EXTREMES = st.sampled_from([-32768, -32767, -181, -3, -1, 0, 1, 2, 182, 4097, 32766, 32767])


@given(
    weights=st.lists(EXTREMES, min_size=3, max_size=3),
    inputs=st.lists(st.lists(EXTREMES, min_size=9, max_size=9), min_size=1, max_size=4),
    fraction_bits=st.tuples(st.integers(0, 15), st.integers(0, 15)),
    seed=st.integers(0, 9),
)
def test_fixed16_products_of_any_size(
    weights: list[int], inputs: list[list[int]], fraction_bits: tuple[int, int], seed: int
) -> None:
    """Without fraction bits a product has up to 31 bits: the sum saturates, and can come back."""
    weight_bits, act_bits = fraction_bits
    hw = Hardware(
        n_pes=2, datapath="fixed16", weight_fraction_bits=weight_bits, act_fraction_bits=act_bits
    )
    codes = np.random.default_rng(seed).integers(0, 4, (6, 9), np.uint8)
    layer = CompressedLayer(codes, f32([0, *weights]) / np.float32(1 << weight_bits))
    stack = f32(inputs) / np.float32(1 << act_bits)
    image = encode(layer, hw)
    outputs = compute_outputs([image], stack, hw)
    for activations, output in zip(stack, outputs, strict=True):
        expected = compute_output(layer, activations, hw)
        assert np.array_equal(output.view(np.uint32), expected.view(np.uint32))


def test_float32_beyond_its_range_and_back_to_zero() -> None:
    """Infinity, NaN and a sum of +0.0 are those of the products in the order of the inputs."""
    hw = Hardware(n_pes=2, bias_row=False)
    codes = np.array([[1, 1, 2], [1, 2, 2], [3, 4, 0], [4, 0, 0]], np.uint8)
    codebook = f32([0, 3e38, -3e38, 1, -1, *[0] * 11])
    layer = CompressedLayer(codes, codebook)
    output = simulate(encode(layer, hw), f32([2, 2, 2]), hw).output
    assert np.isnan(output[0])
    assert np.isnan(output[1])
    assert output[2:].tolist() == [0, -2]
    assert not np.signbit(output[2])
