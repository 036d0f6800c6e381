"""The files of `models/trained` and `traces`: trained networks and how they were trained."""

from __future__ import annotations

import io
import json
import os
import platform
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.files import replacing
from eiesim.base.processes import Tell
from eiesim.catalog.trained import TRACED, decode
from eiesim.compress.container import read_dcz
from eiesim.training.recipes import find_recipe
from eiesim.training.tasks import find_task
from eiesim.training.training import TrainingResult, run_recipe

LIBRARIES = ("eiesim", "torch", "numpy")


def publish(
    name: str, data: Path | None, seeds: Sequence[int], work: Path, target: Path, tell: Tell = str
) -> list[TrainingResult]:
    """Train a network with several seeds, and write the files that eiesim ships of it.

    Parameters
    ----------
    name, data, tell
        As in `eiesim.training.training.train_network`, whose errors this raises, too.
    seeds
        Inputs of layers are recorded from the network of the first one.
    work
        Has the stages in folders ``NAME-seedK``; those that exist are not computed again.
    target
        Folder of ``models/trained`` and ``traces``.
    """
    recipe = find_recipe(name)
    task = find_task(recipe, data)
    results = []
    for seed in seeds:
        tell(f"{name}, seed {seed}")
        results.append(run_recipe(recipe, task, seed, work / f"{name}-seed{seed}", tell))
    models = target / "models" / "trained"
    for result in results:
        _write(models / result.path.name, result.path.read_bytes())
    text = json.dumps(describe(results, date.today().isoformat()), indent=1)
    _write(models / f"{name}.json", f"{text}\n".encode())
    layers = {stored.name: decode(stored) for stored in read_dcz(results[0].path).layers}
    _write(target / "traces" / f"{name}.npz", _pack(task.record(layers, TRACED)))
    return results


def describe(results: Sequence[TrainingResult], day: str) -> dict[str, Any]:
    """Return how networks of one recipe were trained, and the results, for JSON."""
    recipe = asdict(results[0].recipe)
    return {
        "network": recipe.pop("network"),
        "title": recipe.pop("title"),
        "date": day,
        "versions": {"python": platform.python_version(), **{n: version(n) for n in LIBRARIES}},
        "cores": os.cpu_count(),
        "recipe": recipe,
        "seeds": [result.to_dict() for result in results],
    }


def _pack(arrays: Mapping[str, npt.NDArray[np.float32]]) -> bytes:
    """Return a deflated `.npz` file that is the same for the same arrays."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")  # always of 1980
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, member.getvalue())
    return content.getvalue()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as stream:
        stream.write(content)
