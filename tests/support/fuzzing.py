"""Damage to files, and what a reader makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eiesim.base.errors import EieError
from eiesim.catalog.readers import read_weights_file


def fuzz(path: Path, content: bytes, number: int) -> int:
    rng = np.random.default_rng(0)
    refused = 0
    for turn in range(number):
        changed = bytearray(content)
        if turn % 4 == 0:
            del changed[rng.integers(0, len(content)) :]
        else:
            for place in rng.integers(0, len(content), rng.integers(1, 6)):
                changed[place] = rng.integers(0, 256)
        path.write_bytes(changed)
        try:
            read_weights_file(path)
        except EieError:
            refused += 1
    return refused
