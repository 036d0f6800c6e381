"""Cells of LSTMs and GRUs: what the host makes of a step's products."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.graph.host import sigmoid

Floats = npt.NDArray[np.float32]


def step_lstm(sums: Floats, state: Floats) -> tuple[Floats, Floats]:
    """Return output and state of an LSTM cell after a step.

    Parameters
    ----------
    sums : float32 [.., 4 * hidden]
        Products with the biases: input gate, new value, forget gate, output gate.
    state : float32 [.., hidden]
        The cell's, before.

    References
    ----------
    Hochreiter, Schmidhuber, Long Short-Term Memory, 1997, with a forget gate and without peepholes.
    """
    enter, new, forget, leave = np.split(sums, 4, axis=-1)
    state = sigmoid(forget) * state + sigmoid(enter) * np.tanh(new)
    return sigmoid(leave) * np.tanh(state), state


def step_gru(update: Floats, new: Floats, state: Floats) -> Floats:
    """Return the state, which is the output as well, of a GRU cell after a step.

    Parameters
    ----------
    update : float32 [.., hidden]
        Products of the update gate, with its bias.
    new : float32 [.., hidden]
        Products of the new value, with its bias and the reset state.
    state : float32 [.., hidden]
        The cell's, before.

    References
    ----------
    Cho et al., EMNLP 2014, equations 5 to 8; ONNX operator GRU.
    """
    share = sigmoid(update)
    return (1 - share) * np.tanh(new) + share * state
