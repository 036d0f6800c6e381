"""What a run fetches from DRAM, for DRAM simulators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.report.report import write_text
from eiesim.sim.tracing import Schedule
from eiesim.sim.tracing.schedule import RequestKind

VERSION = 1
BLOCK_BYTES = 64
"""What one access of a DRAM simulator moves."""


def require_requests(schedule: Schedule) -> None:
    """Check that there is something to write; WorkloadError where nothing is fetched."""
    if not schedule.requests.cycle.size:
        raise WorkloadError(
            f"ramulator: {schedule.name}: expected requests to DRAM, found none: the SRAMs "
            "hold all that the window reads; lower spmat_sram_bytes or ptr_sram_bytes"
        )


def write_ramulator(schedule: Schedule, image: InterleavedCSC, folder: Path) -> None:
    """Write `dram.csv`, each request with its cycle, and `ramulator.trace`, the blocks they touch.

    Ramulator 2 reads the second one (frontend `LoadStoreTrace`): a line a block of 64 bytes. It has
    no cycles there: each access follows when the one before was accepted.
    """
    addresses, sizes = find_addresses(schedule, image)
    cycles = schedule.requests.cycle.tolist()
    lines = [
        f"{address},read,{cycle}\n"
        for address, cycle in zip(addresses.tolist(), cycles, strict=True)
    ]
    write_text(folder / "dram.csv", "address,type,cycle\n" + "".join(lines))
    blocks = list_blocks(addresses, sizes)
    text = "".join(f"LD 0x{block * BLOCK_BYTES:x}\n" for block in blocks.tolist())
    write_text(folder / "ramulator.trace", text)


def find_addresses(
    schedule: Schedule, image: InterleavedCSC
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first byte and the bytes of each request.

    PE by PE, DRAM holds the pointers that the PE's SRAM lacks, then the words; each in as many
    whole bytes as it needs.
    """
    hw, requests = schedule.hardware, schedule.requests
    ptr_bytes, word_bytes = -(-hw.ptr_bits // 8), -(-hw.spmat_width_bits // 8)
    pointers, words = _count_lacking(image, hw)
    own_bytes = pointers * ptr_bytes + words * word_bytes
    base = np.cumsum(own_bytes) - own_bytes
    is_pointer = requests.kind == RequestKind.POINTER
    number = requests.number.astype(np.int64)
    offset = np.where(
        is_pointer,
        (number - hw.resident_pointers) * ptr_bytes,
        pointers * ptr_bytes + (number - hw.resident_words) * word_bytes,
    )
    return base[requests.pe] + offset, np.where(is_pointer, ptr_bytes, word_bytes)


def _count_lacking(image: InterleavedCSC, hw: Hardware) -> tuple[int, npt.NDArray[np.int64]]:
    """Return the pointers of each PE, and the words of all PEs, that its SRAMs do not hold."""
    words = -(-image.ptr[-1].astype(np.int64) // hw.entries_per_word)
    pointers = max(image.ptr.shape[0] - hw.resident_pointers, 0)
    return pointers, np.maximum(words - hw.resident_words, 0)


def list_blocks(
    addresses: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the blocks that requests touch in their order, runs of the same block as one."""
    first, last = addresses // BLOCK_BYTES, (addresses + sizes - 1) // BLOCK_BYTES
    number = last - first + 1
    within = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    blocks = np.repeat(first, number) + within
    kept: npt.NDArray[np.int64] = blocks[np.diff(blocks, prepend=-1) != 0]
    return kept
