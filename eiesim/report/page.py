"""One page of HTML that needs nothing but itself: sections and their table of contents."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eiesim.base.resources import data_path
from eiesim.base.tables import Row
from eiesim.report import markup
from eiesim.report.charts import Chart
from eiesim.report.markup import Html, escape, join, make_anchor

ROWS_AT_MOST = 1000
"""Of a table on a page that lists all tables of a report."""


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading that the table of contents leads to.

    Attributes
    ----------
    anchor : str
        Its id: letters, digits, ``-`` and ``_``; see `make_anchor`.
    content : Html
        What stands under the heading, before its parts.
    badges : Html
        States behind the heading.
    data : mapping
        ``data-`` attributes by name.
    parts : tuple of Section
        Sections within it; one level.
    """

    anchor: str
    title: str
    content: Html = markup.NOTHING
    badges: Html = markup.NOTHING
    data: Mapping[str, str] | None = None
    parts: tuple[Section, ...] = ()


def render_page(
    title: str, summary: Html, sections: Sequence[Section], about: str, extras: Sequence[str] = ()
) -> str:
    """Return the text of a page.

    Parameters
    ----------
    about : str
        One line below the title: date and versions.
    extras : sequence of str
        Styles and scripts of ``data/page`` that the page has behind those of every page.
    """
    style, script = (
        "".join(
            data_path(f"page/{name}").read_text(encoding="utf-8")
            for name in (f"page{ending}", *extras)
            if name.endswith(ending)
        )
        for ending in (".css", ".js")
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


def render_plain(
    title: str,
    lines: Sequence[str],
    charts: Mapping[str, Chart],
    tables: Mapping[str, Sequence[Row]],
    manifest: Row,
) -> str:
    """Return the page of a report that has none of its own: its lines, charts and tables.

    Parameters
    ----------
    lines : sequence of str
        A paragraph each, above everything else.
    charts, tables
        By name; a table without rows is left out.
    manifest : dict
        From `Report.make_manifest`.
    """
    figures = [markup.figure(chart, name) for name, chart in charts.items()]
    sections = [
        *([Section("charts", "Charts", join(figures))] if figures else []),
        *(
            Section(f"table-{name}", name.capitalize(), markup.table(rows, name, ROWS_AT_MOST))
            for name, rows in tables.items()
            if rows
        ),
        Section("about", "How this page was made", describe_manifest(manifest)),
    ]
    summary = markup.paragraphs("\n\n".join(lines))
    return render_page(title, summary, sections, date_line(manifest))


def date_line(manifest: Row) -> str:
    """Return date and version for the head of a page, from `Report.make_manifest`."""
    date = manifest["date"][:16].replace("T", " ")
    return f"{date} UTC · eiesim {manifest['versions']['eiesim']}"


def describe_manifest(manifest: Row) -> Html:
    """Return what a page was made with: the command to copy, the versions, and the computer."""
    rows = [*manifest["versions"].items(), ("computer", manifest["computer"])]
    versions = [{"what": what, "version": version} for what, version in rows]
    command = shlex.join(["eiesim", *manifest["command"]])
    return join([markup.preformatted(command, "command"), markup.table(versions, "versions")])


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
        f"<li>{markup.link(section.anchor, section.title)}"
        f"{_list_sections(section.parts) if section.parts else ''}</li>"
        for section in sections
    )
    return Html(f"<ul>{''.join(items)}</ul>")
