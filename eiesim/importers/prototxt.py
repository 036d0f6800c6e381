"""The layers of a Caffe network from its `.prototxt`, and the shapes of their weights."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, NamedTuple

from eiesim.base.errors import WorkloadError
from eiesim.graph import find_convolved, find_pooled
from eiesim.importers.content import read_content

LARGEST = 1 << 20
"""Largest size that is read, as in LayerSpec."""
MOST_BYTES = 1 << 22
"""Most bytes of a description; real ones have about ten thousand."""
KEEPS_SHAPE = frozenset({
    "absval", "batchnorm", "bias", "bnll", "dropout", "eltwise", "elu", "exp", "log", "lrn", "mvn",
    "power", "prelu", "relu", "scale", "sigmoid", "softmax", "split", "tanh", "threshold",
})  # fmt: skip
"""Types of layers that leave channels, height and width as they are."""
ROUNDING = {
    "round_mode": {"CEIL": True, "FLOOR": False, "0": True, "1": False},
    "ceil_mode": {"true": True, "false": False, "1": True, "0": False},
}
"""Whether pooled sizes are rounded up, Caffe's default: by PoolingParameter.RoundMode in
``src/caffe/proto/caffe.proto``, and by a key of forks."""
WORD, SPACE = r"[\w.+-]++", r"(?:\s|\#[^\n]*+)*+"
TEXT = r""""(?:[^"\\\n]|\\[^\n])*+"|'(?:[^'\\\n]|\\[^\n])*+'"""
ITEM = re.compile(
    rf"(?P<key>{WORD}){SPACE}(?:(?::{SPACE})?(?P<open>{{)|:{SPACE}(?P<value>{TEXT}|{WORD}))"
    r"|(?P<close>})|(?P<space>[\s,;]+|\#[^\n]*)"
)
"""A key with its value or the start of its block, the end of a block, or space; no part of the
pattern backtracks, so that no text takes long."""
Shape = tuple[int, int, int]
"""Channels, height, width."""
Settings = dict[str, Any]
"""Settings of a step, see `eiesim.graph.Step`."""


class NetLayer(NamedTuple):
    """A layer of a network: its bottoms are its inputs, its tops its outputs.

    Attributes
    ----------
    weight_shape
        Of a convolution ``(outputs, inputs / groups, kernel height, kernel width)``, of an inner
        product ``(outputs, inputs)``, ``()`` of any other layer.
    shape
        Of the output, if it is known.
    block
        The layer's parameters as the file has them.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    weight_shape: tuple[int, ...]
    shape: Shape | None
    block: Block


class Net(NamedTuple):
    """A network's layers in order, and the shapes of its inputs."""

    inputs: dict[str, Shape]
    layers: tuple[NetLayer, ...]


class Block:
    """The content of two braces: keys with their values and lines, in order."""

    def __init__(self, file: str, line: int) -> None:
        self.file = file
        self.line = line
        self.items: list[tuple[str, str | Block, int]] = []

    def words(self, key: str) -> list[tuple[str, int]]:
        """Return the values of a key that are words, and their lines."""
        return [
            (value, line) for name, value, line in self.items
            if name == key and isinstance(value, str)
        ]  # fmt: skip

    def blocks(self, *keys: str) -> list[Block]:
        """Return the values of keys that are blocks."""
        return [value for name, value, _ in self.items if name in keys and isinstance(value, Block)]

    def block(self, key: str) -> Block:
        """Return the first block of a key, or an empty one."""
        return next(iter(self.blocks(key)), Block(self.file, self.line))

    def text(self, key: str) -> str:
        """Return the first word of a key, or nothing."""
        return next((word for word, _ in self.words(key)), "")

    def sizes(self, key: str, least: int = 1) -> list[int]:
        """Return the whole numbers of a key."""
        words = self.words(key)
        for word, line in words:
            if not re.fullmatch("[0-9]{1,7}", word) or not least <= int(word) <= LARGEST:
                raise _fault(self.file, line, f"{key} of {least} to {LARGEST}", word)
        return [int(word) for word, _ in words]

    def size(self, key: str, default: int | None = None, least: int = 1) -> int:
        """Return the first number of a key."""
        numbers = self.sizes(key, least)
        if numbers:
            return numbers[0]
        if default is None:
            raise self.fault(f"a block with {key}", "none")
        return default

    def pair(self, key: str, stem: str, default: int | None, least: int = 1) -> tuple[int, int]:
        """Return height and width: of `stem`_h and _w, or of `key`, once or twice."""
        numbers = self.sizes(key, least)
        if self.words(f"{stem}_h"):
            return self.size(f"{stem}_h", None, least), self.size(f"{stem}_w", None, least)
        return (numbers[0], numbers[-1]) if numbers else (self.size(key, default, least),) * 2

    def fault(self, expected: str, found: str) -> WorkloadError:
        """Return the error for a block that is not as expected."""
        return _fault(self.file, self.line, expected, found)


