"""The steps of a Caffe network, from its `.prototxt`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from eiesim.base.errors import WorkloadError
from eiesim.graph import Step
from eiesim.importers import prototxt
from eiesim.importers.described import Builder, Described, Effect, Skipped, Unsupported
from eiesim.importers.prototxt import Block, NetLayer, Settings

UNCHANGED = frozenset({"dropout", "split"})
"""Types that do nothing once a network is trained."""
TRAINING = frozenset({
    "accuracy", "contrastiveloss", "data", "dummydata", "euclideanloss", "hdf5data", "hingeloss",
    "hinge_loss", "imagedata", "infogainloss", "memorydata", "multinomiallogisticloss", "silence",
    "sigmoidcrossentropyloss", "windowdata",
})  # fmt: skip
"""Types that only serve training and testing."""


def read_caffe_graph(path: str | Path) -> Described:
    """Read a network's steps from a `.prototxt`; WorkloadError if none of its layers can be run.

    References
    ----------
    BVLC/caffe, ``src/caffe/proto/caffe.proto`` for the parameters and their defaults.
    """
    net = prototxt.read_prototxt(path)
    builder = Builder(dict(net.inputs))
    for layer in net.layers:
        _add(builder, layer)
    if not builder.steps:
        reasons = "; ".join(f"{layer.name}: {layer.reason}" for layer in builder.skipped)
        raise WorkloadError(f"{path}: expected a layer that can be run, found none: {reasons}")
    try:
        return builder.finish()
    except WorkloadError as error:
        raise WorkloadError(f"{path}: {error}") from error


def _add(builder: Builder, layer: NetLayer) -> None:
    kind = prototxt.kind_of(layer.type)
    if kind == "input":
        return
    missing = [name for name in layer.bottoms if name not in builder.tensors]
    if kind in TRAINING:
        builder.skip(Skipped(layer.name, f"{layer.type}: serves training alone"), layer.tops, None)
    elif missing or not layer.bottoms:
        problem = f"reads {missing[0]!r}, which is not there" if missing else "reads nothing"
        # a loss that reads labels is no part of a trained network
        effect = Effect.NONE if kind.endswith("loss") else Effect.PART
        builder.skip(Skipped(layer.name, problem, effect), layer.tops, layer.shape)
    elif kind in UNCHANGED:
        builder.tensors |= dict.fromkeys(layer.tops, builder.tensors[layer.bottoms[0]])
    else:
        try:
            _add_step(builder, layer, kind)
        except Unsupported as reason:
            skipped = Skipped(layer.name, f"{layer.type}: {reason}", Effect.PART)
            builder.skip(skipped, layer.tops, layer.shape)


def _add_step(builder: Builder, layer: NetLayer, kind: str) -> None:
    if kind not in RULES:
        raise Unsupported("not a layer that eiesim can run")
    op, settings = RULES[kind](layer.block)
    weights = layer.name if layer.weight_shape else ""
    inputs = layer.bottoms[:1] if kind.endswith("loss") else layer.bottoms
    builder.add(Step(layer.name, op, inputs, weights, settings), (layer.tops or (layer.name,))[0])


def _product(block: Block) -> tuple[str, Settings]:
    parameters = block.block("inner_product_param")
    if parameters.text("transpose") == "true":
        raise Unsupported("its weights are stored transposed")
    _require(parameters, "axis", "1")
    return "fc", {}


def _pooling(block: Block) -> tuple[str, Settings]:
    parameters = block.block("pooling_param")
    method = parameters.text("pool") or "MAX"
    if method not in ("MAX", "AVE"):
        raise Unsupported(f"pool {method}, expected MAX or AVE")
    if parameters.text("global_pooling") == "true":
        if method == "MAX":
            raise Unsupported("the maximum of a whole image")
        return "global_avgpool", {}
    settings = prototxt.read_pooling(parameters)
    if method == "MAX":
        return "maxpool", settings
    return "avgpool", settings | {"count_padding": 1}


def _relu(block: Block) -> tuple[str, Settings]:
    _require(block.block("relu_param"), "negative_slope", "0")
    return "relu", {}


def _concat(block: Block) -> tuple[str, Settings]:
    _require(block.block("concat_param"), "axis", "1")
    return "concat", {}


def _eltwise(block: Block) -> tuple[str, Settings]:
    parameters = block.block("eltwise_param")
    if (parameters.text("operation") or "SUM") != "SUM" or parameters.words("coeff"):
        raise Unsupported("expected a plain SUM")
    return "add", {}


def _power(block: Block) -> tuple[str, Settings]:
    parameters = block.block("power_param")
    _require(parameters, "power", "1")
    return "scale", {
        "factor": _take_number(parameters, "scale", "1"),
        "offset": _take_number(parameters, "shift", "0"),
    }


def _lrn(block: Block) -> tuple[str, Settings]:
    parameters = block.block("lrn_param")
    if parameters.text("norm_region") == "WITHIN_CHANNEL":
        raise Unsupported("norm_region WITHIN_CHANNEL, expected ACROSS_CHANNELS")
    return "lrn", {
        "size": parameters.size("local_size", 5),
        "alpha": _take_number(parameters, "alpha", "1"),
        "beta": _take_number(parameters, "beta", "0.75"),
        "k": _take_number(parameters, "k", "1"),
    }


def _require(parameters: Block, key: str, default: str) -> None:
    if _take_number(parameters, key, default) != float(default):
        raise Unsupported(f"{key} {parameters.text(key)}, expected {default}")


def _take_number(parameters: Block, key: str, default: str) -> float:
    word = parameters.text(key) or default
    try:
        return float(word)
    except ValueError:
        raise Unsupported(f"expected a number, found {word[:40]}") from None


RULES: Mapping[str, Callable[[Block], tuple[str, Settings]]] = {
    "convolution": lambda block: ("conv", prototxt.read_convolution(block)),
    "innerproduct": _product,
    "pooling": _pooling,
    "relu": _relu,
    "concat": _concat,
    "eltwise": _eltwise,
    "power": _power,
    "lrn": _lrn,
    "sigmoid": lambda _: ("sigmoid", {}),
    "tanh": lambda _: ("tanh", {}),
    "softmax": lambda _: ("softmax", {}),
    "softmaxloss": lambda _: ("softmax", {}),
    "softmaxwithloss": lambda _: ("softmax", {}),
    "flatten": lambda _: ("flatten", {}),
}
