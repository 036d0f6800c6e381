"""The cocotb side of the co-simulation: what the RTL does in each cycle, as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

SLACK_CYCLES = 200
"""The RTL is stopped after twice the cycles that it should take, and these."""


UNKNOWN = -1
"""A number with an unknown bit, which Icarus has; no number that is expected is negative."""


def read(signal: Any) -> int:
    return to_number(str(signal.value))


def to_number(bits: str) -> int:
    return int(bits, 2) if set(bits) <= {"0", "1"} else UNKNOWN


def split(signal: Any, n_pes: int, pes: list[int]) -> list[int]:
    """Read the fields of some PEs from a vector with one field of each, PE 0 in the lowest bits."""
    bits = str(signal.value)
    width = len(bits) // n_pes
    return [to_number(bits[len(bits) - (pe + 1) * width : len(bits) - pe * width]) for pe in pes]


class Events:
    """What the PEs do of one kind: in which cycle, which PE, and the fields that say what.

    What may or may not happen, by an unknown bit, counts as an event, so that it is a difference.
    """

    def __init__(self, n_pes: int, mask: Any, *fields: Any) -> None:
        self._n_pes = n_pes
        self._mask = mask
        self._fields = fields
        self.rows: list[tuple[int, ...]] = []

    def sample(self, cycle: int) -> None:
        mask = str(self._mask.value)
        if mask.strip("0"):
            pes = [pe for pe, bit in enumerate(reversed(mask)) if bit != "0"]
            fields = [split(field, self._n_pes, pes) for field in self._fields]
            self.rows += zip([cycle] * len(pes), pes, *fields, strict=True)


@cocotb.test()
async def record(dut: Any) -> None:
    """Run the layers of RTL_LAYERS one after the other; +images is a link to the one that runs."""
    link = Path(cocotb.plusargs["images"])
    dut.reset.value = 0
    dut.output_row.value = 0
    Clock(dut.clock, 2, "step").start()
    for folder in json.loads(os.environ["RTL_LAYERS"]):
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
        content = await run_layer(dut, json.loads((link / "manifest.json").read_text("utf-8")))
        (link / "record.json").write_text(json.dumps(content), "utf-8")


async def run_layer(dut: Any, manifest: dict[str, Any]) -> dict[str, Any]:
    n_pes = manifest["parameters"]["N_PES"]
    events = {
        "writes": Events(n_pes, dut.writes, dut.write_rows, dut.write_values),
        "spmat_reads": Events(n_pes, dut.word_reads, dut.word_numbers),
        "ptr_reads": Events(n_pes, dut.ptr_reads, dut.ptr_columns),
        "bypasses": Events(n_pes, dut.bypasses),
        "broadcasts": Events(1, dut.send, dut.send_column),
        "stalls": Events(1, dut.stall),
    }
    dut.rows.value = manifest["rows_to_scan"]
    dut.reset.value = 1
    for _ in range(2):
        await FallingEdge(dut.clock)
    dut.reset.value = 0
    cycle, latest = 1, 2 * manifest["counters"]["cycles"] + SLACK_CYCLES
    while cycle <= latest:
        await ReadOnly()
        if read(dut.done) == 1:
            break
        for kind in events.values():
            kind.sample(cycle)
        await FallingEdge(dut.clock)
        cycle += 1
    outputs: list[int] = []
    for row in range(manifest["parameters"]["ACCUMULATORS"]):
        await FallingEdge(dut.clock)
        dut.output_row.value = row
        await ReadOnly()
        outputs += split(dut.outputs, n_pes, list(range(n_pes)))
    await FallingEdge(dut.clock)
    return {
        "done": cycle <= latest,
        "cycles": read(dut.cycles),
        "outputs": outputs[: manifest["outputs"]],
        **{name: kind.rows for name, kind in events.items()},
    }
