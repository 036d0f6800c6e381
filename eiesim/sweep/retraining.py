"""The weights of a sweep's network, pruned and shared as a point says, and trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import Model
from eiesim.compress.plan import LayerPlan
from eiesim.layer.weights import CompressedLayer, DenseLayer, StoredLayer
from eiesim.sweep.data import load_data
from eiesim.sweep.subject import Lesson

if TYPE_CHECKING:
    from eiesim.compress.retrain.loop import Loader

Plans = Mapping[str, LayerPlan]


def retrain_model(
    model: Model, dense: Mapping[str, DenseLayer], lesson: Lesson, plans: Plans
) -> Model:
    """Return a compressed network whose weights were trained after pruning and after sharing.

    Source: Han, Mao, Dally, Deep Compression, ICLR 2016, sections 2 and 3.3; in one round of
    pruning. Raises WorkloadError if PyTorch is missing, or a step is not trained here.

    Parameters
    ----------
    model
        The same network compressed without training, for its steps.
    dense
        Weights by layer, before they are compressed.
    plans
        How each layer is compressed.
    """
    try:
        from eiesim.compress import retrain  # noqa: PLC0415 - torch
        from eiesim.compress.retrain.modules import score_loss, seeded  # noqa: PLC0415 - torch
        from eiesim.compress.retrain.network import StepsModule, one_thread  # noqa: PLC0415 - torch
    except ImportError as error:
        raise WorkloadError(
            f"retrain: expected PyTorch, found none ({error}); pip install 'eiesim[train]'"
        ) from error
    training = lesson.training
    with one_thread(), seeded(training.seed):
        module = StepsModule(model.graph, model.shapes, dense)
        loader = _load_batches(lesson, model)
        for name, plan in plans.items():
            pruning: dict[str, Any] = plan.pruning
            retrain.prune_(module, **pruning, layers=[module.find_path(name)])
        retrain.train(module, loader, score_loss, training.epochs, training.rate)
        for name, plan in plans.items():
            sharing = plan.codebook_bits, plan.start, [module.find_path(name)], plan.seed
            retrain.share_weights(module, *sharing)
        tuning = training.tuning_epochs, training.tuning_rate
        retrain.finetune_codebook(module, loader, score_loss, *tuning)
        paths = {module.find_path(name): plan.index_bits for name, plan in plans.items()}
        layers = retrain.export(module, paths)
    trained = {name: _rename(layer, name) for name, layer in zip(plans, layers, strict=True)}
    return replace(model, layers={**model.layers, **trained})


def _rename(stored: StoredLayer, name: str) -> StoredLayer:
    layer = CompressedLayer(stored.layer.codes, stored.layer.codebook, None, name)
    return StoredLayer(layer, stored.shape, stored.bias, stored.index_bits)


def _load_batches(lesson: Lesson, model: Model) -> Loader:
    """Return the data to train on, drawn in an order of the training's seed."""
    from eiesim.compress.retrain.batches import InputBatches, TextBatches  # noqa: PLC0415 - torch

    training, scale = lesson
    data = load_data(training, model, training.limit, scale)
    if training.text:
        text = np.concatenate((data.examples[0][next(iter(model.graph.inputs))].astype(np.int64),
                               data.right[0][-1:]))  # fmt: skip
        pieces = max(len(text) // (training.batch * training.steps), 1)
        if len(text) <= training.steps:
            raise WorkloadError(
                f"{training.text}: expected more than {training.steps} characters to train on, "
                f"found {len(text)}"
            )
        return TextBatches(text, training.batch, training.steps, pieces, training.seed)
    (name,) = model.graph.inputs
    stack = np.stack([example[name] for example in data.examples])
    if len(stack) < training.batch:
        raise WorkloadError(
            f"{training.inputs}: expected {training.batch} inputs or more, found {len(stack)}"
        )
    return InputBatches(stack, np.concatenate(data.right), training.batch, training.seed)
