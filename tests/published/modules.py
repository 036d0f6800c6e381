"""The architectures of networks that are published as weights alone, in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

GRAPHEMES = ("<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz")
START, END, MOST_PHONEMES = 2, 3, 20
HEADS, HIDDEN = 12, 384
"""Of MiniLM."""


class SileroVad(nn.Module):  # type: ignore[misc, unused-ignore]
    """silero-vad at 16 kHz, as silero_vad/tinygrad_model.py describes it.

    It takes frames that follow one another [frames, 576], and gives the probability that each is
    speech, and the state after it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.conv1 = nn.Conv1d(129, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        state, outputs, states = None, [], []
        for frame in frames:
            waves = self.stft_conv(functional.pad(frame[None, None], (0, 64), "reflect"))
            data = (waves[:, :129] ** 2 + waves[:, 129:] ** 2).sqrt()
            for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
                data = conv(data).relu()
            state = self.lstm_cell(data[..., 0], state)
            outputs.append(self.final_conv(state[0].relu()[..., None]).sigmoid().reshape(1, 1))
            states.append(torch.stack(state))
        return torch.stack(outputs), torch.stack(states)


class VoiceEncoder(nn.Module):  # type: ignore[misc, unused-ignore]
    """Resemblyzer's encoder: the spectrogram of a voice [1, frames, 40] becomes 256 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, mels: Tensor) -> Tensor:
        _, (hidden, _) = self.lstm(mels)
        return functional.normalize(self.linear(hidden[-1]).relu())


class G2p(nn.Module):  # type: ignore[misc, unused-ignore]
    """g2p-en's network: numbers of each word's letters become numbers of its phonemes.

    It gives the phonemes [words, 20], -1 behind the last, and the last state of each word.
    """

    def __init__(self) -> None:
        super().__init__()
        self.enc_emb, self.dec_emb = nn.Embedding(29, 256), nn.Embedding(74, 256)
        self.enc, self.dec = nn.GRUCell(256, 256), nn.GRUCell(256, 256)
        self.fc = nn.Linear(256, 74)

    def forward(self, words: list[Tensor]) -> tuple[Tensor, Tensor]:
        phonemes = torch.full((len(words), MOST_PHONEMES), -1)
        states = []
        for row, letters in zip(phonemes, words, strict=True):
            state = torch.zeros(1, 256)
            for letter in letters:
                state = self.enc(self.enc_emb(letter)[None], state)
            phoneme = torch.tensor(START)
            for place in range(MOST_PHONEMES):
                state = self.dec(self.dec_emb(phoneme)[None], state)
                phoneme = self.fc(state).argmax()
                if phoneme == END:
                    break
                row[place] = phoneme
            states.append(state)
        return phonemes, torch.cat(states)


def spell(word: str) -> Tensor:
    """Return the numbers of a word's letters, and of its end."""
    return torch.tensor([GRAPHEMES.index(letter) for letter in word] + [START])


class Attention(nn.Module):  # type: ignore[misc, unused-ignore]
    """BERT's self-attention, for one sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))

    def forward(self, data: Tensor) -> Tensor:
        query, key, value = (
            part(data).unflatten(-1, (HEADS, -1)).transpose(0, 1)
            for part in (self.query, self.key, self.value)
        )
        weights = (query @ key.mT / (HIDDEN // HEADS) ** 0.5).softmax(-1)
        return (weights @ value).transpose(0, 1).flatten(1)


class Added(nn.Module):  # type: ignore[misc, unused-ignore]
    """A product whose sum with something is normalised."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.dense, self.LayerNorm = nn.Linear(inputs, HIDDEN), nn.LayerNorm(HIDDEN, 1e-12)

    def forward(self, data: Tensor, other: Tensor) -> Any:
        return self.LayerNorm(self.dense(data) + other)


class EncoderLayer(nn.Module):  # type: ignore[misc, unused-ignore]
    """A layer of BERT's encoder, its parts under the names of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": Attention(), "output": Added(HIDDEN)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(HIDDEN, 4 * HIDDEN)})
        self.output = Added(4 * HIDDEN)

    def forward(self, data: Tensor) -> Any:
        data = self.attention["output"](self.attention["self"](data), data)
        return self.output(functional.gelu(self.intermediate["dense"](data)), data)


class MiniLm(nn.Module):  # type: ignore[misc, unused-ignore]
    """all-MiniLM-L6-v2: numbers of a sentence's words [words] become 384 numbers, of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(30522, HIDDEN),
                "position_embeddings": nn.Embedding(512, HIDDEN),
                "token_type_embeddings": nn.Embedding(2, HIDDEN),
                "LayerNorm": nn.LayerNorm(HIDDEN, 1e-12),
            }
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(EncoderLayer() for _ in range(6))})

    def forward(self, words: Tensor) -> Tensor:
        parts: Any = self.embeddings
        data = parts["word_embeddings"](words) + parts["token_type_embeddings"].weight[0]
        data = parts["LayerNorm"](data + parts["position_embeddings"].weight[: len(words)])
        layers: Any = self.encoder["layer"]
        for layer in layers:
            data = layer(data)
        return functional.normalize(data.mean(0), dim=0)
