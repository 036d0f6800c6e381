"""eiesim's own networks trained, pruned, shared, fine-tuned and encoded, stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.base.files import replacing
from eiesim.base.processes import Tell
from eiesim.catalog.trained import decode
from eiesim.compress.container import pack, unpack
from eiesim.compress.stages import Stage, Stages
from eiesim.layer.weights import DenseLayer
from eiesim.training.recipes import CharacterRecipe, DigitRecipe, Training, find_recipe
from eiesim.training.tasks import Arrays, Task, find_task

if TYPE_CHECKING:
    from eiesim.compress.retrain.modules import Network

Change = Callable[["Network"], object]


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A network of one seed, with the stages that led to it.

    Attributes
    ----------
    inputs
        Name and hash of the data.
    stages
        By name and in order: dense, pruned-1 .., shared, encoded. Their `facts` are how good the
        network is, ``before`` the training but after the change, and ``after``.
    path
        The compressed network, a ``.dcz`` file.
    """

    recipe: DigitRecipe | CharacterRecipe
    seed: int
    inputs: Mapping[str, Any]
    stages: Mapping[str, Stage]
    path: Path

    def to_dict(self) -> dict[str, Any]:
        """Return seed, data and the facts of each stage, for JSON."""
        stages = {
            name: {**stage.facts, "seconds": round(stage.seconds, 1)}
            for name, stage in self.stages.items()
        }
        return {"seed": self.seed, **self.inputs, "stages": stages}


def train_network(
    name: str, data: Path | None, seed: int, folder: Path, tell: Tell = str, balance_pes: int = 1
) -> TrainingResult:
    """Train a network of eiesim's own, compress it, and write it as a ``.dcz`` file.

    Each stage is stored in the folder; one that exists is not computed again. Raises WorkloadError
    if there is no such network, the data is missing or damaged, or PyTorch is not installed.

    Parameters
    ----------
    name
        One of `eiesim.training.recipes.TRAINED`.
    data
        As in `eiesim.training.tasks.find_task`.
    seed
        Of weights, order and dropout, 0 to 999999.
    tell
        Called with one line a stage and an epoch.
    balance_pes
        PEs that have equally many weights each when a layer is pruned.
    """
    recipe = find_recipe(name)
    if not 0 <= seed < 1_000_000:
        raise WorkloadError(f"seed: expected 0 to 999999, found {seed}")
    return run_recipe(recipe, find_task(recipe, data), seed, folder, tell, balance_pes)


def run_recipe(
    recipe: DigitRecipe | CharacterRecipe,
    task: Task,
    seed: int,
    folder: Path,
    tell: Tell,
    balance_pes: int = 1,
) -> TrainingResult:
    """Go through all stages of a recipe; parameters and errors are as in `train_network`."""
    retrain = _import_retrain()
    settings_of_all = {
        key: value
        for key, value in asdict(recipe).items()
        if key not in ("network", "title", "dense", "rounds", "bits", "tuning", "index_bits")
    }
    stages = Stages(folder, {**task.inputs, **settings_of_all, "seed": seed}, tell)
    finished: dict[str, Stage] = {}
    state = task.dense_state
    if state is not None:
        finished["dense"] = stages.run("dense", {}, partial(_measure, task, state))
    parts = _list_parts(recipe, retrain, balance_pes)
    for number, (name, training, settings, change) in enumerate(parts):
        finished[name] = stages.run(
            name,
            {"training": asdict(training), "settings": settings},
            partial(train_stage, task, state, training, change, 1000 * seed + number, tell),
        )
        state = finished[name].arrays
    finished["encoded"] = stages.run(
        "encoded",
        {"index_bits": dict(recipe.index_bits), "name": recipe.network},
        partial(_encode, recipe, task, state or {}, seed),
    )
    path = folder / f"{recipe.network}-seed{seed}.dcz"
    with replacing(path) as stream:
        stream.write(finished["encoded"].arrays["dcz"].tobytes())
    return TrainingResult(recipe, seed, task.inputs, finished, path)


