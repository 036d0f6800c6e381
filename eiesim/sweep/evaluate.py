"""Exact runs of the points of a task, what they share done once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import ConfigError, EieError
from eiesim.base.tables import Row
from eiesim.catalog.examples import (
    DRAWN_STEPS,
    Example,
    draw_examples,
    read_examples,
    takes_sequences,
)
from eiesim.catalog.layers import draw_benchmark, load_spec
from eiesim.catalog.model import Model
from eiesim.catalog.readers import Form, find_form, load_layer
from eiesim.counters import OutputError
from eiesim.hardware import Hardware
from eiesim.image import (
    InterleavedCSC,
    balance_rows,
    encode_passes,
    fit_images,
    lay_out,
)
from eiesim.importers.npz import read_activations
from eiesim.inference import run_model
from eiesim.layer.weights import CompressedLayer
from eiesim.runs.layer import require_no_delta
from eiesim.sim.passes import find_output_error, simulate_passes
from eiesim.sweep.identity import require_same
from eiesim.sweep.measured import Fit, judge_fit, measure_results, measure_totals
from eiesim.sweep.networks import prepare_work
from eiesim.sweep.points import PointGroup, Values
from eiesim.sweep.shared import Encoded, share
from eiesim.sweep.spec import LAYER
from eiesim.views import FillView, LayoutView, OutputView, ScanView

OF_NETWORK: Mapping[str, Any] = {"layer.seed": 0, "layer.activation_density": 1.0}
"""Axes of drawn layers that networks have as well, with their defaults."""
NOTHING = np.zeros(0, np.float32)


class LayerInput(NamedTuple):
    """A layer and one input."""

    layer: CompressedLayer
    activations: npt.NDArray[np.float32]


def evaluate(task: PointGroup) -> list[tuple[int, Row]]:
    """Run the points of a task; return the number of each, and its metrics or ``error``.

    An error is ``passing`` if the layer or its input could not be loaded, which may change.
    """
    try:
        measure = _prepare(task)
    except EieError as error:
        failed = {"error": str(error), "passing": True}
        return [(number, failed) for number, _ in task.machines]
    rows = []
    for number, hw in task.machines:
        try:
            rows.append((number, measure(hw)))
        except EieError as error:
            rows.append((number, {"error": str(error)}))
    return rows


def _prepare(task: PointGroup) -> Callable[[Hardware], Row]:
    """Return a function from a machine to a row."""
    if task.work is not None:
        return prepare_work(task, task.work)
    if find_form(task.layer) is Form.NETWORK:
        return _prepare_network(task)
    shared = json.dumps(task.shared, sort_keys=True)
    layout = task.machines[0][1].layout
    wanted = Wanted(task.folder, task.image, task.identity, task.layer, shared, layout)
    measured = _prepare_shared(wanted)

    def measure(hw: Hardware) -> Row:
        require_no_delta(task.layer, hw)
        return measured.measure(hw)

    return measure


class Wanted(NamedTuple):
    """An image: where it is shared, what it is of, and how it is laid out."""

    folder: str
    image: str
    identity: str
    layer: str
    shared: str
    layout: LayoutView


@lru_cache(maxsize=1)
def _prepare_shared(wanted: Wanted) -> Measured:
    """Return a prepared layer; it is kept, since tasks of one image come one after the other."""

    def make() -> Encoded:
        operands = _load_operands(wanted.identity, wanted.layer, wanted.shared)
        layer = operands.layer
        if json.loads(wanted.shared).get("balance"):
            layer = layer.take(balance_rows(layer, wanted.layout.n_pes))
        return Encoded(lay_out(layer, wanted.layout), operands.activations)

    return Measured(*share(wanted.folder, wanted.image, make))


class Measured:
    """The image of a layer and an input [cols], to be run on machines with this image."""

    def __init__(self, image: InterleavedCSC, activations: npt.NDArray[np.float32]) -> None:
        from eiesim.sim.fast.engine import Prepared  # noqa: PLC0415 - compiled code

        self.image, self.activations = image, activations
        self._prepared = Prepared(image, activations)
        self._fits: dict[FillView, Fit] = {}
        self._errors: dict[tuple[ScanView, OutputView], list[OutputError]] = {}

    def measure(self, hw: Hardware) -> Row:
        """Return the metrics of a machine; raises EieError if it cannot run the layer."""
        if hw.act_batches:
            images = encode_passes(self.image.decode(), hw)
            run = simulate_passes(images, self.activations, hw)
            stack = self.activations[np.newaxis]
            run = replace(run, error=find_output_error(images, stack, hw))
            return measure_results([run], fit_images(images, hw.fill))
        self.image.require(hw)
        fill = hw.fill
        if fill not in self._fits:
            self._fits[fill] = judge_fit(fit_images([self.image], fill))
        return measure_totals(
            hw, [self._prepared.total(hw)], self._find_errors(hw), self._fits[fill]
        )

    def _find_errors(self, hw: Hardware) -> list[OutputError]:
        """Return what the outputs lack, nothing without a threshold."""
        seen = hw.scan, hw.outputs
        if seen not in self._errors:
            error = find_output_error([self.image], self.activations[np.newaxis], hw)
            self._errors[seen] = [] if error is None else [error]
        return self._errors[seen]


def measure_machines(
    layer: CompressedLayer, activations: npt.NDArray[np.float32], machines: Sequence[Hardware]
) -> list[Row]:
    """Run a layer and an input [cols] on many machines, and compute what they share once.

    Return the metrics of each, see `eiesim.sweep.metrics.METRICS`. Raises EieError if one of them
    cannot run the layer.
    """
    vector = take_array(activations, f"{layer.name}: activations", np.float32, (layer.cols,))
    measured: dict[LayoutView, Measured] = {}
    for hw in machines:
        if hw.layout not in measured:
            measured[hw.layout] = Measured(lay_out(layer, hw.layout), vector)
    return [measured[hw.layout].measure(hw) for hw in machines]


@lru_cache(maxsize=2)
def _load_operands(identity: str, layer: str, shared: str) -> LayerInput:
    """Return layer and input; they are kept, since tasks with them come one after the other."""
    values: Mapping[str, Any] = json.loads(shared)
    if "steps" in values:
        raise ConfigError(f"{layer}: one layer: axis 'steps' is of networks that take sequences")
    drawn = {
        axis.removeprefix(LAYER): value for axis, value in values.items() if axis.startswith(LAYER)
    }
    form = find_form(layer)
    if drawn and form is Form.MATCHED:
        raise ConfigError(f"{layer}: its densities are found from Table IV: leave out {LAYER}*")
    if drawn and form is not Form.DRAWN:
        axis = LAYER + next(iter(drawn))
        raise ConfigError(
            f"{layer}: axis {axis!r} goes with drawn layers, a benchmark or a .toml file; this "
            "is another kind of layer, whose weights are given: leave the axis out"
        )
    if drawn:
        benchmark = draw_benchmark(replace(load_spec(layer), **drawn))
        compressed, activations = benchmark.layer, benchmark.activations
    else:
        compressed, loaded, _ = load_layer(layer)
        activations = loaded if loaded is not None else NOTHING
    if "inputs" in values:
        activations = read_activations(values["inputs"])
    require_same(identity, layer, values)
    name = f"{values.get('inputs', layer)}: activations"
    return LayerInput(compressed, take_array(activations, name, np.float32, (compressed.cols,)))


def _prepare_network(task: PointGroup) -> Callable[[Hardware], Row]:
    if unknown := [key for key in task.shared if key.startswith(LAYER) and key not in OF_NETWORK]:
        raise ConfigError(f"{task.layer}: a network: axis {unknown[0]!r} is of drawn layers")
    shared = json.dumps(task.shared, sort_keys=True)
    model, example = _load_network(task.identity, task.layer, shared)
    balance = bool(task.shared.get("balance"))

    def measure(hw: Hardware) -> Row:
        (run,) = run_model(model, [example], hw, balance=balance)
        uses = [use for step in run.steps for use in step.memories]
        return measure_results([step.result for step in run.steps], uses)

    return measure


def _find_example(model: Model, path: str, shared: Values) -> Example:
    """Return the input of a network, drawn or read."""
    if "inputs" not in shared:
        seed, density = (shared.get(key, usual) for key, usual in OF_NETWORK.items())
        steps = shared.get("steps", DRAWN_STEPS)
        if "steps" in shared and not takes_sequences(model):
            raise ConfigError(f"{path}: takes no sequences: leave out the axis 'steps'")
        return draw_examples(model, 1, density, seed, steps)[0]
    if drawn := [key for key in shared if key in (*OF_NETWORK, "steps")]:
        raise ConfigError(f"{path}: inputs are given: axis {drawn[0]!r} is of drawn ones")
    inputs = shared["inputs"]
    examples = read_examples(inputs, model)
    if len(examples) > 1:
        raise ConfigError(
            f"{inputs}: expected one input of {path}, found {len(examples)}; give each a file"
        )
    return examples[0]


@lru_cache(maxsize=1)
def _load_network(identity: str, path: str, shared: str) -> tuple[Model, Example]:
    """Return network and input, kept as in `_load_operands`."""
    values: Mapping[str, Any] = json.loads(shared)
    model = Model.load(path)
    example = _find_example(model, path, values)
    require_same(identity, path, values)
    return model, example
