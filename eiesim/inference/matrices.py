"""The matrices of a layer: one, or several that its step multiplies with one after the other."""

from __future__ import annotations

from eiesim.base.errors import WorkloadError
from eiesim.graph import Step
from eiesim.layer.weights import CompressedLayer

PLACES = 16
"""Matrices of a convolution by Winograd."""


def move_bias(layer: CompressedLayer) -> CompressedLayer:
    """Return a layer whose last column, which is multiplied with 1, is its bias."""
    if layer.bias_codes is not None:
        raise WorkloadError(f"{layer.name}: expected the bias as a recurrent layer's last input")
    bias = layer.codes[:, [-1]].toarray()[:, 0]
    inputs = layer.codes[:, :-1]
    return CompressedLayer(inputs, layer.codebook, bias if bias.any() else None, layer.name)


def split_layer(step: Step, layer: CompressedLayer) -> list[CompressedLayer]:
    """Return the matrices of a step: one a group, one a place of Winograd's, one a turn of a GRU's.

    Raises WorkloadError for a bias in the codebook of a Winograd step, since a bias is added after
    the transform.
    """
    if step.op == "conv" and step.settings["winograd"]:
        if layer.bias_codes is not None:
            raise WorkloadError(f"{layer.name}: expected no bias in the codebook for Winograd")
        return [layer.take(cols=slice(place, None, PLACES)) for place in range(PLACES)]
    rows = layer.rows // step.settings.get("groups", 1)
    if step.settings.get("reset") == "before":
        rows = 2 * layer.rows // 3
    if rows == layer.rows:
        return [layer]
    return [layer.take(slice(first, first + rows)) for first in range(0, layer.rows, rows)]
