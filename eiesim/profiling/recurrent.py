"""LSTMs, GRUs and RNNs of PyTorch, step by step: products by EIE, the cells on the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.graph import cells
from eiesim.graph.host import sigmoid
from eiesim.importers.cells import TORCH_GRU, TORCH_LSTM, join_gru, join_lstm
from eiesim.profiling.machine import Part, ProfiledLayer

Floats = npt.NDArray[np.float32]
States = tuple[Floats, ...]
"""[sequences, numbers] each: output and cell of an LSTM, the output of the others."""


class LevelWeights(NamedTuple):
    """Weights of one level and direction."""

    of_input: Floats
    of_state: Floats
    input_bias: Floats | None
    state_bias: Floats | None
    projection: Floats | None = None


class CellRule(NamedTuple):
    """The work of a kind of recurrent layer in a step.

    Attributes
    ----------
    join
        Makes one matrix of its weights, the bias last.
    advance
        Returns new states from products, [sequences, outputs], and states, [sequences, numbers].
    """

    join: Callable[[LevelWeights], Floats]
    advance: Callable[[Floats, States], States]


def _biases(weights: LevelWeights) -> tuple[Floats, Floats]:
    rows = len(weights.of_state)
    zeros = np.zeros(rows, np.float32)
    first, second = weights.input_bias, weights.state_bias
    return (zeros if first is None else first), (zeros if second is None else second)


def _join_lstm(weights: LevelWeights) -> Floats:
    first, second = _biases(weights)
    return join_lstm(weights.of_input, weights.of_state, first + second, TORCH_LSTM)


def _join_gru(weights: LevelWeights) -> Floats:
    return join_gru((weights.of_input, weights.of_state), _biases(weights), TORCH_GRU, "after")


def _join_rnn(weights: LevelWeights) -> Floats:
    first, second = _biases(weights)
    return np.hstack((weights.of_input, weights.of_state, (first + second)[:, np.newaxis]))


def _advance_lstm(sums: Floats, states: States) -> States:
    return cells.step_lstm(sums, states[1])


def _advance_gru(sums: Floats, states: States) -> States:
    update, reset, of_input, of_state = np.split(sums, 4, axis=-1)
    return (cells.step_gru(update, of_input + sigmoid(reset) * of_state, states[0]),)


CELLS = {
    "lstm": CellRule(_join_lstm, _advance_lstm),
    "gru": CellRule(_join_gru, _advance_gru),
    "rnn_tanh": CellRule(_join_rnn, lambda sums, _: (np.tanh(sums),)),
    "rnn_relu": CellRule(_join_rnn, lambda sums, _: (np.maximum(sums, 0),)),
}
"""By the name of PyTorch's function."""


class Level:
    """One level and direction of a recurrent layer.

    Parameters
    ----------
    kind
        One of `CELLS`.
    find_layer
        Returns the layer of a matrix and a suffix of its name.
    prepare
        Returns activations as they are multiplied: rounded, in quantised layers.
    """

    def __init__(
        self,
        kind: str,
        weights: LevelWeights,
        find_layer: Callable[[str, Part], ProfiledLayer],
        prepare: Callable[[Floats], Floats],
    ) -> None:
        self.cell, self.prepare = CELLS[kind], prepare
        joined = weights.of_input.size + weights.of_state.size
        self.layer = find_layer("", Part(self.cell.join(weights), joined=joined))
        self.projection = None
        if weights.projection is not None:
            self.projection = find_layer("projection", Part(weights.projection))

    def step(self, numbers: Floats, states: States) -> States:
        """Return the states after a step of several sequences."""
        ones = np.ones((len(numbers), 1), np.float32)
        sums = self.layer.multiply(np.hstack((numbers, self.prepare(states[0]), ones)))
        new = list(self.cell.advance(sums, states))
        if self.projection is not None:
            new[0] = self.projection.multiply(new[0])
        hold = self.layer.chip.hold
        return tuple(hold(np.asarray(state, np.float32)) for state in new)

    def run(
        self, data: Floats, lengths: npt.NDArray[np.int64], states: States, reverse: bool
    ) -> tuple[Floats, States]:
        """Run sequences to the end of each, from the end if `reverse`.

        Parameters
        ----------
        data : [steps, sequences, numbers]
            Padded after the end of a sequence.
        lengths : [sequences]
            Steps of each.

        Returns
        -------
        output : float32 [steps, sequences, numbers]
            0 after the end.
        states
            At the end of each sequence.
        """
        output = np.zeros((*data.shape[:2], states[0].shape[1]), np.float32)
        ends = tuple(state.copy() for state in states)
        numbers = self.prepare(data)
        for number in range(len(data)):
            active = np.flatnonzero(lengths > number)
            places = lengths[active] - 1 - number if reverse else np.full(active.size, number)
            new = self.step(numbers[places, active], tuple(state[active] for state in ends))
            for end, state in zip(ends, new, strict=True):
                end[active] = state
            output[places, active] = new[0]
        return output, ends


def run_levels(
    levels: Sequence[Sequence[Level]],
    data: Floats,
    lengths: npt.NDArray[np.int64],
    states: Sequence[Floats],
) -> tuple[Floats, list[Floats]]:
    """Run sequences through all levels of a recurrent layer.

    Parameters
    ----------
    levels
        For each level its directions, forwards first.
    data : [steps, sequences, numbers]
        Padded after the end of a sequence.
    lengths : [sequences]
        Steps of each.
    states : sequence of [levels * directions, sequences, numbers]
        At the start.

    Returns
    -------
    output : float32 [steps, sequences, directions * numbers]
        Of the last level.
    states : list of float32
        At the end of each sequence, in the shape of `states`.
    """
    ends: list[States] = []
    for directions in levels:
        outputs = []
        for reverse, level in enumerate(directions):
            begin = tuple(state[len(ends)] for state in states)
            output, end = level.run(data, lengths, begin, bool(reverse))
            outputs.append(output)
            ends.append(end)
        data = np.concatenate(outputs, axis=2)
    return data, [np.stack(of_one) for of_one in zip(*ends, strict=True)]
