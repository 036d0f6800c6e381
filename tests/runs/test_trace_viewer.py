"""The viewer's page of a trace: its data are the schedule's, and a browser shows and steps them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from eiesim import CompressedLayer, Hardware, Schedule, Window, encode, simulate, trace
from eiesim.catalog.readers import load_operands
from eiesim.cli.main import main
from eiesim.counters import CAUSES, find_limits
from eiesim.report.report import Report
from eiesim.runs.trace import trace_operands
from eiesim.runs.trace_counts import count_causes, find_hold_ups, find_slowest
from eiesim.runs.trace_packing import pack
from eiesim.runs.trace_viewer import render_trace
from eiesim.sim.tracing.cycle_table import count_levels, show_cycles
from tests.support import browser as look
from tests.support.machines import BASES
from tests.support.traces import make_case

MOST_BYTES = 3_000_000
COUNT_KINDS = """() => {
  const { trace } = viewers[0];
  return trace.pes.map((_, row) => {
    const counts = new Array(8).fill(0);
    for (let cycle = trace.first; cycle <= trace.last; cycle += 1) {
      counts[trace.kind(row, cycle)] += 1;
    }
    return counts;
  });
}"""
LIST_LEVELS = "viewers[0].trace.pes.map((_, row) => [...viewers[0].trace.listLevels(row)])"
FIND_LEVELS = """() => {
  const { trace } = viewers[0];
  const cycles = Array.from({ length: trace.length }, (_, at) => trace.first + at);
  return trace.pes.map((_, row) => cycles.map((cycle) => trace.level(row, cycle)));
}"""
FIND_COLUMNS = """() => {
  const { trace } = viewers[0];
  const rows = [];
  for (let cycle = trace.first; cycle <= trace.last; cycle += 1) {
    rows.push(trace.pes.map((_, row) => trace.find(row, cycle)));
  }
  return rows;
}"""
FIGURE2 = """
10101110 01010010 00101001 01000100 01001000 00010001 00001010 10010010
10000001 01000011 00001000 00100001 10100101 10100010 00111100 00110100
"""


@dataclass(frozen=True)
class Viewed:
    """A page in a file, with what it is about."""

    file: Path
    schedule: Schedule


def write_page(schedule: Schedule, file: Path) -> Viewed:
    manifest = Report(title="", summary={}, shown=()).make_manifest(["trace"])
    file.write_text(render_trace(schedule, manifest), encoding="utf-8")
    return Viewed(file, schedule)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with look.open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def alex8(tmp_path_factory: pytest.TempPathFactory) -> Viewed:
    traced = trace_operands(load_operands("alex-8"), Hardware(), Window(), ())
    return write_page(traced.schedule, tmp_path_factory.mktemp("alex8") / "alex8.html")


def make_figure2(queue_depth: int) -> Schedule:
    codes = np.array([[int(digit) for digit in row] for row in FIGURE2.split()], np.uint8)
    hw = Hardware(n_pes=4, queue_depth=queue_depth, bias_row=False)
    layer = CompressedLayer(codes, codebook=np.array([0, 1], np.float32), name="Figure 2")
    return trace(encode(layer, hw), np.array([0, 0, 1, 0, 1, 1, 0, 1], np.float32), hw)


def unpack(text: str) -> list[int]:
    values, value, shift = [], 0, 0
    for octet in base64.b64decode(text):
        value += (octet & 127) << shift
        shift += 7
        if octet < 128:
            values.append(value)
            value = shift = 0
    return values


def read_text(page: Page) -> str:
    return page.locator(".cell").inner_text()


def read_view(page: Page) -> tuple[int, int]:
    first, span = page.evaluate("[viewers[0].from, viewers[0].span]")
    return first, first + span - 1


@pytest.mark.parametrize("values", [[], [0], [0, 127, 128, 16383, 16384, 2**31 - 1, 5]])
def test_numbers_survive_packing(values: list[int]) -> None:
    assert unpack(pack(np.array(values, np.int32))) == values


@pytest.mark.parametrize("name", BASES)
def test_counts_are_those_of_the_run(name: str) -> None:
    image, activations, hw = make_case(name)
    schedule = trace(image, activations, hw)
    counters = simulate(image, activations, hw).counters
    counts = count_causes(schedule)
    for cause in CAUSES:
        assert counts[cause].tolist() == getattr(counters.pe, cause).tolist()
    assert find_slowest(counts) == find_limits(counters, hw).busiest_pe
    hold_ups = find_hold_ups(schedule)
    assert hold_ups.cycles == counters.stall_cycles
    # every cycle that a queue held is charged to a PE, and every starved one to a full queue
    assert hold_ups.held.sum() >= counters.stall_cycles
    starved = counters.queue_starved_cycles
    assert (hold_ups.starved.sum(axis=0) >= starved).all()
    assert (hold_ups.starved.max(axis=0, initial=0) <= starved).all()


def test_who_holds_up_whom_by_hand() -> None:
    """docs/worked_example.md: a5 waits in cycle 4, a7 in 6 to 8. In 7 and 8 only PE 2 is full."""
    hold_ups = find_hold_ups(make_figure2(queue_depth=2))
    assert hold_ups.cycles == 4
    assert hold_ups.held.tolist() == [2, 2, 4, 2]
    assert hold_ups.alone.tolist() == [0, 0, 2, 0]
    # PE 1 starves in cycles 6 and 8 to 10, for what held the broadcast in 4 and 6 to 8
    assert hold_ups.starved[2].tolist() == [2, 4, 1, 3]
    assert hold_ups.starved[0].tolist() == [0, 2, 0, 1]


@pytest.mark.parametrize("name", BASES)
def test_the_page_holds_the_schedule(chromium: Browser, tmp_path: Path, name: str) -> None:
    image, activations, hw = make_case(name)
    schedule = trace(image, activations, hw)
    counters = simulate(image, activations, hw).counters
    viewed = write_page(schedule, tmp_path / "page.html")
    cycles = range(1, schedule.cycles + 1)
    with look.load_page(chromium, viewed.file) as page:
        counts = np.array(page.evaluate(COUNT_KINDS))
        assert (counts[:, 7] == 0).all()
        for kind, cause in enumerate(CAUSES):
            assert counts[:, kind].tolist() == getattr(counters.pe, cause).tolist(), cause
        levels = list_levels(schedule, cycles)
        assert page.evaluate(LIST_LEVELS) == levels
        assert page.evaluate(FIND_LEVELS) == levels
        check_columns(schedule, page.evaluate(FIND_COLUMNS))


def list_levels(schedule: Schedule, cycles: range) -> list[list[int]]:
    columns = schedule.columns
    own = [columns.pe == pe for pe in schedule.pes.tolist()]
    return [
        count_levels(columns.push_cycle[one], columns.pop_cycle[one], cycles).tolist()
        for one in own
    ]


def check_columns(schedule: Schedule, found: list[list[Any]]) -> None:
    """Compare what each PE has in each cycle with the table of the columns."""
    expected: dict[tuple[int, int], dict[str, int]] = {}
    columns = schedule.columns
    for pe, column, _, first, last, entries, _ in zip(
        *(it.tolist() for it in columns), strict=True
    ):
        for cycle in range(first, last + 1):
            expected[cycle, pe] = {
                "column": column, "entry": cycle - first + 1, "entries": entries,
            }  # fmt: skip
    for cycle, row in enumerate(found, start=1):
        assert row == [expected.get((cycle, pe)) for pe in schedule.pes.tolist()], cycle


def test_a_part_of_a_run(chromium: Browser, tmp_path: Path) -> None:
    image, activations, hw = make_case("streams")
    whole = trace(image, activations, hw)
    window = Window(whole.cycles // 3, whole.cycles // 2, (0, hw.n_pes - 1))
    part = trace(image, activations, hw, window=window)
    viewed = write_page(part, tmp_path / "part.html")
    cycles = range(part.first_cycle, part.last_cycle + 1)
    counts = count_causes(part)
    assert (sum(counts.values(), np.zeros(2, np.int64)) == len(cycles)).all()
    with look.load_page(chromium, viewed.file) as page:
        kinds = np.array(page.evaluate(COUNT_KINDS))
        assert kinds[:, :7].T.tolist() == [counts[cause].tolist() for cause in CAUSES]
        assert page.evaluate(LIST_LEVELS) == list_levels(part, cycles)
        assert read_text(page).startswith(f"Cycle {part.first_cycle}, PE ")
        page.locator("canvas").press("End")
        assert read_text(page).startswith(f"Cycle {part.last_cycle}, PE ")


def test_alex8_by_keyboard(chromium: Browser, alex8: Viewed) -> None:
    assert alex8.file.stat().st_size < MOST_BYTES
    schedule = alex8.schedule
    slowest = find_slowest(count_causes(schedule))
    with look.load_page(chromium, alex8.file) as page:
        assert look.find_overflow_px(page) <= 0
        assert look.find_ids_given_twice(page) == []
        assert look.find_faint_text(page) == {}
        canvas = page.locator("canvas")
        assert read_view(page) == (1, schedule.cycles)
        assert f"PE {slowest} is the slowest one" in page.locator("main").inner_text()
        canvas.focus()
        for _ in range(12):
            page.keyboard.press("+")
        assert read_view(page) == (1, 8)
        for _ in range(40):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        check_text(page, schedule, 41, slowest + 1)
        assert read_view(page)[0] <= 41 <= read_view(page)[1]
        page.keyboard.press("f")
        check_text(page, schedule, 41, slowest)
        page.keyboard.press("End")
        check_text(page, schedule, schedule.cycles, slowest)
        page.keyboard.press("-")
        assert read_view(page) == (schedule.cycles - 15, schedule.cycles)
        page.keyboard.press("0")
        assert read_view(page) == (1, schedule.cycles)
        page.get_by_role("button", name="Zoom in").click()
        first, last = read_view(page)
        assert last + 1 - first == round(schedule.cycles / 2)


def check_text(page: Page, schedule: Schedule, cycle: int, pe: int) -> None:
    """Compare the text with the schedule."""
    text = read_text(page)
    assert text.startswith(f"Cycle {cycle:,}, PE {pe}\n")
    columns = schedule.columns
    own = columns.pe == pe
    (level,) = count_levels(
        columns.push_cycle[own], columns.pop_cycle[own], range(cycle, cycle + 1)
    ).tolist()
    assert f"Its queue holds {level} of {schedule.hardware.queue_depth - 1};" in text
    (place,) = np.nonzero(own & (columns.first_cycle <= cycle) & (columns.last_cycle >= cycle))
    if not place.size:
        assert "starved" in text or "has done its last column" in text
        return
    at = int(place[0])
    column, entries = int(columns.column[at]), int(columns.entries[at])
    if entries:
        entry = cycle + 1 - int(columns.first_cycle[at])
        assert f"It issues entry {entry} of {entries} of column {column}." in text
    else:
        assert f"It passes over column {column}, in which it has no entry." in text


def test_alex8_by_mouse(chromium: Browser, alex8: Viewed) -> None:
    schedule = alex8.schedule
    with look.load_page(chromium, alex8.file) as page:
        canvas = page.locator("canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        place = box["x"] + 52 + (box["width"] - 52) / 2, box["y"] + 24 + 7 * 10 + 3
        page.mouse.move(*place)
        middle = 1 + schedule.cycles // 2
        check_text(page, schedule, middle, 10)
        page.mouse.wheel(0, 1)  # without the focus it scrolls the page
        assert read_view(page) == (1, schedule.cycles)
        canvas.scroll_into_view_if_needed()
        canvas.focus()
        for _ in range(60):
            page.mouse.wheel(0, -100)
        look.wait_until(page, "viewers[0].span === 8")
        first, last = read_view(page)
        assert abs(middle - (first + last) / 2) < 8
        look.wait_until(page, "viewers[0].waiting === null")
        rows = page.evaluate("viewers[0].rows()")
        assert rows["number"] < schedule.hardware.n_pes
        high = page.evaluate("viewers[0].height()") / rows["number"]
        top = page.evaluate("document.querySelector('canvas').getBoundingClientRect().top") + 24
        for row in (3, 9, 9, 4):  # the rows stay where they are
            page.mouse.move(box["x"] + box["width"] - 20, top + (row + 0.5) * high)
            check_text(page, schedule, last, rows["first"] + row)
        page.mouse.wheel(0, 100)
        look.wait_until(page, "viewers[0].span === 10")


@pytest.mark.parametrize("width", [1280, 390])
def test_in_the_dark_and_on_a_phone(chromium: Browser, alex8: Viewed, width: int) -> None:
    with look.load_page(chromium, alex8.file, width=width, dark=True) as page:
        assert look.find_overflow_px(page) <= 0
        assert look.find_faint_text(page) == {}
        look.wait_until(page, "viewers[0].kinds")
        dark = page.evaluate("viewers[0].kinds")
        page.locator(".theme").click()
        look.wait_until(page, "viewers[0].kinds[7][0] === 255")
        assert page.evaluate("viewers[0].kinds") != dark


def test_why_queues_help(chromium: Browser, tmp_path: Path) -> None:
    """The worked example, stepped through: with one usable slot PE 2 holds up the others."""
    viewed = write_page(make_figure2(queue_depth=2), tmp_path / "shallow.html")
    lines = show_cycles(viewed.schedule).splitlines()[1:]
    with look.load_page(chromium, viewed.file) as page:
        page.locator("canvas").focus()
        page.keyboard.press("ArrowUp")
        for cycle, line in enumerate(lines, start=1):
            check_text(page, viewed.schedule, cycle, 1)
            text = read_text(page)
            assert ("The control unit broadcasts" in text) == (line.split()[1].startswith("a"))
            assert ("The control unit holds" in text) == ("stall" in line)
            if cycle == 9:
                assert [line for line in text.splitlines() if line][1:] == [
                    "It is starved by a full queue: in cycle 7 the control unit held the broadcast "
                    "of a7: the queue of PE 2 was full.",
                    "Its queue holds 0 of 1; 0 of 4 queues are full.",
                    "The control unit broadcasts a7 into all queues.",
                ]
            page.keyboard.press("ArrowRight")


def test_the_command_writes_it(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["trace", "lenet-300-100/ip3", "--set", "n_pes=4"]
    assert main([*words, "--report", "page.html"]) == 0
    text = (in_folder / "page.html").read_text("utf-8")
    data = text.split('data-trace="')[1].split('"')[0]
    assert json.loads(unescape(data))["pes"] == [0, 1, 2, 3]
    assert [path.name for path in in_folder.iterdir()] == ["page.html"]
    capsys.readouterr()
    assert main(words) == 2
    assert "expected --report FILE for a page, or --out DIR for files" in capsys.readouterr().err
    assert main([*words, "--report", "two.html", "--format", "csv"]) == 2
    assert "--format goes with --out DIR" in capsys.readouterr().err
