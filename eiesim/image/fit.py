"""How full the memories of a PE are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eiesim.hardware import Hardware
from eiesim.units import bits_to_bytes

if TYPE_CHECKING:
    from eiesim.image.csc import InterleavedCSC

SPMAT_SRAM = "sparse-matrix SRAM"
PTR_SRAM = "pointer SRAM"
BATCHES = "more would go in batches, whose cycles are not modelled"


class MemoryUse(NamedTuple):
    """How full one memory of the fullest PE is."""

    memory: str
    used: int
    capacity: int
    unit: str
    fits: bool
    note: str


def fit_image(image: InterleavedCSC, hw: Hardware) -> list[MemoryUse]:
    """Return how full each memory of the fullest PE is.

    Parameters
    ----------
    image : InterleavedCSC
        The layer.
    hw : Hardware
        The machine that is to hold it.

    References
    ----------
    EIE, section VI: 128 KB for the sparse matrix, 32 KB for the pointers, 2 KB for activations.
    """
    entries = int(image.ptr[-1].max())
    words = -(-entries // hw.entries_per_word)
    pointers = image.ptr.shape[0]
    inputs, outputs = -(-image.cols // image.n_pes), image.pe_rows(0)
    addressed = 1 << hw.ptr_bits
    spmat = bits_to_bytes(words * hw.spmat_width_bits)
    ptr = bits_to_bytes(pointers * hw.ptr_bits)
    act = 2 * (inputs + outputs)
    registers = hw.accumulators_per_pe
    reachable = bits_to_bytes(addressed // hw.entries_per_word * hw.spmat_width_bits)
    share = min(reachable / hw.spmat_sram_bytes, 1)
    rows = [
        (SPMAT_SRAM, spmat, hw.spmat_sram_bytes, "bytes", f"{entries} entries"),
        (PTR_SRAM, ptr, hw.ptr_sram_bytes, "bytes", f"{pointers} pointers in two banks"),
        (
            "pointer range",
            entries,
            addressed - 1,
            "entries",
            f"{hw.ptr_bits}-bit pointers address {share:.0%} of the sparse-matrix SRAM",
        ),
        (
            "activation SRAM",
            act,
            hw.act_sram_bytes,
            "bytes",
            f"{inputs} inputs and {outputs} outputs of 16 bits",
        ),
        ("source activation registers", inputs, registers, "inputs", BATCHES),
        ("accumulators", outputs, registers, "outputs", BATCHES),
    ]
    return [
        MemoryUse(memory, used, capacity, unit, used <= capacity, note)
        for memory, used, capacity, unit, note in rows
    ]


def overflows_srams(image: InterleavedCSC, hw: Hardware) -> bool:
    """Return whether a PE's words or pointers exceed its SRAM, so that a run may stream from DRAM.

    Parameters
    ----------
    image : InterleavedCSC
        The layer.
    hw : Hardware
        The machine.
    """
    uses = fit_image(image, hw)
    return not all(use.fits for use in uses if use.memory in (SPMAT_SRAM, PTR_SRAM))
