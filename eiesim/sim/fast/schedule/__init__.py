"""The schedule of a run from the recurrences, in time proportional to its events."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim.base.fixedpoint import HIGHEST, LOWEST, dequantise, quantise
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.fast.engine import time_scan
from eiesim.sim.fast.schedule._kernels import find_starts, list_entries, list_words
from eiesim.sim.scan import Scan, find_scanned_bias, load_registers, scan_activations
from eiesim.sim.stream import count_fetch_cycles, find_stream
from eiesim.sim.tracing.schedule import (
    BroadcastEvents,
    EntryEvents,
    Float32s,
    Int32s,
    Schedule,
    Window,
    WordEvents,
    WriteEvents,
)
from eiesim.sim.tracing.timeline import LATEST, WRITE_CYCLES, Timeline, make_schedule, to_int32


class Products(NamedTuple):
    """Products as they are added, [items, codes], and the lowest and highest sum."""

    of_items: npt.NDArray[Any]
    limits: tuple[Any, Any]


def list_schedule(
    image: InterleavedCSC, activations: Float32s, hw: Hardware, window: Window
) -> Schedule:
    """Return the schedule of a run, its operands checked already; see `eiesim.trace`."""
    registers = load_registers(activations, hw.scan)
    scan = scan_activations(registers, image, hw.scan)
    fetches = count_fetch_cycles(find_stream(image, scan, hw.stream).bits, hw.fetch)
    timing = time_scan(image, scan, fetches, hw.timing)
    broadcasts, dram_stalls = timing.broadcasts, timing.dram_stalls
    starts = find_starts(image.counts, scan.columns, broadcasts, hw.timing.lead_cycles)
    pes = window.list_pes(hw.n_pes)
    of_pes = starts[pes]
    values = _list_values(registers, image, scan, hw)
    products = _list_products(image, values, hw)
    entries, sums = _list_entries(image, scan, of_pes, pes, products, window)
    written = ~entries.is_padding
    found = Timeline(
        cycles=timing.cycles,
        scan_cycles=timing.scan_cycles,
        has_entries=timing.has_entries,
        rows=_find_rows(image, scan, broadcasts, hw),
        broadcasts=BroadcastEvents(broadcasts, scan.columns, _to_float32(values, hw)),
        queue_stalls=to_int32(np.diff(broadcasts, prepend=0)) - scan.gaps - dram_stalls,
        dram_stalls=dram_stalls,
        fetch_starts=_find_fetches(starts, fetches, hw.queue_depth),
        fetch_cycles=to_int32(fetches),
        pes=pes,
        starts=of_pes,
        entry_counts=to_int32(image.counts[scan.columns][:, pes].T),
        padding=to_int32(image.columns.padding[scan.columns][:, pes].T),
        words=_list_words(image, scan, of_pes, pes, hw),
        entries=entries,
        writes=WriteEvents(
            entries.cycle[written] + np.int32(WRITE_CYCLES),
            entries.pe[written],
            entries.row[written],
            _to_float32(sums[written], hw),
        ),
    )
    return make_schedule(image.name, hw, window, found)


def _list_values(
    registers: npt.NDArray[Any], image: InterleavedCSC, scan: Scan, hw: Hardware
) -> npt.NDArray[Any]:
    """Return the activation of each broadcast as the registers hold it."""
    one = np.ones(1, np.float32)
    bias = quantise(one, hw.act_fraction_bits) if hw.datapath == "fixed16" else one
    padded = np.zeros(image.bias_column + 1, registers.dtype)
    padded[: image.cols] = registers
    if find_scanned_bias(image, hw.scan) >= 0:
        padded[-1:] = bias
    return padded[scan.columns]


def _find_rows(image: InterleavedCSC, scan: Scan, broadcasts: Int32s, hw: Hardware) -> Int32s:
    """Find the first cycle in which each row is before the detector.

    Between two broadcasts the scan does not wait for anything: each row takes the cycles of its
    load, and one in which none is found any more, unless its last lane was broadcast.
    """
    row, lane = np.divmod(scan.columns, hw.n_pes)
    sent = np.bincount(row, minlength=scan.rows)
    ended = np.bincount(row[lane == hw.n_pes - 1], minlength=scan.rows)
    loads = [hw.scan.count_load_cycles(number, image.input_rows) for number in range(scan.rows)]
    taken = sent + 1 - ended
    without_waits = 1 + np.cumsum(loads) + np.cumsum(taken) - taken
    waited = np.append(0, broadcasts - np.cumsum(scan.gaps))
    return to_int32(without_waits + waited[np.cumsum(sent) - sent])


def _find_fetches(starts: Int32s, fetches: npt.NDArray[np.int64], depth: int) -> Int32s:
    """Find the cycle in which each fetch begins: the one before has ended, and there is room."""
    begins = np.zeros(fetches.size, np.int64)
    if fetches.any():
        room = np.append(np.zeros(depth, np.int32), starts.max(axis=0)).tolist()
        end = 0
        for item, cycles in enumerate(fetches.tolist()):
            begins[item] = max(end, room[item])
            end = begins[item] + cycles
    return to_int32(begins)


def _list_words(
    image: InterleavedCSC, scan: Scan, starts: Int32s, pes: Int32s, hw: Hardware
) -> WordEvents:
    first = image.ptr[scan.columns][:, pes] // hw.entries_per_word
    last = (image.ptr[scan.columns + 1][:, pes] - 1) // hw.entries_per_word
    room = int(np.maximum(last.astype(np.int64) - first + 1, 0).sum())
    events = np.empty((4, room), np.int32)
    across = hw.spmat_word_reuse == "across_columns"
    count = list_words(image.ptr, scan.columns, starts, pes, hw.entries_per_word, across, events)
    return WordEvents(*events[:, :count])


def _list_entries(
    image: InterleavedCSC,
    scan: Scan,
    starts: Int32s,
    pes: Int32s,
    products: Products,
    window: Window,
) -> tuple[EntryEvents, npt.NDArray[Any]]:
    """List the entries of the window, and those whose write is in it, with the sums."""
    first = max(window.first_cycle - WRITE_CYCLES, 0)
    last = LATEST if window.last_cycle is None else window.last_cycle
    counts = image.counts[scan.columns][:, pes].T.astype(np.int64)
    inside = np.minimum(starts + counts, last + 1) - np.maximum(starts, first)
    room = int(np.maximum(inside, 0).sum())
    dtype = products.of_items.dtype
    events, totals = np.empty((5, room), np.int32), np.zeros(room, dtype)
    matrix = image.ptr, image.base, image.codes, image.relative_index
    list_entries(
        matrix, scan.columns, starts, pes, products.of_items, products.limits, (first, last),
        np.empty(image.pe_rows(0), dtype), events, totals,
    )  # fmt: skip
    return EntryEvents(*events), totals


def _list_products(image: InterleavedCSC, values: npt.NDArray[Any], hw: Hardware) -> Products:
    if hw.datapath == "float32":
        with np.errstate(over="ignore", invalid="ignore"):
            products = values[:, np.newaxis] * image.codebook
        return Products(products, (np.float32(-np.inf), np.float32(np.inf)))
    weights = quantise(image.codebook, hw.weight_fraction_bits).astype(np.int64)
    shift = hw.weight_fraction_bits
    full = values.astype(np.int64)[:, np.newaxis] * weights
    return Products((full + ((1 << shift) >> 1)) >> shift, (LOWEST, HIGHEST))


def _to_float32(values: npt.NDArray[Any], hw: Hardware) -> Float32s:
    """Return the numbers that registers stand for."""
    if hw.datapath == "float32":
        return values
    return dequantise(values.astype(np.int16), hw.act_fraction_bits)