def _list_parts(
    recipe: DigitRecipe | CharacterRecipe, retrain: Any, balance_pes: int
) -> Iterator[tuple[str, Training, Mapping[str, Any], Change]]:
    """Yield name, training, settings and change of the network of every stage that trains."""
    if recipe.dense is not None:
        yield "dense", recipe.dense, {}, lambda _: None
    balance = {} if balance_pes == 1 else {"n_pes": balance_pes}
    for number, pruning in enumerate(recipe.rounds, 1):
        change = partial(retrain.prune_, density=pruning.densities, **balance)
        yield f"pruned-{number}", pruning.training, {**pruning.densities, **balance}, change
    share = partial(retrain.share_weights, bits=recipe.bits)
    yield "shared", recipe.tuning, recipe.bits, share


def _measure(task: Task, state: Arrays) -> Stage:
    return Stage(state, {"after": task.measure(take_layers(state))})


def train_stage(
    task: Task,
    state: Arrays | None,
    training: Training,
    change: Change,
    seed: int,
    tell: Tell = str,
) -> Stage:
    """Change a network, train it, and return its state, with masks and codebooks.

    Its facts are how good it is ``before`` and ``after`` the training, and the ``densities`` of the
    layers that are not dense. Without the state of an earlier stage, weights are drawn.
    """
    retrain = _import_retrain()
    from eiesim.compress.retrain.modules import score_loss, seeded  # noqa: PLC0415 - torch

    facts: dict[str, Any] = {}
    with seeded(seed):
        model = task.build(training.dropout)
        if state is not None:
            retrain.restore_(model, state)
        change(model)
        if state is not None:
            facts["before"] = task.measure(take_layers(take_state(model)))
        batches = task.batches(seed, training.shift)
        retrain.train(model, batches, score_loss, training.epochs, training.rate, tell)
    trained_state = take_state(model)
    layers = take_layers(trained_state)
    facts["after"] = task.measure(layers)
    densities = {name: float((layer.weights != 0).mean()) for name, layer in layers.items()}
    facts["densities"] = {name: density for name, density in densities.items() if density < 1}
    return Stage(trained_state, facts)


def take_state(model: Network) -> dict[str, npt.NDArray[Any]]:
    """Return a network's weights, masks, codes and codebooks as arrays."""
    return {name: tensor.cpu().numpy().copy() for name, tensor in model.state_dict().items()}


def take_layers(state: Arrays) -> dict[str, DenseLayer]:
    """Return the weights and biases of a state, by layer."""
    names = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    return {name: DenseLayer(state[f"{name}.weight"], state.get(f"{name}.bias")) for name in names}


def _encode(recipe: DigitRecipe | CharacterRecipe, task: Task, state: Arrays, seed: int) -> Stage:
    """Encode the shared network, and measure it after decoding."""
    retrain = _import_retrain()
    model = task.build(0.0)
    retrain.restore_(model, state)
    layers = retrain.export(model, recipe.index_bits)
    metadata = {"network": recipe.network, "data": str(task.inputs["data"]), "seed": str(seed)}
    content = pack(layers, metadata)
    decoded = {stored.name: decode(stored) for stored in unpack(content, recipe.network).layers}
    dense_bytes = sum(
        array.nbytes for layer in decoded.values() for array in layer if array is not None
    )
    facts = {
        "after": task.measure(decoded),
        "bytes": len(content),
        "dense_bytes": dense_bytes,
        "rate": dense_bytes / len(content),
    }
    return Stage({"dcz": np.frombuffer(content, np.uint8)}, facts)


def _import_retrain() -> Any:
    try:
        from eiesim.compress import retrain  # noqa: PLC0415 - torch
    except ImportError as error:
        raise WorkloadError(
            f"training: expected PyTorch, found none ({error}); pip install 'eiesim[train]'"
        ) from error
    return retrain
