"""The contract's timing cycle by cycle, on plain lists, without any recurrence: slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eiesim import CompressedLayer, Hardware
from eiesim.counters import CAUSES
from tests.support import oracles

PIPELINE_CYCLES = 6
MACS, PADDING, EMPTY, SCAN, QUEUE, DRAM, DRAINED = CAUSES


class Work(NamedTuple):
    """What the machine has to do; one element a broadcast.

    Attributes
    ----------
    gaps
        Cycles since the broadcast before, if nothing is waited for.
    fetches
        Cycles that DRAM takes.
    columns
        Of each PE what it does with each broadcast, cycle by cycle.
    """

    gaps: list[int]
    fetches: list[int]
    columns: list[list[list[str]]]
    end_of_scan: int


def list_work(layer: CompressedLayer, activations: npt.NDArray[np.float32], hw: Hardware) -> Work:
    """Return the work of one input, from the dense matrix."""
    broadcasts, end_of_scan = oracles.scan(activations, hw, layer.bias_codes is not None)
    earliest = [0, *(cycle for _, cycle in broadcasts)]
    dram = oracles.count_dram(layer, activations, hw)
    columns = [
        [[MACS if code else PADDING for code, _ in part[column]] or [EMPTY]
         for column, _ in broadcasts]
        for part in oracles.interleave(layer, hw)
    ]  # fmt: skip
    return Work(
        gaps=np.diff(earliest).tolist(),
        fetches=[
            oracles.count_fetch_cycles(words * hw.spmat_width_bits + pointers * hw.ptr_bits, hw)
            for words, pointers in dram
        ],
        columns=columns,
        end_of_scan=end_of_scan - earliest[-1],
    )


def count_causes(work: Work, hw: Hardware) -> tuple[int, list[dict[str, int]]]:
    """Return the cycles of a run, and in how many of them each PE did what, by `CAUSES`."""
    items, now = len(work.gaps), 0
    sent: list[int] = []
    arrivals: list[int] = []
    unit: dict[int, str] = {}
    popped: list[list[int]] = [[] for _ in work.columns]
    did: list[list[str]] = [[] for _ in work.columns]
    loads = [gap - 1 for gap in work.gaps]
    while any(len(it) < items for it in popped):
        gone = [sum(cycle < now for cycle in it) for it in popped]
        while (
            len(arrivals) < items
            and (not arrivals or arrivals[-1] <= now)
            and len(arrivals) - min(gone) < hw.queue_depth
        ):
            arrivals.append(now + work.fetches[len(arrivals)])
        pushed = len(sent)
        if now > 0 and pushed < items:
            if loads[pushed]:
                loads[pushed] -= 1
                unit[now] = SCAN
            elif any(pushed - count >= hw.queue_depth - 1 for count in gone):
                unit[now] = QUEUE
            elif len(arrivals) == pushed or arrivals[pushed] > now:
                unit[now] = DRAM
            else:
                sent.append(now)
        for pe, columns in enumerate(work.columns):
            number = len(popped[pe])
            is_there = number < pushed and sent[number] + hw.broadcast_latency_cycles < now
            if is_there and len(did[pe]) <= now + 1:
                popped[pe].append(now)
                did[pe] += [""] * (now + 1 - len(did[pe])) + columns[number]
        now += 1
    return _count(work, hw, did, unit, sent[-1] if sent else 0)


def _count(
    work: Work, hw: Hardware, did: Sequence[list[str]], unit: dict[int, str], last_sent: int
) -> tuple[int, list[dict[str, int]]]:
    """Give every cycle without a column its cause."""
    issues = [t for it in did for t, what in enumerate(it) if what in (MACS, PADDING)]
    cycles = max(issues) + PIPELINE_CYCLES if issues else last_sent + work.end_of_scan
    lead = 2 + hw.broadcast_latency_cycles
    counts = []
    for it in did:
        in_time = it[1 : cycles + 1]
        while in_time and not in_time[-1]:  # before a column behind the end
            in_time.pop()
        if not issues:  # all starve to the end
            in_time += [""] * (cycles - len(in_time))
        whole = [what or unit.get(t - lead, SCAN) for t, what in enumerate(in_time, start=1)]
        number = Counter([*whole, *[DRAINED] * (cycles - len(whole))])
        counts.append({name: number[name] for name in CAUSES})
    return cycles, counts
