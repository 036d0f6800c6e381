"""Where every bit of a compressed network goes, dense to file; the parts add up to the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from eiesim.compress.container import join_records
from eiesim.compress.huffman import HuffmanCode
from eiesim.compress.record import CHECKSUM_BYTES, LayerRecord, make_record
from eiesim.hardware import Hardware
from eiesim.image import encode
from eiesim.layer.weights import StoredLayer

FLOAT_BITS = 32
TOTAL = "total"


@dataclass(frozen=True, kw_only=True)
class LayerBits:
    """What one layer takes, in bits, from dense weights to the file, or the total of many layers.

    Attributes
    ----------
    shape
        The weights' dimensions, such as ``20 x 1 x 5 x 5``.
    nonzeros
        Weights that are not pruned.
    entries, padding
        Entries row after row over the whole layer, as in Deep Compression; padding zeros of these.
    code_bits, index_bits
        Of one code and of one relative index; None in a total of layers that differ.
    dense_bits
        32 a weight and a bias.
    pruned_bits
        After pruning: 32 and a relative index an entry, 32 a bias.
    codes_bits, gaps_bits, padding_bits
        After sharing: codes and relative indices of the weights, and both of padding zeros.
    codebook_bits, bias_bits
        32 a shared weight; 32 a bias, or 8 for one that is a code.
    huffman_codes_bits, huffman_gaps_bits
        Streams in Huffman codes, padding zeros included.
    tables_bits
        Lengths of the Huffman codes' words.
    header_bits
        The rest of the file: names, shapes, lengths, checksums, bits up to whole bytes.
    interleaved_entries, interleaved_padding
        Entries as EIE's PEs hold them, a bias in the codebook included, and the padding zeros among
        them.
    interleaved_bits, pointer_bits
        Their codes and relative indices; column pointers of all PEs.
    interleaved_huffman_bits
        Codes and relative indices of the PEs in Huffman codes, which EIE itself does not use.
    """

    name: str
    shape: str
    weights: int
    nonzeros: int
    biases: int
    entries: int
    padding: int
    code_bits: int | None
    index_bits: int | None
    dense_bits: int
    pruned_bits: int
    codes_bits: int
    gaps_bits: int
    padding_bits: int
    codebook_bits: int
    bias_bits: int
    huffman_codes_bits: int
    huffman_gaps_bits: int
    tables_bits: int
    header_bits: int
    interleaved_entries: int
    interleaved_padding: int
    interleaved_bits: int
    pointer_bits: int
    interleaved_huffman_bits: int

    @property
    def shared_bits(self) -> int:
        """After pruning and sharing, without Huffman codes."""
        entries = self.codes_bits + self.gaps_bits + self.padding_bits
        return entries + self.codebook_bits + self.bias_bits

    @property
    def file_bits(self) -> int:
        """Share of the `.dcz` file."""
        streams = self.huffman_codes_bits + self.huffman_gaps_bits
        fixed = self.codebook_bits + self.bias_bits
        return streams + fixed + self.tables_bits + self.header_bits

    @property
    def density(self) -> float:
        """Share of the weights that are not pruned."""
        return self.nonzeros / self.weights

    @property
    def shared_rate(self) -> float:
        """How many times smaller than dense weights after pruning and sharing."""
        return self.dense_bits / self.shared_bits

    @property
    def file_rate(self) -> float:
        """How many times smaller than dense weights the file is."""
        return self.dense_bits / self.file_bits

    def to_row(self) -> dict[str, Any]:
        """Return the fields, and what is derived from them, as one row of a table."""
        derived = ("density", "shared_bits", "file_bits", "shared_rate", "file_rate")
        return asdict(self) | {name: getattr(self, name) for name in derived}


@dataclass(frozen=True)
class Ledger:
    """Where the bits of a network go: its layers, and their total with the file's own header."""

    rows: tuple[LayerBits, ...]
    total: LayerBits

    @property
    def file_bytes(self) -> int:
        """Length of the `.dcz` file."""
        return self.total.file_bits // 8


