"""The tasks of eiesim's own networks: their data, and how good they are."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.catalog.characters import measure_bits, number_text, run
from eiesim.importers.char_lstm import CharModel, read_char_lstm
from eiesim.importers.content import read_content
from eiesim.layer.weights import DenseLayer
from eiesim.training.digits import Digits, load_digits
from eiesim.training.lenet import count_errors, run_lenet
from eiesim.training.recipes import CharacterRecipe, DigitRecipe

if TYPE_CHECKING:
    from eiesim.compress.retrain.loop import Loader
    from eiesim.compress.retrain.modules import Network

Arrays = Mapping[str, npt.NDArray[Any]]
Layers = Mapping[str, DenseLayer]
EXCERPT = "charlotte_bronte/bronte_excerpt.txt"
EXCERPT_TEST = 10_000
"""Characters at the end of the excerpt that no network is trained on."""
TOPICS_TEST = 20_000
"""Characters at the end of Python's help texts that no network is trained on."""
TOPICS_STREAM = 1_000
"""Characters of each piece of them, which starts with a state of zero."""


class Task(Protocol):
    """Data and measure of a network."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Name and hash of the data, and other inputs."""

    @property
    def dense_state(self) -> Arrays | None:
        """The state of an existing dense network, if it is not trained here."""
        return None

    def build(self, dropout: float) -> Network:
        """Return the network with weights drawn at random."""

    def batches(self, seed: int, shift: int) -> Loader:
        """Return the training data in an order drawn at random, pictures moved by up to `shift`."""

    def measure(self, layers: Layers) -> dict[str, float]:
        """Return how good weights are."""

    def record(self, layers: Layers, number: int) -> dict[str, npt.NDArray[np.float32]]:
        """Return the inputs of each fully connected or LSTM layer for some test inputs."""


@dataclass(frozen=True, eq=False)
class DigitTask(Task):
    """A LeNet on handwritten digits; the recipe gives architecture and batch."""

    recipe: DigitRecipe
    digits: Digits

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Name and hash of the pictures."""
        return {"data": self.digits.name, "sha256": self.digits.sha256}

    def build(self, dropout: float) -> Network:
        """Return the LeNet."""
        from eiesim.compress.retrain.modules import LeNet5, LeNet300  # noqa: PLC0415 - torch

        return LeNet5(dropout) if self.recipe.architecture == "LeNet-5" else LeNet300(dropout)

    def batches(self, seed: int, shift: int) -> Loader:
        """Return the training pictures."""
        from eiesim.compress.retrain.batches import ImageBatches  # noqa: PLC0415 - torch

        return ImageBatches(*self.digits.training, self.recipe.batch, shift, seed)

    def measure(self, layers: Layers) -> dict[str, float]:
        """Return the share of the pictures that is classified wrongly, in percent."""
        parts = {"validation": self.digits.validation, "test": self.digits.test}
        return {
            f"{part}_error_percent": 100 * count_errors(layers, *pictures) / len(pictures[1])
            for part, pictures in parts.items()
        }

    def record(self, layers: Layers, number: int) -> dict[str, npt.NDArray[np.float32]]:
        """Return the inputs [number, cols] of the fully connected layers, first test pictures."""
        layer_inputs = run_lenet(layers, self.digits.test[0][:number])
        return {name: layer_inputs[name] for name in layers if name.startswith("ip")}


@dataclass(frozen=True, eq=False)
class CharacterTask(Task):
    """A character LSTM on a text; the recipe has its sizes and pieces.

    Attributes
    ----------
    characters
        The vocabulary, in the order of its numbers.
    training
        Numbers of the text to train on [characters].
    test
        Numbers of the texts to report on [texts, characters], each from a state of zero.
    model
        The dense model, if the recipe trains none.
    """

    recipe: CharacterRecipe
    characters: tuple[str, ...]
    training: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    model: CharModel | None = None

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Name and hash of text and model; Python's version, if the text is Python's own."""
        digest = hashlib.sha256("".join(self.characters).encode())
        for array in (self.training, self.test, *(self.dense_state or {}).values()):
            digest.update(np.ascontiguousarray(array).tobytes())
        version = {} if self.model else {"python": platform.python_version()}
        return {"data": self.recipe.text, "sha256": digest.hexdigest(), **version}

    @property
    def dense_state(self) -> Arrays | None:
        """The state of the dense model, if there is one."""
        model = self.model
        if model is None:
            return None
        state = {"embedding.weight": model.embedding.T.copy()}
        state |= {f"lstm{number}.weight": cell for number, cell in enumerate(model.cells, 1)}
        return {**state, "output.weight": model.output, "output.bias": model.output_bias}

    def build(self, dropout: float) -> Network:
        """Return the model; there is no dropout."""
        from eiesim.compress.retrain.modules import CharLstm  # noqa: PLC0415 - torch

        if dropout:
            raise WorkloadError("dropout: expected none for a character model")
        recipe = self.recipe
        return CharLstm(len(self.characters), recipe.embedding, recipe.hidden, recipe.layers)

    def batches(self, seed: int, shift: int) -> Loader:
        """Return pieces of the training text; it cannot be moved."""
        from eiesim.compress.retrain.batches import TextBatches  # noqa: PLC0415 - torch

        if shift:
            raise WorkloadError("shift: expected none for a character model")
        recipe = self.recipe
        return TextBatches(self.training, recipe.batch, recipe.steps, recipe.pieces, seed)

    def measure(self, layers: Layers) -> dict[str, float]:
        """Return the bits per character of the test text."""
        model = make_model(self.characters, layers)
        return {"test_bits_per_character": measure_bits(model, self.test)}

    def record(self, layers: Layers, number: int) -> dict[str, npt.NDArray[np.float32]]:
        """Return inputs [number, cols] of the LSTM and output layers, at steps far apart."""
        model = make_model(self.characters, layers)
        text = self.test[:1, : TOPICS_STREAM - 1]
        recorded = np.linspace(0, text.shape[1] - 1, number + 1).astype(int)[1:]
        steps = [
            layer_inputs
            for step, layer_inputs in enumerate(run(model, text))
            if step in set(recorded)
        ]
        names = [name for name in layers if name.startswith("lstm")] + ["output"]
        return {
            name: np.concatenate([layer_inputs[layer] for layer_inputs in steps])
            for layer, name in enumerate(names)
        }


