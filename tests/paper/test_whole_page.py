"""The page of `make reproduce`, whole, as a browser shows it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from eiesim.cli.main import main
from eiesim.paper.registry import EXPERIMENTS
from tests.support import browser as look
from tests.support.paths import DATA, DOCS

"""Real layers, where they are there; the page comes without them, too."""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "reproduction"
    jobs = str(min(os.cpu_count() or 1, 2))
    words = ["reproduce", "all", "--out", str(out), "--data", str(DATA), "--jobs", jobs]
    assert main(words) == 0
    return out


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with look.open_browser() as browser:
        yield browser


def test_every_experiment_has_its_files(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {f"{name}.csv" for name in EXPERIMENTS} <= names
    charts = {name.removesuffix(".svg") for name in names if name.endswith(".svg")}
    assert {f"figure{number}" for number in range(6, 14)} <= charts
    assert {f"{name}.png" for name in charts} <= names
    summary = json.loads((folder / "summary.json").read_text())
    assert list(summary["experiments"]) == [*EXPERIMENTS]
    assert {one["state"] for one in summary["experiments"].values()} == {"done"}


def test_the_page_needs_nothing_but_itself(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    assert len(page) < 10e6
    outside = re.findall(r"""(?:src|href|action)=["'](?!#|data:).{20}""", page)
    assert outside == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_shows_it(folder: Path, chromium: Browser, width: int, dark: bool) -> None:
    """No console message, no request, each figure drawn, each experiment's verdict to be seen."""
    with look.load_page(chromium, folder / "index.html", width, dark) as page:
        summary = json.loads((folder / "summary.json").read_text())
        assert look.check_verdicts(page) == list(summary["experiments"])
        charts = [path for path in folder.iterdir() if path.suffix == ".svg"]
        assert look.check_figures(page) == len(charts)
        assert look.find_overflow_px(page) <= 0
        assert look.find_ids_given_twice(page) == []
        assert look.find_faint_text(page) == {}
        tiles = page.locator("ul.tiles li").all_inner_texts()
        counts = {kind: int(number) for number, kind in (tile.split(maxsplit=1) for tile in tiles)}
        assert counts == summary["verdicts"]
        assert min(counts.values()) > 0


def test_on_paper_everything_is_open(folder: Path, chromium: Browser) -> None:
    with look.load_page(chromium, folder / "index.html") as page:
        page.emulate_media(media="print")
        for name in ("table4", "figure9", "unevenness"):
            section = page.locator(f'[data-experiment="{name}"]')
            assert section.locator("pre").last.is_visible()
        assert not page.get_by_role("button", name="Copy").first.is_visible()


@pytest.mark.data
@pytest.mark.usefixtures("shared_data")
def test_the_manual_says_what_came_out(folder: Path) -> None:
    """Its totals of verdicts, counted anew from the records' rows."""
    page = " ".join((DOCS / "explanation" / "nearness.md").read_text("utf-8").split())
    numbers = re.search(
        r"Of (\d+) numbers (\d+) match .*? (\d+) lie within .*? (\d+) differ, and (\d+), .*? "
        r"(\d+) of those that agree do so by construction",
        page,
    )
    assert numbers is not None
    experiments = json.loads((folder / "summary.json").read_text())["experiments"]
    rows = [row for one in experiments.values() for row in one["verdicts"]]
    kinds = [row["kind"] for row in rows]
    agree = ("match", "within tolerance")
    assert [int(it) for it in numbers.groups()] == [
        len(rows),
        *(kinds.count(it) for it in (*agree, "differs", "not reproducible here")),
        sum(row["by_construction"] and row["kind"] in agree for row in rows),
    ]
