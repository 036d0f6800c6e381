"""The schedule of a run, from what each process did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import ImageError
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.reference.array import Array
from eiesim.sim.reference.pe import ProcessingElement
from eiesim.sim.tracing.schedule import (
    BroadcastEvents,
    EntryEvents,
    Int32s,
    Schedule,
    Window,
    WordEvents,
    WriteEvents,
)
from eiesim.sim.tracing.timeline import LATEST, Timeline, make_schedule, to_int32

LOOKUP_CYCLES = 2
"""From the issue of an entry by pointer read to its look-up in the codebook."""


def list_schedule(
    image: InterleavedCSC, activations: npt.NDArray[np.float32], hw: Hardware, window: Window
) -> Schedule:
    """Return the schedule of a run, its operands checked already; see `eiesim.trace`."""
    array = Array(image, activations, hw)
    array.run()
    return collect_schedule(array, window)


def collect_schedule(array: Array, window: Window) -> Schedule:
    """Return the schedule of a machine that has run.

    Raises
    ------
    ImageError
        It ran longer than 32 bits hold.
    """
    name, hw, ccu = array.image.name, array.hw, array.ccu
    if array.end > LATEST:
        raise ImageError(f"{name}: expected a run of at most {LATEST} cycles, found {array.end}")
    numbers = window.list_pes(hw.n_pes)
    pes = [array.pes[number] for number in numbers]
    shape = len(pes), len(ccu.broadcasts)
    spans = to_int32([pe.ptr_read.spans for pe in pes]).reshape(*shape, 3)
    sent, columns = _to_arrays(ccu.broadcasts, 2)
    fetches = array.dram.fetches if array.dram is not None else [(0, 0)] * shape[1]
    fetch_starts, fetch_cycles = _to_arrays(fetches, 2)
    found = Timeline(
        cycles=array.cycles,
        scan_cycles=ccu.scan_cycles,
        has_entries=array.has_entries,
        rows=to_int32(ccu.row_starts),
        broadcasts=BroadcastEvents(sent, columns, array.datapath.unload(ccu.values)),
        queue_stalls=to_int32([len(cycles) for cycles in ccu.stalls]),
        dram_stalls=to_int32([len(cycles) for cycles in ccu.dram_stalls]),
        fetch_starts=fetch_starts,
        fetch_cycles=fetch_cycles,
        pes=numbers,
        starts=spans[:, :, 0],
        entry_counts=spans[:, :, 2],
        padding=to_int32([_count_padding(pe) for pe in pes]).reshape(shape),
        words=WordEvents(*_to_arrays(
            ((cycle, number, column, word)
             for number, pe in zip(numbers, pes, strict=True)
             for cycle, column, word in pe.spmat_read.reads), 4,
        )),
        entries=EntryEvents(*_to_arrays(
            ((cycle - LOOKUP_CYCLES, number, code, relative_index, row)
             for number, pe in zip(numbers, pes, strict=True)
             for cycle, code, relative_index, row in pe.arithm.entries), 5,
        )),
        writes=_list_writes(array, numbers, pes),
    )  # fmt: skip
    return make_schedule(name, hw, window, found)


def _count_padding(pe: ProcessingElement) -> list[int]:
    """Return the padding zeros of each column; entries come in the order of the columns."""
    zeros = [0, *accumulate(code == 0 for _, code, _, _ in pe.arithm.entries)]
    ends = [0, *accumulate(entries for _, _, entries in pe.ptr_read.spans)]
    return [zeros[end] - zeros[first] for first, end in pairwise(ends)]


def _list_writes(array: Array, numbers: Int32s, pes: Sequence[ProcessingElement]) -> WriteEvents:
    writes = [
        (cycle, number, row, total)
        for number, pe in zip(numbers, pes, strict=True)
        for cycle, row, total in pe.arithm.writes
    ]
    cycles, pe_numbers, rows = _to_arrays((write[:3] for write in writes), 3)
    values = array.datapath.unload([total for *_, total in writes])
    return WriteEvents(cycles, pe_numbers, rows, values)


def _to_arrays(events: Iterable[Sequence[int]], fields: int) -> Int32s:
    """Return events, one tuple each, as one array a field, int32 [fields, events]."""
    return to_int32(list(events)).reshape(-1, fields).T.copy()
