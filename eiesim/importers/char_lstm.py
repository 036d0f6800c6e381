"""Character LSTMs of the ml5.js project: raw float32, a manifest and a vocabulary."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import require_finite
from eiesim.base.errors import WorkloadError
from eiesim.importers.content import are_sizes, read_content, read_json, take_numbers

MOST_JSON_BYTES = 1 << 20
MOST_NUMBERS = 1 << 26
"""Most numbers of a variable: 256 MB, the kernel of an LSTM of 2,896 units."""
CELL = "rnnlm/multi_rnn_cell/cell_{}/basic_lstm_cell/{}"
MOST_LAYERS = 16


@dataclass(frozen=True, eq=False)
class CharModel:
    """A character model: embedding, LSTM layers, output layer.

    Attributes
    ----------
    characters
        The vocabulary, in the order of the characters' numbers.
    embedding
        [characters, inputs].
    cells
        A matrix [4 * hidden, inputs + hidden + 1] for each layer, with the columns input, hidden
        state, bias, and the gates i, j, f, o (input, new value, forget, output) as rows. The forget
        gate's bias includes the 1 that TensorFlow's BasicLSTMCell adds.
    output, output_bias
        [characters, hidden] and [characters].
    """

    characters: tuple[str, ...]
    embedding: npt.NDArray[np.float32]
    cells: tuple[npt.NDArray[np.float32], ...]
    output: npt.NDArray[np.float32]
    output_bias: npt.NDArray[np.float32]


def read_char_lstm(folder: str | Path) -> CharModel:
    """Read a character LSTM from ``manifest.json``, ``vocab.json`` and a float32 file a variable.

    Raises WorkloadError if a file is missing, damaged or does not fit the others.

    References
    ----------
    ml5js/ml5-data-and-models, models/lstm; the kernels are ``[inputs + hidden, 4 * hidden]``.
    """
    path = Path(folder)
    characters = _read_vocabulary(path / "vocab.json")
    manifest = read_json(path / "manifest.json", MOST_JSON_BYTES)
    size = len(characters)
    embedding = _read_variable(path, manifest, "embedding", (size, None))
    inputs = embedding.shape[1]
    cells: list[npt.NDArray[np.float32]] = []
    while CELL.format(len(cells), "kernel") in manifest and len(cells) < MOST_LAYERS:
        kernel_name, bias_name = (CELL.format(len(cells), part) for part in ("kernel", "bias"))
        bias = _read_variable(path, manifest, bias_name, (None,))
        hidden, remainder = divmod(len(bias), 4)
        if remainder:
            raise WorkloadError(f"{path}: {bias_name}: expected 4 gates, found {len(bias)} numbers")
        kernel = _read_variable(path, manifest, kernel_name, (inputs + hidden, len(bias)))
        bias[2 * hidden : 3 * hidden] += 1
        cells.append(np.concatenate((kernel, bias[np.newaxis])).T.copy())
        inputs = hidden
    if not cells:
        raise WorkloadError(f"{path}: expected {CELL.format(0, 'kernel')} in manifest.json")
    output = _read_variable(path, manifest, "rnnlm/softmax_w", (inputs, size))
    output_bias = _read_variable(path, manifest, "rnnlm/softmax_b", (size,))
    return CharModel(characters, embedding, tuple(cells), output.T.copy(), output_bias)


def _read_vocabulary(path: Path) -> tuple[str, ...]:
    numbers = read_json(path, MOST_JSON_BYTES)
    if not numbers or sorted(map(str, numbers.values())) != sorted(map(str, range(len(numbers)))):
        raise WorkloadError(
            f"{path}: expected each of the numbers 0 to {len(numbers) - 1} for one character"
        )
    return tuple(sorted(numbers, key=lambda character: int(numbers[character])))


def _read_variable(
    path: Path, manifest: dict[str, Any], name: str, expected: tuple[int | None, ...]
) -> npt.NDArray[np.float32]:
    variable = manifest.get(name)
    shape: Any = variable.get("shape") if isinstance(variable, dict) else None
    fits = are_sizes(shape, list) and len(shape) == len(expected)
    fits = fits and all(
        size and expected_size in (None, size)
        for expected_size, size in zip(expected, shape, strict=True)
    )
    expected_shape = " x ".join("any" if size is None else str(size) for size in expected)
    if not fits or math.prod(shape) > MOST_NUMBERS:
        raise WorkloadError(
            f"{path / 'manifest.json'}: {name}: expected the shape {expected_shape}, "
            f"found {json.dumps(shape)[:80]}"
        )
    file = path / name.replace("/", "_")
    size = 4 * math.prod(shape)
    content = read_content(file, size)
    if len(content) != size:
        raise WorkloadError(
            f"{file}: expected {size} bytes for its shape {shape}, found {len(content)}; "
            "get it again"
        )
    numbers = take_numbers(content, str(file)).reshape(shape)
    require_finite(numbers, str(file))
    return numbers
