"""Weights of recurrent layers as one matrix each: inputs, state and bias side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.layer.weights import DenseLayer

Floats = npt.NDArray[np.float32]
TORCH_LSTM = "ifjo"
"""Order of PyTorch's gates: input, forget, new value (its g), output."""
TORCH_GRU = "rzn"
"""Order of PyTorch's gates: reset, update, new value."""
IN_A_MODULE = re.compile(r"(?:^|\.)weight_(?P<kind>ih|hh)_(?P<level>l\d+(?:_reverse)?)$")
"""Names of an LSTM or GRU module's weights, of the input (ih) or the state (hh)."""
REVERSE = "_reverse"
"""Ending of the name of a level that goes backwards."""
OF_A_CELL = re.compile(r"(?:^|\.)weight_(?P<kind>ih|hh)$")
"""Names of the weights of a single cell, which programs call step by step."""


def join_lstm(of_input: Floats, of_state: Floats, bias: Floats, gates: str) -> Floats:
    """Return an LSTM's eight products as one matrix [4 * hidden, inputs + hidden + 1].

    Its gates are in the order i, j, f, o; the last column is the bias, whose activation is 1.
    EIE, section V: NT-LSTM is one matrix of 1201 = 600 + 600 + 1 columns.

    Parameters
    ----------
    of_input, of_state
        Weights, [4 * hidden, inputs] and [4 * hidden, hidden].
    bias
        Sum of all biases, [4 * hidden].
    gates
        Order of the gates in them: i input, j new value, f forget, o output.
    """
    blocks = np.split(np.hstack((of_input, of_state, bias[:, np.newaxis])), 4)
    return np.concatenate([blocks[gates.index(gate)] for gate in "ijfo"])


def join_gru(
    weights: tuple[Floats, Floats], biases: tuple[Floats, Floats], gates: str, reset: str
) -> Floats:
    """Return a GRU's six products as one matrix, whose last column is the bias.

    Parameters
    ----------
    weights
        Of the input and of the state, [3 * hidden, inputs] and [3 * hidden, hidden].
    biases
        Of the input and of the state, [3 * hidden] each.
    gates
        Order of the gates in them: z update, r reset, n new value.
    reset
        Whether the reset gate acts ``"after"`` the product with the state or ``"before"`` it.

    Returns
    -------
    float32 [4 * hidden or 3 * hidden, inputs + hidden + 1]
        After: update, reset, new value of the input, new value of the state. Before: update, reset,
        new value.
    """
    blocks = []
    for gate in "zrn":
        place = gates.index(gate)
        of_input, of_state = (np.split(matrix, 3)[place] for matrix in weights)
        input_bias, state_bias = (np.split(bias, 3)[place][:, np.newaxis] for bias in biases)
        if gate == "n" and reset == "after":
            blocks.append([of_input, np.zeros_like(of_state), input_bias])
            blocks.append([np.zeros_like(of_input), of_state, state_bias])
        else:
            blocks.append([of_input, of_state, input_bias + state_bias])
    return np.block(blocks)


def split_lstm(matrix: Floats, gates: str) -> tuple[Floats, Floats, Floats]:
    """Return the parts of a matrix of `join_lstm`, with the gates in another order.

    Returns
    -------
    float32 [4 * hidden, inputs + hidden], [4 * hidden], [4 * hidden]
        Weights of input and state side by side, and their biases; that of the state is 0.
    """
    blocks = dict(zip("ijfo", np.split(matrix, 4), strict=True))
    ordered = np.concatenate([blocks[gate] for gate in gates])
    return ordered[:, :-1], ordered[:, -1], np.zeros(len(ordered), np.float32)


def split_gru(matrix: Floats, gates: str, label: str) -> tuple[Floats, Floats, Floats]:
    """Return the parts of a matrix of `join_gru` whose reset gate acts after the product.

    The gates are in the order `gates`, as in `join_gru`. Raises WorkloadError, with the layer's
    name, if there are weights where a GRU has none.

    Returns
    -------
    float32 [3 * hidden, inputs + hidden], [3 * hidden], [3 * hidden]
        Weights of input and state side by side, and their biases.
    """
    hidden = len(matrix) // 4
    update, reset, of_input, of_state = np.split(matrix, 4)
    if of_input[:, -hidden - 1 : -1].any() or of_state[:, : -hidden - 1].any():
        raise WorkloadError(f"{label}: found weights where a GRU has none, expected zeros")
    new = np.hstack((of_input[:, : -hidden - 1], of_state[:, -hidden - 1 : -1], of_input[:, -1:]))
    zeros = np.zeros(hidden, np.float32)
    blocks = {"z": (update, zeros), "r": (reset, zeros), "n": (new, of_state[:, -1])}
    ordered = np.concatenate([blocks[gate][0] for gate in gates])
    state_bias = np.concatenate([blocks[gate][1] for gate in gates])
    return ordered[:, :-1], ordered[:, -1], state_bias


def join_cells(
    weights: Mapping[str, DenseLayer], label: str
) -> tuple[dict[str, DenseLayer], dict[str, str]]:
    """Join the weights of PyTorch's LSTM and GRU modules, `NAME.weight_ih_l0` and so on.

    Raises WorkloadError if a matrix has no counterpart, or a shape does not fit.

    Returns
    -------
    joined : dict of name to DenseLayer
        In the same order. A level of a module is called ``NAME.l0``, the one that goes backwards
        ``NAME.l0_reverse``, a single cell as its module.
    kinds : dict of name to str
        ``lstm`` or ``gru`` for those that were joined.
    """
    joined: dict[str, DenseLayer] = {}
    kinds = {}
    for name, layer in weights.items():
        match = IN_A_MODULE.search(name) or OF_A_CELL.search(name)
        if match is None:
            joined[name] = layer
            continue
        before, after = name[: match.start("kind")], name[match.end("kind") :]
        counterpart = f"{before}{'hh' if match['kind'] == 'ih' else 'ih'}{after}"
        if counterpart not in weights:
            raise WorkloadError(f"{label}: {name}: expected {counterpart} beside it, found none")
        if match["kind"] == "ih":
            level = before.removesuffix("weight_") + after.removeprefix("_")
            level = level.removesuffix(".") or "layer"
            kinds[level], matrix = _join(layer, weights[counterpart], f"{label}: {level}")
            joined[level] = DenseLayer(matrix)
    return joined, kinds


def _join(of_input: DenseLayer, of_state: DenseLayer, label: str) -> tuple[str, Floats]:
    rows, hidden = of_state.weights.shape[:2]
    gates, remainder = divmod(rows, hidden)
    if (
        remainder
        or gates not in (3, 4)
        or len(of_input.weights) != rows
        or of_input.weights.ndim != 2
    ):
        raise WorkloadError(
            f"{label}: expected [3 or 4 x hidden, inputs] and [.., hidden] weights, found "
            f"{list(of_input.weights.shape)} and {list(of_state.weights.shape)}"
        )
    weights = (of_input.weights, of_state.weights)
    input_bias, state_bias = (
        np.zeros(rows, np.float32) if part.bias is None else part.bias
        for part in (of_input, of_state)
    )
    if gates == 4:
        return "lstm", join_lstm(*weights, input_bias + state_bias, TORCH_LSTM)
    return "gru", join_gru(weights, (input_bias, state_bias), TORCH_GRU, "after")
