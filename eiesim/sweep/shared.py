"""Images that the workers of a sweep share: encoded by one of them, mapped into the others."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.image import Columns, InterleavedCSC

HEADER = ("rows", "cols", "n_pes", "index_bits", "has_bias", "name")
ARRAYS = ("codebook", "ptr", "codes", "relative_index")
LONGEST_WAIT_S = 60.0
"""Wait before a worker encodes an image itself, since the one that began may have been killed."""
LOOK_S = 0.01
"""Pause between looks of a worker that waits: renamed folders of other processes give no signal."""


class Encoded(NamedTuple):
    """The image of a layer, and an input [cols]."""

    image: InterleavedCSC
    activations: npt.NDArray[np.float32]


def share(folder: str, name: str, make: Callable[[], Encoded]) -> Encoded:
    """Return an image that one worker makes and all others map.

    Large arrays stay in the file and are in memory once, whatever the number of workers: rows and
    codes column by column, counts and edges. Pointers and entries are copied, as in every image.
    Without a folder of the sweep on this machine, nothing is shared.
    """
    image_folder = Path(folder, name)
    if not folder or not image_folder.parent.is_dir():
        return make()
    begun = time.monotonic()
    while not image_folder.is_dir():
        try:
            image_folder.with_suffix(".lock").mkdir()
        except FileExistsError:
            if time.monotonic() - begun > LONGEST_WAIT_S:
                return make()
            time.sleep(LOOK_S)
        except OSError:  # the disk is full, or the folder gone with the sweep
            return make()
        else:
            encoded = make()
            _write(image_folder, encoded)
            return encoded
    return _map(image_folder)


def _write(folder: Path, encoded: Encoded) -> None:
    """Write an image, whole or not at all."""
    image = encoded.image
    half = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        arrays = {name: getattr(image, name) for name in ARRAYS}
        arrays |= {"act": encoded.activations, "counts": image.counts}
        arrays |= {f"columns-{name}": array for name, array in image.columns._asdict().items()}
        for name, array in arrays.items():
            np.save(half / f"{name}.npy", array, allow_pickle=False)
        header = {name: getattr(image, name) for name in HEADER}
        (half / "header.json").write_text(json.dumps(header), encoding="utf-8")
        half.replace(folder)
    except OSError:  # a full disk costs only the other workers' time
        shutil.rmtree(half, ignore_errors=True)


def _map(folder: Path) -> Encoded:
    def load(name: str) -> Any:
        return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)

    header = json.loads((folder / "header.json").read_text(encoding="utf-8"))
    arrays: dict[str, Any] = {name: load(name) for name in ARRAYS}
    image = InterleavedCSC(**header, **arrays)
    # written by a worker of this sweep, from an image that was checked
    vars(image)["checked"] = True
    vars(image)["counts"] = load("counts")
    vars(image)["columns"] = Columns(*(load(f"columns-{name}") for name in Columns._fields))
    return Encoded(image, np.array(load("act")))
