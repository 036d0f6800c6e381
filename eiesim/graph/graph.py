"""A network as an ordered graph: what EIE multiplies, and what the host does between."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.base.schema import show_value
from eiesim.graph.step import MOST, MOST_AXES, OPS, STEPS, Shape, Step

MOST_STEPS = 1 << 14
KEYS = ("inputs", "steps", "outputs")
STEP_KEYS = ("name", "op", "inputs", "layer", "settings")


@dataclass(frozen=True)
class Graph:
    """A network's steps in an order in which they can be done.

    Attributes
    ----------
    inputs : mapping of name to tuple of int
        Shapes of what goes in, one example: channels, height, width, or numbers; `STEPS` first for
        a sequence of any length. Networks in ONNX have axes of size 1 for the batch.
    steps : tuple of Step
        Each takes inputs of the network and earlier steps.
    outputs : tuple of str
        What comes out.

    Raises
    ------
    WorkloadError
        A step takes what is not there yet, or two have one name.
    """

    inputs: Mapping[str, Shape]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        known = set(self.inputs)
        if len(self.steps) > MOST_STEPS:
            raise WorkloadError(f"expected at most {MOST_STEPS} steps, found {len(self.steps)}")
        for step in self.steps:
            for name in step.inputs:
                if name not in known:
                    raise WorkloadError(
                        f"step {step.name!r}: input {name!r}: not there yet, "
                        f"{did_you_mean(name, known)}"
                    )
            if step.name in known:
                raise WorkloadError(f"step {step.name!r}: expected a name of its own")
            known.add(step.name)
        for name in self.outputs:
            if name not in known:
                raise WorkloadError(f"output {name!r}: unknown, {did_you_mean(name, known)}")

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers whose weights are used, in order."""
        return tuple(dict.fromkeys(step.layer for step in self.steps if step.layer))

    def keep(self, outputs: tuple[str, ...]) -> Graph:
        """Return the network that gives some of the steps' results, and no more.

        Raises
        ------
        WorkloadError
            There is no such step.
        """
        for name in outputs:
            known = [step.name for step in self.steps]
            if name not in known:
                raise WorkloadError(f"output {name!r}: {did_you_mean(name, known)}")
        needed = set(outputs)
        steps = []
        for step in reversed(self.steps):
            if step.name in needed:
                needed.update(step.inputs)
                steps.append(step)
        inputs = {name: shape for name, shape in self.inputs.items() if name in needed}
        return Graph(inputs, tuple(reversed(steps)), outputs)

    def fit(self, name: str, found: Shape) -> Shape | None:
        """Return the shape as which an input takes an array, or None where it does not fit.

        Axes of size 1 may be left out: those of the batch, or of a single channel.
        """
        wanted = self.inputs[name]
        axes = [axis for axis, size in enumerate(wanted) if size != 1]
        for sizes in (found, tuple(size for size in found if size != 1)):
            for places in (range(len(wanted)), axes):
                if len(sizes) == len(places) and all(
                    size == wanted[place] or (wanted[place] == STEPS and size > 0)
                    for size, place in zip(sizes, places, strict=True)
                ):
                    return tuple(
                        sizes[list(places).index(axis)] if axis in places else 1
                        for axis in range(len(wanted))
                    )
        return None

    def to_json(self) -> str:
        """Return JSON that `read_graph` takes the content of; usual settings are left out."""
        steps = []
        for step in self.steps:
            usual = OPS[step.op].settings
            row = asdict(step)
            row["settings"] = {key: it for key, it in step.settings.items() if it != usual[key]}
            steps.append({key: it for key, it in row.items() if it or key == "inputs"})
        whole = {"inputs": dict(self.inputs), "steps": steps, "outputs": self.outputs}
        return json.dumps(whole, separators=(",", ":"))


def read_graph(content: Mapping[str, Any], what: str) -> Graph:
    """Return a graph from the content of a JSON or TOML file.

    Parameters
    ----------
    content : mapping
        ``inputs``: shapes by name; ``steps``: a row of tables with name, op, inputs, layer and
        settings; ``outputs``: names, the last step where it is left out.
    what : str
        The file, for errors.

    Raises
    ------
    WorkloadError
        Something is missing, unknown, or not as above.
    """
    try:
        return _read_graph(content)
    except WorkloadError as error:
        raise WorkloadError(f"{what}: {error}") from error


def _read_graph(content: Mapping[str, Any]) -> Graph:
    for key in content:
        if key not in KEYS:
            raise WorkloadError(f"{key!r}: unknown, {did_you_mean(key, KEYS)}")
    inputs, rows = content.get("inputs"), content.get("steps")
    if not isinstance(inputs, Mapping) or not inputs:
        raise WorkloadError(f"inputs: expected shapes by name, found {show_value(inputs)}")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise WorkloadError(f"steps: expected tables of steps, found {show_value(rows)}")
    shapes = {name: _take_shape(name, shape) for name, shape in inputs.items()}
    steps = tuple(_read_step(row) for row in rows)
    outputs = _take_names("outputs", content.get("outputs", [steps[-1].name]))
    return Graph(shapes, steps, outputs)


def _take_shape(name: str, shape: Any) -> Shape:
    if (
        not isinstance(shape, list | tuple)
        or len(shape) > MOST_AXES
        or not all(type(size) is int and (1 <= size < MOST or size == STEPS) for size in shape)
    ):
        raise WorkloadError(
            f"inputs: {name}: expected up to {MOST_AXES} sizes ({STEPS} for a sequence of any "
            f"length), found {show_value(shape)}"
        )
    return tuple(shape)


def _take_names(what: str, names: Any) -> tuple[str, ...]:
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise WorkloadError(f"{what}: expected names, found {show_value(names)}")
    return tuple(names)


def _read_step(row: Mapping[str, Any]) -> Step:
    name = row.get("name")
    if not isinstance(name, str) or not name:
        raise WorkloadError(f"steps: expected a name, found {show_value(name)}")
    for key in row:
        if key not in STEP_KEYS:
            raise WorkloadError(f"step {name!r}: {key!r}: unknown, {did_you_mean(key, STEP_KEYS)}")
    op, layer, settings = row.get("op"), row.get("layer", ""), row.get("settings", {})
    if not isinstance(op, str) or not isinstance(layer, str) or not isinstance(settings, dict):
        raise WorkloadError(f"step {name!r}: expected op and layer as text, settings as a table")
    return Step(name, op, _take_names(f"step {name!r}: inputs", row.get("inputs")), layer, settings)
