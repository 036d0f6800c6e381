"""The paper's chip, and a run on it."""

from __future__ import annotations

import numpy as np

from eiesim import (
    Counters,
    Hardware,
    RunResult,
)
from eiesim.counters import PE_FIELDS, PeCounters

PAPER = Hardware()


class Made(Counters):
    """Counts that need not be those of a run."""

    def __post_init__(self) -> None:
        """Check nothing."""


def make_run(cycles: int, counts: dict[str, int], hw: Hardware = PAPER) -> RunResult:
    """A run with chosen counts, all in PE 0; every count left out is 0."""
    pe = {name: np.zeros(hw.n_pes, dtype=np.int64) for name in PE_FIELDS}
    pe["drained_cycles"][:] = cycles
    own = {name: counts.get(name, 0) for name in ("scan_cycles", "rows_scanned", "broadcasts")}
    for name in counts.keys() - own.keys():
        pe[name][0] = counts[name]
    counters = Made(cycles=cycles, stall_cycles=0, dram_stall_cycles=0, pe=PeCounters(**pe), **own)
    return RunResult("made", "fast", hw, np.zeros(1, dtype=np.float32), counters)
