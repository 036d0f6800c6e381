"""Folders of a layer for the RTL, as `eiesim.exporters.rtl` writes them (docs/rtl.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.checksums import SUMS, parse_sums
from eiesim.base.errors import ImageError, WorkloadError, did_you_mean
from eiesim.base.files import MANIFEST
from eiesim.base.fixedpoint import dequantise
from eiesim.base.memory_text import FORMATS
from eiesim.base.schema import show_value
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.image.arrays import find_bias_column
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
from eiesim.image.words import count_words, from_bits, unpack_entries
from eiesim.importers.content import read_content, read_json
from eiesim.layer.weights import LARGEST, CompressedLayer

MOST_MANIFEST_BYTES = 1 << 20
LAYER_NOTES = {
    "schema": str, "format": str, "layer": str, "outputs": int, "inputs": int, "has_bias": bool,
    "codebook_entries": int,
}  # fmt: skip
"""What is read of the manifest, with its types."""


class RtlLayer(NamedTuple):
    """A layer and an input of 16-bit fixed-point numbers, the machine, and the files' SHA-256."""

    layer: CompressedLayer
    activations: npt.NDArray[np.float32]
    hardware: Hardware
    sha256: str


def is_rtl_folder(path: str | Path) -> bool:
    """Return whether a path is such a folder."""
    with suppress(OSError):  # the path is no valid name
        has_sums = Path(path, SUMS).is_file() and Path(path, MACHINE).is_file()
        return has_sums or Path(path, "pe0").is_dir()
    return False


def read_rtl(path: str | Path) -> RtlLayer:
    """Read a layer, its input and its machine from the memory images of all PEs.

    Weights and input are the fixed-point numbers of the files. Of what the RTL must give, the
    checksums alone are compared. Files that are not in the list of checksums are not read. Raises
    WorkloadError, with file and line where there is one, if a file is missing, damaged or changed,
    or the files do not go together; ConfigError if the machine is none; and ImageError, with PE,
    column and entry, if the memories hold no layer.
    """
    files = _Files(Path(path))
    notes = _read_notes(files)
    files.read(MACHINE)
    files.require_unchanged()
    hw = Hardware.from_toml(files.folder / MACHINE)
    files.require_names(list_files(hw.n_pes, notes["format"]))
    outputs = files.read(OUTPUTS)  # before arrays of as many rows as the manifest says are made
    FORMATS["hex"].read(outputs, str(files.folder / OUTPUTS), 16, notes["outputs"])
    memories = _Memories(files, hw, notes["format"])
    try:
        image = _read_image(memories, notes)
        _ = image.checked
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    activations = _read_activations(memories, image)
    files.require_unchanged()
    memories.require_same_words(image, activations)
    for name in EVENTS:
        files.read(name)
    files.require_unchanged()
    return RtlLayer(image.decode(), activations, hw, files.sha256)


class _Files:
    """The files of a folder.

    Their checksums are compared after they were read, so that a damaged word is named with its
    line.
    """

    def __init__(self, folder: Path) -> None:
        content = read_content(folder / SUMS)
        self.folder = folder
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._sums = parse_sums(_decode(content), f"{folder / SUMS}")
        self._changed: list[str] = []

    def read(self, name: str) -> str:
        content = read_content(self.folder / name)
        if hashlib.sha256(content).hexdigest() != self._sums.get(name):
            self._changed.append(name)
        return _decode(content)

    def require_unchanged(self) -> None:
        if self._changed:
            raise WorkloadError(
                *(
                    f"{self.folder / name}: expected the file as it was exported, found one whose "
                    f"SHA-256 is not that in {SUMS}; export the layer again"
                    for name in self._changed
                )
            )

    def require_names(self, expected: list[str]) -> None:
        for number, (found, wanted) in enumerate(zip_longest(self._sums, expected), start=1):
            if found != wanted:
                raise WorkloadError(
                    f"{self.folder / SUMS}:{number}: expected {wanted or 'the end'}, found "
                    f"{found or 'the end'}; export the layer again"
                )