def read_prototxt(path: str | Path) -> Net:
    """Read the layers of a network in order, and follow the shapes of their inputs.

    Layers are written ``layer {`` or ``layers {``. Raises WorkloadError if the file is of another
    form, or the input of a product has no known shape.

    References
    ----------
    BVLC/caffe, ``src/caffe/proto/caffe.proto``, and the shapes by ``src/caffe/layers``.
    """
    file = str(path)
    text = read_content(path, MOST_BYTES).decode("utf-8", "replace")
    net = _parse(text, file)
    inputs = _read_inputs(net)
    shapes = dict(inputs)
    layers = tuple(_read_layer(block, shapes) for block in net.blocks("layer", "layers"))
    if not layers:
        raise WorkloadError(
            f"{file}: expected layers of a Caffe network, found none; check the path"
        )
    for layer in layers:
        if kind_of(layer.type) == "input" and layer.shape is not None:
            inputs |= dict.fromkeys(layer.tops, layer.shape)
    return Net(inputs, layers)


def kind_of(layer_type: str) -> str:
    """Return a layer's type in one spelling.

    ``InnerProduct``, ``INNER_PRODUCT`` and ``CInnerProduct`` (of dynamic network surgery) all
    become ``innerproduct``.
    """
    kind = layer_type.replace("_", "").lower()
    return {"cconvolution": "convolution", "cinnerproduct": "innerproduct"}.get(kind, kind)


def _parse(text: str, file: str) -> Block:
    open_blocks = [Block(file, 1)]
    place, line = 0, 1
    while place < len(text):
        match = ITEM.match(text, place)
        kind = match.lastgroup if match else None
        if match is None or kind is None or (kind == "close" and len(open_blocks) == 1):
            start = text[place : place + 40].splitlines()[0]
            raise _fault(file, line, "a key with a value or a block", start)
        line += text.count("\n", place, match.start(kind))
        if kind == "value":
            value = match["value"]
            value = value[1:-1] if value[0] in "\"'" else value
            open_blocks[-1].items.append((match["key"], value, line))
        elif kind == "open":
            block = Block(file, line)
            open_blocks[-1].items.append((match["key"], block, line))
            open_blocks.append(block)
        elif kind == "close":
            open_blocks.pop()
        place = match.end()
        line += text.count("\n", match.start(kind), place)
    if len(open_blocks) > 1:
        opened = open_blocks[-1].line
        raise _fault(file, line, f"'}}' for the block of line {opened}", "the file's end")
    return open_blocks[0]


def _read_inputs(net: Block) -> dict[str, Shape]:
    """Return the shapes of a network's inputs by name; each has four dimensions, pictures first."""
    dims = net.sizes("input_dim")
    rows = [dims[first : first + 4] for first in range(0, len(dims), 4)]
    rows += [block.sizes("dim") for block in net.blocks("input_shape")]
    shapes = zip(net.words("input"), map(_take_shape, rows), strict=False)
    return {name: shape for (name, _), shape in shapes if shape is not None}


def _take_shape(dims: list[int]) -> Shape | None:
    padded = [*dims[1:], 1, 1]
    return (padded[0], padded[1], padded[2]) if 2 <= len(dims) <= 4 else None


def _take_names(block: Block, key: str) -> tuple[str, ...]:
    words = block.words(key)
    for name, line in words:
        if not name:
            raise _fault(block.file, line, f"a name as {key}", "none")
    return tuple(name for name, _ in words)


