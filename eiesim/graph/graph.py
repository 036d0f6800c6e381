"""A network as an ordered graph of steps."""

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

    Raises WorkloadError if a step takes the output of a later one, or two have the same name.

    Attributes
    ----------
    inputs
        Shapes of the inputs of one example: channels, height, width, or numbers; `STEPS` first for
        a sequence of any length. Networks in ONNX have axes of size 1 for the batch.
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
        """Return the part that gives these outputs; raises WorkloadError if one is no step."""
        known = [step.name for step in self.steps]
        for name in outputs:
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

    def fit(self, name: str, array_shape: Shape) -> Shape | None:
        """Return the shape as which an input takes an array, or None if the array does not fit.

        Axes of size 1 may be left out: those of the batch, or of a single channel.
        """
        wanted = self.inputs[name]
        axes = [axis for axis, size in enumerate(wanted) if size != 1]
        for sizes in (array_shape, tuple(size for size in array_shape if size != 1)):
            for kept_axes in (range(len(wanted)), axes):
                if len(sizes) == len(kept_axes) and all(
                    size == wanted[axis] or (wanted[axis] == STEPS and size > 0)
                    for size, axis in zip(sizes, kept_axes, strict=True)
                ):
                    size_of = dict(zip(kept_axes, sizes, strict=True))
                    return tuple(size_of.get(axis, 1) for axis in range(len(wanted)))
        return None

    def to_json(self) -> str:
        """Return the graph as JSON for `read_graph`; default settings are left out."""
        steps = []
        for step in self.steps:
            default = OPS[step.op].settings
            row = asdict(step)
            row["settings"] = {
                key: value for key, value in step.settings.items() if value != default[key]
            }
            steps.append({key: value for key, value in row.items() if value or key == "inputs"})
        whole = {"inputs": dict(self.inputs), "steps": steps, "outputs": self.outputs}
        return json.dumps(whole, separators=(",", ":"))


def read_graph(content: Mapping[str, Any], source: str) -> Graph:
    """Return a graph from the content of a JSON or TOML file; errors name its `source`.

    ``inputs`` are shapes by name; ``steps`` are tables with name, op, inputs, layer and settings;
    ``outputs`` are names, by default the last step. Raises WorkloadError if something is missing,
    unknown, or of another kind.
    """
    try:
        return _read_graph(content)
    except WorkloadError as error:
        raise WorkloadError(f"{source}: {error}") from error


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


def _take_names(label: str, names: Any) -> tuple[str, ...]:
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise WorkloadError(f"{label}: expected names, found {show_value(names)}")
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
