"""Bytes of a .caffemodel and of a .net file, by hand."""

from __future__ import annotations

import struct

ONE_BY_ONE = """\
input: "data" input_dim: 1 input_dim: 20 input_dim: 1 input_dim: 1
layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip"
  inner_product_param { num_output: 2 } }
"""


def make_net(entries: list[tuple[int, int]], bias: list[float]) -> bytes:
    """Write one inner product: pairs of code and gap, one after the other."""
    codebook = [0.0, *range(1, 16)]
    head = struct.pack("<I16f2f", len(entries), *codebook, *bias)
    padded = [*entries, (0, 0)] if len(entries) % 2 else entries
    streams = [
        bytes(
            low[part] | high[part] << 4 for low, high in zip(padded[::2], padded[1::2], strict=True)
        )
        for part in (0, 1)
    ]
    return head + streams[0] + streams[1]


def varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def sized(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


NUMBERS = [1.0, -2.0, 0.5, 4.0, 8.0, -1.0]


PACKED = sized(5, struct.pack("<6f", *NUMBERS))


SHAPE = sized(7, sized(1, varint(2) + varint(3)))
