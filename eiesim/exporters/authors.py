"""A layer as the folder ``data`` of the EIE authors' simulator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.base.files import new_folder
from eiesim.image import InterleavedCSC
from eiesim.importers.dump import CODEBOOK, ENTRIES, INPUT, POINTERS

INTEGERS, FLOATS = "<i4", "<f4"


def export_authors(
    image: InterleavedCSC, activations: npt.NDArray[np.float32], path: str | Path
) -> Path:
    """Write a layer and an input as `eiesim.importers.dump.read_dump` reads them back.

    A layer without a bias has no column for it.

    Parameters
    ----------
    activations : float32 [cols]
        The input.
    path : str or Path
        The folder; when it exists, ``-2`` and so on is added to its name.

    Returns
    -------
    Path
        The folder, which is there whole or not at all.

    Raises
    ------
    WorkloadError
        The activations are not float32 [cols], or not all numbers; or the last output has neither
        a weight nor a bias: the folder has no number of outputs.
    ImageError
        The image is damaged.
    """
    operands = take_array(activations, f"{image.name}: activations", np.float32, (image.cols,))
    weights = image.columns.weights
    filled = (int(weights.max()) >> image.codebook_bits) + 1 if weights.size else 0
    if filled < image.rows:
        raise WorkloadError(
            f"{image.name}: the authors' folder has no number of outputs, and the last "
            f"{image.rows - filled} of {image.rows} have no weight that would show them; leave "
            "them out"
        )
    columns = image.bias_column + 1 if image.has_bias else image.cols
    with new_folder(path) as folder:
        (folder.work / POINTERS).mkdir()
        (folder.work / ENTRIES).mkdir()
        for pe in range(image.n_pes):
            of_pe = slice(image.base[pe], image.base[pe + 1])
            pairs = np.stack((image.codes[of_pe], image.relative_index[of_pe]), axis=1)
            pointers = image.ptr[: columns + 1, pe]
            pointers.astype(INTEGERS).tofile(folder.work / POINTERS / f"{POINTERS}{pe}.dat")
            pairs.astype(INTEGERS).tofile(folder.work / ENTRIES / f"{ENTRIES}{pe}.dat")
        operands.astype(FLOATS).tofile(folder.work / INPUT)
        image.codebook.astype(FLOATS).tofile(folder.work / CODEBOOK)
    return folder.final
