"""Slow, plain versions of what eiesim computes, written from the papers and the contract alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim import CompressedLayer, Hardware

Entry = tuple[int, int]


def encode_column(column: list[int], index_bits: int) -> list[Entry]:
    """(code, zeros before it) pairs of one column of one PE: EIE, section III-B."""
    entries, zeros = [], 0
    longest = 2**index_bits - 1
    pending: list[Entry] = []
    for code in column:
        if code:
            entries += [*pending, (code, zeros)]
            pending, zeros = [], 0
        elif zeros == longest:
            pending.append((0, longest))
            zeros = 0
        else:
            zeros += 1
    return entries


def interleave(layer: CompressedLayer, hw: Hardware) -> list[list[list[Entry]]]:
    """Entries by PE and column, the bias's column last, from the dense matrix."""
    dense = layer.codes.toarray()
    padded = -(-layer.cols // hw.n_pes) * hw.n_pes
    columns = np.zeros((layer.rows, padded + 1), dtype=int)
    columns[:, : layer.cols] = dense
    if layer.bias_codes is not None:
        columns[:, padded] = layer.bias_codes
    return [
        [encode_column(list(columns[pe :: hw.n_pes, j]), hw.index_bits) for j in range(padded + 1)]
        for pe in range(hw.n_pes)
    ]


def scan(
    activations: npt.NDArray[np.float32], hw: Hardware, has_bias: bool
) -> tuple[list[tuple[int, int]], int]:
    """(column, earliest cycle) of every broadcast when no queue is ever full; the scan's end."""
    lanes = hw.n_pes
    values = [float(a) for a in activations]
    values += [0.0] * (-len(values) % lanes)
    if has_bias or hw.bias_row:
        values += [1.0] + [0.0] * (lanes - 1)
    found, cycle = [], 1
    for row in range(len(values) // lanes):
        last = -1
        for lane in range(lanes):
            if values[row * lanes + lane] != 0:
                found.append((row * lanes + lane, cycle))
                cycle += 1
                last = lane
        if last != lanes - 1:
            cycle += 1
    return found, cycle - 1


def count_cycles(layer: CompressedLayer, activations: npt.NDArray[np.float32], hw: Hardware) -> int:
    """Cycles by the recurrences of the contract, on lists, for the float32 datapath."""
    image = interleave(layer, hw)
    broadcasts, end_of_scan = scan(activations, hw, layer.bias_codes is not None)
    starts: list[list[int]] = []
    broadcast, earliest_before, last_end = 0, 0, 0
    for i, (column, earliest) in enumerate(broadcasts):
        gap = earliest - earliest_before
        earliest_before = earliest
        free = max(starts[i - hw.queue_depth + 1]) if i >= hw.queue_depth - 1 else 0
        broadcast = max(broadcast + gap, free)
        row = []
        for pe in range(hw.n_pes):
            start = broadcast + 2 + hw.broadcast_latency_cycles
            if i:
                before = len(image[pe][broadcasts[i - 1][0]])
                start = max(start, starts[i - 1][pe] + max(before, 1))
            entries = len(image[pe][column])
            if entries:
                last_end = max(last_end, start + entries - 1)
            row.append(start)
        starts.append(row)
    return last_end + 6 if last_end else end_of_scan + broadcast - earliest_before


def count_words(layer: CompressedLayer, activations: npt.NDArray[np.float32], hw: Hardware) -> int:
    """Sparse-matrix words read over all PEs, entry by entry."""
    broadcasts, _ = scan(activations, hw, layer.bias_codes is not None)
    reads = 0
    for columns in interleave(layer, hw):
        firsts = np.concatenate(([0], np.cumsum([len(entries) for entries in columns])))
        latched = None
        for column, _ in broadcasts:
            if hw.spmat_word_reuse == "within_column":
                latched = None
            for address in range(firsts[column], firsts[column + 1]):
                word = address // (hw.spmat_width_bits // (hw.codebook_bits + hw.index_bits))
                reads += word != latched
                latched = word
    return reads
