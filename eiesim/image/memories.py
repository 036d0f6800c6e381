"""What each memory of a PE holds, word by word (docs/rtl.md), and the files of all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eiesim.base.files import MANIFEST
from eiesim.base.fixedpoint import quantise
from eiesim.base.memory_text import FORMATS
from eiesim.hardware import Hardware
from eiesim.image.arrays import ImageArrays
from eiesim.image.words import pack_entries, to_bits

RTL_SCHEMA = "eiesim rtl 2"
"""Of the manifest."""
MACHINE = "hardware.toml"
OUTPUTS = "expected/outputs.hex"
EVENTS = {
    "expected/writes.csv": "cycle,pe,address,value",
    "expected/spmat_reads.csv": "cycle,pe,word",
    "expected/ptr_reads.csv": "cycle,pe,column",
}
"""Files of what happens in a run, and the first line of each."""
MEMORIES = ("ptr_even", "ptr_odd", "spmat", "codebook", "activations")
"""Memories of a PE, as their files are named."""


@dataclass(frozen=True)
class Memory:
    """What one memory of a PE holds.

    Attributes
    ----------
    notes
        What a word means, for the top of the file.
    """

    width_bits: int
    words: list[int]
    notes: tuple[str, ...]

    def to_text(self, form: str, title: str) -> str:
        """Return the memory as a file of one of `FORMATS`."""
        size = f"{len(self.words)} words of {self.width_bits} bits, the first at address 0"
        return FORMATS[form].write(self.words, self.width_bits, [f"{title}: {size}", *self.notes])


def name_memory(pe: int, memory: str, form: str) -> str:
    """Return the name of a memory's file within its folder."""
    return f"pe{pe}/{memory}.{form}"


def list_files(n_pes: int, form: str) -> list[str]:
    """Return the names of all files of an exported layer but that of their checksums."""
    memories = [name_memory(pe, memory, form) for pe in range(n_pes) for memory in MEMORIES]
    return [MANIFEST, MACHINE, *memories, OUTPUTS, *EVENTS]


def count_rows(image: ImageArrays, hw: Hardware) -> int:
    """Return how many rows of activations are scanned, the bias's row among them."""
    return image.input_rows + (image.has_bias or hw.bias_row)


def lay_out_activations(
    image: ImageArrays, activations: npt.NDArray[np.float32], hw: Hardware
) -> npt.NDArray[np.int16]:
    """Return the activations as the source registers hold them, int16 [rows, n_pes]."""
    source = np.zeros((count_rows(image, hw), hw.n_pes), dtype=np.int16)
    source.reshape(-1)[: image.cols] = quantise(activations, hw.act_fraction_bits)
    if len(source) > image.input_rows:
        source[image.input_rows, 0] = quantise(1.0, hw.act_fraction_bits)
    return source


def list_memories(
    image: ImageArrays, source: npt.NDArray[np.int16], hw: Hardware, pe: int
) -> dict[str, Memory]:
    """Return what the memories of a PE hold, by `MEMORIES`.

    Parameters
    ----------
    source : int16 [rows]
        The PE's activations, that of the bias's row included.
    """
    pointers = image.ptr[:, pe].tolist()
    of_pe = slice(image.base[pe], image.base[pe + 1])
    codebook = np.zeros(1 << hw.codebook_bits, dtype=np.int16)
    codebook[: image.codebook.size] = quantise(image.codebook, hw.weight_fraction_bits)
    code_bits, entry_bits = hw.codebook_bits, hw.entry_bits
    spmat_notes = (
        f"{hw.entries_per_word} entries a word; entry e is in bits {entry_bits}*e+{entry_bits - 1} "
        f"to {entry_bits}*e, the first entry in the lowest bits",
        f"of an entry, bits {code_bits - 1} to 0 are the code, "
        f"bits {entry_bits - 1} to {code_bits} the relative index",
    )
    number = "a pointer is the number of an entry within this PE"
    memories = (
        Memory(hw.ptr_bits, pointers[0::2], ("address a: the start of column 2*a", number)),
        Memory(hw.ptr_bits, pointers[1::2], ("address a: the start of column 2*a+1", number)),
        Memory(
            hw.spmat_width_bits,
            pack_entries(image.codes[of_pe], image.relative_index[of_pe], hw),
            spmat_notes,
        ),
        Memory(
            16,
            to_bits(codebook),
            (f"the weight of each code: fixed point, {hw.weight_fraction_bits} fraction bits",),
        ),
        Memory(
            16,
            to_bits(source),
            (
                f"address r: activation {hw.n_pes}*r+{pe}, fixed point, "
                f"{hw.act_fraction_bits} fraction bits",
                f"rows from {image.input_rows} on are the bias's",
            ),
        ),
    )
    return dict(zip(MEMORIES, memories, strict=True))
