"""Traces as files: written for a small run, and read back by other libraries."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import Hardware, Schedule, encode
from eiesim.image import InterleavedCSC
from eiesim.runs.trace_fst import write_fst
from eiesim.runs.trace_perfetto import write_perfetto
from eiesim.runs.trace_vcd import write_vcd
from tests.support.machines import BASES, make_uneven

Row = dict[str, Any]
NONE = "x"
PER_CYCLE = 10


def make_case(name: str) -> tuple[InterleavedCSC, npt.NDArray[np.float32], Hardware]:
    layer, activations = make_uneven()
    hw = replace(BASES[name], act_batches=False)
    return encode(layer, hw), activations, hw


class Waveform:
    """A waveform as another library reads it: the value of each signal in each cycle."""

    def __init__(self, changes: dict[str, list[tuple[int, str]]]) -> None:
        self._times = {name: [time for time, _ in both] for name, both in changes.items()}
        self._values = {name: [value for _, value in both] for name, both in changes.items()}

    def find(self, name: str, cycle: int) -> int | float | str:
        place = bisect_right(self._times[name], cycle * PER_CYCLE) - 1
        value = self._values[name][place]
        if name.endswith("_value"):
            return float(value)
        return NONE if "x" in value else int(value, 2)

    def list_writes(self, pe: str) -> list[tuple[int, int, float]]:
        """Return cycle, row and value of every write of an accumulator up to the last change."""
        name = f"{pe}.accumulator_row"
        last = max(*self._times[name], *self._times[f"{pe}.accumulator_value"]) // PER_CYCLE
        rows = ((cycle, self.find(name, cycle)) for cycle in range(last + 1))
        return [(cycle, row, float(self.find(f"{pe}.accumulator_value", cycle)))
                for cycle, row in rows if isinstance(row, int)]  # fmt: skip


def read_vcd(file: Path) -> Waveform:
    vcdvcd = pytest.importorskip("vcdvcd")
    found = vcdvcd.VCDVCD(str(file))
    return Waveform({name: found[name].tv for name in found.signals})


def read_fst(file: Path) -> Waveform:
    pylibfst = pytest.importorskip("pylibfst")
    reader = pylibfst.lib.fstReaderOpen(str(file).encode())
    _, signals = pylibfst.get_scopes_signals2(reader)
    pylibfst.lib.fstReaderSetFacProcessMaskAll(reader)
    by_handle: dict[int, list[tuple[int, str]]] = {handle: [] for handle in signals.by_handle}

    def keep(_: object, now: int, handle: int, value: Any) -> None:
        by_handle[handle].append((now, pylibfst.string(value)))

    pylibfst.fstReaderIterBlocks(reader, keep)
    pylibfst.lib.fstReaderClose(reader)
    return Waveform({name: by_handle[it.handle] for name, it in signals.by_name.items()})


def write_waveform(schedule: Schedule, form: str, folder: Path) -> Waveform:
    pytest.importorskip("vcd")
    if form == "vcd":
        write_vcd(schedule, folder)
        return read_vcd(folder / "trace.vcd")
    pytest.importorskip("pylibfst")
    write_fst(schedule, folder)
    return read_fst(folder / "trace.fst")


REQUIRED = {
    "M": {"name", "ph", "pid", "args"},
    "X": {"name", "ph", "ts", "dur", "pid", "tid"},
    "C": {"name", "ph", "ts", "pid", "args"},
    "i": {"name", "ph", "ts", "pid", "tid", "s"},
}
"""Fields that the Trace Event Format asks for, by the phase of the event."""


def read_perfetto(schedule: Schedule, folder: Path) -> list[Row]:
    """Return the events, their form checked."""
    write_perfetto(schedule, folder)
    content = json.loads((folder / "trace.json").read_text("utf-8"))
    assert content["otherData"]["schema"] == "eiesim perfetto 1"
    assert content["otherData"]["unit"] == "1 us is 1 cycle"
    assert content["displayTimeUnit"] in ("ms", "ns")
    events: list[Row] = content["traceEvents"]
    for event in events:
        assert set(event) >= REQUIRED[event["ph"]]
        assert type(event["ts"]) is int
        assert event["ts"] >= 0
        assert type(event["pid"]) is type(event["tid"]) is int
        if event["ph"] == "X":
            assert type(event["dur"]) is int
            assert event["dur"] >= 1
        if event["ph"] == "i":
            assert event["s"] in ("g", "p", "t")
        if event["ph"] == "C":
            assert all(type(value) is int for value in event["args"].values())
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "thread_name", "thread_sort_index")
    return events
