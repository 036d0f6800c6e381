"""The parts of the manual that Sphinx makes from the code, and links out of docs/ made to fit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils.statemachine import StringList
from sphinx.directives.other import TocTree
from sphinx.util.docutils import SphinxDirective

from docs.tables import TABLES

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

DOCS = Path(__file__).parent
INCLUDED = {
    "ARCHITECTURE.md": "/explanation/architecture.md",
    "CONTRIBUTING.md": "/reference/contributing.md",
    "CHANGELOG.md": "/reference/changelog.md",
    "benchmarks/README.md": "/explanation/speed.md",
    "rtl/README.md": "/reference/rtl_sources.md",
}
"""Files outside docs/ that are pages of the manual."""
OUTSIDE = re.compile(rf"\]\((?:\.\./)+({'|'.join(map(re.escape, INCLUDED))})")


def move_links(text: str) -> str:
    """Return Markdown whose links to files of `INCLUDED` go to their pages.

    >>> move_links("see [it](../ARCHITECTURE.md#one-cycle)")
    'see [it](/explanation/architecture.md#one-cycle)'
    """
    text = OUTSIDE.sub(lambda link: f"]({INCLUDED[link[1]]}", text)
    return text.replace("](../docs/", "](/")


def list_other_pages() -> list[str]:
    """Return the pages of docs/ that the list of no section has."""
    placed = "".join(path.read_text("utf-8") for path in DOCS.glob("*/index.md"))
    names = set(re.findall(r"^/(\w+)$", placed, re.MULTILINE)) | {"index", "faq"}
    return sorted(path.stem for path in DOCS.glob("*.md") if path.stem not in names)


class OtherPages(TocTree):
    """A toctree of the pages that no section has, so that a new page gets in."""

    def run(self) -> list[nodes.Node]:
        """Return the toctree; nothing if there is no such page."""
        names = list_other_pages()
        self.content = StringList(names, source="docs")
        return super().run() if names else []


class FromCode(SphinxDirective):
    """A part of the reference: the name of a row of `TABLES`, and its argument if it has one."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the part."""
        text = TABLES[self.arguments[0]](*self.arguments[1:])
        found: list[nodes.Node] = self.parse_text_to_nodes(text, allow_section_headings=True)
        return found


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives."""

    def change_source(*arguments: Any) -> None:
        source: list[str] = arguments[-1]  # both events give the text last
        source[0] = move_links(source[0])

    app.connect("source-read", change_source)
    app.connect("include-read", change_source)
    app.add_directive("other-pages", OtherPages)
    app.add_directive("from-code", FromCode)
    return {"parallel_read_safe": True}
