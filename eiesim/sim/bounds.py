"""A floor and a ceiling on the cycles of a run, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.scan import PIPELINE_CYCLES
from eiesim.sim.stream import ScannedInput, count_fetch_cycles, scan_input


@dataclass(frozen=True)
class Bounds:
    """What the cycles of a run cannot leave, whatever the depth of the queues.

    Attributes
    ----------
    work_cycles
        All entries divided by the PEs, rounded up: perfect balance.
    busiest_pe_cycles
        The PE with the most to do, were its queue never empty.
    ceiling_cycles
        All PEs in lock-step, every column as long as its longest part or its fetch
        from DRAM: no queue at all.
    """

    work_cycles: int
    busiest_pe_cycles: int
    ceiling_cycles: int

    @property
    def floor_cycles(self) -> int:
        """The higher one of the two floors."""
        return max(self.work_cycles, self.busiest_pe_cycles)


def bound_cycles(
    image: InterleavedCSC, activations: npt.NDArray[np.float32], hw: Hardware
) -> Bounds:
    """Bound the cycles of one input without simulating it.

    The bounds are the same for every `queue_depth`. Without an entry they are those of the scan.

    Raises
    ------
    WorkloadError
        The activations are not float32 [cols], or not all numbers.
    ImageError
        The image is damaged or was encoded for other hardware.
    ConfigError
        With so little DRAM bandwidth not even 64 bits hold the cycles.
    """
    return bound_scanned(scan_input(image, activations, hw))


def bound_scanned(scanned: ScannedInput) -> Bounds:
    """Bound the cycles of an input that was scanned already; see `bound_cycles`."""
    image, hw, scan = scanned.image, scanned.hw, scanned.scan
    fetches = count_fetch_cycles(scanned.stream.bits, hw.fetch)
    entries = image.counts[scan.columns].astype(np.int64)
    lead = hw.timing.lead_cycles
    if not entries.any():
        scan_cycles = int(scan.gaps.sum()) + scan.rest_cycles
        # an empty column holds a queue's slot for a cycle, so that only the scan can be delayed
        delay_cycles = scan.columns.size * lead + int(fetches.sum())
        return Bounds(0, scan_cycles, scan_cycles + delay_cycles)
    apart = np.maximum(scan.gaps, fetches)
    before_first = int(apart[0]) + lead - 1
    occupied = np.maximum(entries, 1).cumsum(axis=0)
    busiest = int(np.where(entries > 0, occupied, 0).max())
    last = int(np.flatnonzero(entries.any(axis=1))[-1])
    longest = np.maximum(entries[: last + 1].max(axis=1), 1)
    steps = np.maximum(np.maximum(longest[:-1], apart[1 : last + 1]), lead)
    return Bounds(
        work_cycles=-(-int(entries.sum()) // hw.n_pes),
        busiest_pe_cycles=before_first + busiest + PIPELINE_CYCLES,
        ceiling_cycles=before_first + int(steps.sum() + longest[-1]) + PIPELINE_CYCLES,
    )
