"""The operations of a network's steps, and their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from eiesim.base.errors import WorkloadError, did_you_mean
from eiesim.base.schema import show_value

MOST = 1 << 20
"""Largest size."""
Shape = tuple[int, ...]
STEPS = -1
"""A size that only the input decides: first in a shape, a sequence of any length."""
ANY: Shape = (-2,)
"""The shape of an array whose number of axes is unknown, too."""
MOST_AXES = 8
Setting = int | float | str | tuple[int, ...] | tuple[float, ...]
LARGEST = float(np.finfo(np.float32).max)


class Op(NamedTuple):
    """An operation of a step.

    Attributes
    ----------
    on_eie
        Whether it multiplies a layer's matrix, so that EIE runs it.
    inputs
        Numbers of inputs that it may take.
    settings
        Its settings, with their defaults.
    """

    meaning: str
    on_eie: bool
    inputs: range
    settings: Mapping[str, Setting]


NONE, ONE, SOME = range(MOST), range(1, 2), range(1, MOST)
STACKED: Mapping[str, Setting] = {"stacked": 0}
"""Whether a product takes and gives stacks as ONNX has them: vectors along the last axis, images
along the first, sequences along the second. A recurrent one may take its first state, too."""
POOL: Mapping[str, Setting] = {
    "kernel": (2, 2), "stride": (2, 2), "pad": (0, 0, 0, 0), "ceil": 0, "count_padding": 0,
}  # fmt: skip
OPS: Mapping[str, Op] = {
    "fc": Op("a fully connected layer", True, ONE, STACKED),
    "conv": Op(
        "a convolution", True, ONE,
        {"stride": (1, 1), "pad": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1, "winograd": 0,
         **STACKED},
    ),
    "lstm": Op(
        "a level of an LSTM, over a sequence; with cell, the cell's state is given, too",
        True, range(1, 4), {"cell": 0, **STACKED},
    ),
    "gru": Op(
        "a level of a GRU, over a sequence", True, range(1, 3), {"reset": "after", **STACKED}
    ),
    "rnn": Op(
        "a level of a plain recurrent network, over a sequence", True, range(1, 3),
        {"activation": "tanh", **STACKED},
    ),
    "onnx": Op("nodes of ONNX, run by ONNX Runtime", False, NONE, {"shape": ()}),
    "embedding": Op("the row of a table that a number names", False, ONE, {}),
    "relu": Op("negative numbers made 0", False, ONE, {}),
    "sigmoid": Op("the logistic function", False, ONE, {}),
    "tanh": Op("the hyperbolic tangent", False, ONE, {}),
    "softmax": Op("shares of one, over the first axis", False, ONE, {}),
    "maxpool": Op("the maximum of a window", False, ONE, POOL),
    "avgpool": Op("the mean of a window", False, ONE, POOL),
    "global_avgpool": Op("the mean of each channel", False, ONE, {}),
    "reverse": Op("a sequence from its last step to its first", False, ONE, {}),
    "concat": Op(
        "inputs one after the other, along the first axis, or in each step of a sequence",
        False, SOME, {},
    ),
    "add": Op("the sum of inputs", False, SOME, {}),
    "flatten": Op("all numbers in one row", False, ONE, {}),
    "last": Op("the last step of a sequence", False, ONE, {}),
    "scale": Op(
        "times a factor, plus an offset: one number each, or one for each channel or output",
        False, ONE, {"factor": 1.0, "offset": 0.0},
    ),
    "lrn": Op(
        "local response normalisation over channels", False, ONE,
        {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0},
    ),
}  # fmt: skip
"""Operations by name."""
RECURRENT = ("lstm", "gru", "rnn")
"""Those that go through a sequence; the last column of their matrix is the bias."""
PER_OUTPUT = ("factor", "offset")
"""Settings that may be a row of numbers, one an output: along the first axis of a vector or image,
the second one of a sequence."""
CHOICES: Mapping[str, tuple[str, ...]] = {
    "reset": ("after", "before"), "activation": ("tanh", "relu"),
}  # fmt: skip
"""Words that a setting may be. A GRU's reset gate acts after the product with the state, as in
PyTorch, or before it, on the state."""


@dataclass(frozen=True)
class Step:
    """One step of a network, which may use the weights of a layer.

    Its settings are as in `OPS`, all of them after construction. Raises WorkloadError with the
    step's name if a field is wrong.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    layer: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        label = f"step {self.name!r}"
        if self.op not in OPS:
            raise WorkloadError(f"{label}: op {self.op!r}: unknown, {did_you_mean(self.op, OPS)}")
        op = OPS[self.op]
        if len(self.inputs) not in op.inputs:
            least, most = op.inputs[0], op.inputs[-1]
            expected = f"{least}" if least == most else f"{least} or more"
            if least < most < MOST - 1:
                expected = f"{least} to {most}"
            raise WorkloadError(f"{label}: expected {expected} inputs, found {len(self.inputs)}")
        if bool(self.layer) != (op.on_eie or self.op == "embedding"):
            raise WorkloadError(
                f"{label}: expected {'a' if not self.layer else 'no'} layer for {self.op}, found "
                f"{self.layer or 'none'!r}"
            )
        settings = {
            key: _take_setting(label, op, key, value) for key, value in self.settings.items()
        }
        object.__setattr__(self, "settings", {**op.settings, **settings})

    @property
    def on_eie(self) -> bool:
        """Whether EIE runs it, and not the host."""
        return OPS[self.op].on_eie


