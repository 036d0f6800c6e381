"""Charts: files and elements of a page, whatever the names, the values and the sizes."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eiesim.report.charts import HATCHES, Chart, Panel, draw_chart, draw_svg

TEXT = "{http://www.w3.org/2000/svg}text"
HOSTILE = '#010203 id="x"<script>\'&]]>--> $\\frac$ url(#x) \udc80\0\n'
KINDS = ("bars", "stacked", "lines")


def make_chart(kind: str, series: int = 9, groups: int = 5, log: bool = False) -> Chart:
    values = {f"series {at}": [1.0 + at + group for group in range(groups)] for at in range(series)}
    names = tuple(f"g{group}" for group in range(groups))
    return Chart("Title", (Panel(kind, names, values, "along", "up (us)", log),), "See.")


def read_texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(TEXT)]


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_text_and_every_series_is_named(kind: str) -> None:
    texts = read_texts(draw_svg(make_chart(kind), "p"))
    assert {"along", "up (us)", "g0", "g4", *(f"series {at}" for at in range(9))} <= set(texts)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_begin_with_the_prefix_and_every_reference_is_there(kind: str) -> None:
    svg = draw_svg(make_chart(kind), "one")
    ids = re.findall(r' id="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("one-") for name in ids)
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg)) == set(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_colours_are_the_page_s(kind: str) -> None:
    """No colour is left that a page's style could not change, and none is fetched."""
    svg = draw_svg(make_chart(kind), "p")
    bare = re.sub(r"var\(--[\w-]+, #[0-9a-f]{6}\)", "", svg)
    assert not re.search(r"#[0-9a-f]{6}\b", bare)
    assert "currentColor" in bare
    assert all(f"var(--series-{at}, " in svg for at in range(1, 10))
    assert "<style" not in svg


def test_a_notebook_shows_a_small_picture() -> None:
    picture = make_chart("lines")._repr_png_()
    assert picture.startswith(b"\x89PNG\r\n")
    assert len(picture) < 100_000
    assert b"matplotlib" not in picture.lower(), "the version would change the file"
    assert picture == make_chart("lines")._repr_png_()


def test_root_of_the_element() -> None:
    root = ElementTree.fromstring(draw_svg(make_chart("lines"), "p"))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Title"
    assert root.get("width") == "100%"
    assert root.get("viewBox") == "0 0 504 244.8"


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names(kind: str, tmp_path: Path) -> None:
    panel = Panel(
        kind, (HOSTILE, "_b", ""), {HOSTILE: [1, None, 2], "_x": [1, 2, 3]}, HOSTILE, HOSTILE
    )
    chart = Chart(HOSTILE, (panel,), HOSTILE)
    draw_chart(chart, tmp_path, "chart")
    svg = draw_svg(chart, "p")
    texts = [text.strip() for text in read_texts(svg)]
    assert texts.count("_x") == 1
    assert sorted(len(text) for text in texts if text.startswith(HOSTILE[:30])) == [40, 40, 50, 50]
    label = ElementTree.fromstring(svg).get("aria-label", "")
    assert label == HOSTILE[:-3] + r"\udc80\x00\n"


@pytest.mark.parametrize("log", [False, True])
def test_values_are_on_the_bars(log: bool) -> None:
    panel = Panel("bars", ("a", "b"), {"x": [1234.5, None], "y": [0.01234, 20]}, "", "", log)
    texts = read_texts(draw_svg(Chart("", (panel,), ""), "p"))
    assert {"1,234", "0.0123", "20"} <= set(texts)


def test_axes_have_plain_numbers() -> None:
    """Powers of ten as such, and 1, 2, 5 where there are few of them."""
    for values, ticks in (([1.0, 1000], {"1", "10", "100", "1,000"}), ([2.0, 9], {"2", "5"})):
        panel = Panel("lines", ("a", "b"), {"": values}, "", "", log=True)
        assert ticks <= set(read_texts(draw_svg(Chart("", (panel,), ""), "p")))


def test_many_pes_take_little_room() -> None:
    """1024 PEs: one outline a series, some PEs named, and no label on another."""
    svg = draw_svg(make_chart("stacked", series=3, groups=1024), "p")
    names = [text for text in read_texts(svg) if re.fullmatch(r"g\d+", text)]
    assert len(svg) < 300_000
    assert 5 < len(names) < 40


def test_long_names_leave_room_for_the_chart() -> None:
    names = tuple(f"{at}{'x' * 300}" for at in range(9))
    for kind in KINDS:
        chart = Chart("", (Panel(kind, names, {name: [1] * 9 for name in names}, "", ""),), "")
        draw_svg(chart, "p")


def test_a_legend_for_all_panels_or_one_each() -> None:
    one = make_chart("lines", series=2).panels[0]
    other = make_chart("bars", series=3).panels[0]
    alone = Panel("lines", ("a",), {"": [1]}, "", "")
    for panels, times in (((one, one), 1), ((one, other), 2), ((one, alone), 1)):
        texts = read_texts(draw_svg(Chart("", panels, ""), "p"))
        assert texts.count("series 0") == times


def test_files(tmp_path: Path) -> None:
    """The same bytes each time, the title in them, and as wide as said at 200 dots an inch."""
    for name in ("a", "b"):
        draw_chart(make_chart("bars"), tmp_path, name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "Title" in read_texts((tmp_path / "a.svg").read_text())
    png = (tmp_path / "a.png").read_bytes()
    assert int.from_bytes(png[16:20]) == 1400


def test_series_differ_without_colour() -> None:
    assert len(set(HATCHES)) == len(HATCHES) == 9
    svg = draw_svg(make_chart("lines"), "p")
    dashes = set(re.findall(r"stroke-dasharray: ([^;\"]+)", svg))
    assert len(dashes) == 3
