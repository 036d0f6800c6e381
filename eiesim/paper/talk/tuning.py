"""The talk on fine-tuning: plain SGD on the shared weights of a layer, assignments fixed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.catalog.trained import load_trained, trained_names
from eiesim.compress.codebook import assign_codes, build_codebook
from eiesim.layer.weights import CompressedLayer

BITS = 2
EPOCHS = 50


@dataclass(frozen=True)
class Tuned:
    """A layer whose weights were shared with `BITS`, before and after SGD.

    Attributes
    ----------
    before, after
        Squared error of the outputs for the recorded inputs, over the outputs' squares.
    """

    name: str
    before: float
    after: float


def tune_layers() -> Iterator[Tuned]:
    """Yield every pruned layer with recorded inputs, its shared weights fine-tuned."""
    for name in trained_names():
        network = load_trained(name)
        for stored in network.container.layers:
            if stored.layer.density < 1 and stored.name in network.inputs:
                yield tune(f"{name}/{stored.name}", stored.layer, network.inputs[stored.name])


def tune(name: str, layer: CompressedLayer, inputs: npt.NDArray[np.float32]) -> Tuned:
    """Share a layer's weights with few bits by k-means, and fine-tune them by SGD.

    The gradient of a shared weight is the sum over the weights assigned to it (Deep Compression,
    section 3.3). The target is the layer's own outputs, for `inputs` [inputs, cols].
    """
    weights = layer.codebook[layer.codes.data]
    codebook = build_codebook(weights, BITS)
    codes = assign_codes(weights, codebook)
    places = (layer.codes.indices, layer.codes.indptr)
    # the contribution of each shared weight to the outputs, if it were 1
    sums = np.stack(
        [
            sparse.csc_array(((codes == code).astype(np.float64), *places), layer.codes.shape)
            @ inputs.T.astype(np.float64)
            for code in range(1, codebook.size)
        ],
        axis=-1,
    ).transpose(1, 0, 2)
    outputs = (
        sparse.csc_array((weights.astype(np.float64), *places), layer.codes.shape) @ inputs.T
    ).T
    shared = codebook[1:].astype(np.float64)
    before = _find_error(sums, shared, outputs)
    rate = 1 / np.square(sums).sum(axis=(1, 2)).max()
    for _ in range(EPOCHS):
        for example, output in zip(sums, outputs, strict=True):
            shared = shared - rate * example.T @ (example @ shared - output)
    return Tuned(name, before, _find_error(sums, shared, outputs))


def _find_error(
    sums: npt.NDArray[np.float64], shared: npt.NDArray[np.float64], outputs: npt.NDArray[np.float64]
) -> float:
    return float(np.square(sums @ shared - outputs).sum() / np.square(outputs).sum())
