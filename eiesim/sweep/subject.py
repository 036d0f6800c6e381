"""The network of a sweep, with the data that it is judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from eiesim.base.schema import Range, Text, validate
from eiesim.importers.described import Interface

MOST_INPUTS = 1 << 40


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """How weights that were pruned and shared are trained, as in `eiesim.compress.retrain`.

    Raises ConfigError if a field is out of range, or data are missing.
    """

    inputs: Annotated[str, Text("pictures or other inputs to train on")] = ""
    labels: Annotated[str, Text("the right classes of these inputs")] = ""
    text: Annotated[str, Text("text to train a character model on")] = ""
    limit: Annotated[int, Range(1, MOST_INPUTS, "inputs or characters, the first")] = MOST_INPUTS
    epochs: Annotated[int, Range(0, 10_000, "passes through the data after pruning")] = 2
    tuning_epochs: Annotated[int, Range(0, 10_000, "passes that train the codebooks")] = 1
    batch: Annotated[int, Range(1, 1 << 20, "inputs or pieces of text a step")] = 64
    steps: Annotated[int, Range(1, 1 << 20, "characters of a piece of text")] = 64
    rate: Annotated[float, Range(0, 1e3, "learning rate at the start")] = 1e-3
    tuning_rate: Annotated[float, Range(0, 1e3, "the same for the codebooks")] = 1e-4
    seed: Annotated[int, Range(0, (1 << 63) - 1, "of the order of the data")] = 0

    def __post_init__(self) -> None:
        validate(self)

    @staticmethod
    def find_conflicts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return (key, problem) for data that do not go together."""
        return _find_conflicts(values)


class Lesson(NamedTuple):
    """All that training depends on beside the network and its compression."""

    training: Retraining
    scale: float


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The network that is compressed and run, and its data: inputs and their classes, or a text.

    Raises ConfigError if a field is out of range, or data do not go together.
    """

    file: Annotated[str, Text("weights, or an imported network", empty=False)]
    graph: Annotated[str, Text("file with the steps of the network")] = ""
    output: Annotated[str, Text("step whose results are the scores of the classes")] = ""
    inputs: Annotated[str, Text("file with inputs")] = ""
    labels: Annotated[str, Text("file with the right classes of the inputs")] = ""
    text: Annotated[str, Text("file with a text that a character model reads")] = ""
    scale: Annotated[float, Range(-3.4e38, 3.4e38, "what inputs are multiplied with")] = 1.0
    limit: Annotated[
        int, Range(1, MOST_INPUTS, "inputs or characters whose errors are counted, the first")
    ] = MOST_INPUTS
    timed: Annotated[
        int, Range(1, MOST_INPUTS, "of them, the first that every machine runs: time and energy")
    ] = 20

    def __post_init__(self) -> None:
        validate(self)

    @staticmethod
    def find_conflicts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return (key, problem) for data that do not go together."""
        problems = _find_conflicts(values)
        timed, limit = values.get("timed", 1), values.get("limit", MOST_INPUTS)
        if timed > limit:
            problems.append(("timed", f"timed: expected at most limit = {limit}, found {timed}"))
        if values.get("text") and values.get("scale", 1.0) != 1.0:
            problems.append(("scale", "scale: goes with inputs, found a text"))
        return problems

    @property
    def interface(self) -> Interface:
        """The steps whose results are wanted, as an import takes them."""
        return Interface(outputs=(self.output,) if self.output else ())

    @property
    def steps(self) -> str | None:
        """The file with the steps, as an import takes it."""
        return self.graph or None

    @property
    def metric(self) -> str:
        """The metric of what is right."""
        return "bits_per_character" if self.text else "error_rate"


def _find_conflicts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    given = [key for key in ("inputs", "labels", "text") if values.get(key)]
    if given in (["inputs", "labels"], ["text"]):
        return []
    found = " and ".join(given) or "none"
    return [
        (given[0] if given else "inputs",
         f"{given[0] if given else 'inputs'}: expected inputs and labels, or text, found {found}")
    ]  # fmt: skip
