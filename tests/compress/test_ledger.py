"""The ledger: every bit of a compressed network, and their sum is the file."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eiesim import encode
from eiesim.compress.container import pack, write_dcz
from eiesim.compress.gaps import code_gaps
from eiesim.compress.ledger import LayerBits, count_bits, count_net_bytes
from eiesim.hardware import Hardware
from eiesim.importers.net import read_net
from eiesim.layer.weights import CompressedLayer, StoredLayer
from tests.support.containers import small_network, stored_layers


@given(st.data(), st.sampled_from([1, 4, 64]))
def test_parts_add_up_to_the_file(data: st.DataObject, n_pes: int) -> None:
    layers = [data.draw(stored_layers(name)) for name in "abc"[: data.draw(st.integers(1, 3))]]
    metadata = {"network": "drawn"}
    ledger = count_bits(layers, metadata, n_pes)
    assert ledger.total.file_bits == 8 * len(pack(layers, metadata)) == 8 * ledger.file_bytes
    for field in fields(LayerBits):
        if field.type == "int" and field.name != "header_bits":
            parts = [getattr(row, field.name) for row in ledger.rows]
            assert getattr(ledger.total, field.name) == sum(parts)


@given(st.data())
def test_counts_of_a_layer(data: st.DataObject) -> None:
    stored = data.draw(stored_layers())
    row = count_bits([stored], None, 4).rows[0]
    layer, bits, index_bits = stored.layer, stored.layer.codebook_bits, stored.index_bits
    gaps = code_gaps(layer, index_bits)
    assert row.nonzeros == np.count_nonzero(layer.codes.toarray())
    assert row.entries == row.nonzeros + row.padding == gaps.codes.size
    assert row.codes_bits + row.gaps_bits + row.padding_bits == row.entries * (bits + index_bits)
    # no Huffman code is longer than one of as many bits for every symbol
    assert row.huffman_codes_bits <= max(bits * row.entries, row.entries)
    assert row.huffman_gaps_bits <= max(index_bits * row.entries, row.entries)
    hw = Hardware(n_pes=4, index_bits=index_bits, codebook_bits=bits)
    image = encode(layer, hw)
    assert row.interleaved_entries == image.codes.size
    if layer.bias_codes is None:  # a bias in the codebook is one more column
        assert row.interleaved_entries == row.nonzeros + row.interleaved_padding
    # 16 bits a column, PE and end; inputs fill whole rows of PEs, and the bias is a row of its own
    columns = 4 * -(-layer.cols // 4) + 1
    assert row.pointer_bits == 16 * 4 * (columns + 1)


def test_a_layer_by_hand() -> None:
    """Two outputs of twelve inputs, 2-bit codes, 2-bit gaps; a gap of eight takes a padding zero.

    Row after row the weights stand at 0, 1, 10 and 12: gaps 0, 0, 8, 1; 8 = two padding zeros,
    each worth 4, and 0. Symbols of codes: 1 1 0 0 2 1; of gaps: 0 0 3 3 0 1.
    """
    codes = np.zeros((2, 12), np.uint8)
    codes[0, [0, 1, 10]] = 1, 1, 2
    codes[1, 0] = 1
    layer = CompressedLayer(codes, np.arange(4, dtype=np.float32), None, "fc")
    row = count_bits([StoredLayer(layer, (2, 12), np.ones(2, np.float32), 2)]).rows[0]
    assert (row.nonzeros, row.entries, row.padding) == (4, 6, 2)
    assert row.dense_bits == 32 * 26
    assert row.pruned_bits == 34 * 6 + 64
    assert (row.codes_bits, row.gaps_bits, row.padding_bits) == (8, 8, 8)
    assert (row.codebook_bits, row.bias_bits) == (128, 64)
    # both streams: symbols that occur 3, 2 and 1 times take 1, 2 and 2 bits
    assert (row.huffman_codes_bits, row.huffman_gaps_bits) == (9, 9)
    assert row.tables_bits == 32
    # length, name, dimensions, widths, entries and two lengths; checksum; 7 bits up to bytes twice
    assert row.header_bits == 8 * (4 + 3 + 9 + 3 + 12 + 4) + 14
    assert row.shared_bits == 24 + 128 + 64


def test_ledger_of_a_written_file(tmp_path: Path) -> None:
    layers = small_network()
    write_dcz(tmp_path / "net.dcz", layers, {"network": "small"})
    ledger = count_bits(layers, {"network": "small"})
    assert ledger.file_bytes == (tmp_path / "net.dcz").stat().st_size
    assert ledger.total.to_row()["file_rate"] == ledger.total.dense_bits / ledger.total.file_bits


@pytest.mark.data
def test_squeezenet_to_the_byte(shared_data: Path) -> None:
    folder = shared_data / "squeezenet"
    net = folder / "compressed_SqueezeNet.net"
    layers = read_net(net, folder / "SqueezeNet_deploy.prototxt")
    assert count_net_bytes(layers) == net.stat().st_size == 675_763
    ledger = count_bits(layers)
    # Huffman codes on the authors' own 8-bit codes; their talk's 0.47 MB are of 6-bit codes
    assert 470_000 < ledger.file_bytes < 0.9 * 675_763
