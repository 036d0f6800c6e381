"""Functions of PyTorch that run recurrent layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from eiesim.profiling.calls import (
    Calls,
    Floats,
    Operands,
    Rule,
    Tensor,
    quantise_inputs,
    to_floats,
)
from eiesim.profiling.machine import Part, ProfiledLayer
from eiesim.profiling.recurrent import CELLS, Level, LevelWeights, run_levels

Matrices = tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]
"""Weights of input and state of a level, their biases, and an LSTM's projection."""
PADDED = "input hx weights has_biases levels dropout train both batch_first"
STEP = "input hx w_ih w_hh b_ih b_hh"
PACKED = "input sizes hx weights has_biases levels dropout train both"


def _recur(kind: str, calls: Calls, expected: tuple[Tensor, ...], operands: Operands) -> Any:
    """Run sequences of one length each, or packed ones."""
    if isinstance(operands["hx"], Tensor) and operands["hx"].ndim == 1:  # PyTorch's other signature
        operands = dict(zip(PACKED.split(), operands.values(), strict=True))
    data, lengths = _take_sequences(operands)
    states = [to_floats(state) for state in _as_tuple(operands["hx"])]
    stack = _list_levels(calls, kind, operands)
    output, ends = run_levels(stack, data, lengths, states)
    if "sizes" in operands:
        sizes = operands["sizes"].tolist()
        output = np.concatenate([output[step, :size] for step, size in enumerate(sizes)])
    elif operands["batch_first"]:
        output = output.swapaxes(0, 1)
    for level in (level for directions in stack for level in directions):
        level.layer.errors.add(to_floats(expected[0]), output)
    pairs = zip(expected, [output, *ends], strict=True)
    return tuple(calls.choose(theirs, ours) for theirs, ours in pairs)


def _as_tuple(states: Any) -> tuple[Tensor, ...]:
    return tuple(states) if isinstance(states, tuple | list) else (states,)


def _take_sequences(operands: Operands) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return sequences as float32 [steps, sequences, numbers], and the length of each."""
    data = to_floats(operands["input"])
    if "sizes" not in operands:
        data = data.swapaxes(0, 1) if operands["batch_first"] else data
        return data, np.full(data.shape[1], len(data), np.int64)
    sizes = operands["sizes"].numpy()
    padded = np.zeros((len(sizes), int(sizes[0]), data.shape[1]), np.float32)
    for step, (end, size) in enumerate(zip(np.cumsum(sizes), sizes, strict=True)):
        padded[step, :size] = data[end - size : end]
    return padded, np.array([(sizes > number).sum() for number in range(int(sizes[0]))])


def _list_levels(calls: Calls, kind: str, operands: Operands) -> list[list[Level]]:
    directions = 2 if operands["both"] else 1
    prepare: Callable[[Floats], Floats] = np.asarray
    if isinstance(operands["weights"][0], Tensor):
        all_matrices = _group(
            operands["weights"], operands["levels"] * directions, operands["has_biases"]
        )
    else:
        all_matrices = [_unpack_cell(cell) for cell in operands["weights"]]
        prepare = quantise_inputs
    levels = []
    for number, matrices in enumerate(all_matrices):
        name = f"l{number // directions}" + "_reverse" * (number % directions)
        levels.append(_make_level(calls, kind, name, matrices, prepare))
    return [levels[first : first + directions] for first in range(0, len(levels), directions)]


def _group(flat: Sequence[Tensor], number: int, has_biases: bool) -> list[Matrices]:
    """Return the matrices of each level and direction from PyTorch's flat list."""
    count = len(flat) // number
    groups = [list(flat[first : first + count]) for first in range(0, len(flat), count)]
    return [
        (
            group[0],
            group[1],
            *(group[2:4] if has_biases else (None, None)),
            group[-1] if count == 3 + 2 * has_biases else None,
        )
        for group in groups
    ]


def _unpack_cell(packed: Any) -> Matrices:
    """Return the matrices of a level of a dynamically quantised layer."""
    packed_weights = packed.__getstate__()[4]
    (of_input, input_bias), (of_state, state_bias) = (
        torch.ops.quantized.linear_unpack(weights) for weights in packed_weights
    )
    return of_input, of_state, input_bias, state_bias, None


def _make_level(
    calls: Calls, kind: str, name: str, matrices: Matrices, prepare: Callable[[Floats], Floats]
) -> Level:
    used = [tensor for tensor in matrices if tensor is not None]

    def find_layer(suffix: str, part: Part) -> ProfiledLayer:
        return calls.find_layer(kind, ".".join(filter(None, (name, suffix))), part, *used)

    of_input, of_state, *optional = matrices
    arrays = (None if tensor is None else to_floats(tensor) for tensor in optional)
    weights = LevelWeights(to_floats(of_input), to_floats(of_state), *arrays)
    return Level(kind, weights, find_layer, prepare)


def _step_cell(kind: str, calls: Calls, expected: Any, operands: Operands) -> Any:
    biases = (operands.get("b_ih"), operands.get("b_hh"))
    matrices = (operands["w_ih"], operands["w_hh"], *biases, None)
    level = _make_level(calls, kind, "", matrices, np.asarray)
    states = tuple(to_floats(state) for state in _as_tuple(operands["hx"]))
    results = level.step(to_floats(operands["input"]), states)
    theirs = _as_tuple(expected)
    level.layer.errors.add(to_floats(theirs[0]), results[0])
    outputs = tuple(map(calls.choose, theirs, results))
    return outputs if isinstance(expected, tuple) else outputs[0]


RULES: Mapping[Any, Rule] = {
    **{getattr(torch, kind): Rule(PADDED, partial(_recur, kind)) for kind in CELLS},
    **{getattr(torch, f"{kind}_cell"): Rule(STEP, partial(_step_cell, kind)) for kind in CELLS},
    torch.ops.aten.quantized_lstm: Rule(PADDED, partial(_recur, "lstm")),
    torch.ops.aten.quantized_gru: Rule(PADDED, partial(_recur, "gru")),
}
