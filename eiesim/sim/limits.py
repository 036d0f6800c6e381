"""What a run would take without one of the causes that limit it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.counters import Cause
from eiesim.image import InterleavedCSC
from eiesim.sim.stream import ScannedInput, count_fetch_cycles


def find_counts(image: InterleavedCSC, cause: Cause | None) -> npt.NDArray[Any]:
    """Return the entries of each column and PE that take a cycle, [columns, n_pes]."""
    counts = image.counts
    return np.subtract(counts, image.columns.padding) if cause is Cause.PADDING else counts


def time_without(scanned: ScannedInput, cause: Cause | None) -> int:
    """Return the cycles that an input would take without one of the causes.

    Exact by the recurrences of the contract. Without empty columns, a column without an entry
    takes no cycle; without padding, padding zeros take none, and DRAM still sends them; without the
    scan's, the next non-zero is before the detector in every cycle; without full queues, a queue
    and DRAM's buffer have a slot for each broadcast; without DRAM's, every fetch takes at most a
    cycle.

    Parameters
    ----------
    cause
        None to leave everything as it is. The busiest PE's cannot be left out here: it takes
        another order of the rows (`eiesim.image.balance_rows`).

    Raises
    ------
    ImageError
        The run may take more cycles than the fast engine's 32 bits hold.
    """
    from eiesim.sim.fast.engine import time_scan  # noqa: PLC0415 - numba takes half a second

    if cause is Cause.BUSIEST_PE:
        raise ValueError("expected a cause other than the busiest PE, which depends on the rows")
    image, hw, scan = scanned.image, scanned.hw, scanned.scan
    timing, counts = hw.timing, find_counts(image, cause)
    if cause is Cause.QUEUE:
        timing = timing._replace(queue_depth=scan.columns.size + 2)
    if cause is Cause.SCAN:
        scan = replace(scan, gaps=np.ones_like(scan.gaps), rest_cycles=0)
    fetches = count_fetch_cycles(scanned.stream.bits, None if cause is Cause.DRAM else hw.fetch)
    empty_cycles = 0 if cause is Cause.EMPTY_COLUMNS else 1
    return time_scan(image, scan, fetches, timing, counts, empty_cycles).cycles
