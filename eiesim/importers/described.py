"""What a file tells of a network's steps, and what of it cannot be run."""

from __future__ import annotations

from dataclasses import dataclass

from eiesim.graph import Graph, Shape, Step


class Unsupported(Exception):  # noqa: N818 - no error: the rest goes on
    """Why a layer cannot be run; readers leave it out."""


@dataclass(frozen=True)
class Skipped:
    """A layer that is left out.

    Attributes
    ----------
    name : str
        The layer.
    reason : str
        Why, and what stands in its place.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Described:
    """A network's steps.

    Attributes
    ----------
    graph : Graph
        Those that can be run.
    skipped : tuple of Skipped
        The others.
    """

    graph: Graph
    skipped: tuple[Skipped, ...]


class Builder:
    """Steps as they are read, and what tensors they give.

    A step that cannot be run is left out; where its shape is known, its output becomes an input of
    the network. Steps that read what is not there are left out, too.

    Parameters
    ----------
    inputs : dict of str to tuple of int
        Shapes of the network's inputs.
    """

    def __init__(self, inputs: dict[str, Shape]) -> None:
        self.inputs = inputs
        self.tensors = {name: name for name in inputs}
        self.steps: list[Step] = []
        self.skipped: list[Skipped] = []

    def find_missing(self, inputs: tuple[str, ...]) -> str | None:
        """Return the first tensor that is not there, or None.

        Parameters
        ----------
        inputs : tuple of str
            Tensors that a step reads.
        """
        return next((name for name in inputs if name not in self.tensors), None)

    def add(self, step: Step, output: str) -> None:
        """Add a step; its inputs are tensors.

        Parameters
        ----------
        step : Step
            With names of tensors as inputs.
        """
        inputs = tuple(self.tensors[name] for name in step.inputs)
        self.steps.append(Step(step.name, step.op, inputs, step.layer, step.settings))
        self.tensors[output] = step.name

    def rename(self, tensor: str, output: str) -> None:
        """Let a tensor be known under another name, too: of a step that changes nothing.

        Parameters
        ----------
        tensor, output : str
            The tensor, and its other name.
        """
        self.tensors[output] = self.tensors[tensor]

    def skip(self, name: str, reason: str, outputs: tuple[str, ...], shape: Shape | None) -> None:
        """Leave a step out.

        Parameters
        ----------
        name, reason : str
            The step, and why.
        outputs : tuple of str
            Tensors that it would give.
        shape : tuple of int or None
            Theirs, if it is known.
        """
        told = f"{reason}; left out"
        for tensor in outputs:
            self.tensors.pop(tensor, None)
            if shape is not None:
                self.inputs[name] = shape
                self.tensors[tensor] = name
                told = f"{reason}; give what it would give as the input {name!r}"
        self.skipped.append(Skipped(name, told))

    def finish(self, outputs: tuple[str, ...] = ()) -> Described:
        """Return the network.

        Parameters
        ----------
        outputs : tuple of str
            Tensors that it gives; those that nothing reads where none is named.

        Raises
        ------
        WorkloadError
            The steps do not go together.
        """
        named = [self.tensors[name] for name in outputs if name in self.tensors]
        read = {name for step in self.steps for name in step.inputs}
        last = named or [step.name for step in self.steps if step.name not in read]
        used = {name: shape for name, shape in self.inputs.items() if name in read}
        graph = Graph(used, tuple(self.steps), tuple(dict.fromkeys(last)))
        return Described(graph, tuple(self.skipped))
