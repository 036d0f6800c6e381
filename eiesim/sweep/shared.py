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
"""After which a worker encodes an image itself: the one that began may have been killed."""
LOOK_S = 0.01
"""How often one that waits looks: other processes rename a folder, which nothing tells of."""


class Encoded(NamedTuple):
    """An image and an input.

    Attributes
    ----------
    image : InterleavedCSC
        The layer.
    activations : float32 [cols]
        The input.
    """

    image: InterleavedCSC
    activations: npt.NDArray[np.float32]


def share(folder: str, name: str, make: Callable[[], Encoded]) -> Encoded:
    """Return an image that one worker makes and all others map.

    What is large stays in the file and is in memory once, whatever the number of workers: rows and
    codes column by column, counts and edges. Pointers and entries are copied, as in every image.

    Parameters
    ----------
    folder : str
        Of the sweep, on this machine; where there is none, nothing is shared.
    make : callable
        Makes it.
    """
    place = Path(folder, name)
    if not folder or not place.parent.is_dir():
        return make()
    begun = time.monotonic()
    while not place.is_dir():
        try:
            place.with_suffix(".lock").mkdir()
        except FileExistsError:
            if time.monotonic() - begun > LONGEST_WAIT_S:
                return make()
            time.sleep(LOOK_S)
        except OSError:  # full, or gone since the sweep ended
            return make()
        else:
            made = make()
            _write(place, made)
            return made
    return _map(place)


def _write(place: Path, made: Encoded) -> None:
    """Write an image, whole or not at all."""
    image = made.image
    half = Path(tempfile.mkdtemp(dir=place.parent))
    try:
        arrays = {name: getattr(image, name) for name in ARRAYS}
        arrays |= {"act": made.activations, "counts": image.counts}
        arrays |= {f"columns-{name}": it for name, it in image.columns._asdict().items()}
        for name, array in arrays.items():
            np.save(half / f"{name}.npy", array, allow_pickle=False)
        header = {name: getattr(image, name) for name in HEADER}
        (half / "header.json").write_text(json.dumps(header), encoding="utf-8")
        half.replace(place)
    except OSError:  # a full disk costs the others their time, and nothing else
        shutil.rmtree(half, ignore_errors=True)


def _map(place: Path) -> Encoded:
    def load(name: str) -> Any:
        return np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False)

    header = json.loads((place / "header.json").read_text(encoding="utf-8"))
    arrays: dict[str, Any] = {name: load(name) for name in ARRAYS}
    image = InterleavedCSC(**header, **arrays)
    # written by a worker of this sweep, from an image that was checked
    vars(image)["checked"] = True
    vars(image)["counts"] = load("counts")
    vars(image)["columns"] = Columns(*(load(f"columns-{name}") for name in Columns._fields))
    return Encoded(image, np.array(load("act")))
