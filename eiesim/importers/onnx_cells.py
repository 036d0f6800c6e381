"""LSTM and GRU of ONNX: one product for each direction, and the nodes that join them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.graph import STEPS, Step
from eiesim.importers.cells import join_gru, join_lstm
from eiesim.importers.described import Unsupported
from eiesim.importers.onnx_lowering import Lowering
from eiesim.importers.onnx_weights import expect, find_data, find_weights, read_attributes
from eiesim.layer.weights import DenseLayer

Floats = npt.NDArray[np.float32]
ONNX_LSTM, ONNX_GRU = "iofj", "zrn"
"""Order of ONNX's gates."""
DIRECTIONS = {b"forward": (False,), b"reverse": (True,), b"bidirectional": (False, True)}
"""For each direction, whether it runs from the end."""
LEAST_OPSET = 11
"""From this version on, a negative index counts from the end."""
LSTM, GRU = (b"Sigmoid", b"Tanh", b"Tanh"), (b"Sigmoid", b"Tanh")
"""Default activations."""
PLAIN = {b"Tanh": "tanh", b"Relu": "relu"}
"""Activations of a plain recurrent layer."""
FAR = np.iinfo(np.int64).min


class Cell(NamedTuple):
    """A recurrent node.

    Attributes
    ----------
    name
        Of its steps.
    data
        Tensor of the sequences, [steps, sequences, numbers]; shorter sequences end earlier.
    zeros
        Tensor that gives Pad the number of missing steps; empty for none.
    reverse
        For each direction, whether it runs from the end.
    of_input, of_state
        Weights, [directions, gates * hidden, inputs or hidden].
    biases
        Of the input and of the state, [directions, 2, gates * hidden].
    states
        Tensors of the first state, [directions, sequences, hidden]; none for zeros.
    """

    node: Any
    name: str
    data: str
    zeros: str
    reverse: tuple[bool, ...]
    of_input: Floats
    of_state: Floats
    biases: Floats
    states: tuple[str, ...]

    @property
    def hidden(self) -> int:
        """Numbers of a state."""
        return int(self.of_state.shape[2])


def lower_lstm(low: Lowering, node: Any, name: str) -> None:
    """Put an LSTM's products in its place; Unsupported if EIE does not run it."""
    expect(read_attributes(node), input_forget=0)
    cell = _read_cell(low, node, name, LSTM)
    settings = {"stacked": 1, "cell": int(len(node.output) > 2 and bool(node.output[2]))}
    matrices = [
        join_lstm(of_input, of_state, bias[0] + bias[1], ONNX_LSTM)
        for of_input, of_state, bias in zip(cell.of_input, cell.of_state, cell.biases, strict=True)
    ]
    _place(low, cell, "lstm", matrices, settings)


def lower_gru(low: Lowering, node: Any, name: str) -> None:
    """Put a GRU's products in its place; Unsupported if EIE does not run it."""
    cell = _read_cell(low, node, name, GRU)
    reset = "after" if read_attributes(node).get("linear_before_reset", 0) else "before"
    matrices = [
        join_gru((of_input, of_state), (bias[0], bias[1]), ONNX_GRU, reset)
        for of_input, of_state, bias in zip(cell.of_input, cell.of_state, cell.biases, strict=True)
    ]
    _place(low, cell, "gru", matrices, {"stacked": 1, "reset": reset})


def lower_rnn(low: Lowering, node: Any, name: str) -> None:
    """Put a plain recurrent layer's products in its place; Unsupported if EIE cannot run it."""
    activation, *_ = read_attributes(node).get("activations", [b"Tanh"])
    if activation not in PLAIN:
        raise Unsupported(f"expected Tanh or Relu, found {activation!r}")
    cell = _read_cell(low, node, name, (activation,))
    matrices = [
        np.hstack((of_input, of_state, bias.sum(axis=0)[:, np.newaxis]))
        for of_input, of_state, bias in zip(cell.of_input, cell.of_state, cell.biases, strict=True)
    ]
    _place(low, cell, "rnn", matrices, {"stacked": 1, "activation": PLAIN[activation]})


def _read_cell(low: Lowering, node: Any, name: str, activations: tuple[bytes, ...]) -> Cell:
    """Read a node; it has one gate more than activations, but a plain one a single gate."""
    gates = len(activations) + 1 if len(activations) > 1 else 1
    attributes = read_attributes(node)
    reverse = DIRECTIONS.get(attributes.get("direction", b"forward"))
    if low.opset < LEAST_OPSET:
        raise Unsupported(f"expected opset {LEAST_OPSET} or later, found {low.opset}")
    expect(attributes, layout=0)
    if reverse is None or "clip" in attributes:
        raise Unsupported("expected a direction, and no clip")
    default = [*activations] * len(reverse)
    if list(attributes.get("activations", default)) != default:
        raise Unsupported(f"expected the usual activations, found {attributes['activations']}")
    data = find_data(low, node, 0)
    inputs = [*node.input, *[""] * 8][:8]
    if inputs[7]:
        raise Unsupported("expected no peepholes")
    of_input, of_state = (find_weights(low, node, place, 3) for place in (1, 2))
    rows, hidden = of_state.shape[1:]
    if rows != gates * hidden or of_input.shape[:2] != (len(reverse), rows):
        raise Unsupported(f"weights of shapes {of_input.shape} and {of_state.shape}")
    if len(of_state) != len(reverse):
        raise Unsupported(f"{len(of_state)} directions, expected {len(reverse)}")
    biases = np.zeros((len(reverse), 2, rows), np.float32)
    if inputs[3]:
        constant = low.file.constants.get(inputs[3])
        if constant is None or constant.shape != (len(reverse), 2 * rows):
            raise Unsupported("expected a bias that is a constant")
        biases = constant.astype(np.float32).reshape(biases.shape)
    states = _find_states(low, name, tuple(inputs[5:7] if gates == 4 else inputs[5:6]))
    data, zeros = _cut(low, name, data, inputs[4])
    return Cell(node, name, data, zeros, reverse, of_input, of_state, biases, states)


