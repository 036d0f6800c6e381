"""The page of a report that has none of its own: its lines, charts and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eiesim.base.tables import Row
from eiesim.report import markup
from eiesim.report.charts import Chart
from eiesim.report.page import Section, date_line, describe_manifest, render_page

ROWS_AT_MOST = 1000
"""Of a table."""


def render_plain(
    title: str,
    lines: Sequence[str],
    charts: Mapping[str, Chart],
    tables: Mapping[str, Sequence[Row]],
    manifest: Row,
) -> str:
    """Return a page.

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
        *([Section("charts", "Charts", markup.join(figures))] if figures else []),
        *(
            Section(f"table-{name}", name.capitalize(), markup.table(rows, name, ROWS_AT_MOST))
            for name, rows in tables.items()
            if rows
        ),
        Section("about", "How this page was made", describe_manifest(manifest)),
    ]
    summary = markup.paragraphs("\n\n".join(lines))
    return render_page(title, summary, sections, date_line(manifest))
