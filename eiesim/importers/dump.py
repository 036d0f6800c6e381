"""Folders of the EIE authors' simulator: pointers, entries, one input and a codebook."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.arrays import take_array
from eiesim.base.errors import WorkloadError
from eiesim.importers.content import FLOAT32, INT32, RawType, read_content, take_numbers
from eiesim.layer.weights import CompressedLayer

POINTERS, ENTRIES = "ptr", "spm"
INPUT, CODEBOOK = "act.dat", "arithm.dat"
MOST_PES = 1024
LARGEST_INDEX = 255
"""Most zeros that a relative index of 8 bits counts."""


class Dump(NamedTuple):
    """A layer up to its last output with a weight or a bias, one input, and the files' SHA-256."""

    layer: CompressedLayer
    activations: npt.NDArray[np.float32]
    n_pes: int
    sha256: str


def is_dump(path: str | Path) -> bool:
    """Return whether a path is such a folder."""
    with suppress(OSError):  # the path is no valid name
        return Path(path, POINTERS).is_dir()
    return False


def read_dump(path: str | Path) -> Dump:
    """Read the folder ``data`` of the EIE authors' simulator.

    ``ptr/ptrN.dat`` and ``spm/spmN.dat`` are of PE N: pointers as int32, and entries as pairs of
    int32, code and relative index. ``act.dat`` is the input and ``arithm.dat`` the codebook, as
    float32. A bias is one more column after the inputs, which are rounded up to a whole row of PEs.
    Raises WorkloadError if a file is missing or damaged, or the files do not go together.

    References
    ----------
    RalphMao/EIE-simulator: ``script/layer_dump.py`` writes the files, ``src/ptrvec.cpp``,
    ``src/spmat.cpp`` and ``src/arithm.cpp`` read them. EIE, section III.
    """
    folder = Path(path)
    n_pes = _count_pes(folder)
    digest = hashlib.sha256()

    def read(name: str, kind: RawType = FLOAT32) -> npt.NDArray[Any]:
        content = read_content(folder / name)
        digest.update(content)
        return take_numbers(content, str(folder / name), kind)

    codebook = read(CODEBOOK)
    activations = take_array(read(INPUT), str(folder / INPUT), np.float32, ("inputs",))
    entries = []
    lengths = set()
    for pe in range(n_pes):
        pointers = read(f"{POINTERS}/{POINTERS}{pe}.dat", INT32)
        name = f"{ENTRIES}/{ENTRIES}{pe}.dat"
        entries.append(_find_entries(pointers, read(name, INT32), folder / name, pe, n_pes))
        lengths.add(pointers.size)
    rows, cols, codes = (np.concatenate(arrays) for arrays in zip(*entries, strict=True))
    bias_column = _find_bias(lengths, activations.size, n_pes, folder)
    if not rows.size:
        raise WorkloadError(f"{folder}: expected weights, found none")
    matrix = sparse.csc_array((codes, (rows, cols)), shape=(int(rows.max()) + 1, max(lengths) - 1))
    bias = None if bias_column is None else matrix[:, [bias_column]].toarray().reshape(-1)
    name = folder.resolve().name
    name = name if name.isprintable() and name else "layer"
    try:
        layer = CompressedLayer(matrix[:, : activations.size], codebook, bias, name)
    except WorkloadError as error:
        raise WorkloadError(f"{folder}: {error}") from error
    return Dump(layer, activations, n_pes, digest.hexdigest())


def _count_pes(folder: Path) -> int:
    names = {file.name for file in (folder / POINTERS).glob("*.dat")}
    expected = {f"{POINTERS}{pe}.dat" for pe in range(len(names))}
    if not 1 <= len(names) <= MOST_PES or names != expected:
        odd = min(names - expected, default="none")
        raise WorkloadError(
            f"{folder / POINTERS}: expected {POINTERS}0.dat, {POINTERS}1.dat and so on, one for "
            f"each of at most {MOST_PES} PEs, found {len(names)} files, among them {odd}"
        )
    return len(names)


def _find_entries(
    pointers: npt.NDArray[np.int32], pairs: npt.NDArray[np.int32], file: Path, pe: int, n_pes: int
) -> tuple[npt.NDArray[Any], ...]:
    """Return row, column and code of each entry of a PE that is no padding zero."""
    steps = np.subtract(pointers[1:], pointers[:-1], dtype=np.int64)
    sound = pointers.size > 1 and pointers[0] == 0 and steps.min() >= 0
    if not sound or pairs.size != 2 * int(pointers[-1]):
        raise WorkloadError(
            f"{file}: expected pairs of code and relative index, as many as the last pointer of "
            f"{POINTERS}{pe}.dat, and pointers that rise from 0, found {pairs.size} numbers and "
            f"{pointers[-1] if pointers.size else 'no'} as the last pointer"
        )
    if pairs.size and (pairs.min() < 0 or pairs.max() > LARGEST_INDEX):
        raise WorkloadError(
            f"{file}: expected codes and relative indices of 0 to {LARGEST_INDEX}, found "
            f"{pairs.min()} to {pairs.max()}"
        )
    codes, gaps = pairs[::2], pairs[1::2]
    ends = np.concatenate(([0], np.cumsum(gaps + 1, dtype=np.int64)))
    columns = np.repeat(np.arange(steps.size), steps)
    rows = (ends[1:] - ends[pointers[columns]] - 1) * n_pes + pe
    used = codes != 0
    return rows[used], columns[used], codes[used].astype(np.uint8)


def _find_bias(lengths: set[int], inputs: int, n_pes: int, folder: Path) -> int | None:
    """Return the column of the bias, if there is one."""
    column = -(-inputs // n_pes) * n_pes
    if lengths == {column + 2}:
        return column
    if lengths != {inputs + 1}:
        raise WorkloadError(
            f"{folder}: expected {inputs + 1} pointers a PE for the {inputs} inputs of {INPUT}, or "
            f"{column + 2} with a bias, found {' and '.join(map(str, sorted(lengths)))}"
        )
    return None