def _decode(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace")


def _read_notes(files: _Files) -> dict[str, Any]:
    """Return what `LAYER_NOTES` lists of the manifest."""
    file = files.folder / MANIFEST
    files.read(MANIFEST)
    files.require_unchanged()
    manifest = read_json(file, MOST_MANIFEST_BYTES)
    if manifest.get("schema") != RTL_SCHEMA:
        raise WorkloadError(
            f"{file}: schema: expected {RTL_SCHEMA!r}, found {show_value(manifest.get('schema'))}; "
            "export the layer again"
        )
    for name, kind in LAYER_NOTES.items():
        value = manifest.get(name)
        is_size = isinstance(value, int) and 1 <= value <= LARGEST
        if type(value) is not kind or (kind is int and not is_size):
            raise WorkloadError(
                f"{file}: {name}: expected {kind.__name__}, found {show_value(value)}"
            )
    if manifest["format"] not in FORMATS:
        raise WorkloadError(f"{file}: format: {did_you_mean(manifest['format'], FORMATS)}")
    return {name: manifest[name] for name in LAYER_NOTES}


class _Memories:
    """The memory images of a machine."""

    def __init__(self, files: _Files, hw: Hardware, form: str) -> None:
        self.hw = hw
        self._files = files
        self._form = form
        self._texts: dict[tuple[int, str], str] = {}

    def read(self, pe: int, memory: str, width_bits: int, count: int) -> list[int]:
        name = name_memory(pe, memory, self._form)
        text = self._files.read(name)
        self._texts[pe, memory] = text
        return FORMATS[self._form].read(text, self._place(name), width_bits, count)

    def _place(self, name: str) -> str:
        return str(self._files.folder / name)

    def require_same_words(
        self, image: InterleavedCSC, activations: npt.NDArray[np.float32]
    ) -> None:
        """Check that the layer gives the files again, so that nothing in them was overlooked."""
        source = lay_out_activations(image, activations, self.hw)
        for pe in range(image.n_pes):
            for name, memory in list_memories(image, source[:, pe], self.hw, pe).items():
                wanted = memory.to_text(self._form, f"PE {pe}, {name}").split("\n")
                found = self._texts[pe, name].split("\n")
                for number, (line, expected) in enumerate(zip_longest(found, wanted), start=1):
                    if line != expected:
                        place = self._place(name_memory(pe, name, self._form))
                        raise WorkloadError(
                            f"{place}:{number}: expected {expected!r} by what else is in the "
                            f"folder, found {line!r}; export the layer again"
                        )


def _read_image(memories: _Memories, notes: Mapping[str, Any]) -> InterleavedCSC:
    """Return what the pointer banks, sparse-matrix SRAMs and the codebook of PE 0 hold."""
    hw, cols = memories.hw, notes["inputs"]
    pointers = find_bias_column(cols, hw.n_pes) + 2
    columns, codes, indices = [], [], []
    for pe in range(hw.n_pes):
        # read before there is an array of as many columns as the manifest says
        even = memories.read(pe, "ptr_even", hw.ptr_bits, (pointers + 1) // 2)
        odd = memories.read(pe, "ptr_odd", hw.ptr_bits, pointers // 2)
        column = np.empty(pointers, np.int64)
        column[0::2], column[1::2] = even, odd
        entries = int(column[-1])
        words = memories.read(pe, "spmat", hw.spmat_width_bits, count_words(entries, hw))
        part = unpack_entries(words, entries, hw)
        columns.append(column)
        codes.append(part[0])
        indices.append(part[1])
    books = [memories.read(pe, "codebook", 16, 1 << hw.codebook_bits) for pe in range(hw.n_pes)]
    codebook = dequantise(from_bits(books[0]), hw.weight_fraction_bits)
    return InterleavedCSC(
        notes["outputs"], cols, hw.n_pes, hw.index_bits, notes["has_bias"],
        codebook[: notes["codebook_entries"]], np.stack(columns, axis=1).astype(np.int32),
        np.concatenate(codes), np.concatenate(indices), notes["layer"],
    )  # fmt: skip


def _read_activations(memories: _Memories, image: InterleavedCSC) -> npt.NDArray[np.float32]:
    """Return the inputs without the bias's row."""
    hw, rows = memories.hw, count_rows(image, memories.hw)
    source = np.stack(
        [from_bits(memories.read(pe, "activations", 16, rows)) for pe in range(hw.n_pes)], axis=1
    )
    return dequantise(source.reshape(-1)[: image.cols], hw.act_fraction_bits)
