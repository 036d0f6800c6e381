"""The steps of a network on the host, in float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import Model
from eiesim.catalog.trained import decode
from eiesim.graph import PER_OUTPUT, STEPS, Step, find_pooled, host
from eiesim.importers.onnx_macs import MacCounter
from eiesim.importers.onnx_runtime import Session

Floats = npt.NDArray[np.float32]


class Piece:
    """A step that is nodes of ONNX, ready to be run.

    Raises WorkloadError if ONNX Runtime cannot run it, or is not installed.
    """

    def __init__(self, model: Model, step: Step) -> None:
        tensors, what = model.host_graph.tensors, f"step {step.name!r}"
        piece = model.host_graph.make_piece(step)
        self.session, self.macs = Session(piece, what), MacCounter(piece, what)
        self.inputs = [tensors[name] for name in step.inputs]

    def run(self, operands: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Return the output of the nodes; raises WorkloadError if ONNX Runtime stops."""
        (output,) = self.session.run(dict(zip(self.inputs, operands, strict=True)))
        return output

    def count_macs(self, operands: Sequence[npt.NDArray[Any]]) -> dict[str, int | None]:
        """Return the multiply-accumulates of each node that multiplies, None where not known."""
        return self.macs.count(dict(zip(self.inputs, operands, strict=True)))


def run_host(model: Model, step: Step, operands: Sequence[Floats]) -> Floats:
    """Do a step that is not on EIE.

    Raises WorkloadError if a number to look up is not one of the table's.
    """
    if step.op == "embedding":
        return _look_up(model, step, operands[0])
    sequence = model.shapes[step.inputs[0]][:1] == (STEPS,)
    if step.op == "scale":
        return _scale(step, operands[0], 1 if sequence else 0)
    if sequence:
        if step.op == "flatten":
            return operands[0].reshape(len(operands[0]), -1)
        if step.op == "concat":
            return np.concatenate(operands, axis=1)
    return np.asarray(RULES[step.op](step, operands), np.float32)


def _look_up(model: Model, step: Step, numbers: Floats) -> Floats:
    table = decode(model.layers[step.layer]).weights
    columns = numbers.astype(np.int64)
    if (columns != numbers).any() or columns.min() < 0 or columns.max() >= table.shape[1]:
        raise WorkloadError(
            f"step {step.name!r}: expected whole numbers from 0 to {table.shape[1] - 1}, found "
            f"{numbers.min():g} to {numbers.max():g}"
        )
    return np.ascontiguousarray(table[:, columns].T)


def _find_window(step: Step, image: Floats) -> host.SlidingWindow:
    sides = find_pooled(step.settings, image.shape[1:])
    kernel, stride, pad = (step.settings[key] for key in ("kernel", "stride", "pad"))
    return host.SlidingWindow(kernel, stride, pad, sides)


def _take_maximum(step: Step, operands: Sequence[Floats]) -> Floats:
    return host.pool_maximum(operands[0], _find_window(step, operands[0]))


def _average(step: Step, operands: Sequence[Floats]) -> Floats:
    image = operands[0]
    return host.pool_mean(image, _find_window(step, image), bool(step.settings["count_padding"]))


def _scale(step: Step, values: Floats, axis: int) -> Floats:
    """Return values times a factor, plus an offset, each one number or one along an axis."""
    behind = (1,) * (values.ndim - 1 - axis)
    rows = (np.asarray(step.settings[key], np.float32) for key in PER_OUTPUT)
    factor, offset = (row.reshape(-1, *behind) if row.ndim else row for row in rows)
    return values * factor + offset


RULES: Mapping[str, Callable[[Step, Sequence[Floats]], Floats]] = {
    "relu": lambda _, operands: host.relu(operands[0]),
    "sigmoid": lambda _, operands: host.sigmoid(operands[0]),
    "tanh": lambda _, operands: np.tanh(operands[0]),
    "softmax": lambda _, operands: host.softmax(operands[0]),
    "maxpool": _take_maximum,
    "avgpool": _average,
    "global_avgpool": lambda _, operands: operands[0].mean((1, 2)),
    "concat": lambda _, operands: np.concatenate(operands),
    "reverse": lambda _, operands: operands[0][::-1],
    "add": lambda _, operands: np.add.reduce(operands),
    "flatten": lambda _, operands: operands[0].reshape(-1),
    "last": lambda _, operands: operands[0][-1],
    "lrn": lambda step, operands: host.normalise(operands[0], step.settings),
}