def _cut(low: Lowering, name: str, data: str, lengths: str) -> tuple[str, str]:
    """Return the steps of a sequence that count, and the input of Pad that fills its output up."""
    from onnx import TensorProto, numpy_helper  # noqa: PLC0415 - an extra

    constant, shape = low.file.constants.get(lengths), low.find_shape(data)
    steps, sequences = shape[:2] if shape and len(shape) == 3 else (STEPS, STEPS)
    is_whole = constant is not None and steps != STEPS and (constant == steps).all()
    if not lengths or is_whole:
        return data, ""
    if sequences != 1 and low.find_shape(lengths) != (1,):
        count = "any number" if sequences == STEPS else sequences
        raise Unsupported(f"expected the length of one sequence, found those of {count}")

    def add(operator: str, inputs: list[str], word: str, **attributes: Any) -> str:
        return low.node(operator, inputs, low.name_tensor(f"{name}/{word}"), **attributes)

    def hold(*numbers: int) -> str:
        return low.constant(np.array(numbers), f"{name}/numbers")

    length_of_all = add("Gather", [add("Shape", [data], "sizes"), hold(0)], "whole")
    length = add("Cast", [lengths], "length", to=TensorProto.INT64)
    # one that is too long stays so, but takes no more memory than one step more
    beyond = add("Add", [length_of_all, hold(1)], "beyond")
    is_long = add("Greater", [length, length_of_all], "long")
    bounded = add("Where", [is_long, beyond, length], "bounded")
    # of Range, ONNX Runtime would make a Slice, which takes lengths that are too long or negative
    ones = add("ConstantOfShape", [bounded], "ones", value=numpy_helper.from_array(np.array([1])))
    places = add("Reshape", [add("NonZero", [ones], "row"), hold(-1)], "places")
    first_steps = add("Gather", [data, places], "begun", axis=0)
    missing = add("Sub", [length_of_all, length], "rest")
    return first_steps, add("Concat", [hold(0, 0, 0, 0), missing, hold(0, 0, 0)], "zeros", axis=0)


def _find_states(low: Lowering, name: str, states: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tensors of the first state: none if all are zeros."""
    constants = low.file.constants
    if all(not state or (state in constants and not constants[state].any()) for state in states):
        return ()
    first = next(state for state in states if state)
    return tuple(  # a missing state is zeros, of the size of the other state
        state or low.node("Sub", [first, first], low.name_tensor(f"{name}/zeros"))
        for state in states
    )


def _place(
    low: Lowering, cell: Cell, op: str, matrices: list[Floats], settings: dict[str, Any]
) -> None:
    def fresh(word: str) -> str:
        return low.name_tensor(f"{cell.name}/{word}")

    sequences, last_states, last_cells = [], [], []
    for number, (matrix, reverse) in enumerate(zip(matrices, cell.reverse, strict=True)):
        name = cell.name if number == 0 else f"{cell.name}/reverse"
        data = _reverse(low, cell.data, fresh("backwards")) if reverse else cell.data
        states = []
        for state in cell.states:
            place = low.constant(np.array(number), f"{name}/direction")
            states.append(low.node("Gather", [state, place], fresh("begin"), axis=0))
        sums = outputs = fresh("steps")
        low.product(Step(name, op, (data, *states), name, settings), DenseLayer(matrix), sums)
        if settings.get("cell"):
            outputs, cells = (
                _take(low, sums, 2, np.arange(cell.hidden) + begin, fresh("part"))
                for begin in (0, cell.hidden)
            )
            last_cells.append(_take(low, cells, 0, np.array([-1]), fresh("cell")))
        last_states.append(_take(low, outputs, 0, np.array([-1]), fresh("last")))
        ordered = _reverse(low, outputs, fresh("forwards")) if reverse else outputs
        shape = low.constant(np.array([0, 1, -1, cell.hidden]), f"{name}/shape")
        sequences.append(low.node("Reshape", [ordered, shape], fresh("whole")))
    results = ((sequences, 1), (last_states, 0), (last_cells, 0))
    for (parts, axis), output in zip(results, cell.node.output, strict=False):
        if output and parts is sequences and cell.zeros:
            joined = low.node("Concat", parts, fresh("joined"), axis=axis)
            low.node("Pad", [joined, cell.zeros], output)
        elif output:
            low.node("Concat", parts, output, axis=axis)


def _take(low: Lowering, data: str, axis: int, places: npt.NDArray[Any], output: str) -> str:
    index = low.constant(places, f"{output}/places")
    return low.node("Gather", [data, index], output, axis=axis)


def _reverse(low: Lowering, data: str, output: str) -> str:
    limits = [low.constant(np.array([limit]), f"{output}/slice") for limit in (-1, FAR, 0, -1)]
    return low.node("Slice", [data, *limits], output)
