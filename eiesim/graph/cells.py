"""Cells of LSTMs and GRUs, which the host computes from a step's products."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.graph.host import sigmoid

Floats = npt.NDArray[np.float32]


def step_lstm(sums: Floats, state: Floats) -> tuple[Floats, Floats]:
    """Return output and state of an LSTM cell after a step.

    `sums` [.., 4 * hidden] are the products with biases: input gate, new value, forget gate, output
    gate; `state` [.., hidden] is the cell's before. Source: Hochreiter, Schmidhuber, Long
    Short-Term Memory, 1997, with a forget gate and without peepholes.
    """
    size = state.shape[-1]
    gates = sigmoid(sums)  # and the new value's, of no use: one call is quicker than three
    enter, forget, leave = (gates[..., gate * size : (gate + 1) * size] for gate in (0, 2, 3))
    state = forget * state + enter * np.tanh(sums[..., size : 2 * size])
    return leave * np.tanh(state), state


def step_gru(update: Floats, new: Floats, state: Floats) -> Floats:
    """Return the state, which is also the output, of a GRU cell after a step; all [.., hidden].

    `update` and `new` are the products with biases of the update gate and of the new value, the
    latter with the reset state. Source: Cho et al., EMNLP 2014, equations 5 to 8; ONNX operator
    GRU.
    """
    share = sigmoid(update)
    return (1 - share) * np.tanh(new) + share * state
