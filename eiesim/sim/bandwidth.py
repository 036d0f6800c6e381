"""How much DRAM bandwidth a run needs not to wait for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.stream import ScannedInput, count_fetch_cycles, scan_input
from eiesim.views import FetchView


def find_bandwidth(
    image: InterleavedCSC, activations: npt.NDArray[np.float32], hw: Hardware
) -> float | None:
    """Find the smallest bandwidth with which a run takes no more cycles than with an unlimited one.

    More bandwidth never costs cycles, so that bisection down to neighbouring floats finds it
    exactly: the run keeps its cycles with this `dram_gbps`, and not with the next smaller float.

    The machine's own `dram_gbps` does not matter. The result is in GB/s; None where nothing is
    streamed; 0.0 where all that is streamed belongs to empty columns behind the last entry, whose
    time is not counted, so that any bandwidth will do.

    Raises
    ------
    WorkloadError
        The activations are not float32 [cols], or not all numbers.
    ImageError
        The image is damaged or was encoded for other hardware, or the run may take more
        cycles than the fast engine's 32 bits hold.
    """
    return find_scanned_bandwidth(scan_input(image, activations, hw))


def find_scanned_bandwidth(scanned: ScannedInput) -> float | None:
    """Find the bandwidth for an input that was scanned already; see `find_bandwidth`."""
    from eiesim.sim.fast.engine import time_scan  # noqa: PLC0415 - numba takes half a second

    image, hw, scan = scanned.image, scanned.hw, scanned.scan
    bits = scanned.stream.bits.copy()
    if not bits.any():
        return None
    filled = np.flatnonzero(image.counts[scan.columns].any(axis=1))
    if filled.size:
        bits[filled[-1] + 1 :] = 0
    if not bits.any():
        return 0.0

    least_cycles = time_scan(image, scan, count_fetch_cycles(bits, None), hw.timing).cycles

    def keeps_cycles(gbps: float) -> bool:
        fetches = count_fetch_cycles(bits, FetchView(gbps, hw.clock_mhz))
        if fetches.sum() > least_cycles:
            return False
        return time_scan(image, scan, fetches, hw.timing).cycles == least_cycles

    gbps_per_bit = hw.clock_mhz / 8000  # for one bit in each cycle
    too_low = int(bits.sum()) / (2 * least_cycles) * gbps_per_bit
    enough = 2 * int(bits.max()) * gbps_per_bit
    while too_low < (middle := (too_low + enough) / 2) < enough:
        if keeps_cycles(middle):
            enough = middle
        else:
            too_low = middle
    return enough
