"""A layer and one input, and where both came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.layer.weights import CompressedLayer


@dataclass(frozen=True)
class Source:
    """A name or file as the user gave it, the hash of the file, and the seed of a draw."""

    given: str
    sha256: str
    seed: int | None = None


@dataclass(frozen=True, eq=False)
class Operands:
    """A layer, one input, and where both came from."""

    layer: CompressedLayer
    activations: npt.NDArray[np.float32]
    sources: tuple[Source, ...]


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of a file; WorkloadError if it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise WorkloadError(f"{path}: cannot be read: {error.strerror}") from error
