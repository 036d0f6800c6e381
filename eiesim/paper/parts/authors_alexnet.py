"""AlexNet by the entries that the header of the Deep Compression authors' own file counts."""

from __future__ import annotations

from dataclasses import dataclass

from eiesim.base.published import read_table
from eiesim.catalog.networks import load_network
from eiesim.paper.verdict import Tolerance

ENTRIES = "authors' entries"
"""Name of the workload."""
CODE_BITS = (5, 4)
"""Of fully connected layers, by Table 4 and in the authors' file."""
TOLERANCE = Tolerance(5, "codes and indices alone are counted, without codebooks and biases")
NOTE = """\
Authors' entries: the header of the authors' AlexNet_compressed.net tells how many entries each
layer has; with the bits of an entry they give the size before Huffman codes. Convolutions have
8-bit codes, indices 4 bits; fully connected layers are counted with the 5-bit codes of Table 4 and
with the 4-bit codes of that file."""


@dataclass(frozen=True)
class EntryBits:
    """One layer, or ``total``: its dense weights, and bits of codes and indices by `CODE_BITS`."""

    name: str
    weights: int
    stream_bits: dict[int, int]

    def find_percent(self, code_bits: int) -> float:
        """Return codes and indices over the weights as float32, in percent."""
        return 100 * self.stream_bits[code_bits] / (32 * self.weights)

    def find_megabytes(self, code_bits: int) -> float:
        """Return the size of codes and indices, MB."""
        return self.stream_bits[code_bits] / 8e6


def count_entries() -> tuple[EntryBits, ...]:
    """Return AlexNet's layers, and its total at the end."""
    entries = {row["layer"]: int(row["entries"]) for row in read_table("paper/dc_alexnet_net")}
    layers = []
    for layer in load_network("alexnet").layers:
        bits = {
            fc_bits: entries[layer.name]
            * ((fc_bits if layer.kind == "fc" else layer.codebook_bits) + layer.index_bits)
            for fc_bits in CODE_BITS
        }
        layers.append(EntryBits(layer.name, layer.weights, bits))
    total = {bits: sum(layer.stream_bits[bits] for layer in layers) for bits in CODE_BITS}
    return (*layers, EntryBits("total", sum(layer.weights for layer in layers), total))
