"""Error of our LeNets against density, bits and initialisation, each point retrained a little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np

from eiesim.base.processes import Tell
from eiesim.base.tables import Row
from eiesim.compress.codebook import Initialisation
from eiesim.compress.gaps import code_gaps
from eiesim.compress.stages import Stage, Stages
from eiesim.layer.weights import CompressedLayer, DenseLayer
from eiesim.training.digits import load_digits
from eiesim.training.recipes import LENET_5, LENET_300_100, Training
from eiesim.training.tasks import Arrays, DigitTask
from eiesim.training.training import Change, take_layers, train_network, train_stage

CONV, FC = "conv", "ip"
"""Start of the names of layers."""
DENSITIES = (0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01)
BITS = (8, 6, 5, 4, 3, 2, 1)
TABLE6 = ((8, 5), (8, 4), (4, 2))
"""Bits of convolutions and of fully connected layers."""
INITIALISATIONS: tuple[Initialisation, ...] = get_args(Initialisation)
BOTH_BITS = {CONV: 8, FC: 4}
"""Bits of the layers that are pruned and shared in Figure 6."""
SEED = 0
"""Seed of weights, of the order of pictures and of dropout."""
INDEX_BITS = 5
FLOAT_BITS = 32
PICTURES = 20_000
"""Training pictures that a point is retrained on, a third of MNIST's: there are 130 points."""
RETRAINING = Training(epochs=4, rate=1e-3, dropout=0.05, shift=1)
TUNING = Training(epochs=1, rate=2e-4, dropout=0.05, shift=1)


@dataclass(frozen=True)
class CurvePoint:
    """One network of a curve; it starts with the ``dense`` or the ``pruned`` weights.

    Attributes
    ----------
    density
        Share of every layer's weights that is not pruned; None prunes nothing more.
    bits
        Bits of the layers whose names start so; others stay in float32.
    """

    figure: str
    curve: str
    start: str
    density: float | None = None
    bits: Mapping[str, int] = field(default_factory=dict)
    initialisation: Initialisation = "linear"


def train_curves(data: Path | None, folder: Path, tell: Tell = str) -> list[Row]:
    """Train both LeNets with seed 0, and measure all curves of them.

    Stages and points are stored in `folder`, and read from there while their inputs are the same.
    The other parameters, and errors, are as in `eiesim.training.training.train_network`.
    """
    digits = load_digits(data)
    fewer = replace(
        digits, training=(digits.training[0][:PICTURES], digits.training[1][:PICTURES]),
        validation=(digits.validation[0][:1], digits.validation[1][:1]),
    )  # fmt: skip
    rows = []
    for recipe in (LENET_300_100, LENET_5):
        trained = train_network(
            recipe.network, data, SEED, folder / f"{recipe.network}-seed{SEED}", tell
        )
        starts = {
            "dense": trained.stages["dense"].arrays,
            "pruned": trained.stages[f"pruned-{len(recipe.rounds)}"].arrays,
        }
        points = folder / f"{recipe.network}-curves"
        rows += measure_curves(DigitTask(recipe, fewer), starts, points, tell)
    return rows


def list_points(kinds: tuple[str, ...]) -> Iterator[CurvePoint]:
    """Yield the points of all curves of a network whose layers' names begin with `kinds`."""
    for density in DENSITIES:
        yield CurvePoint("dc_figure6", "pruning", "dense", density)
        both_bits = {kind: BOTH_BITS[kind] for kind in kinds}
        yield CurvePoint("dc_figure6", "pruning and sharing", "dense", density, both_bits)
    for number in BITS:
        yield CurvePoint("dc_figure6", "sharing", "dense", bits=dict.fromkeys(kinds, number))
        for start in ("dense", "pruned"):
            for kind in kinds:
                curve = f"{'convolutions' if kind == CONV else 'fully connected'}, {start}"
                yield CurvePoint("dc_figure7", curve, start, bits={kind: number})
        for initialisation in INITIALISATIONS:
            yield CurvePoint(
                "dc_figure8", initialisation, "pruned", None, {FC: number}, initialisation
            )
    if CONV in kinds:
        for conv_bits, fc_bits in TABLE6:
            bits = {CONV: conv_bits, FC: fc_bits}
            yield CurvePoint("dc_table6", f"{conv_bits}, {fc_bits}", "pruned", bits=bits)


