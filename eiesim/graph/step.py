"""What a step of a network may do, and what can be set of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from eiesim.errors import WorkloadError, did_you_mean
from eiesim.schema import show_value

MOST = 1 << 20
"""Largest size."""
Setting = int | float | str | tuple[int, ...]


class Op(NamedTuple):
    """What a step may do.

    Attributes
    ----------
    told : str
        In words.
    on_eie : bool
        Whether it multiplies a layer's matrix: EIE runs it.
    inputs : int
        How many it takes; 0 is one or more.
    settings : mapping
        What can be set, with what holds otherwise.
    """

    told: str
    on_eie: bool
    inputs: int
    settings: Mapping[str, Setting]


POOL: Mapping[str, Setting] = {
    "kernel": (2, 2), "stride": (2, 2), "pad": (0, 0, 0, 0), "ceil": 0, "count_padding": 0,
}  # fmt: skip
OPS: Mapping[str, Op] = {
    "fc": Op("a fully connected layer", True, 1, {}),
    "conv": Op(
        "a convolution", True, 1,
        {"stride": (1, 1), "pad": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1, "winograd": 0},
    ),
    "lstm": Op("a level of an LSTM, over a sequence", True, 1, {}),
    "gru": Op("a level of a GRU, over a sequence", True, 1, {"reset": "after"}),
    "embedding": Op("the row of a table that a number names", False, 1, {}),
    "relu": Op("negative numbers made 0", False, 1, {}),
    "sigmoid": Op("the logistic function", False, 1, {}),
    "tanh": Op("the hyperbolic tangent", False, 1, {}),
    "softmax": Op("shares of one, over the first axis", False, 1, {}),
    "maxpool": Op("the maximum of a window", False, 1, POOL),
    "avgpool": Op("the mean of a window", False, 1, POOL),
    "global_avgpool": Op("the mean of each channel", False, 1, {}),
    "reverse": Op("a sequence from its last step to its first", False, 1, {}),
    "concat": Op(
        "inputs one after the other, along the first axis, or in each step of a sequence",
        False, 0, {},
    ),
    "add": Op("the sum of inputs", False, 0, {}),
    "flatten": Op("all numbers in one row", False, 1, {}),
    "last": Op("the last step of a sequence", False, 1, {}),
    "scale": Op("times a factor, plus an offset", False, 1, {"factor": 1.0, "offset": 0.0}),
    "lrn": Op(
        "local response normalisation over channels", False, 1,
        {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0},
    ),
}  # fmt: skip
"""What a step may do, by name."""
CHOICES: Mapping[str, tuple[str, ...]] = {"reset": ("after", "before")}
"""Of the settings that are words. A GRU's reset gate acts after the product with the state, as in
PyTorch, or before it, on the state."""


@dataclass(frozen=True)
class Step:
    """One step of a network.

    Attributes
    ----------
    name : str
        What its output is called.
    op : str
        One of `OPS`.
    inputs : tuple of str
        Steps, or inputs of the network, that it takes.
    layer : str
        The layer whose weights it uses, if any.
    settings : mapping
        As in `OPS`; all of them, after construction.

    Raises
    ------
    WorkloadError
        Names the step and what is wrong with it.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    layer: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        what = f"step {self.name!r}"
        if self.op not in OPS:
            raise WorkloadError(f"{what}: op {self.op!r}: unknown, {did_you_mean(self.op, OPS)}")
        op = OPS[self.op]
        if len(self.inputs) != op.inputs and (op.inputs or not self.inputs):
            expected = op.inputs or "one or more"
            raise WorkloadError(f"{what}: expected {expected} inputs, found {len(self.inputs)}")
        if bool(self.layer) != (op.on_eie or self.op == "embedding"):
            raise WorkloadError(
                f"{what}: expected {'a' if not self.layer else 'no'} layer for {self.op}, found "
                f"{self.layer or 'none'!r}"
            )
        settings = {key: _take_setting(what, op, key, it) for key, it in self.settings.items()}
        object.__setattr__(self, "settings", {**op.settings, **settings})

    @property
    def on_eie(self) -> bool:
        """Whether EIE runs it; the host does otherwise."""
        return OPS[self.op].on_eie


def _take_setting(what: str, op: Op, key: str, value: Any) -> Setting:
    if key not in op.settings:
        raise WorkloadError(f"{what}: setting {key!r}: unknown, {did_you_mean(key, op.settings)}")
    default = op.settings[key]
    if isinstance(default, tuple):
        sizes = tuple(value) if isinstance(value, list | tuple) else ()
        if len(sizes) != len(default) or not all(
            type(it) is int and 0 <= it < 1 << 20 for it in sizes
        ):
            raise WorkloadError(
                f"{what}: {key}: expected {len(default)} whole numbers, found {show_value(value)}"
            )
        if key in ("stride", "kernel", "dilation") and 0 in sizes:
            raise WorkloadError(f"{what}: {key}: expected 1 or more, found {show_value(value)}")
        return sizes
    kinds = (int, float) if isinstance(default, float) else type(default)
    if isinstance(value, bool) or not isinstance(value, kinds):
        expected = type(default).__name__
        raise WorkloadError(f"{what}: {key}: expected {expected}, found {show_value(value)}")
    if not isinstance(value, str) and not math.isfinite(value):
        raise WorkloadError(f"{what}: {key}: expected a number, found {show_value(value)}")
    if isinstance(value, str) and value not in CHOICES[key]:
        raise WorkloadError(f"{what}: {key} {value!r}: {did_you_mean(value, CHOICES[key])}")
    return value
