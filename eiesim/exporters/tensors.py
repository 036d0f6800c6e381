"""The weights of a compressed network under the names that PyTorch gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import Model
from eiesim.catalog.trained import decode
from eiesim.graph import PER_OUTPUT, Step
from eiesim.importers.cells import IN_A_MODULE, TORCH_GRU, TORCH_LSTM
from eiesim.importers.onnx_host import HOST_OP
from eiesim.layer.weights import StoredLayer

Floats = npt.NDArray[np.float32]
LEVEL = re.compile(r"(?:(?P<module>.*)\.)?(?P<level>l\d+(?:_reverse)?)")
"""Names of a level of a recurrent module, see `eiesim.importers.cells.join_cells`."""


def make_tensors(network: Model | Iterable[StoredLayer]) -> dict[str, Floats]:
    """Return the weights of a network as a state dictionary of PyTorch holds them.

    A level of an LSTM or GRU is taken apart into ``weight_ih`` and ``weight_hh``. The bias that
    eiesim sums up is ``bias_ih``; ``bias_hh`` is 0, but for a GRU's new value. Where a factor and
    an offset follow a product (weight norm, batch normalisation), they are in its weights and bias.

    Parameters
    ----------
    network : Model or iterable of StoredLayer
        From an `.eie` file, or the layers of a `.dcz` file.

    Returns
    -------
    dict of str to float32
        ``NAME.weight`` and ``NAME.bias`` by layer.

    Raises
    ------
    WorkloadError
        The network came from ONNX, whose weights have no such names, or a convolution was
        transformed by Winograd's filtering.
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
    """Return the bias of a layer, be it beside the codebook or in it; None where it has none."""
    codes = stored.layer.bias_codes
    return stored.bias if codes is None else stored.layer.codebook[codes]


def _merge(parts: Iterable[Mapping[str, Floats]]) -> dict[str, Floats]:
    return {name: np.array(array, np.float32) for part in parts for name, array in part.items()}


def _name(step: Step, stored: StoredLayer, scale: Step | None) -> dict[str, Floats]:
    if step.settings.get("winograd"):
        raise WorkloadError(
            f"{step.name}: transformed by Winograd's filtering, which no framework takes: expected "
            "a convolution as it is; import the network without the transform"
        )
    if step.op == "lstm":
        return _take_lstm_apart(step.layer, decode(stored).weights)
    if step.op == "gru":
        return _take_gru_apart(step.layer, decode(stored).weights, step.settings["reset"])
    if step.op == "rnn":
        matrix = decode(stored).weights
        biases = (matrix[:, -1], np.zeros(len(matrix), np.float32))
        return _name_parts(step.layer, matrix, len(matrix), biases)
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
    own = IN_A_MODULE.search(name) is not None  # one of several matrices of a module
    tensors = {name if own else f"{name}.weight": weights}
    if bias is not None:
        tensors[_name_bias(name) if own else f"{name}.bias"] = bias
    return tensors


def _name_bias(name: str) -> str:
    module, dot, parameter = name.rpartition(".")
    return f"{module}{dot}{parameter.replace('weight', 'bias', 1)}"


def _name_matrices(layer: str) -> tuple[str, str]:
    """Return what stands before and behind ``ih`` and ``hh`` in the names of a level."""
    match = LEVEL.fullmatch(layer)
    if match is None:
        return f"{layer}.", ""
    return f"{match['module']}." if match["module"] else "", f"_{match['level']}"


def _take_lstm_apart(layer: str, matrix: Floats) -> dict[str, Floats]:
    blocks = dict(zip("ijfo", np.split(matrix, 4), strict=True))
    ordered = np.concatenate([blocks[gate] for gate in TORCH_LSTM])
    hidden = len(matrix) // 4
    bias = ordered[:, -1]
    return _name_parts(layer, ordered, hidden, (bias, np.zeros_like(bias)))


def _take_gru_apart(layer: str, matrix: Floats, reset: Any) -> dict[str, Floats]:
    if reset != "after":
        raise WorkloadError(
            f"{layer}: its reset gate acts before the product, as in no GRU of PyTorch; export the "
            "network to onnx"
        )
    hidden = len(matrix) // 4
    update, gate, of_input, of_state = np.split(matrix, 4)
    blocks = {"z": update, "r": gate, "n": join_new_value(layer, of_input, of_state)}
    ordered = np.concatenate([blocks[name] for name in TORCH_GRU])
    state_bias = np.concatenate((np.zeros(2 * hidden, np.float32), of_state[:, -1]))
    return _name_parts(layer, ordered, hidden, (ordered[:, -1], state_bias))


def join_new_value(layer: str, of_input: Floats, of_state: Floats) -> Floats:
    """Return a GRU's rows of the new value, the bias of the input last; see `join_gru`.

    Raises
    ------
    WorkloadError
        There are weights where a GRU has none.
    """
    hidden = len(of_state)
    if of_input[:, -hidden - 1 : -1].any() or of_state[:, : -hidden - 1].any():
        raise WorkloadError(f"{layer}: found weights where a GRU has none, expected zeros")
    return np.hstack((of_input[:, : -hidden - 1], of_state[:, -hidden - 1 : -1], of_input[:, -1:]))


def _name_parts(
    layer: str, ordered: Floats, hidden: int, biases: tuple[Floats, Floats]
) -> dict[str, Floats]:
    before, behind = _name_matrices(layer)
    return {
        f"{before}weight_ih{behind}": ordered[:, : -hidden - 1],
        f"{before}weight_hh{behind}": ordered[:, -hidden - 1 : -1],
        f"{before}bias_ih{behind}": biases[0],
        f"{before}bias_hh{behind}": biases[1],
    }
