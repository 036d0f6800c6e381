"""docs/limits.md: its table of the nine layers, and of VGG-6 with little bandwidth."""

from __future__ import annotations

from dataclasses import replace

from eiesim import Hardware
from eiesim.base.published import PAPER_LAYERS
from eiesim.counters import WORDS, Cause
from eiesim.energy.machine import price_machine
from eiesim.runs.layer import run_layer
from eiesim.runs.layer_rows import describe_layer
from eiesim.runs.limits import PARTS
from tests.support.pages import read_table

HW = Hardware()


def list_cells(layer: str, hw: Hardware, name: str) -> list[str]:
    row = describe_layer(run_layer(layer, hw, price_machine(hw)))
    parts = [f"{row[key]:.0f}" for key in PARTS.values()]
    first = WORDS[Cause(row["limit"])]
    return [name, f"{row['cycles']}", *parts, first, f"{row['cycles_without_limit']}"]


def test_where_the_cycles_go() -> None:
    rows = read_table("limits.md", "| layer")
    expected = [list_cells(layer, HW, layer) for layer in PAPER_LAYERS]
    expected.append(list_cells("vgg-6", replace(HW, dram_gbps=10.0), "vgg-6 at 10 GB/s"))
    assert rows == expected
    # what the page says below the table
    firsts = {row[0]: row[-2] for row in expected[:-1]}
    assert list(firsts.values()).count("padding zeros") == 6
    assert [layer for layer in firsts if firsts[layer] == "busiest PE"] == ["alex-8", "vgg-8"]
    assert firsts["nt-we"] == "empty columns"
