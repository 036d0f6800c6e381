"""The shapes of the arrays in a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.graph.graph import Graph
from eiesim.graph.step import ANY, MOST, OPS, PER_OUTPUT, STEPS, Shape, Step

Rule = Callable[[Step, Sequence[Shape], Shape], Shape]


def infer_shapes(graph: Graph, layers: Mapping[str, Sequence[int]]) -> dict[str, Shape]:
    """Return the shape of every input and step, from those of the layers' weights.

    Weights are outputs, inputs, and for a convolution the kernel's sides. A result has `STEPS` for
    a size, and is `ANY` for a shape, that the input decides. Raises WorkloadError if a layer is
    missing, or a step cannot take its input.
    """
    shapes = dict(graph.inputs)
    for step in graph.steps:
        if step.layer and step.layer not in layers:
            raise WorkloadError(
                f"step {step.name!r}: layer {step.layer!r}: {did_you_mean(step.layer, layers)}"
            )
        weights = tuple(layers[step.layer]) if step.layer else ()
        inputs = [shapes[name] for name in step.inputs]
        shapes[step.name] = _infer(step, inputs, weights)
    return shapes


def _infer(step: Step, inputs: Sequence[Shape], weights: Shape) -> Shape:
    if step.op == "onnx":
        return tuple(step.settings["shape"])
    if step.settings.get("stacked"):
        return ANY if ANY in inputs else STACKED[step.op](step, inputs, weights)
    if step.op == "scale":
        return _scale(step, inputs[0])
    if step.op not in RULES:
        return inputs[0]
    _require(step, len(inputs) == 1 or not step.on_eie, inputs[0], "one input")
    for shape in inputs:
        known = bool(shape) and shape != ANY and STEPS not in shape[1:]
        _require(step, known, shape, "known sizes behind the first")
    return RULES[step.op](step, inputs, weights)


def _scale(step: Step, shape: Shape) -> Shape:
    axis = 1 if shape[:1] == (STEPS,) else 0
    for key in PER_OUTPUT:
        row = step.settings[key]
        if isinstance(row, tuple):
            fits = len(shape) > axis and shape[axis] == len(row)
            _require(step, fits, shape, f"{len(row)} outputs, as it has numbers for their {key}")
    return shape


def _embed(step: Step, inputs: Sequence[Shape], weights: Shape) -> Shape:
    _require(step, inputs[0] == (STEPS,), inputs[0], "a sequence of numbers")
    return STEPS, weights[0]


def _pool(step: Step, inputs: Sequence[Shape], _weights: Shape) -> Shape:
    channels, *sides = _take_image(step, inputs)
    kernel, pad = step.settings["kernel"], step.settings["pad"]
    inside = all(pad[axis] < kernel[axis % 2] for axis in range(4))
    _require(step, inside, inputs[0], f"a border narrower than the window {list(kernel)}")
    pooled = find_pooled(step.settings, tuple(sides))
    _require(step, min(pooled) >= 1, inputs[0], f"an image that holds a window {list(kernel)}")
    stride = step.settings["stride"]
    within = all((pooled[axis] - 1) * stride[axis] < sides[axis] + pad[axis] for axis in (0, 1))
    _require(step, within or step.op == "maxpool", inputs[0], "windows that begin inside the image")
    return channels, *pooled


def _average(step: Step, inputs: Sequence[Shape], _weights: Shape) -> Shape:
    return _take_image(step, inputs)[:1]


def _take_image(step: Step, inputs: Sequence[Shape]) -> Shape:
    _require(step, len(inputs[0]) == 3, inputs[0], "channels, height, width")
    return inputs[0]


def _concatenate(step: Step, inputs: Sequence[Shape], _weights: Shape) -> Shape:
    first = inputs[0]
    if first[0] == STEPS:
        fits = all(len(shape) == 2 and shape[0] == STEPS for shape in inputs)
        _require(step, fits, first, "sequences of numbers alone, or none")
        return STEPS, sum(shape[1] for shape in inputs)
    same = all(shape[1:] == first[1:] and STEPS not in shape for shape in inputs)
    _require(step, same, first, "inputs that differ in their first size alone")
    return (sum(shape[0] for shape in inputs), *first[1:])


def _add(step: Step, inputs: Sequence[Shape], _weights: Shape) -> Shape:
    _require(step, len(set(inputs)) == 1, inputs[-1], f"inputs of the shape {list(inputs[0])}")
    return inputs[0]


def _flatten(_step: Step, inputs: Sequence[Shape], _weights: Shape) -> Shape:
    return inputs[0] if inputs[0][0] == STEPS else (math.prod(inputs[0]),)


def _reverse(step: Step, inputs: Sequence[Shape], _weights: Shape) -> Shape:
    _require(step, inputs[0][0] == STEPS, inputs[0], "a sequence")
    return inputs[0]


def _take_last(step: Step, inputs: Sequence[Shape], _weights: Shape) -> Shape:
    _require(step, inputs[0][0] == STEPS and len(inputs[0]) > 1, inputs[0], "a sequence")
    return inputs[0][1:]


def _multiply(step: Step, inputs: Sequence[Shape], weights: Shape) -> Shape:
    shape = inputs[0]
    sequence = shape[0] == STEPS
    numbers = math.prod(shape[1:] if sequence else shape)
    _require(step, numbers == math.prod(weights[1:]), shape, f"{math.prod(weights[1:])} numbers")
    return (STEPS, weights[0]) if sequence else (weights[0],)


def _multiply_stack(step: Step, inputs: Sequence[Shape], weights: Shape) -> Shape:
    shape, numbers = inputs[0], math.prod(weights[1:])
    _require(step, bool(shape) and shape[-1] in (numbers, STEPS), shape, f"rows of {numbers}")
    return (*shape[:-1], weights[0])


def _convolve_stack(step: Step, inputs: Sequence[Shape], weights: Shape) -> Shape:
    _require(step, len(inputs[0]) == 4, inputs[0], "images, channels, height, width")
    number, *image = inputs[0]
    if len(weights) == 4 and image[0] == STEPS:
        image[0] = weights[1] * step.settings["groups"]
    # an unknown side is taken as one that is long enough
    long = tuple(MOST if side == STEPS else side for side in image)
    sides = _convolve(step, [long], weights)
    return (number, sides[0], *(STEPS if image[axis] == STEPS else sides[axis] for axis in (1, 2)))


def _recur_stack(step: Step, inputs: Sequence[Shape], weights: Shape) -> Shape:
    _require(step, len(inputs[0]) == 3, inputs[0], "steps, sequences, numbers")
    steps, number, numbers = inputs[0]
    sequence = (STEPS, _count_numbers(step, weights) if numbers == STEPS else numbers)
    hidden = _recur(step, [sequence], weights)[1]
    for shape in inputs[1:]:
        fits = len(shape) == 2 and shape[1] in (hidden, STEPS)
        _require(step, fits, shape, f"states of {hidden} numbers")
    return steps, number, hidden * (1 + step.settings.get("cell", 0))


def _convolve(step: Step, inputs: Sequence[Shape], weights: Shape) -> Shape:
    shape, groups = inputs[0], step.settings["groups"]
    fits = len(shape) == 3 and len(weights) == 4 and shape[0] == weights[1] * groups
    expected = f"an image for weights {list(weights)} in {groups} groups"
    _require(step, fits and weights[0] % groups == 0, shape, expected)
    kernel = find_kernel(step, weights)
    sides = find_convolved(step.settings, kernel, shape[1:])
    _require(step, min(sides) >= 1, shape, f"an image that holds a window {list(kernel)}")
    return weights[0], *sides


def find_convolved(settings: Mapping[str, Any], kernel: Shape, sides: Shape) -> tuple[int, int]:
    """Return height and width of a convolution's output, from those of its window and image."""
    pad, stride, dilation = (settings[key] for key in ("pad", "stride", "dilation"))
    below, beside = (
        (sides[axis] + pad[axis] + pad[axis + 2] - dilation[axis] * (kernel[axis] - 1) - 1)
        // stride[axis]
        + 1
        for axis in (0, 1)
    )
    return below, beside


