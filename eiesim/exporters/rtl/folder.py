"""The folder of a layer for the RTL; docs/rtl.md describes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim import __version__
from eiesim.base.arrays import take_array
from eiesim.base.files import MANIFEST, new_folder
from eiesim.base.fixedpoint import quantise
from eiesim.base.tables import to_json
from eiesim.counters import RunResult
from eiesim.exporters.rtl.parameters import check_supported, count_rows, list_parameters
from eiesim.exporters.rtl.words import pack_entries, to_bits, to_hex
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.reference.array import Array
from eiesim.sim.reference.pe import ProcessingElement

SCHEMA = "eiesim rtl 1"


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

    def to_hex(self, title: str) -> str:
        """Return the memory as text for `$readmemh`."""
        size = f"{len(self.words)} words of {self.width_bits} bits, the first at address 0"
        return to_hex(self.words, self.width_bits, [f"{title}: {size}", *self.notes])


def export_rtl(
    image: InterleavedCSC, activations: npt.NDArray[np.float32], hw: Hardware, path: str | Path
) -> Path:
    """Write memory images of a layer and an input for the RTL, and what a run on them must give.

    The run is that of the reference engine on the fixed16 datapath, whatever datapath `hw` names.

    Parameters
    ----------
    activations : float32 [cols]
        The input.
    path : str or Path
        The folder; when it exists, ``-2`` and so on is added to its name.

    Returns
    -------
    Path
        The folder, which is there whole or not at all.

    Raises
    ------
    WorkloadError
        The activations are not float32 [cols], or not all numbers.
    ImageError
        The image is damaged, was encoded for other hardware, or does not fit its SRAMs.
    ConfigError
        The RTL lacks what the machine has: batches of activations.
    """
    with new_folder(path) as folder:
        write_rtl(image, activations, hw, folder.work)
    return folder.final


def write_rtl(
    image: InterleavedCSC, activations: npt.NDArray[np.float32], hw: Hardware, folder: Path
) -> RunResult:
    """Write the files of `export_rtl` into a folder, and return the run that they are of."""
    hw = replace(hw, datapath="fixed16")
    image.require(hw)
    check_supported(image, hw)
    operands = take_array(activations, f"{image.name}: activations", np.float32, (image.cols,))
    source = _lay_out_activations(image, operands, hw)
    for pe in range(hw.n_pes):
        part = folder / f"pe{pe}"
        part.mkdir()
        for name, memory in list_memories(image, source[:, pe], hw, pe).items():
            (part / f"{name}.hex").write_text(memory.to_hex(f"PE {pe}, {name}"), "utf-8")
    array = Array(image, operands, hw)
    result = array.run()
    expected = folder / "expected"
    expected.mkdir()
    output = quantise(result.output, hw.act_fraction_bits)  # exact: the way back
    notes = [
        f"{image.rows} outputs, row 0 first: fixed point, {hw.act_fraction_bits} fraction bits"
    ]
    (expected / "outputs.hex").write_text(to_hex(to_bits(output), 16, notes), "utf-8")
    for name, header, rows in (
        ("writes.csv", "cycle,pe,address,value", list_writes(array)),
        ("spmat_reads.csv", "cycle,pe,word", list_word_reads(array)),
        ("ptr_reads.csv", "cycle,pe,column", list_ptr_reads(array)),
    ):
        (expected / name).write_text(_to_csv(header, rows), "utf-8")
    (folder / MANIFEST).write_text(to_json(_make_manifest(image, result)), "utf-8")
    return result


def list_memories(
    image: InterleavedCSC, source: npt.NDArray[np.int16], hw: Hardware, pe: int
) -> dict[str, Memory]:
    """Return what the five memories of a PE hold, under the names of their files.

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
    return {
        "ptr_even": Memory(
            hw.ptr_bits, pointers[0::2], ("address a: the start of column 2*a", number)
        ),
        "ptr_odd": Memory(
            hw.ptr_bits, pointers[1::2], ("address a: the start of column 2*a+1", number)
        ),
        "spmat": Memory(
            hw.spmat_width_bits,
            pack_entries(image.codes[of_pe], image.relative_index[of_pe], hw),
            spmat_notes,
        ),
        "codebook": Memory(
            16,
            to_bits(codebook),
            (f"the weight of each code: fixed point, {hw.weight_fraction_bits} fraction bits",),
        ),
        "activations": Memory(
            16,
            to_bits(source),
            (
                f"address r: activation {hw.n_pes}*r+{pe}, fixed point, "
                f"{hw.act_fraction_bits} fraction bits",
                f"rows from {image.input_rows} on are the bias's",
            ),
        ),
    }


def list_writes(array: Array) -> list[tuple[int, int, int, int]]:
    """Return cycle, PE, address and value of every accumulator write, in order."""
    return sorted(
        (write.cycle, number, write.row, int(write.total))
        for number, pe in enumerate(array.pes)
        for write in pe.arithm.writes
    )


def list_word_reads(array: Array) -> list[tuple[int, int, int]]:
    """Return cycle, PE and number of every sparse-matrix word read, in order."""
    return sorted(
        (cycle, number, word)
        for number, pe in enumerate(array.pes)
        for cycle, _, word in pe.spmat_read.reads
    )


def list_ptr_reads(array: Array) -> list[tuple[int, int, int]]:
    """Return cycle, PE and column of every pointer read, in order."""
    return sorted(
        (cycle, number, column)
        for number, pe in enumerate(array.pes)
        for cycle, column in _list_columns(array, pe)
    )


def _list_columns(array: Array, pe: ProcessingElement) -> Iterable[tuple[int, int]]:
    for (first, _, _), (_, column) in zip(pe.ptr_read.spans, array.ccu.broadcasts, strict=True):
        yield first - 1, column  # popped in the cycle before the column's first one


def _lay_out_activations(
    image: InterleavedCSC, activations: npt.NDArray[np.float32], hw: Hardware
) -> npt.NDArray[np.int16]:
    """Return the activations as the source registers hold them, int16 [rows, n_pes]."""
    source = np.zeros((count_rows(image, hw), hw.n_pes), dtype=np.int16)
    source.reshape(-1)[: image.cols] = quantise(activations, hw.act_fraction_bits)
    if len(source) > image.input_rows:
        source[image.input_rows, 0] = quantise(1.0, hw.act_fraction_bits)
    return source


def _to_csv(header: str, rows: Iterable[tuple[int, ...]]) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def _make_manifest(image: InterleavedCSC, result: RunResult) -> dict[str, Any]:
    hw = result.hardware
    return {
        "schema": SCHEMA,
        "eiesim": __version__,
        "layer": image.name,
        "outputs": image.rows,
        "inputs": image.cols,
        "rows_to_scan": count_rows(image, hw),
        "parameters": list_parameters(image, hw),
        "weight_fraction_bits": hw.weight_fraction_bits,
        "act_fraction_bits": hw.act_fraction_bits,
        "counters": result.counters.totals(),
    }
