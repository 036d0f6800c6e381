"""How eiesim's own networks are trained and compressed: every number that the result depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from eiesim.base.errors import WorkloadError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training with Adam.

    Attributes
    ----------
    rate
        Learning rate at the start; it falls along half a cosine.
    dropout
        Share of the hidden activations that is dropped.
    shift
        Most pixels by which a picture is moved.
    """

    epochs: int
    rate: float
    dropout: float = 0.0
    shift: int = 0


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round of pruning to densities, by layer, and retraining."""

    densities: Mapping[str, float]
    training: Training


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained, pruned, shared and fine-tuned.

    Attributes
    ----------
    batch
        Pictures or pieces of text a step.
    dense
        Training of the dense network; None if its weights come from a file.
    bits, index_bits
        Of a code and of a relative index, by layer.
    tuning
        Training of the codebooks.
    """

    network: str
    title: str
    batch: int
    dense: Training | None
    rounds: tuple[Round, ...]
    bits: Mapping[str, int]
    tuning: Training
    index_bits: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class DigitRecipe(Recipe):
    """A LeNet on handwritten digits."""

    architecture: Literal["LeNet-300-100", "LeNet-5"]


@dataclass(frozen=True, kw_only=True)
class CharacterRecipe(Recipe):
    """A character LSTM, trained on `pieces` batches an epoch of `steps` characters a piece.

    `text` is Python's own help texts (``topics``), or the name of an existing model, which is
    retrained on an excerpt.
    """

    text: Literal["topics", "charlotte_bronte", "bolano"]
    embedding: int
    hidden: int
    layers: int
    steps: int
    pieces: int


LENET_300_100 = DigitRecipe(
    network="lenet-300-100",
    architecture="LeNet-300-100",
    title="LeNet-300-100 on handwritten digits",
    batch=100,
    dense=Training(epochs=20, rate=1e-3, dropout=0.2),
    rounds=(
        Round(
            densities={"ip1": 0.20, "ip2": 0.25, "ip3": 0.50},
            training=Training(epochs=15, rate=1e-3, dropout=0.05, shift=1),
        ),
        Round(
            densities={"ip1": 0.08, "ip2": 0.12, "ip3": 0.30},
            training=Training(epochs=60, rate=1e-3, dropout=0.05, shift=1),
        ),
    ),
    bits={"ip1": 4, "ip2": 4, "ip3": 4},
    tuning=Training(epochs=15, rate=5e-4, dropout=0.05, shift=1),
    index_bits={"ip1": 8, "ip2": 6, "ip3": 4},
)
LENET_5 = DigitRecipe(
    network="lenet-5",
    architecture="LeNet-5",
    title="LeNet-5, in Caffe's form, on handwritten digits",
    batch=100,
    dense=Training(epochs=12, rate=1e-3, dropout=0.5),
    rounds=(
        Round(
            densities={"conv1": 0.80, "conv2": 0.30, "ip1": 0.20, "ip2": 0.40},
            training=Training(epochs=4, rate=1e-3, dropout=0.3, shift=1),
        ),
        Round(
            densities={"conv1": 0.66, "conv2": 0.15, "ip1": 0.07, "ip2": 0.20},
            training=Training(epochs=20, rate=1e-3, dropout=0.15, shift=1),
        ),
    ),
    bits={"conv1": 8, "conv2": 8, "ip1": 4, "ip2": 4},
    tuning=Training(epochs=6, rate=2e-4, dropout=0.1, shift=1),
    index_bits={"conv1": 3, "conv2": 6, "ip1": 7, "ip2": 5},
)
TOPICS_LSTM = CharacterRecipe(
    network="topics-lstm",
    title="LSTM of NeuralTalk's shape, a character model of Python's help texts",
    text="topics",
    embedding=600,
    hidden=600,
    layers=1,
    batch=32,
    steps=50,
    pieces=100,
    dense=Training(epochs=12, rate=2e-3),
    rounds=(
        Round(densities={"lstm1": 0.30}, training=Training(epochs=3, rate=1e-3)),
        Round(densities={"lstm1": 0.10}, training=Training(epochs=6, rate=1e-3)),
    ),
    bits={"embedding": 8, "lstm1": 4, "output": 8},
    tuning=Training(epochs=3, rate=2e-4),
    index_bits={"embedding": 1, "lstm1": 4, "output": 1},
)
BRONTE_LSTM = CharacterRecipe(
    network="bronte-lstm",
    title="the given character LSTM of Charlotte Bronte's prose, 2 x 128",
    text="charlotte_bronte",
    embedding=128,
    hidden=128,
    layers=2,
    batch=32,
    steps=64,
    pieces=25,
    dense=None,
    rounds=tuple(
        Round(
            densities={"lstm1": density, "lstm2": density},
            training=Training(epochs=epochs, rate=1e-3),
        )
        for density, epochs in ((0.4, 6), (0.2, 12), (0.1, 24))
    ),
    bits={"embedding": 8, "lstm1": 4, "lstm2": 4, "output": 8},
    tuning=Training(epochs=8, rate=2e-4),
    index_bits={"embedding": 1, "lstm1": 4, "lstm2": 4, "output": 1},
)
BOLANO_LSTM = replace(
    BRONTE_LSTM,
    network="bolano-lstm",
    title="the given character LSTM of Bolano's prose, 2 x 256, retrained on Bronte's",
    text="bolano",
    embedding=256,
    hidden=256,
)
TRAINED: Mapping[str, DigitRecipe | CharacterRecipe] = {
    recipe.network: recipe
    for recipe in (LENET_300_100, LENET_5, TOPICS_LSTM, BRONTE_LSTM, BOLANO_LSTM)
}
"""The networks that can be trained, by name."""


def find_recipe(name: str) -> DigitRecipe | CharacterRecipe:
    """Return the recipe of a network of `TRAINED`; WorkloadError if there is none."""
    if name not in TRAINED:
        raise WorkloadError(f"network {name!r}: {did_you_mean(name, TRAINED)}")
    return TRAINED[name]
