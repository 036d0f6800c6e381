"""How full the memories of a PE are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from eiesim.base.units import bits_to_bytes
from eiesim.image.arrays import ImageArrays
from eiesim.views import FillView, StreamView

SPMAT_SRAM = "sparse-matrix SRAM"
PTR_SRAM = "pointer SRAM"
POINTER_RANGE = "pointer range"
ACT_SRAM = "activation SRAM"
SOURCE_REGISTERS = "source activation registers"
ACCUMULATORS = "accumulators"
ON_CHIP = "on chip"
LACKS = {
    SPMAT_SRAM: "streamed from DRAM",
    PTR_SRAM: "streamed from DRAM",
    POINTER_RANGE: "out of pointer range",
    ACT_SRAM: "more than the activation SRAM",
    SOURCE_REGISTERS: "more than the registers",
    ACCUMULATORS: "more than the registers",
}
"""What becomes of a layer that a memory is too small for."""
BATCHES = "more would go in batches: their cycles with act_batches = true"


class MemoryUse(NamedTuple):
    """How full one memory of the fullest PE is."""

    memory: str
    used: int
    capacity: int
    unit: str
    fits: bool
    note: str

    @property
    def lack(self) -> str:
        """What becomes of what it does not hold, as in `LACKS`; empty where it holds all."""
        return "" if self.fits else LACKS[self.memory]


def name_lacks(uses: Iterable[MemoryUse]) -> str:
    """Return where a layer is: on chip, or in a few words what is not."""
    return ", ".join(dict.fromkeys(use.lack for use in uses if not use.fits)) or ON_CHIP


def fit_images(images: Sequence[ImageArrays], hw: FillView) -> list[MemoryUse]:
    """Return how full each memory of the fullest PE is.

    EIE, section VI: 128 KB for the sparse matrix, 32 KB for the pointers, 2 KB for activations.
    """
    pe_entries = np.array([image.ptr[-1] for image in images], np.int64)
    entries = int(pe_entries.sum(axis=0).max())
    words = int((-(-pe_entries // hw.entries_per_word)).sum(axis=0).max())
    pointers = sum(image.ptr.shape[0] for image in images)
    inputs = -(-images[0].cols // hw.n_pes)
    outputs = sum(image.pe_rows(0) for image in images)
    addressed = 1 << hw.ptr_bits
    spmat_bytes = bits_to_bytes(words * hw.spmat_width_bits)
    ptr_bytes = bits_to_bytes(pointers * hw.ptr_bits)
    kept = inputs if hw.delta_threshold is not None else 0
    act_bytes = bits_to_bytes(hw.operand_bits * (inputs + outputs + kept))
    reachable_bytes = bits_to_bytes(addressed // hw.entries_per_word * hw.spmat_width_bits)
    share = min(reachable_bytes / hw.spmat_sram_bytes, 1)
    reach = f"{hw.ptr_bits}-bit pointers address {share:.0%} of the sparse-matrix SRAM"
    longest = int(pe_entries.max())
    if longest >= addressed:
        reach += f"; ptr_bits = {longest.bit_length()} would do"
    activations = f"{inputs} inputs and {outputs} outputs of {hw.operand_bits} bits"
    if kept:
        activations += ", and the inputs as they were sent last"
    uses = [
        MemoryUse(memory, used, capacity, unit, used <= capacity, note)
        for memory, used, capacity, unit, note in (
            (SPMAT_SRAM, spmat_bytes, hw.spmat_sram_bytes, "bytes", f"{entries} entries"),
            (PTR_SRAM, ptr_bytes, hw.ptr_sram_bytes, "bytes", f"{pointers} pointers in two banks"),
            (POINTER_RANGE, longest, addressed - 1, "entries", reach),
            (ACT_SRAM, act_bytes, hw.act_sram_bytes, "bytes", activations),
        )
    ]
    capacity = hw.registers_per_pe
    for memory, used, unit in (
        (SOURCE_REGISTERS, inputs, "inputs"),
        (ACCUMULATORS, outputs, "outputs"),
    ):
        batches = -(-used // capacity)
        note = f"{batches} batches" if hw.act_batches and batches > 1 else BATCHES
        fits = hw.act_batches or used <= capacity
        uses.append(MemoryUse(memory, used, capacity, unit, fits, note))
    return uses


def count_chips(uses: Sequence[MemoryUse]) -> int:
    """Return the number of chips whose sparse-matrix and pointer SRAMs would hold a layer."""
    return max(-(-use.used // use.capacity) for use in uses if use.memory in (SPMAT_SRAM, PTR_SRAM))


def overflows_srams(image: ImageArrays, hw: StreamView) -> bool:
    """Return whether a PE's words or pointers exceed its SRAM, which then streams from DRAM."""
    resident_entries = hw.resident_words * hw.entries_per_word
    return bool(image.ptr[-1].max() > resident_entries) or (
        image.ptr.shape[0] > hw.resident_pointers
    )
