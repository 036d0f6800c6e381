"""Products of 8-bit numbers in ONNX, as products of the numbers that they stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.importers.described import Unsupported
from eiesim.importers.onnx_file import OnnxFile, replace_nodes
from eiesim.importers.onnx_host import find_reads
from eiesim.importers.onnx_lowering import Lowering

Floats = npt.NDArray[np.float32]
Quantised = tuple[str, str, str]
"""Numbers, scale and zero point, as tensors; without a scale it is 1, without a zero point 0."""
OPERATORS: Mapping[tuple[str, str], str] = {
    ("", "MatMulInteger"): "MatMul",
    ("", "ConvInteger"): "Conv",
    ("", "QLinearMatMul"): "MatMul",
    ("", "QLinearConv"): "Conv",
    ("com.microsoft", "QGemm"): "Gemm",
}
"""Operators of floating-point numbers, by domain and operator of 8-bit numbers."""
INPUTS = 9
"""Most inputs of one of them."""


class IntegerProduct(NamedTuple):
    """The operands and the output of a product of 8-bit numbers, as tensors.

    Attributes
    ----------
    bias
        Whole numbers, of the scale of the product; empty for none.
    rounding
        Scale and zero point of the output.
    """

    data: Quantised
    weights: Quantised
    bias: str
    rounding: tuple[str, str]
    output: str


def spell_out_integers(file: OnnxFile) -> bool:
    """Replace products of 8-bit numbers by those of floating-point ones; return if there are any.

    Their weights are constants, scale x (number - zero point). Their inputs and outputs stay
    rounded, by DequantizeLinear and QuantizeLinear. The scales after a MatMulInteger or
    ConvInteger, as ``quantize_dynamic`` of ONNX Runtime writes them, become those of input and
    weights. A product without constant weights stays as it is.

    References
    ----------
    ONNX operators MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv; ONNX Runtime's QGemm.
    """
    return _Spelling(file).run()


def explain_integers(_low: Lowering, node: Any, _name: str) -> None:
    """Say why a product of 8-bit numbers is not one on EIE."""
    weights = _read(node).weights
    raise Unsupported(f"expected constant 8-bit weights with constant scales, found {weights[0]!r}")


def explain_lstm(_low: Lowering, _node: Any, _name: str) -> None:
    """Say why an LSTM of 8-bit numbers is none on EIE."""
    raise Unsupported("its state is rounded to 8 bits in each step")


class _Spelling:
    """The nodes of a file, and their replacements."""

    def __init__(self, file: OnnxFile) -> None:
        self.file = file
        self.nodes = [*file.model.graph.node]
        self.reads = Counter(name for node in self.nodes for name in find_reads(node))
        self.reads.update(value.name for value in file.model.graph.output)
        self.readers = {name: node for node in self.nodes for name in find_reads(node)}
        self.producers = {name: node for node in self.nodes for name in node.output}
        self.names = {*file.constants, *self.reads, *self.producers}
        self.places: dict[int, list[Any]] = {}  # new nodes by the `id` of the old one

    def run(self) -> bool:
        for node in self.nodes:
            domain = "" if node.domain == "ai.onnx" else node.domain
            operator = OPERATORS.get((domain, node.op_type))
            if operator is not None and node.output and node.output[0]:
                self._spell(node, operator)
        if self.places:
            nodes = [new for node in self.nodes for new in self.places.get(id(node), [node])]
            replace_nodes(self.file.model.graph, nodes)
        return bool(self.places)

    def _spell(self, node: Any, operator: str) -> None:
        operands, needless = _read(node), list[Any]()
        if not operands.data[1]:
            operands, needless = self._take_scales(operands, operator)
        attributes = {entry.name: entry for entry in node.attribute}
        transposed = "transB" in attributes and attributes["transB"].i
        axis = 0 if operator == "Conv" or transposed else -1
        weights = self._dequantise(operands.weights, axis)
        if weights is None or not operands.data[0]:
            return
        constants = {"weights": weights}
        if operands.bias:
            bias = self._dequantise_bias(operands, weights.shape[axis])
            if bias is None:
                return
            alpha = attributes["alpha"].f if "alpha" in attributes else 1.0
            constants["bias"] = np.float32(alpha) * bias
        self.places[id(node)] = self._write(node, operator, operands, constants)
        self.places.update((id(old), []) for old in needless)

    def _write(
        self, node: Any, operator: str, operands: IntegerProduct, constants: Mapping[str, Floats]
    ) -> list[Any]:
        """Return the nodes of a product with its constants: weights, and a bias if it has one."""
        from onnx import TensorProto, helper  # noqa: PLC0415 - an extra

        (numbers, scale, zero), output = operands.data, operands.output
        size, offset = operands.rounding
        data = self._name(f"{output}/data")
        scale = scale or self._add(np.ones((), np.float32), f"{output}/one")
        inputs = [
            data,
            *(self._add(constant, f"{output}/{word}") for word, constant in constants.items()),
        ]
        is_whole = not operands.weights[1]
        sums = self._name(f"{output}/sums") if is_whole or size else output
        product = helper.make_node(operator, inputs, [sums], node.name)
        product.attribute.extend(node.attribute)
        nodes = [helper.make_node("DequantizeLinear", [numbers, scale, zero], [data]), product]
        if size:
            nodes.append(helper.make_node("QuantizeLinear", [sums, size, offset], [output]))
        elif is_whole:  # shared weights need not be whole
            rounded = self._name(f"{output}/rounded")
            nodes.append(helper.make_node("Round", [sums], [rounded]))
            nodes.append(helper.make_node("Cast", [rounded], [output], to=TensorProto.INT32))
        return nodes

    def _take_scales(
        self, operands: IntegerProduct, operator: str
    ) -> tuple[IntegerProduct, list[Any]]:
        """Return operands with the scales after the product, and the nodes that are then needless.

        They are a Cast, a Mul, and the Mul of the input's scale and that of the weights.
        """
        numbers, _, zero = operands.data
        cast = self._find_reader(operands.output, "Cast")
        scaled = cast and self._find_reader(cast.output[0], "Mul")
        quantised = self.producers.get(numbers)
        if scaled is None or quantised is None or quantised.op_type != "DynamicQuantizeLinear":
            return operands, []
        factors = next(
            (
                producer
                for producer in map(self.producers.get, scaled.input)
                if producer is not cast
            ),
            None,
        )
        if factors is None or factors.op_type != "Mul":
            return operands, []
        for scale, factor in permutations(factors.input, 2):
            array = self.file.constants.get(factor)
            if scale not in quantised.output[1:2] or array is None:
                continue
            if array.size == 1 or (array.ndim == 1 and operator == "MatMul"):
                weights, _, weights_zero = operands.weights
                scaled_operands = operands._replace(
                    data=(numbers, scale, zero),
                    weights=(weights, factor, weights_zero),
                    output=scaled.output[0],
                )
                alone = [factors] if self.reads[factors.output[0]] == 1 else []
                return scaled_operands, [*alone, cast, scaled]
        return operands, []

    def _find_reader(self, tensor: str, operator: str) -> Any:
        """Return the node that alone reads a tensor, or None unless it is of an operator."""
        reader = self.readers.get(tensor)
        if reader is None or reader.op_type != operator or self.reads[tensor] != 1:
            return None
        return reader

    def _dequantise(self, quantised: Quantised, axis: int) -> Floats | None:
        """Return the numbers that constants stand for; None if one is missing or does not fit.

        There is one scale, or one for each place of an axis.
        """
        constants = self.file.constants
        if quantised[0] not in constants or not all(it in constants for it in quantised if it):
            return None
        numbers = constants[quantised[0]]
        scale = constants.get(quantised[1], np.ones(1, np.float32))
        zero = constants.get(quantised[2], np.zeros(1, np.float32))
        if numbers.dtype.kind not in "iu" or numbers.ndim < 2:
            return None
        if not {scale.size, zero.size} <= {1, numbers.shape[axis]} or scale.dtype != np.float32:
            return None
        shape = [1] * numbers.ndim
        shape[axis] = -1
        differences = numbers.astype(np.float32) - zero.astype(np.float32).reshape(shape)
        return np.asarray(scale.reshape(shape) * differences, np.float32)

    def _dequantise_bias(self, operands: IntegerProduct, channels: int) -> Floats | None:
        """Return the bias that constants stand for; None if one is missing or does not fit."""
        names = (operands.bias, operands.data[1], operands.weights[1])
        if not all(name in self.file.constants for name in names):
            return None
        numbers, scale, factor = (self.file.constants[name] for name in names)
        if numbers.shape != (channels,) or scale.size != 1:
            return None
        return np.asarray(scale.reshape(1) * factor.reshape(-1) * numbers, np.float32)

    def _add(self, array: Floats, stem: str) -> str:
        """Add a constant, and return its tensor."""
        name = self._name(stem)
        self.file.constants[name] = array
        return name

    def _name(self, name: str) -> str:
        """Return a name that no other tensor has."""
        while name in self.names:
            name += "'"
        self.names.add(name)
        return name


def _read(node: Any) -> IntegerProduct:
    """Return the operands of a product of 8-bit numbers."""
    first, second, third, *others = [*node.input, *[""] * INPUTS][:INPUTS]
    output = node.output[0]
    if node.op_type.endswith("Integer"):
        return IntegerProduct((first, "", third), (second, "", others[0]), "", ("", ""), output)
    weights, others = (others[0], others[1], others[2]), others[3:]
    bias, scale, zero = others if node.op_type == "QGemm" else (others[2], others[0], others[1])
    return IntegerProduct((first, second, third), weights, bias, (scale, zero), output)
