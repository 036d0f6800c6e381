"""Short ways to write arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def f32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def u8(values: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    return np.array(values, dtype=np.uint8)
