"""The matrices of a network, as layers by themselves: what a CPU or GPU multiplies instead."""

from __future__ import annotations

from typing import NamedTuple

from eiesim.catalog.model import Model
from eiesim.catalog.operands import Source, hash_file
from eiesim.catalog.readers import Form, find_form, load_layer
from eiesim.graph import RECURRENT
from eiesim.inference import split_layer
from eiesim.layer.weights import CompressedLayer


class StepMatrix(NamedTuple):
    """What a CPU or GPU multiplies for a step on EIE.

    Attributes
    ----------
    layer : CompressedLayer
        Called ``NETWORK/STEP``. Of a convolution in groups, or by Winograd, it is the first of
        several that are equally large; of a recurrent layer the matrix for all gates.
    parts : int
        Products on EIE that one with this matrix stands for.
    in_turn : bool
        Whether a product needs the one before: it is of a recurrent layer.
    """

    layer: CompressedLayer
    parts: int
    in_turn: bool


def load_matrices(word: str) -> tuple[list[CompressedLayer], Source]:
    """Return the layer of a name or file, or the matrices of a network on EIE.

    Parameters
    ----------
    word : str
        As in `load_layer`, or a `.eie` file.

    Raises
    ------
    EieError
        As in `load_layer` and `Model.load`.
    """
    if find_form(word) is Form.NETWORK:
        matrices = find_matrices(Model.load(word)).values()
        return [matrix.layer for matrix in matrices], Source(word, hash_file(word))
    layer, _, source = load_layer(word)
    return [layer], source


def find_matrices(model: Model) -> dict[str, StepMatrix]:
    """Return the matrix of each step on EIE."""
    matrices = {}
    for step in model.graph.steps:
        if step.on_eie:
            layer = model.layers[step.layer].layer
            parts = split_layer(step, layer)
            in_turn = step.op in RECURRENT
            whole = layer if in_turn else parts[0]
            name = f"{model.name}/{step.name}"
            matrix = CompressedLayer(whole.codes, whole.codebook, whole.bias_codes, name)
            matrices[step.name] = StepMatrix(matrix, len(parts) if in_turn else 1, in_turn)
    return matrices
