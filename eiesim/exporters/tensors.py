"""The weights of a compressed network under the names that PyTorch gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import Model
from eiesim.catalog.trained import decode
from eiesim.graph import PER_OUTPUT, Step
from eiesim.importers.cells import (
    IN_A_MODULE,
    TORCH_GRU,
    TORCH_LSTM,
    split_gru,
    split_lstm,
)
from eiesim.importers.onnx_host import HOST_OP
from eiesim.layer.weights import StoredLayer

Floats = npt.NDArray[np.float32]
LEVEL = re.compile(r"(?:(?P<module>.*)\.)?(?P<level>l\d+(?:_reverse)?)")
"""Names of a level of a recurrent module, see `eiesim.importers.cells.join_cells`."""


def make_tensors(network: Model | Iterable[StoredLayer]) -> dict[str, Floats]:
    """Return the weights of a network as a state dictionary of PyTorch has them.

    They are ``NAME.weight`` and ``NAME.bias`` by layer. A level of an LSTM or GRU is split into
    ``weight_ih`` and ``weight_hh``; the summed bias is ``bias_ih``, and ``bias_hh`` is 0, but for a
    GRU's new value. If a factor and an offset follow a product (weight norm, batch normalisation),
    they are in its weights and bias. The network is that of an `.eie` file, or the layers of a
    `.dcz` file. Raises WorkloadError if it came from ONNX, whose weights have no such names, or a
    convolution was transformed by Winograd's filtering.
    """
    if not isinstance(network, Model):
        return _merge(_name_plain(stored.name, stored, None) for stored in network)
    if any(step.op == HOST_OP for step in network.graph.steps):
        raise WorkloadError(
            f"{network.name}: the network came from ONNX, whose weights have no names of PyTorch; "
            "export it to onnx"
        )
    scales = {step.inputs[0]: step for step in network.graph.steps if step.op == "scale"}
    steps = {step.layer: step for step in network.graph.steps if step.layer}
    return _merge(
        _name(step, network.layers[layer], scales.get(step.name)) for layer, step in steps.items()
    )


def find_bias(stored: StoredLayer) -> Floats | None:
    """Return the bias of a layer, shared or not; None if it has none."""
    codes = stored.layer.bias_codes
    return stored.bias if codes is None else stored.layer.codebook[codes]


def refuse_winograd(step: Step) -> None:
    """Raise a WorkloadError for a convolution by Winograd's filtering: no framework has it."""
    if step.settings.get("winograd"):
        raise WorkloadError(
            f"{step.name}: transformed by Winograd's filtering, which no framework takes: expected "
            "a convolution as it is; import the network without the transform"
        )


def _merge(tensors_by_layer: Iterable[Mapping[str, Floats]]) -> dict[str, Floats]:
    return {
        name: np.array(array, np.float32)
        for tensors in tensors_by_layer
        for name, array in tensors.items()
    }


def _name(step: Step, stored: StoredLayer, scale: Step | None) -> dict[str, Floats]:
    refuse_winograd(step)
    if step.op in ("lstm", "gru", "rnn"):
        return _take_apart(step, decode(stored).weights)
    if step.op == "embedding":
        return {f"{step.layer}.weight": decode(stored).weights.T}
    name = step.layer if scale is None else scale.name
    return _name_plain(name, stored, scale)


def _name_plain(name: str, stored: StoredLayer, scale: Step | None) -> dict[str, Floats]:
    """Return weights and bias, times a factor and plus an offset if a step says so."""
    weights, bias = decode(stored).weights, find_bias(stored)
    if scale is not None:
        factor, offset = (np.asarray(scale.settings[key], np.float32) for key in PER_OUTPUT)
        weights = weights * factor.reshape(-1, *(1,) * (weights.ndim - 1))
        bias = offset + (0 if bias is None else factor * bias)
        bias = np.broadcast_to(bias, len(weights))
    is_whole_name = IN_A_MODULE.search(name) is not None  # of a module with several
    tensors = {name if is_whole_name else f"{name}.weight": weights}
    if bias is not None:
        tensors[_name_bias(name) if is_whole_name else f"{name}.bias"] = bias
    return tensors


def _name_bias(name: str) -> str:
    module, dot, parameter = name.rpartition(".")
    return f"{module}{dot}{parameter.replace('weight', 'bias', 1)}"


def _name_matrices(layer: str) -> tuple[str, str]:
    """Return the parts before and after ``ih`` and ``hh`` in the names of a level."""
    match = LEVEL.fullmatch(layer)
    if match is None:
        return f"{layer}.", ""
    return f"{match['module']}." if match["module"] else "", f"_{match['level']}"


def _take_apart(step: Step, matrix: Floats) -> dict[str, Floats]:
    """Return the matrices and biases of a recurrent level."""
    if step.settings.get("reset") == "before":
        raise WorkloadError(
            f"{step.layer}: its reset gate acts before the product, as in no GRU of PyTorch; "
            "export the network to onnx"
        )
    if step.op == "lstm":
        weights, input_bias, state_bias = split_lstm(matrix, TORCH_LSTM)
    elif step.op == "gru":
        weights, input_bias, state_bias = split_gru(matrix, TORCH_GRU, step.layer)
    else:
        weights, input_bias = matrix[:, :-1], matrix[:, -1]
        state_bias = np.zeros_like(input_bias)
    hidden = len(weights) // {"lstm": 4, "gru": 3, "rnn": 1}[step.op]
    before, after = _name_matrices(step.layer)
    return {
        f"{before}weight_ih{after}": weights[:, :-hidden],
        f"{before}weight_hh{after}": weights[:, -hidden:],
        f"{before}bias_ih{after}": input_bias,
        f"{before}bias_hh{after}": state_bias,
    }