def find_kernel(step: Step, weights: Shape) -> Shape:
    """Return height and width of a convolution's window, from the shape of its weights.

    With ``winograd`` they are the 4 x 4 transformed ones of a 3 x 3 kernel. Raises WorkloadError if
    Winograd's transform does not go with the step.
    """
    if not step.settings["winograd"]:
        return weights[2:]
    default = OPS["conv"].settings
    plain = all(step.settings[key] == default[key] for key in ("stride", "dilation", "groups"))
    expected = "4 x 4 transformed weights, stride 1, no dilation and one group for Winograd"
    _require(step, plain and weights[2:] == (4, 4), weights, expected)
    return 3, 3


def _recur(step: Step, inputs: Sequence[Shape], weights: Shape) -> Shape:
    shape, numbers = inputs[0], _count_numbers(step, weights)
    stacked = not step.settings.get("cell") or bool(step.settings["stacked"])
    _require(step, stacked, shape, "stacks for cell")
    _require(step, shape == (STEPS, numbers), shape, f"a sequence of {numbers} numbers each")
    return STEPS, weights[-1] - numbers - 1


def _count_numbers(step: Step, weights: Shape) -> int:
    """Return the length of a recurrent layer's input in each step."""
    parts = 3 if step.settings.get("reset") == "before" else 1 if step.op == "rnn" else 4
    hidden = weights[0] // parts
    numbers = weights[-1] - hidden - 1
    fits = len(weights) == 2 and hidden and weights[0] == parts * hidden and numbers > 0
    expected = f"weights of {parts} x hidden rows and inputs + hidden + 1 columns"
    _require(step, bool(fits), weights, expected)
    return numbers


def find_pooled(settings: Mapping[str, Any], sides: Shape) -> tuple[int, int]:
    """Return height and width of pooling's output, from those of the image.

    With ``ceil``, as in Caffe, a last window that is cut off counts, but with padding none that
    begins behind the image.
    """
    kernel, stride, pad = settings["kernel"], settings["stride"], settings["pad"]
    pooled = []
    for axis in (0, 1):
        rest = sides[axis] + pad[axis] + pad[axis + 2] - kernel[axis]
        steps = (-(-rest // stride[axis]) if settings["ceil"] else rest // stride[axis]) + 1
        beyond = (
            settings["ceil"] and any(pad) and (steps - 1) * stride[axis] >= sides[axis] + pad[axis]
        )
        pooled.append(steps - bool(beyond))
    return pooled[0], pooled[1]


def _require(step: Step, fits: bool, shape: Shape, expected: str) -> None:
    if not fits:
        raise WorkloadError(
            f"step {step.name!r} ({step.op}): expected {expected}, found the shape {list(shape)}"
        )


RULES: Mapping[str, Rule] = {
    "fc": _multiply, "conv": _convolve, "lstm": _recur, "gru": _recur, "rnn": _recur,
    "embedding": _embed,
    "maxpool": _pool, "avgpool": _pool, "global_avgpool": _average,
    "concat": _concatenate, "add": _add, "flatten": _flatten, "last": _take_last,
    "reverse": _reverse,
}  # fmt: skip
STACKED: Mapping[str, Rule] = {
    "fc": _multiply_stack, "conv": _convolve_stack, "lstm": _recur_stack, "gru": _recur_stack,
    "rnn": _recur_stack,
}  # fmt: skip