def count_bits(
    layers: Sequence[StoredLayer], metadata: Mapping[str, str] | None = None, n_pes: int = 64
) -> Ledger:
    """Count where every bit of a network goes, with the rows dealt to `n_pes` PEs.

    `metadata` and errors are as in `container.pack`.

    Examples
    --------
    >>> import numpy as np
    >>> from eiesim import CompressedLayer
    >>> from eiesim.layer.weights import StoredLayer
    >>> codes = np.uint8([[0, 1, 0, 0], [2, 0, 3, 0]])
    >>> layer = CompressedLayer(codes, np.float32([0, -1, 0.5, 2]), name="fc")
    >>> row = count_bits([StoredLayer(layer, (2, 4))]).rows[0]
    >>> row.dense_bits, row.codes_bits, row.gaps_bits, row.codebook_bits
    (256, 6, 12, 128)
    """
    records = [make_record(stored) for stored in layers]
    rows = [_count_layer(*pair, n_pes) for pair in zip(layers, records, strict=True)]
    content_bits = 8 * len(join_records(layers, records, metadata))
    header_bits = content_bits - sum(row.file_bits for row in rows)
    return Ledger(tuple(rows), _add(rows, header_bits))


def _count_layer(stored: StoredLayer, record: LayerRecord, n_pes: int) -> LayerBits:
    layer, bits, index_bits = stored.layer, stored.layer.codebook_bits, stored.index_bits
    has_bias = stored.bias is not None or layer.bias_codes is not None
    biases = layer.rows if has_bias else 0
    stream_bytes = len(record.codes) + len(record.gaps)
    filled_bits = 8 * stream_bytes - record.code_bits - record.gap_bits
    return LayerBits(
        name=stored.name,
        shape=" x ".join(map(str, stored.shape)),
        weights=layer.rows * layer.cols,
        nonzeros=layer.weights,
        biases=biases,
        entries=record.entries,
        padding=record.padding,
        code_bits=bits,
        index_bits=index_bits,
        dense_bits=FLOAT_BITS * (layer.rows * layer.cols + biases),
        pruned_bits=(FLOAT_BITS + index_bits) * record.entries + FLOAT_BITS * biases,
        codes_bits=bits * layer.weights,
        gaps_bits=index_bits * layer.weights,
        padding_bits=(bits + index_bits) * record.padding,
        codebook_bits=8 * len(record.codebook),
        bias_bits=8 * len(record.bias),
        huffman_codes_bits=record.code_bits,
        huffman_gaps_bits=record.gap_bits,
        tables_bits=8 * len(record.tables),
        header_bits=8 * (len(record.head) + CHECKSUM_BYTES) + filled_bits,
        **_count_interleaved(stored, n_pes),
    )


def _count_interleaved(stored: StoredLayer, n_pes: int) -> dict[str, int]:
    bits, index_bits = stored.layer.codebook_bits, stored.index_bits
    hw = Hardware(n_pes=n_pes, codebook_bits=bits, index_bits=index_bits)
    image = encode(stored.layer, hw)
    counts = (
        np.bincount(image.codes, minlength=1 << bits),
        np.bincount(image.relative_index, minlength=1 << index_bits),
    )
    return {
        "interleaved_entries": image.codes.size,
        "interleaved_padding": image.padding_entries,
        "interleaved_bits": (bits + index_bits) * image.codes.size,
        "pointer_bits": hw.ptr_bits * image.ptr.size,
        "interleaved_huffman_bits": sum(HuffmanCode.of(n).count_bits(n) for n in counts),
    }


def _add(rows: Sequence[LayerBits], header_bits: int) -> LayerBits:
    sums = {
        field.name: sum(getattr(row, field.name) for row in rows)
        for field in fields(LayerBits)
        if field.type == "int"
    }
    sums["header_bits"] += header_bits
    return LayerBits(
        name=TOTAL,
        shape="",
        code_bits=_agree(row.code_bits for row in rows),
        index_bits=_agree(row.index_bits for row in rows),
        **sums,
    )


def _agree(numbers: Iterable[int | None]) -> int | None:
    """Return the number if all are equal, else None."""
    distinct = {*numbers}
    return distinct.pop() if len(distinct) == 1 else None


def count_net_bytes(layers: Sequence[StoredLayer]) -> int:
    """Return how long the Deep Compression authors' `.net` file of a network is.

    Its layers have codebooks of 256 entries (8-bit codes) or 16 (4-bit codes), 4-bit indices and
    float32 biases. Source: songhan/SqueezeNet-Deep-Compression, ``decode.py``: 4 bytes for the
    number of entries of each layer, then its codebook, biases, codes and relative indices, both up
    to a whole byte.
    """
    records = [make_record(stored) for stored in layers]
    return sum(
        4 + len(record.codebook) + len(record.bias)
        + (stored.layer.codebook_bits * record.entries + 7) // 8
        + (stored.index_bits * record.entries + 7) // 8
        for stored, record in zip(layers, records, strict=True)
    )  # fmt: skip
