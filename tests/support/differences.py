"""What differs between two runs: cycles, counters, outputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim import (
    RunResult,
)
from eiesim.counters import PE_FIELDS


def find_differences(first: RunResult, second: RunResult) -> dict[str, tuple[object, object]]:
    """Every count and output bit that differs."""
    pairs = {
        name: (value, second.counters.totals()[name])
        for name, value in first.counters.totals().items()
    }
    pairs |= {
        f"pe.{name}": (
            getattr(first.counters.pe, name).tolist(),
            getattr(second.counters.pe, name).tolist(),
        )
        for name in PE_FIELDS
    }
    bits = (first.output.view(np.uint32).tolist(), second.output.view(np.uint32).tolist())
    return {name: pair for name, pair in (pairs | {"output": bits}).items() if pair[0] != pair[1]}


def bits(values: npt.NDArray[np.float32]) -> list[int]:
    found: list[int] = values.view(np.uint32).tolist()
    return found
