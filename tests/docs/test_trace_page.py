"""docs/trace.md: its tables of events and signals are those of the program, its versions too."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from eiesim import trace
from eiesim.runs.trace import FORMATS
from eiesim.runs.trace_signals import list_signals
from eiesim.sim.tracing.schedule import TABLES
from tests.support.pages import read_table
from tests.support.paths import DOCS
from tests.support.traces import make_case, read_perfetto


def list_words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_of_events_is_whole() -> None:
    schedule = trace(*make_case("streams"))
    rows = {list_words(name)[0]: list_words(fields)
            for name, fields, _ in read_table("trace.md", "| table | fields")}  # fmt: skip
    assert rows == {name: list(getattr(schedule, name)._fields) for name in TABLES}
    for name in TABLES:
        for field, column in getattr(schedule, name)._asdict().items():
            assert column.dtype == (np.float32 if field == "value" else np.int32)


def test_the_table_of_signals_is_whole() -> None:
    signals = list_signals(trace(*make_case("streams")))
    found = {f"{it.scope}.{it.name}": str(it.bits or "real") for it in signals}
    rows = {list_words(name)[0].replace("peK", "pe3"): bits
            for name, bits, _ in read_table("trace.md", "| signal | bits")}  # fmt: skip
    assert rows == {name: bits for name, bits in found.items() if not re.search("pe[012]", name)}


def test_the_table_of_tracks_is_whole(tmp_path: Path) -> None:
    events = read_perfetto(trace(*make_case("streams")), tmp_path)
    found = {(it["ph"], it.get("cat", "")) for it in events if it["ph"] != "M"}
    rows = read_table("trace.md", "| track (`tid`)")
    assert {(phase.strip("`"), category.strip("`")) for _, phase, category, _ in rows} == found


def test_every_format_has_its_version() -> None:
    headings = re.findall(r"^## (.*), version (\d+)$", (DOCS / "trace.md").read_text("utf-8"), re.M)
    versions = {word.lower(): int(number) for names, number in headings
                for word in names.split(" and ")}  # fmt: skip
    versions["ramulator"] = versions.pop("dram requests")
    assert versions == {name: form.version for name, form in FORMATS.items()}