def measure_curves(
    task: DigitTask, starts: Mapping[str, Arrays], folder: Path, tell: Tell
) -> list[Row]:
    """Compress, retrain and measure a LeNet at every point; return one row each, starts first.

    A row holds the errors before and after the retraining, in percent, and how many times smaller
    than float32 the weights are, codebooks, indices and biases counted, without Huffman codes.
    `starts` are the states of the ``dense`` and of the ``pruned`` network.
    """
    names = list(take_layers(starts["dense"]))
    kinds = tuple(kind for kind in (CONV, FC) if any(name.startswith(kind) for name in names))
    rows = []
    for start, state in starts.items():
        facts = {"before": {}, "after": task.measure(take_layers(state))}
        rows.append(_describe(CurvePoint("start", start, start), task, Stage(state, facts)))
    pruned = starts["dense"]
    for number, point in enumerate(list_points(kinds)):
        # a density starts with the network of the one before, sharing with that of its own density
        state = starts[point.start] if point.density is None else pruned
        change = _find_change(point, names)
        stages = Stages(folder / f"{number:03d}", {**task.inputs, "seed": SEED}, tell)
        training = TUNING if point.bits else RETRAINING
        stage = stages.run(
            "point",
            {"point": asdict(point), "training": asdict(training), "start": _hash_state(state)},
            partial(train_stage, task, state, training, change, SEED),
        )
        if not point.bits:
            pruned = stage.arrays
        rows.append(_describe(point, task, stage))
        tell(f"{rows[-1]}")
    return rows


def _hash_state(state: Arrays) -> float:
    """Return the sum of all weights' magnitudes, by which states differ."""
    layers = take_layers(state).values()
    return float(sum(np.abs(layer.weights).sum(dtype=np.float64) for layer in layers))


def _find_change(point: CurvePoint, names: list[str]) -> Change:
    from eiesim.compress import retrain  # noqa: PLC0415 - torch

    if not point.bits:
        return partial(retrain.prune_, density=point.density)
    bits = {name: number for name in names if (number := _find_bits(point, name)) is not None}
    return partial(retrain.share_weights, bits=bits, initialisation=point.initialisation)


def _describe(point: CurvePoint, task: DigitTask, stage: Stage) -> Row:
    layers = take_layers(stage.arrays)
    numbers = sum(array.size for layer in layers.values() for array in layer if array is not None)
    bits = sum(_count_layer(layer, _find_bits(point, name)) for name, layer in layers.items())
    return {
        "network": task.recipe.network,
        "figure": point.figure,
        "curve": point.curve,
        "start": point.start,
        "density": point.density,
        "conv_bits": point.bits.get(CONV),
        "fc_bits": point.bits.get(FC),
        "initialisation": point.initialisation if point.bits else None,
        "weights_kept": sum(int(np.count_nonzero(layer.weights)) for layer in layers.values()),
        "rate": FLOAT_BITS * numbers / bits,
        "error_before_percent": stage.facts["before"].get("test_error_percent"),
        "error_percent": stage.facts["after"]["test_error_percent"],
    }


def _find_bits(point: CurvePoint, name: str) -> int | None:
    return next((bits for kind, bits in point.bits.items() if name.startswith(kind)), None)


def _count_layer(layer: DenseLayer, bits: int | None) -> int:
    """Return the bits of a layer, with indices where that is shorter than without."""
    width_bits, codebook_bits = (FLOAT_BITS, 0) if bits is None else (bits, FLOAT_BITS << bits)
    bias_bits = 0 if layer.bias is None else FLOAT_BITS * layer.bias.size
    nonzero = (layer.weights != 0).astype(np.uint8).reshape(len(layer.weights), -1)
    places = CompressedLayer(nonzero, np.array([0, 1], np.float32))
    entries = code_gaps(places, INDEX_BITS).codes.size
    weight_bits = min((width_bits + INDEX_BITS) * entries, width_bits * layer.weights.size)
    return codebook_bits + bias_bits + weight_bits
