"""One page of HTML that needs nothing but itself: sections and their table of contents."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eiesim.base.resources import data_path
from eiesim.report.markup import NOTHING, Html, escape, join, link, make_anchor, preformatted, table


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading that the table of contents leads to.

    Attributes
    ----------
    anchor : str
        Its id: letters, digits, ``-`` and ``_``; see `make_anchor`.
    title : str
        Its heading.
    content : Html
        What stands under it, before its parts.
    badges : Html
        States behind the heading.
    data : mapping
        ``data-`` attributes by name.
    parts : tuple of Section
        Sections within it; one level.
    """

    anchor: str
    title: str
    content: Html = NOTHING
    badges: Html = NOTHING
    data: Mapping[str, str] | None = None
    parts: tuple[Section, ...] = ()


def render_page(title: str, summary: Html, sections: Sequence[Section], about: str) -> str:
    """Return the text of a page.

    Parameters
    ----------
    about : str
        One line below the title: date and versions.
    """
    style, script = (
        data_path(f"page/{name}").read_text(encoding="utf-8") for name in ("page.css", "page.js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # nothing is fetched, and no script runs but this one, whatever a layer is called
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<nav aria-label="Contents">
<details class="toc" open><summary>Contents</summary>
{_list_sections(sections)}
</details>
</nav>
<main>
<header>
<h1>{escape(title)}</h1>
<p class="about">{escape(about)}</p>
<button type="button" class="theme" hidden>Theme: system</button>
</header>
{summary}
{join(_render_section(section, 2) for section in sections)}
</main>
<script>{script}</script>
</body>
</html>
"""


def date_line(manifest: dict[str, Any]) -> str:
    """Return date and version for the head of a page.

    Parameters
    ----------
    manifest : dict
        From `make_manifest`.
    """
    return (
        f"{manifest['date'][:16].replace('T', ' ')} UTC · eiesim {manifest['versions']['eiesim']}"
    )


def describe_manifest(manifest: dict[str, Any]) -> Html:
    """Return what a page was made with: the command to copy, the versions, and the computer.

    Parameters
    ----------
    manifest : dict
        From `make_manifest`.
    """
    versions = [{"what": what, "version": one} for what, one in manifest["versions"].items()]
    return join(
        [
            preformatted(shlex.join(["eiesim", *manifest["command"]]), "command"),
            table([*versions, {"what": "computer", "version": manifest["computer"]}], "versions"),
        ]
    )


def _render_section(section: Section, level: int) -> Html:
    data = "".join(
        f' data-{name}="{escape(value)}"' for name, value in (section.data or {}).items()
    )
    parts = join(_render_section(part, level + 1) for part in section.parts)
    return Html(
        f'<section id="{make_anchor(section.anchor)}"{data}>'
        f"<h{level}>{escape(section.title)}"
        f' <a class="anchor" href="#{make_anchor(section.anchor)}" aria-label="Link here">#</a>'
        f"</h{level}>"
        + (f'<p class="badges">{section.badges}</p>' if section.badges else "")
        + f"\n{section.content}\n{parts}</section>"
    )


def _list_sections(sections: Sequence[Section]) -> Html:
    items = (
        f"<li>{link(section.anchor, section.title)}"
        f"{_list_sections(section.parts) if section.parts else ''}</li>"
        for section in sections
    )
    return Html(f"<ul>{''.join(items)}</ul>")