def _read_layer(block: Block, shapes: dict[str, Shape]) -> NetLayer:
    name, layer_type = block.text("name"), block.text("type")
    bottoms, tops = _take_names(block, "bottom"), _take_names(block, "top")
    inputs = [shapes.get(bottom) for bottom in bottoms]
    kind = kind_of(layer_type)
    weight_shape: tuple[int, ...] = ()
    output: Shape | None = None
    if kind in {"convolution", "innerproduct"}:
        if not inputs or inputs[0] is None:
            raise block.fault(
                f"layer {name!r} to read an input of known shape",
                f"{', '.join(bottoms) or 'no bottom'}; give the network's input and input_dim, or "
                "take the deploy.prototxt",
            )
        find_shapes = _convolve if kind == "convolution" else _multiply
        weight_shape, output = find_shapes(block, inputs[0])
    elif kind == "input":
        output = _take_shape(block.block("input_param").block("shape").sizes("dim"))
    elif inputs:
        output = _pass_on(kind, block, inputs)
    for top in tops:
        shapes.pop(top, None)
        if output is not None:
            shapes[top] = output
    return NetLayer(name, layer_type, bottoms, tops, weight_shape, output, block)


def _convolve(block: Block, shape: Shape) -> tuple[tuple[int, ...], Shape]:
    parameters = block.block("convolution_param")
    outputs, groups = parameters.size("num_output"), parameters.size("group", 1)
    kernel = parameters.pair("kernel_size", "kernel", None)
    sides = find_convolved(read_convolution(block), kernel, shape[1:])
    if min(sides) < 1 or shape[0] % groups or outputs % groups:
        raise block.fault(
            "a kernel that fits its input and groups that divide it",
            f"kernel {list(kernel)} and {groups} groups on channels x height x width {list(shape)}",
        )
    return (outputs, shape[0] // groups, *kernel), (outputs, *sides)


def read_convolution(block: Block) -> Settings:
    """Return the settings of a convolution's step."""
    parameters = block.block("convolution_param")
    return {
        "stride": parameters.pair("stride", "stride", 1),
        "pad": parameters.pair("pad", "pad", 0, 0) * 2,
        "dilation": parameters.pair("dilation", "dilation", 1),
        "groups": parameters.size("group", 1),
    }


def _multiply(block: Block, shape: Shape) -> tuple[tuple[int, ...], Shape]:
    outputs = block.block("inner_product_param").size("num_output")
    return (outputs, math.prod(shape)), (outputs, 1, 1)


def _pass_on(kind: str, block: Block, inputs: list[Shape | None]) -> Shape | None:
    """Return the output's shape of a layer without weights; None if it is not known."""
    shapes = [shape for shape in inputs if shape is not None]
    if len(shapes) < len(inputs):
        return None
    channels, *sides = shapes[0]
    if kind == "concat":
        return sum(shape[0] for shape in shapes), sides[0], sides[1]
    if kind == "flatten":
        return math.prod(shapes[0]), 1, 1
    if kind == "pooling":
        return channels, *_pool(block.block("pooling_param"), shapes[0])
    return shapes[0] if kind in KEEPS_SHAPE else None


def _pool(parameters: Block, shape: Shape) -> tuple[int, int]:
    if parameters.text("global_pooling") == "true":
        return 1, 1
    settings = read_pooling(parameters)
    sides = find_pooled(settings, shape[1:])
    if min(sides) < 1:
        raise parameters.fault(
            "a window that fits its input",
            f"{list(settings['kernel'])} on channels x height x width {list(shape)}",
        )
    return sides


def read_pooling(parameters: Block) -> Settings:
    """Return the settings of a pooling's step, from a block ``pooling_param``."""
    return {
        "kernel": parameters.pair("kernel_size", "kernel", None),
        "stride": parameters.pair("stride", "stride", 1),
        "pad": parameters.pair("pad", "pad", 0, 0) * 2,
        "ceil": int(_rounds_up(parameters)),
    }


def _rounds_up(pooling: Block) -> bool:
    """Return whether a last window that is cut off counts, from a block ``pooling_param``."""
    up = True
    for key, choices in ROUNDING.items():
        for word, line in pooling.words(key):
            if word not in choices:
                expected = f"{key} of {' or '.join([*choices][:2])}"
                raise _fault(pooling.file, line, expected, word)
            up = choices[word]
    return up


def _fault(file: str, line: int, expected: str, found: str) -> WorkloadError:
    return WorkloadError(f"{file}: line {line}: expected {expected}, found {found[:200]}")
