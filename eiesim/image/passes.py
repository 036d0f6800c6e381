"""A layer with more outputs than accumulators: one image for each pass over the inputs."""

from __future__ import annotations

from eiesim.hardware import Hardware
from eiesim.image.csc import InterleavedCSC
from eiesim.image.encode import encode
from eiesim.layer.weights import CompressedLayer


def encode_passes(layer: CompressedLayer, hw: Hardware) -> tuple[InterleavedCSC, ...]:
    """Lay a layer out for a machine, in as many images as it makes passes.

    With `Hardware.act_batches`, a pass computes as many rows as the accumulators of all PEs hold
    (EIE, section IV); each row stays in the same PE. Without, there is one pass. The outputs of the
    images, one after the other, are the layer's.
    """
    size = hw.rows_per_pass
    if not hw.act_batches or layer.rows <= size:
        return (encode(layer, hw),)
    return tuple(
        encode(layer.take(slice(first, first + size)), hw) for first in range(0, layer.rows, size)
    )
