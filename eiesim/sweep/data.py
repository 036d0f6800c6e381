"""The data of a network: inputs with their classes, or a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.catalog.examples import Example, read_examples, read_labels
from eiesim.catalog.model import Model
from eiesim.importers.content import read_content
from eiesim.runs.text import number_known
from eiesim.sweep.subject import Retraining, Subject


class Data(NamedTuple):
    """What a network is judged on: inputs, or a text as one input.

    Attributes
    ----------
    right : sequence of int64
        For each input its class [1], or the characters that follow those of the text [n].
    """

    examples: Sequence[Example]
    right: Sequence[npt.NDArray[np.int64]]
    is_text: bool


def load_data(source: Subject | Retraining, model: Model, number: int, scale: float) -> Data:
    """Return the first inputs with their classes, or the first characters of a text.

    Raises WorkloadError if a file is missing or damaged, or not of the network.
    """
    if source.text:
        text = read_content(source.text).decode("utf-8", "replace")[:number]
        numbers = number_known(model, text, 2)
        (name,) = model.graph.inputs
        return Data([{name: numbers[:-1].astype(np.float32)}], [numbers[1:]], is_text=True)
    examples = read_examples(source.inputs, model)[:number]
    if scale != 1:
        factor = np.float32(scale)
        examples = [
            {name: array * factor for name, array in example.items()} for example in examples
        ]
    labels = read_labels(source.labels, len(examples)).reshape(-1, 1)
    return Data(examples, list(labels), is_text=False)
