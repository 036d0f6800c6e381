"""Slow, plain versions of what eiesim computes, written from the papers and the contract alone."""

from __future__ import annotations

from fractions import Fraction

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


def find_sent(activations: npt.NDArray[np.float32], hw: Hardware) -> list[float]:
    """The float32 activations that a first step sends, 0.0 for the others."""
    values = [float(a) for a in activations]
    threshold = hw.act_threshold
    if hw.act_threshold_quantile:
        # the smallest magnitude that the wanted share of all does not exceed
        share = Fraction(str(hw.act_threshold_quantile))
        threshold = min(
            abs(t) for t in values
            if Fraction(sum(abs(value) <= abs(t) for value in values), len(values)) >= share
        )  # fmt: skip
    if hw.delta_threshold is not None:
        threshold = hw.delta_threshold
    return [value if abs(value) > threshold else 0.0 for value in values]


def scan(
    activations: npt.NDArray[np.float32], hw: Hardware, has_bias: bool
) -> tuple[list[tuple[int, int]], int]:
    """(column, earliest cycle) of every broadcast when no queue is ever full; the scan's end."""
    lanes = hw.n_pes
    values = find_sent(activations, hw)
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


def list_words_read(
    layer: CompressedLayer, activations: npt.NDArray[np.float32], hw: Hardware
) -> list[list[int]]:
    """Numbers of the sparse-matrix words that each broadcast reads, over all PEs, by entry."""
    broadcasts, _ = scan(activations, hw, layer.bias_codes is not None)
    words: list[list[int]] = [[] for _ in broadcasts]
    for columns in interleave(layer, hw):
        firsts = np.concatenate(([0], np.cumsum([len(entries) for entries in columns])))
        latched = None
        for read, (column, _) in zip(words, broadcasts, strict=True):
            if hw.spmat_word_reuse == "within_column":
                latched = None
            for address in range(firsts[column], firsts[column + 1]):
                word = int(address) // (hw.spmat_width_bits // (hw.codebook_bits + hw.index_bits))
                if word != latched:
                    read.append(word)
                latched = word
    return words


def count_dram(
    layer: CompressedLayer, activations: npt.NDArray[np.float32], hw: Hardware
) -> list[tuple[int, int]]:
    """(words, pointers) that each broadcast takes from DRAM, over all PEs."""
    broadcasts, _ = scan(activations, hw, layer.bias_codes is not None)
    return [
        (
            sum((word + 1) * hw.spmat_width_bits > 8 * hw.spmat_sram_bytes for word in words),
            sum(
                hw.n_pes
                for pointer in (column, column + 1)
                if (pointer + 1) * hw.ptr_bits > 8 * hw.ptr_sram_bytes
            ),
        )
        for words, (column, _) in zip(
            list_words_read(layer, activations, hw), broadcasts, strict=True
        )
    ]


def count_fetch_cycles(bits: int, hw: Hardware) -> int:
    """Cycles of one fetch: the smallest number whose cycles move so many bits."""
    if bits == 0 or hw.dram_gbps == 0:
        return min(bits, 1)
    seconds_per_cycle = 1 / (Fraction(hw.clock_mhz) * 10**6)
    bits_per_cycle = 8 * 10**9 * Fraction(hw.dram_gbps) * seconds_per_cycle
    cycles = int(bits / bits_per_cycle)
    return max(cycles + (cycles * bits_per_cycle < bits), 1)


def count_cycles(
    layer: CompressedLayer, activations: npt.NDArray[np.float32], hw: Hardware
) -> tuple[int, int, int]:
    """Cycles, stalls for a full queue and stalls for DRAM by the recurrences of the contract, on
    lists, for the float32 datapath."""
    image = interleave(layer, hw)
    broadcasts, end_of_scan = scan(activations, hw, layer.bias_codes is not None)
    dram = count_dram(layer, activations, hw)
    starts: list[list[int]] = []
    broadcast, earliest_before, last_end = 0, 0, 0
    fetched, stalls, dram_stalls = 0, 0, 0
    for i, (column, earliest) in enumerate(broadcasts):
        gap = earliest - earliest_before
        earliest_before = earliest
        free = max(starts[i - hw.queue_depth + 1]) if i >= hw.queue_depth - 1 else 0
        free_before = max(starts[i - hw.queue_depth]) if i >= hw.queue_depth else 0
        words, pointers = dram[i]
        bits = words * hw.spmat_width_bits + pointers * hw.ptr_bits
        fetched = max(fetched, free_before) + count_fetch_cycles(bits, hw)
        stalls += max(free - broadcast - gap, 0)
        dram_stalls += max(fetched - max(broadcast + gap, free), 0)
        broadcast = max(broadcast + gap, free, fetched)
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
    cycles = last_end + 6 if last_end else end_of_scan + broadcast - earliest_before
    return cycles, stalls, dram_stalls
