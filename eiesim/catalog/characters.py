"""Character models in float32 NumPy: how many bits a text costs, and what the layers see."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from eiesim.graph.cells import step_lstm
from eiesim.importers.char_lstm import CharModel

Vectors = npt.NDArray[np.float32]


def number_text(text: str, characters: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return the numbers of a text's characters in a vocabulary; others are left out."""
    numbers = {character: number for number, character in enumerate(characters)}
    return np.array([numbers[c] for c in text if c in numbers], np.int64)


def measure_bits(model: CharModel, text: npt.NDArray[np.int64]) -> float:
    """Return the bits per character that a model needs for texts whose first character it is given.

    `text` is [texts, characters], numbers of characters; the state before each text is zero.
    """
    bits = [
        find_bits(outputs[-1] @ model.output.T + model.output_bias, text[:, step + 1])
        for step, outputs in enumerate(run(model, text[:, :-1]))
    ]
    return float(np.mean(bits))


def find_bits(scores: Vectors, right: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return -log2 of the probability that a model gives to the next character.

    Parameters
    ----------
    scores : float32 [n, characters]
        Logarithms of the probabilities, each row up to a constant.
    right : int64 [n]
        Number of the next character.
    """
    exact = scores.astype(np.float64)
    exact -= exact.max(1, keepdims=True)
    nats = np.log(np.exp(exact).sum(1)) - exact[np.arange(len(exact)), right]
    return np.asarray(nats / np.log(2))


def run(model: CharModel, text: npt.NDArray[np.int64]) -> Iterator[list[Vectors]]:
    """Go through texts, numbers [texts, characters], character by character, from a state of zero.

    Yields
    ------
    list of float32
        Input of each LSTM layer, ``[texts, inputs + hidden + 1]``: the input, the hidden state
        before and 1 for the bias; at last the uppermost layer's new hidden state.
    """
    sizes = [len(cell) // 4 for cell in model.cells]
    hidden = [np.zeros((len(text), size), np.float32) for size in sizes]
    states = [np.zeros((len(text), size), np.float32) for size in sizes]
    ones = np.ones((len(text), 1), np.float32)
    for character in text.T:
        below, layer_inputs = model.embedding[character], []
        for layer, cell in enumerate(model.cells):
            layer_inputs.append(np.concatenate((below, hidden[layer], ones), 1))
            below, states[layer] = step_lstm(layer_inputs[-1] @ cell.T, states[layer])
            hidden[layer] = below
        yield [*layer_inputs, below]
