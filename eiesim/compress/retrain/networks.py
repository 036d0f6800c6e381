"""The networks that eiesim trains itself, with the layer names of their originals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional


class LeNet300(nn.Module):
    """LeNet-300-100: three fully connected layers, ReLU between them.

    Parameters
    ----------
    dropout : float
        Share of the activations dropped after each hidden layer while training.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.ip1 = nn.Linear(784, 300)
        self.ip2 = nn.Linear(300, 100)
        self.ip3 = nn.Linear(100, 10)
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return 10 scores of each image [images, 1, 28, 28]."""
        hidden = self.dropout(functional.relu(self.ip1(images.flatten(1))))
        hidden = self.dropout(functional.relu(self.ip2(hidden)))
        scores: torch.Tensor = self.ip3(hidden)
        return scores


class LeNet5(nn.Module):
    """LeNet-5 in Caffe's form: two convolutions, each with a maximum of 2 x 2, and two layers.

    Parameters
    ----------
    dropout : float
        Share of the activations dropped after the hidden layer while training.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.ip1 = nn.Linear(800, 500)
        self.ip2 = nn.Linear(500, 10)
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return 10 scores of each image [images, 1, 28, 28]."""
        maps = functional.max_pool2d(self.conv1(images), 2)
        maps = functional.max_pool2d(self.conv2(maps), 2)
        hidden = self.dropout(functional.relu(self.ip1(maps.flatten(1))))
        scores: torch.Tensor = self.ip2(hidden)
        return scores


class CharLstm(nn.Module):
    """A character model: embedding, LSTM layers of one matrix each, output layer.

    The matrix of a layer is ``[4 * hidden, inputs + hidden + 1]``: its columns are the input, the
    hidden state and the bias, its rows the gates in the order i, j, f, o (input, new value,
    forget, output), as in TensorFlow's BasicLSTMCell.

    Parameters
    ----------
    characters : int
        Size of the vocabulary.
    embedding : int
        Size of a character's vector.
    hidden : int
        Size of a layer's state.
    layers : int
        Number of layers.
    """

    def __init__(self, characters: int, embedding: int, hidden: int, layers: int = 1) -> None:
        super().__init__()
        self.hidden = hidden
        self.embedding = nn.Embedding(characters, embedding)
        self.n_layers = layers
        for number in range(layers):
            inputs = hidden if number else embedding
            cell = nn.Linear(inputs + hidden + 1, 4 * hidden, bias=False)
            with torch.no_grad():
                cell.weight[:, -1] = 0
                cell.weight[2 * hidden : 3 * hidden, -1] = 1
            self.add_module(f"lstm{number + 1}", cell)
        self.output = nn.Linear(hidden, characters)

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        """Return the scores of the next character [batch, characters, time] of i64 [batch, time].

        The state is zero at first.
        """
        sequence = self.embedding(characters).unbind(1)
        for number in range(self.n_layers):
            cell = self.get_submodule(f"lstm{number + 1}")
            sequence = self._run(cell, sequence)
        scores: torch.Tensor = self.output(torch.stack(sequence, 1))
        return scores.transpose(1, 2)

    def _run(self, cell: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        one = inputs[0].new_ones(len(inputs[0]), 1)
        state = hidden = inputs[0].new_zeros(len(inputs[0]), self.hidden)
        outputs = []
        for step in inputs:
            gates = cell(torch.cat((step, hidden, one), 1))
            enter, new, forget, leave = gates.chunk(4, 1)
            state = torch.sigmoid(forget) * state + torch.sigmoid(enter) * torch.tanh(new)
            hidden = torch.sigmoid(leave) * torch.tanh(state)
            outputs.append(hidden)
        return tuple(outputs)


score_loss = functional.cross_entropy
"""Mean cross entropy of scores [batch, classes, ..] against classes [batch, ..], in nats."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw PyTorch's random numbers from a seed, and leave its own generator as it was.

    Parameters
    ----------
    seed : int
        Of weights and dropout.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
