"""A .caffemodel with random weights."""

from __future__ import annotations

from tests.support.caffe_files import PACKED, SHAPE, sized


def caffe_weights() -> bytes:
    layer = sized(1, b"ip") + sized(2, b"InnerProduct") + sized(7, PACKED + SHAPE)
    return sized(1, b"Net") + sized(100, layer)
