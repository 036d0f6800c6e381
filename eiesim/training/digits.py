"""Handwritten digits to train on: MNIST from a folder, or those that scikit-learn ships."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.importers.idx import read_idx

VALIDATION_PICTURES = 5000
"""Last of MNIST's training pictures: recipes are chosen with them, and no network sees them."""
Part = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]
"""Pictures [n, 28, 28], a byte over 256 each, and their classes [n]."""


@dataclass(frozen=True, eq=False)
class Digits:
    """Pictures and classes to train on, to choose on, and to report on."""

    name: str
    training: Part
    validation: Part
    test: Part

    @property
    def sha256(self) -> str:
        """Hash of all pictures and classes."""
        digest = hashlib.sha256()
        for part in (self.training, self.validation, self.test):
            for array in part:
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def load_digits(data: Path | None) -> Digits:
    """Read MNIST from its four files, plain or gzip, or scikit-learn's digits at 28 x 28.

    Raises WorkloadError if a file is missing or damaged, or scikit-learn is not installed.
    """
    if data is None:
        return _load_small_digits()
    pictures, labels = _read(data, "train", 60_000)
    cut = len(pictures) - VALIDATION_PICTURES
    test = read_test_pictures(data)
    return Digits("MNIST", (pictures[:cut], labels[:cut]), (pictures[cut:], labels[cut:]), test)


def read_test_pictures(data: Path) -> Part:
    """Read MNIST's test pictures; WorkloadError if a file is missing or damaged."""
    return _read(data, "t10k", 10_000)


def _read(data: Path, part: str, number: int) -> Part:
    pictures, labels = (
        _find(data, f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")
    )
    pixels = take_array(read_idx(pictures), str(pictures), np.uint8, (number, 28, 28))
    return _scale(pixels), take_array(read_idx(labels), str(labels), np.uint8, (number,))


def _find(data: Path, name: str) -> Path:
    for path in (data / name, data / f"{name}.gz"):
        if path.is_file():
            return path
    raise WorkloadError(
        f"{data / name}: expected one of MNIST's four files, plain or as .gz, found none; "
        "without a folder of data scikit-learn's digits are trained on"
    )


def _scale(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return pictures.astype(np.float32) / np.float32(256)


def _load_small_digits() -> Digits:
    try:
        from sklearn import datasets  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise WorkloadError(
            "digits: expected scikit-learn, found none; pip install 'eiesim[train]', or name a "
            "folder of MNIST's files"
        ) from error
    content = datasets.load_digits()
    grey = np.minimum(content.images * 16, 255).astype(np.uint8)
    pictures = np.pad(grey.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    order = np.random.default_rng(0).permutation(len(pictures))
    parts = [
        (_scale(pictures[numbers]), content.target[numbers].astype(np.uint8))
        for numbers in np.split(order, (1200, 1500))
    ]
    return Digits("scikit-learn's digits", *parts)