def _take_setting(label: str, op: Op, key: str, value: Any) -> Setting:
    if key not in op.settings:
        raise WorkloadError(f"{label}: setting {key!r}: unknown, {did_you_mean(key, op.settings)}")
    default = op.settings[key]
    if key == "shape":
        return _take_shape(label, value)
    if key in PER_OUTPUT and isinstance(value, list | tuple):
        return _take_row(f"{label}: {key}", value)
    if isinstance(default, tuple):
        sizes = tuple(value) if isinstance(value, list | tuple) else ()
        if len(sizes) != len(default) or not all(
            type(size) is int and 0 <= size < 1 << 20 for size in sizes
        ):
            raise WorkloadError(
                f"{label}: {key}: expected {len(default)} whole numbers, found {show_value(value)}"
            )
        if key in ("stride", "kernel", "dilation") and 0 in sizes:
            raise WorkloadError(f"{label}: {key}: expected 1 or more, found {show_value(value)}")
        return sizes
    kinds = (int, float) if isinstance(default, float) else type(default)
    if isinstance(value, bool) or not isinstance(value, kinds):
        expected = type(default).__name__
        raise WorkloadError(f"{label}: {key}: expected {expected}, found {show_value(value)}")
    if not isinstance(value, str) and not -LARGEST <= value <= LARGEST:
        raise WorkloadError(f"{label}: {key}: expected a number, found {show_value(value)}")
    if isinstance(value, str) and value not in CHOICES[key]:
        raise WorkloadError(f"{label}: {key} {value!r}: {did_you_mean(value, CHOICES[key])}")
    return value


def _take_shape(label: str, value: Any) -> Shape:
    sizes = tuple(value) if isinstance(value, list | tuple) else None
    known = sizes is not None and all(
        type(size) is int and STEPS <= size < 1 << 31 for size in sizes
    )
    if sizes is None or not (sizes == ANY or (known and len(sizes) <= MOST_AXES)):
        raise WorkloadError(
            f"{label}: shape: expected up to {MOST_AXES} sizes, {STEPS} where one is not known, "
            f"found {show_value(value)}"
        )
    return sizes


def _take_row(label: str, row: Sequence[Any]) -> tuple[float, ...]:
    sound = all(type(number) in (int, float) and -LARGEST <= number <= LARGEST for number in row)
    if not sound or not 1 <= len(row) < MOST:
        raise WorkloadError(
            f"{label}: expected 1 to {MOST - 1} numbers that float32 holds, found {show_value(row)}"
        )
    return tuple(map(float, row))
