"""The networks that eiesim trains itself, with the layer names of their originals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import nn
from torch.nn import functional

Network: TypeAlias = nn.Module
"""Any of them, for modules that do not import PyTorch."""


class LeNet300(nn.Module):
    """LeNet-300-100: three fully connected layers, ReLU between them.

    While training, `dropout` is the share of activations dropped after each hidden layer.
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
        return self.ip3(hidden)


class LeNet5(nn.Module):
    """LeNet-5 in Caffe's form: two convolutions, each with a maximum of 2 x 2, and two layers.

    While training, `dropout` is the share of activations dropped after the hidden layer.
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
        return self.ip2(hidden)


class LstmLayer(nn.Linear):
    """An LSTM layer whose weights and bias are one matrix, as EIE multiplies it.

    The matrix is ``[4 * hidden, inputs + hidden + 1]``: its columns are the input, the hidden
    state and the bias, its rows the gates in the order i, j, f, o (input, new value, forget,
    output), as in TensorFlow's BasicLSTMCell.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(inputs + hidden + 1, 4 * hidden, bias=False)
        self.inputs, self.hidden = inputs, hidden
        with torch.no_grad():
            self.weight[:, -1] = 0
            self.weight[2 * hidden : 3 * hidden, -1] = 1

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """Return the hidden states [batch, time, hidden] of inputs [batch, time, inputs]."""
        bias = self.weight[:, -1]
        entering = functional.linear(sequence, self.weight[:, : self.inputs], bias)
        recurrent = self.weight[:, self.inputs : -1]
        state = hidden = sequence.new_zeros(len(sequence), self.hidden)
        outputs = []
        for step in entering.unbind(1):
            gates = step + functional.linear(hidden, recurrent)
            enter, new, forget, leave = gates.chunk(4, 1)
            state = torch.sigmoid(forget) * state + torch.sigmoid(enter) * torch.tanh(new)
            hidden = torch.sigmoid(leave) * torch.tanh(state)
            outputs.append(hidden)
        return torch.stack(outputs, 1)


class CharLstm(nn.Module):
    """A character model: embedding, LSTM layers of one matrix each, output layer.

    The LSTM layers are called lstm1, lstm2 and so on. `characters` is the size of the vocabulary,
    `embedding` that of a character's vector, `hidden` that of a layer's state.
    """

    def __init__(self, characters: int, embedding: int, hidden: int, layers: int = 1) -> None:
        super().__init__()
        self.characters, self.layers = characters, layers
        # a matrix, so that it is compressed like the others
        self.embedding = nn.Linear(characters, embedding, bias=False)
        for number in range(layers):
            layer = LstmLayer(hidden if number else embedding, hidden)
            self.add_module(f"lstm{number + 1}", layer)
        self.output = nn.Linear(hidden, characters)

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        """Return the next characters' scores [batch, characters, time] of int64 [batch, time]."""
        one_hot = functional.one_hot(characters, self.characters)
        sequence = self.embedding(one_hot.to(self.embedding.weight.dtype))
        for number in range(self.layers):
            sequence = self.get_submodule(f"lstm{number + 1}")(sequence)
        return self.output(sequence).transpose(1, 2)


score_loss = functional.cross_entropy
"""Mean cross entropy of scores [batch, classes, ..] against classes [batch, ..], in nats."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw weights and dropout from a seed, and leave PyTorch's own generator as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
