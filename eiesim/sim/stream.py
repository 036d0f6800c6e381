"""What a run streams from DRAM: words and pointers that the SRAMs do not hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.base.errors import ConfigError
from eiesim.base.units import gbps_to_bits_per_cycle
from eiesim.counters import DeltaState
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC, overflows_srams
from eiesim.sim.scan import Scan, load_registers, scan_activations
from eiesim.views import FetchView, StreamView

TOO_MANY_CYCLES = 1 << 62
"""As many cycles of fetches are refused: 64-bit times could not hold the run."""


@dataclass(frozen=True, eq=False)
class Stream:
    """What the broadcasts of one input stream.

    Attributes
    ----------
    bits : int64 [items]
        Bits of each broadcast over all PEs.
    spmat_words : int64 [n_pes]
        Sparse-matrix words of each PE.
    """

    bits: npt.NDArray[np.int64]
    spmat_words: npt.NDArray[np.int64]
    pointers: int


def find_stream(image: InterleavedCSC, scan: Scan, hw: StreamView) -> Stream:
    """Find what the broadcasts of one input stream."""
    if not overflows_srams(image, hw):
        nothing = np.zeros(scan.columns.size, dtype=np.int64)
        return Stream(nothing, np.zeros(hw.n_pes, dtype=np.int64), 0)
    words = _count_words(image.ptr, scan.columns, hw)
    pointers = np.clip(scan.columns.astype(np.int64) + 2 - hw.resident_pointers, 0, 2)
    bits = words.sum(axis=1) * hw.spmat_width_bits + pointers * (hw.n_pes * hw.ptr_bits)
    return Stream(bits, words.sum(axis=0), int(pointers.sum()))


def _count_words(
    ptr: npt.NDArray[np.int32], columns: npt.NDArray[np.int32], hw: StreamView
) -> npt.NDArray[np.int64]:
    """Count the words read that are not resident, [items, n_pes]."""
    first_words = ptr[columns].astype(np.int64) // hw.entries_per_word
    ends = (ptr[columns + 1].astype(np.int64) - 1) // hw.entries_per_word + 1
    words = ends - np.maximum(first_words, hw.resident_words)
    filled = ptr[columns + 1] > ptr[columns]
    if hw.spmat_word_reuse == "across_columns":
        # columns are visited in ascending order, so that the last word read is the highest one
        latched = np.maximum.accumulate(np.where(filled, ends, 0), axis=0)[:-1] - 1
        words[1:] -= (first_words[1:] == latched) & (latched >= hw.resident_words)
    return np.where(filled, np.maximum(words, 0), 0)


def count_fetch_cycles(
    bits: npt.NDArray[np.int64], fetch: FetchView | None
) -> npt.NDArray[np.int64]:
    """Return the cycles that DRAM takes for what each broadcast streams, exactly.

    Parameters
    ----------
    bits : int64 [items]
        Bits that each broadcast streams.
    fetch
        Bandwidth and clock; None for a DRAM that fetches any column in a cycle.

    Returns
    -------
    int64 [items]
        Whole cycles, 0 where nothing is streamed.

    Raises
    ------
    ConfigError
        With so little bandwidth the cycles do not fit 64 bits.
    """
    if fetch is None or not bits.any():
        return (bits > 0).astype(np.int64)
    rate = gbps_to_bits_per_cycle(*fetch)
    cycles = [-(-count * rate.denominator // rate.numerator) for count in bits.tolist()]
    if sum(cycles) >= TOO_MANY_CYCLES:
        raise ConfigError(
            f"dram_gbps: fetching at {fetch.dram_gbps} GB/s takes 2**62 cycles or more; raise it"
        )
    return np.array(cycles, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class ScannedInput:
    """One input of a layer, checked and scanned: what is broadcast, and what DRAM sends for it."""

    image: InterleavedCSC
    hw: Hardware
    scan: Scan
    stream: Stream


def scan_input(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    before: DeltaState | None = None,
) -> ScannedInput:
    """Check an image and an input for a machine, and scan the input.

    Raises
    ------
    WorkloadError
        The activations are not float32 [cols], or not all numbers.
    ImageError
        The image is damaged or was encoded for other hardware.
    """
    image.require(hw)
    operands = take_array(activations, f"{image.name}: activations", np.float32, (image.cols,))
    registers = load_registers(operands, hw.scan, before)
    scan = scan_activations(registers, image, hw.scan, before)
    return ScannedInput(image, hw, scan, find_stream(image, scan, hw.stream))
