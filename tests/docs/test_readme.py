"""README.md: one screen, whose links lead somewhere; links of the manual that work without it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.paths import DOCS, ROOT

LINK = re.compile(r"\]\(([^)#\s]+)(?:#([\w-]+))?\)")
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def list_anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text("utf-8")):
        if target.startswith("http"):
            continue
        file = page.parent / target
        assert not target.startswith("/"), target
        assert file.exists(), target
        if anchor and file.name not in ("names.md", "python.md"):  # headings made from the code
            assert anchor in list_anchors(file.read_text("utf-8")), (target, anchor)


def test_it_is_one_screen_with_two_commands_and_four_examples() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 70
    assert len(re.findall(r"^\$ make ", text, re.MULTILINE)) == 2
    _, _, examples = text.partition("## Four examples\n")
    assert len(re.findall(r"^\$ eiesim ", examples, re.MULTILINE)) == 4
