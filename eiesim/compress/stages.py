"""Stages of a long computation, each kept on disk and not done again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.digest import hash_program
from eiesim.base.errors import EieError
from eiesim.base.files import read_arrays, replacing

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Stage:
    """Result of a stage: arrays, such as weights, facts that JSON holds, and its wall time."""

    arrays: Arrays
    facts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class Stages:
    """A folder with one ``.npz`` and one ``.json`` file a stage.

    A stage's key is the hash of its settings and of the key of the stage before. The first stage's
    key is the hash of the inputs and of the program. So a stage is computed again after a change of
    what it depends on, and loaded otherwise. Its description is written last, so that an
    interrupted stage does not count.

    Parameters
    ----------
    folder
        It is made if it is missing; raises EieError if that fails.
    inputs
        All that the stages depend on beside the program, such as the hash of the data; any JSON.
    tell
        Is called with one line a stage.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> folder = Path(tempfile.mkdtemp())
    >>> for _ in range(2):
    ...     stages = Stages(folder, {"seed": 0}, print)
    ...     stage = stages.run("double", {"factor": 2}, lambda: Stage({"n": 2 * np.arange(3)}))
    ...     stage.arrays["n"].tolist()
    double: computing
    [0, 2, 4]
    double: taken from an earlier run
    [0, 2, 4]
    """

    def __init__(
        self, folder: Path, inputs: Mapping[str, Any], tell: Callable[[str], object] = str
    ) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EieError(f"{folder}: cannot be made: {error.strerror}") from error
        self.folder = folder
        self._key = _hash(hash_program(), "inputs", inputs)
        self._tell = tell

    def run(self, name: str, settings: Mapping[str, Any], compute: Callable[[], Stage]) -> Stage:
        """Return a stage: loaded if it exists with this key, computed and kept otherwise.

        The name is unique in the folder. `settings` is all that the stage depends on beside the
        stages before it; any JSON. Raises EieError if the stage's files cannot be written.
        """
        self._key = _hash(self._key, name, settings)
        stage = self._load(name)
        if stage is not None:
            self._tell(f"{name}: taken from an earlier run")
            return stage
        self._tell(f"{name}: computing")
        begin = time.perf_counter()
        stage = compute()
        stage = replace(stage, seconds=time.perf_counter() - begin)
        self._save(name, stage)
        return stage

    def _load(self, name: str) -> Stage | None:
        """Return a stage that is kept whole and with this key, or None."""
        path = self.folder / f"{name}.npz"
        try:
            record = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if (record["key"], record["sha256"]) != (self._key, digest):
                return None
            return Stage(read_arrays(path), record["facts"], float(record["seconds"]))
        except (OSError, ValueError, KeyError, TypeError, EieError):
            return None

    def _save(self, name: str, stage: Stage) -> None:
        path = self.folder / f"{name}.npz"
        with replacing(path) as stream:
            np.savez(stream, **stage.arrays)  # type: ignore[arg-type]
        record = {
            "stage": name,
            "seconds": stage.seconds,
            "facts": dict(stage.facts),
            "key": self._key,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        with replacing(self.folder / f"{name}.json") as stream:
            stream.write(json.dumps(record, indent=2).encode() + b"\n")


def _hash(before: str, name: str, settings: Mapping[str, Any]) -> str:
    text = json.dumps([before, name, settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
