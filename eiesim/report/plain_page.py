"""The page of a report that has none of its own: its lines, charts and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eiesim.base.tables import Row
from eiesim.report import markup
from eiesim.report.page import Section, date_line, describe_manifest, render_page

if TYPE_CHECKING:
    from eiesim.report.report import Report

ROWS_AT_MOST = 1000
"""Of a table."""


def render_plain(report: Report, manifest: Row) -> str:
    """Return the page of a report.

    Parameters
    ----------
    manifest : dict
        From `Report.make_manifest`.
    """
    lines = [part for part in report.shown if isinstance(part, str) and part]
    charts = [markup.figure(chart, name) for name, chart in report.charts.items()]
    sections = [
        *([Section("charts", "Charts", markup.join(charts))] if charts else []),
        *(
            Section(f"table-{name}", name.capitalize(), markup.table(rows, name, ROWS_AT_MOST))
            for name, rows in report.tables.items()
            if rows
        ),
        Section("about", "How this page was made", describe_manifest(manifest)),
    ]
    summary = markup.paragraphs("\n\n".join(lines))
    return render_page(report.title, summary, sections, date_line(manifest))
