"""Compressed networks of a sweep: each is compressed once, judged once, and run on its machines."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eiesim.base.errors import EieError
from eiesim.base.files import replacing
from eiesim.base.tables import Row
from eiesim.catalog.characters import find_bits
from eiesim.catalog.model import EIE, Model, import_model, load_model, weigh_network
from eiesim.catalog.readers import read_network
from eiesim.compress.container import pack
from eiesim.hardware import Hardware
from eiesim.inference import Setup, run_steps
from eiesim.sweep.compression import describe, plan_values, resolve
from eiesim.sweep.data import Data, load_data
from eiesim.sweep.identity import identify_network, identify_weights
from eiesim.sweep.measured import measure_results
from eiesim.sweep.metrics import Quality
from eiesim.sweep.points import NetworkWork, PointGroup, Values
from eiesim.sweep.retraining import retrain_model
from eiesim.views import OutputView


class Judged(NamedTuple):
    """Mean and standard error of what is right, and of how many inputs or characters."""

    mean: float
    deviation: float
    number: int


def prepare_work(task: PointGroup, work: NetworkWork) -> Callable[[Hardware], Row]:
    """Compress the network of a task, and return a function from a machine to a row.

    Raises EieError if a file is missing, or has changed since the sweep began.
    """
    subject, weights = work.subject, json.loads(task.identity)[1]
    model = _find_model(work, task.shared, weights)
    data = load_data(subject, model, subject.limit, subject.scale)
    timed = load_data(subject, model, subject.timed, subject.scale)
    if identify_network(weights, subject, task.shared) != task.identity:
        raise EieError(
            f"{subject.inputs or subject.text}: expected the data and program with "
            "which the sweep began, found others; run the sweep again"
        )
    layers = [model.layers[name] for name in model.graph.layers]
    file_bytes = len(pack(layers, {"network": Path(subject.file).stem}))
    judged: dict[OutputView, Judged] = {}

    def measure(hw: Hardware) -> Row:
        if hw.outputs not in judged:
            judged[hw.outputs] = _find_judged(task, work, model, data, hw.outputs)
        quality = Quality(file_bytes, *judged[hw.outputs], subject.metric)
        setup = Setup(hw, balance=bool(task.shared.get("balance")))
        runs = list(run_steps(model, timed.examples, setup))
        results = [step.result for run in runs for step in run.steps]
        memories = [use for step in runs[0].steps for use in step.memories]
        return measure_results(results, memories, sum(map(len, timed.right)), quality)

    return measure


def _find_model(work: NetworkWork, shared: Values, weights: str) -> Model:
    """Return the compressed network of a name of `identify_weights`: kept, or made and kept."""
    path = Path(work.kept, weights).with_suffix(EIE)
    if work.kept and path.is_file():
        try:
            return Model.load(path)
        except EieError:  # damaged: it is made again
            pass
    model = compress_subject(work, shared)
    subject, lesson = work.subject, work.find_lesson(shared)
    found = weigh_network(subject.file, subject.steps, subject.interface)
    if identify_weights(found.sha256, describe(shared, work.usual), lesson) != weights:
        raise EieError(
            f"{subject.file}: expected the network that the sweep began with, found another; run "
            "the sweep again"
        )
    if work.kept:
        _make_folder(work.kept)
        model.save(path)
    return model


def _make_folder(folder: str) -> None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EieError(f"{folder}: cannot be made: {error.strerror}") from error


def compress_subject(work: NetworkWork, shared: Values) -> Model:
    """Return the network with its weights compressed as the values on the axes say."""
    subject = work.subject
    if not work.usual:
        return load_model(subject.file, subject.steps)
    plan = plan_values(shared)
    model = import_model(subject.file, subject.steps, plan, interface=subject.interface).model
    lesson = work.find_lesson(shared)
    if lesson is None:
        return model
    dense = read_network(subject.file, subject.steps, subject.interface).weights
    return retrain_model(model, dense, lesson, resolve(shared, work.usual))


def _find_judged(
    task: PointGroup, work: NetworkWork, model: Model, data: Data, view: OutputView
) -> Judged:
    """Return how right the outputs are that depend on a view: kept, or found and kept."""
    _, weights, found_in, _ = json.loads(task.identity)
    content = json.dumps([weights, found_in, view._asdict()], sort_keys=True)
    path = Path(work.kept, f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.json")
    if work.kept and path.is_file():
        kept = _read_judged(path)
        if kept is not None:
            return kept
    judged = judge(model, data, view)
    if work.kept:
        _make_folder(work.kept)
        with replacing(path) as stream:
            stream.write(json.dumps(judged._asdict()).encode())
    return judged


def _read_judged(path: Path) -> Judged | None:
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Judged(**{name: content[name] for name in Judged._fields})
    except (OSError, ValueError, KeyError, TypeError):  # damaged: it is found again
        return None


def judge(model: Model, data: Data, view: OutputView) -> Judged:
    """Return the errors, 0 or 1 for each input, or the bits of each character."""
    hw = make_judging_machine(model, view)
    runs = run_steps(model, data.examples, Setup(hw, timed=False))
    output = model.graph.outputs[0]
    if data.is_text:
        (run,) = runs
        values = find_bits(run.values[output], data.right[0])
    else:
        answers = [int(run.values[output].reshape(-1).argmax()) for run in runs]
        values = (np.array(answers) != np.concatenate(data.right)).astype(np.float64)
    return Judged(float(values.mean()), float(values.std() / math.sqrt(values.size)), values.size)


def make_judging_machine(model: Model, view: OutputView) -> Hardware:
    """Return a machine that holds a network, and of which nothing is known beside the view.

    So answers cannot depend on a field that is not in the view.
    """
    widest = max(layer.layer.codebook_bits for layer in model.layers.values())
    return Hardware(codebook_bits=widest, **view._asdict())
