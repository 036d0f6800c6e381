"""A page in a headless browser: loaded, and looked at for what must hold of every page."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 600_000
"""A page is waited for so long, however busy the computer is."""
MEASURE_CONTRAST = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parse(colour).slice(0, 3).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      const opacity = parse(colour)[3] ?? 1;
      if (opacity > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const worst = {};
  for (const element of document.querySelectorAll("p, td, th button, a, span, pre, li, b, h1")) {
    if (!element.checkVisibility({ opacityProperty: true })) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = element.tagName + "." + element.className;
    worst[name] = Math.min(worst[name] ?? 99, ratio);
  }
  return worst;
}"""


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start the system's Chromium; skip the test, with the reason, where there is none."""
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    if not found:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found[0], args=list(ARGUMENTS), timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@contextmanager
def load_page(
    browser: Browser, file: Path, width: int = 1280, dark: bool = False
) -> Iterator[Page]:
    """Open a file, and check at the end that nothing was fetched and nothing went wrong."""
    requests: list[str] = []
    problems: list[str] = []
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    page.set_default_timeout(PATIENCE_MS)
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(file.as_uri())
    yield page
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [file.as_uri()]
    assert problems == []
    page.close()


def check_figures(page: Page) -> int:
    """Check that every figure is drawn, inside its box, and has a caption; return how many."""
    figures = page.locator("figure").all()
    for figure in figures:
        box = figure.locator("svg").bounding_box()
        assert box is not None
        assert box["width"] > 100
        assert box["height"] > 100
        assert len(figure.locator("figcaption").inner_text()) > 10
    return len(figures)


def check_verdicts(page: Page) -> list[str]:
    """Check that every experiment's verdict can be seen; return the experiments' names."""
    names = []
    for section in page.locator("[data-experiment]").all():
        verdict = section.locator(".verdict").first
        assert verdict.is_visible()
        assert verdict.inner_text().strip()
        names.append(section.get_attribute("data-experiment") or "")
    return names


def wait_until(page: Page, condition: str) -> None:
    """Wait until a condition in JavaScript holds; the rules of the pages forbid them to poll."""
    end_ms = 1000 * time.monotonic() + PATIENCE_MS
    while not page.evaluate(condition):
        assert 1000 * time.monotonic() < end_ms, f"waited in vain for {condition}"
        page.wait_for_timeout(20)


def find_overflow_px(page: Page) -> int:
    """Return by how much the page is wider than the window."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return wide


def find_ids_given_twice(page: Page) -> list[str]:
    """Return ids that more than one element has."""
    twice: list[str] = page.evaluate(
        "[...document.querySelectorAll('[id]')].map((one) => one.id)"
        ".filter((id, at, ids) => ids.indexOf(id) !== at)"
    )
    return twice


def find_faint_text(page: Page, least: float = 4.5) -> dict[str, float]:
    """Return the contrast of the kinds of elements with less of it than WCAG AA asks for."""
    worst: dict[str, float] = page.evaluate(MEASURE_CONTRAST)
    return {name: ratio for name, ratio in worst.items() if ratio < least}
