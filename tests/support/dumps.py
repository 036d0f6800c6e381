"""Folders of the EIE authors' simulator, written from the matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim import CompressedLayer


def write_dump(
    folder: Path, layer: CompressedLayer, act: npt.NDArray[np.float32], n_pes: int
) -> None:
    """Write a layer as the authors' ``layer_dump.py`` does, column by column from the matrix."""
    for kind in ("ptr", "spm"):
        (folder / kind).mkdir(parents=True)
    codes = layer.codes.toarray()
    if layer.bias_codes is not None:
        empty = np.zeros((layer.rows, -layer.cols % n_pes), np.uint8)
        codes = np.hstack((codes, empty, layer.bias_codes[:, np.newaxis]))
    for pe in range(n_pes):
        pointers, entries = [0], []
        for column in codes[pe::n_pes].T:
            zeros = 0
            for code in column:
                if code == 0:
                    zeros += 1
                    continue
                while zeros > 15:
                    entries.append((0, 15))
                    zeros -= 16
                entries.append((int(code), zeros))
                zeros = 0
            pointers.append(len(entries))
        np.array(pointers, "<i4").tofile(folder / "ptr" / f"ptr{pe}.dat")
        np.array(entries, "<i4").tofile(folder / "spm" / f"spm{pe}.dat")
    act.astype("<f4").tofile(folder / "act.dat")
    layer.codebook.astype("<f4").tofile(folder / "arithm.dat")
