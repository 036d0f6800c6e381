"""What a file tells of a network's steps, and what of it cannot be run."""

from __future__ import annotations

from dataclasses import dataclass

from eiesim.graph import Graph, Shape, Step


class Unsupported(Exception):  # noqa: N818 - no error: the rest goes on
    """Why a layer cannot be run; readers leave it out."""


@dataclass(frozen=True)
class Skipped:
    """A layer that is left out, and why; the reason also says what stands in its place."""

    name: str
    reason: str


@dataclass(frozen=True)
class Described:
    """A network's steps that can be run, and those that cannot."""

    graph: Graph
    skipped: tuple[Skipped, ...]


class Builder:
    """Steps as they are read, and what tensors they give.

    A step that cannot be run is left out; where its shape is known, its output becomes an input of
    the network. Steps that read a missing tensor are left out, too.
    """

    def __init__(self, inputs: dict[str, Shape]) -> None:
        self.inputs = inputs
        self.tensors = {name: name for name in inputs}
        self.steps: list[Step] = []
        self.skipped: list[Skipped] = []

    def find_missing(self, inputs: tuple[str, ...]) -> str | None:
        """Return the first tensor that a step reads and that is not there, or None."""
        return next((name for name in inputs if name not in self.tensors), None)

    def add(self, step: Step, output: str) -> None:
        """Add a step whose inputs are names of tensors."""
        inputs = tuple(self.tensors[name] for name in step.inputs)
        self.steps.append(Step(step.name, step.op, inputs, step.layer, step.settings))
        self.tensors[output] = step.name

    def rename(self, tensor: str, output: str) -> None:
        """Give a tensor another name, too: for a step that changes nothing."""
        self.tensors[output] = self.tensors[tensor]

    def skip(self, name: str, reason: str, outputs: tuple[str, ...], shape: Shape | None) -> None:
        """Leave a step out; `shape` is that of its outputs, where it is known."""
        told = f"{reason}; left out"
        for tensor in outputs:
            self.tensors.pop(tensor, None)
            if shape is not None:
                self.inputs[name] = shape
                self.tensors[tensor] = name
                told = f"{reason}; give what it would give as the input {name!r}"
        self.skipped.append(Skipped(name, told))

    def finish(self, outputs: tuple[str, ...] = ()) -> Described:
        """Return the network; without `outputs`, it gives the tensors that nothing reads.

        Steps that do not go together are a WorkloadError.
        """
        named = [self.tensors[name] for name in outputs if name in self.tensors]
        read = {name for step in self.steps for name in step.inputs}
        last = named or [step.name for step in self.steps if step.name not in read]
        used = {name: shape for name, shape in self.inputs.items() if name in read}
        graph = Graph(used, tuple(self.steps), tuple(dict.fromkeys(last)))
        return Described(graph, tuple(self.skipped))
