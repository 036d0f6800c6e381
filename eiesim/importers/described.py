"""A network's steps as a file describes them, and those that cannot be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from eiesim.graph import Graph, Shape, Step


class Unsupported(Exception):  # noqa: N818 - no error: the rest goes on
    """The reason why a layer cannot be run; readers leave the layer out."""


class Effect(Enum):
    """How a network changes if EIE does not run a layer."""

    NONE = "it computes the same without it"
    HOST = "it is whole, and the host runs it"
    PART = "it is a part of what the file describes"


@dataclass(frozen=True)
class Skipped:
    """A layer that EIE does not run; the reason also says what replaces it."""

    name: str
    reason: str
    effect: Effect = Effect.NONE


@dataclass(frozen=True)
class Described:
    """A network's steps that can be run, and those that cannot."""

    graph: Graph
    skipped: tuple[Skipped, ...]


class Interface(NamedTuple):
    """What a user says of a network's inputs and outputs.

    Attributes
    ----------
    shapes : mapping of str to tuple of int
        Of inputs whose sizes the file leaves open; for ONNX.
    values : mapping of str to float
        Of inputs that are always the same one number. They become constants, which decide branches;
        for ONNX.
    outputs
        Steps whose results are wanted; by default those that no other step takes.
    """

    shapes: Mapping[str, Shape] = MappingProxyType({})
    values: Mapping[str, float] = MappingProxyType({})
    outputs: tuple[str, ...] = ()


class Builder:
    """Steps as they are read, and the tensors that they give.

    A step that cannot be run is left out; if its shape is known, its output becomes an input of the
    network.
    """

    def __init__(self, inputs: dict[str, Shape]) -> None:
        self.inputs = inputs
        self.tensors = {name: name for name in inputs}
        self.steps: list[Step] = []
        self.skipped: list[Skipped] = []

    def add(self, step: Step, output: str) -> None:
        """Add a step whose inputs are names of tensors."""
        self.steps.append(replace(step, inputs=tuple(self.tensors[name] for name in step.inputs)))
        self.tensors[output] = step.name

    def skip(self, skipped: Skipped, outputs: tuple[str, ...], shape: Shape | None) -> None:
        """Leave a step out; `shape` is that of its outputs, if it is known."""
        name = skipped.name
        remedy = "left out"
        for tensor in outputs:
            self.tensors.pop(tensor, None)
            if shape is not None:
                self.inputs[name] = shape
                self.tensors[tensor] = name
                remedy = f"give what it would give as the input {name!r}"
        self.skipped.append(replace(skipped, reason=f"{skipped.reason}; {remedy}"))

    def finish(self) -> Described:
        """Return the network, whose outputs are those of the steps that no other step reads.

        Raises WorkloadError if steps do not go together.
        """
        read = {name for step in self.steps for name in step.inputs}
        inputs = {name: shape for name, shape in self.inputs.items() if name in read}
        outputs = dict.fromkeys(step.name for step in self.steps if step.name not in read)
        return Described(Graph(inputs, tuple(self.steps), tuple(outputs)), tuple(self.skipped))