def make_model(characters: tuple[str, ...], layers: Layers) -> CharModel:
    """Return a character model of the stored layers embedding, lstm1 .. and output."""
    cells = tuple(layers[name].weights for name in layers if name.startswith("lstm"))
    output = layers["output"]
    bias = np.zeros(len(characters), np.float32) if output.bias is None else output.bias
    embedding = np.ascontiguousarray(layers["embedding"].weights.T)
    return CharModel(characters, embedding, cells, output.weights, bias)


def find_task(recipe: DigitRecipe | CharacterRecipe, data: Path | None) -> Task:
    """Read the data that a network is trained on.

    `data` is for digits the folder of MNIST's four files, or None for scikit-learn's digits; for an
    existing character model the folder with ``charlotte_bronte`` and ``bolano``; for Python's own
    help texts None. Raises WorkloadError if a file is missing or damaged, or there is a folder
    although none is needed.
    """
    if isinstance(recipe, DigitRecipe):
        return DigitTask(recipe, load_digits(data))
    if recipe.text == "topics":
        from pydoc_data.topics import topics  # noqa: PLC0415 - half a megabyte

        if data is not None:
            raise WorkloadError(f"{recipe.network}: its text is Python's own; leave out the data")
        text = "".join(topics[name] for name in sorted(topics))
        characters = tuple(sorted(set(text)))
        numbers = number_text(text, characters)
        training, test = np.split(numbers, (len(numbers) - TOPICS_TEST,))
        return CharacterTask(recipe, characters, training, test.reshape(-1, TOPICS_STREAM))
    if data is None:
        raise WorkloadError(
            f"{recipe.network}: expected a folder with {recipe.text} and {EXCERPT} in it"
        )
    model = read_char_lstm(data / recipe.text)
    try:
        text = read_content(data / EXCERPT).decode()
    except UnicodeDecodeError as error:
        raise WorkloadError(f"{data / EXCERPT}: expected text in UTF-8: {error}") from error
    parts = [
        number_text(part, model.characters) for part in (text[:-EXCERPT_TEST], text[-EXCERPT_TEST:])
    ]
    return CharacterTask(recipe, model.characters, parts[0], parts[1][np.newaxis], model)
