"""The folder of a layer for the RTL; docs/rtl.md describes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim import __version__
from eiesim.base.arrays import take_array
from eiesim.base.checksums import write_sums
from eiesim.base.errors import ConfigError, did_you_mean
from eiesim.base.files import MANIFEST, new_folder
from eiesim.base.fixedpoint import quantise
from eiesim.base.memory_text import FORMATS
from eiesim.base.tables import to_json
from eiesim.counters import RunResult
from eiesim.exporters.rtl.parameters import check_supported, list_parameters
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.image.memories import (
    EVENTS,
    MACHINE,
    OUTPUTS,
    RTL_SCHEMA,
    count_rows,
    lay_out_activations,
    list_files,
    list_memories,
    name_memory,
)
from eiesim.image.words import to_bits
from eiesim.sim.reference.array import Array
from eiesim.sim.reference.pe import ProcessingElement

EventRows = Sequence[tuple[int, ...]]


def export_rtl(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    path: str | Path,
    form: str = "hex",
) -> Path:
    """Write memory images of a layer and an input for the RTL, and what a run on them must give.

    The run is that of the reference engine on the fixed16 datapath, whatever datapath `hw` names.

    Parameters
    ----------
    activations : float32 [cols]
        The input.
    path : str or Path
        The folder; when it exists, ``-2`` and so on is added to its name.
    form : {"hex", "mif", "coe"}
        Format of the memory images: for `$readmemh`, for Intel's tools, or for AMD's.

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
        The format is unknown, or the RTL lacks what the machine has: batches of activations.
    """
    with new_folder(path) as folder:
        write_rtl(image, activations, hw, folder.work, form)
    return folder.final


def write_rtl(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    hw: Hardware,
    folder: Path,
    form: str = "hex",
) -> RunResult:
    """Write the files of `export_rtl` into a folder, and return the run that they are of."""
    if form not in FORMATS:
        raise ConfigError(f"format {form!r}: {did_you_mean(form, FORMATS)}")
    hw = replace(hw, datapath="fixed16")
    image.require(hw)
    check_supported(image, hw)
    operands = take_array(activations, f"{image.name}: activations", np.float32, (image.cols,))
    source = lay_out_activations(image, operands, hw)
    for pe in range(hw.n_pes):
        (folder / f"pe{pe}").mkdir()
        for name, memory in list_memories(image, source[:, pe], hw, pe).items():
            text = memory.to_text(form, f"PE {pe}, {name}")
            (folder / name_memory(pe, name, form)).write_text(text, "utf-8")
    array = Array(image, operands, hw)
    result = array.run()
    (folder / OUTPUTS).parent.mkdir()
    output = quantise(result.output, hw.act_fraction_bits)  # exact: the way back
    notes = [
        f"{image.rows} outputs, row 0 first: fixed point, {hw.act_fraction_bits} fraction bits"
    ]
    (folder / OUTPUTS).write_text(FORMATS["hex"].write(to_bits(output), 16, notes), "utf-8")
    events: tuple[EventRows, ...] = (
        list_writes(array), list_word_reads(array), list_ptr_reads(array),
    )  # fmt: skip
    for (name, header), rows in zip(EVENTS.items(), events, strict=True):
        (folder / name).write_text(_to_csv(header, rows), "utf-8")
    (folder / MACHINE).write_text(hw.to_toml(), "utf-8")
    (folder / MANIFEST).write_text(to_json(_make_manifest(image, result, form)), "utf-8")
    write_sums(folder, list_files(hw.n_pes, form))
    return result


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


def _to_csv(header: str, rows: EventRows) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def _make_manifest(image: InterleavedCSC, result: RunResult, form: str) -> dict[str, Any]:
    hw = result.hardware
    return {
        "schema": RTL_SCHEMA,
        "eiesim": __version__,
        "format": form,
        "layer": image.name,
        "outputs": image.rows,
        "inputs": image.cols,
        "has_bias": image.has_bias,
        "codebook_entries": image.codebook.size,
        "rows_to_scan": count_rows(image, hw),
        "parameters": list_parameters(image, hw),
        "weight_fraction_bits": hw.weight_fraction_bits,
        "act_fraction_bits": hw.act_fraction_bits,
        "counters": result.counters.totals(),
    }
