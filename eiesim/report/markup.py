"""Pieces of a page, as HTML: text, tables, charts, and text to copy.

Text of type `str` is escaped; only `Html`, which the functions here make, is taken as it is.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence

from eiesim.base.labels import name_column, show_number
from eiesim.base.tables import Row
from eiesim.report.charts import Chart, draw_svg

FOLD_ROWS = 20
"""The script folds the rows of a table beyond these."""
GOOD, BAD = "done", "differs"
"""Kinds of a badge or a notice, see `badge`."""


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


NOTHING = Html("")


def escape(text: str) -> str:
    """Return a text as it may stand in markup, unless it is markup."""
    return text if isinstance(text, Html) else html.escape(text)


def make_anchor(name: str) -> str:
    """Return a name as it may stand in an id, with ``-`` for what is no letter, digit or ``_``."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def join(parts: Iterable[str]) -> Html:
    """Return markup, one piece after the other; text is escaped."""
    return Html("\n".join(escape(part) for part in parts))


def paragraphs(text: str) -> Html:
    """Return a text with blank lines between its paragraphs; other line ends mean nothing."""
    return join(Html(f"<p>{escape(' '.join(part.split()))}</p>") for part in text.split("\n\n"))


def link(anchor: str, text: str) -> Html:
    """Return a link to a section of the page by its id."""
    return Html(f'<a href="#{make_anchor(anchor)}">{escape(text)}</a>')


def badge(text: str, kind: str) -> Html:
    """Return a word or two on a coloured ground.

    Parameters
    ----------
    kind : str
        What the colour stands for: a kind of verdict, a state, or nothing.
    """
    return Html(f'<span class="verdict {make_anchor(kind)}">{escape(text)}</span>')


def tiles(numbers: Iterable[tuple[str, str, str]]) -> Html:
    """Return numbers in large type, each with its meaning below and a kind as in `badge`."""
    cells = (
        f'<li class="{make_anchor(kind)}"><b>{escape(number)}</b> {escape(meaning)}</li>'
        for number, meaning, kind in numbers
    )
    return Html(f'<ul class="tiles">{"".join(cells)}</ul>')


def preformatted(text: str, label: str) -> Html:
    """Return text to copy, with a button that does."""
    return Html(
        f'<div class="copy"><div class="bar"><span>{escape(label)}</span>'
        f'<button type="button" class="copier" hidden>Copy</button></div>'
        f'<pre tabindex="0" aria-label="{escape(label)}">{escape(text.rstrip())}</pre></div>'
    )


def notice(text: str, kind: str) -> Html:
    """Return a text that must not be overlooked, of a kind as in `badge`."""
    return Html(f'<pre class="notice {make_anchor(kind)}">{escape(text)}</pre>')


def folded(summary: str, content: Html) -> Html:
    """Return content that is closed until it is asked for; open in print."""
    return Html(f"<details><summary>{escape(summary)}</summary>\n{content}\n</details>")


def figure(chart: Chart, prefix: str) -> Html:
    """Return a chart with its title and what to see; the prefix is that of `draw_svg`."""
    return Html(
        f'<figure><div class="scroll" tabindex="0">{draw_svg(chart, make_anchor(prefix))}</div>'
        f"<figcaption><strong>{escape(chart.title)}.</strong> {escape(chart.see)}"
        "</figcaption></figure>"
    )


def table(rows: Sequence[Row], name: str, limit: int | None = None, fold: bool = True) -> Html:
    """Return rows as a table that sorts by a click and can be saved as CSV.

    Columns without any value are left out; columns of numbers are set to the right.

    Parameters
    ----------
    rows : sequence of dict
        At least one row, all with the same keys; values may be `Html`.
    name : str
        Of the CSV file, without ending.
    limit : int, optional
        Rows to show at most; the page says that there are more.
    fold : bool
        Whether the script folds a long one.
    """
    shown = rows[:limit]
    keys = [key for key in rows[0] if any(row[key] not in (None, "") for row in rows)]
    columns = [(key, _are_numbers([row[key] for row in rows])) for key in keys]
    heads = "".join(
        f'<th scope="col" data-key="{escape(key)}"{_right(right)}>'
        f'<button type="button" title="{escape(key)}">{escape(name_column(key))}</button></th>'
        for key, right in columns
    )
    lines = ("".join(_render_cell(row[key], right) for key, right in columns) for row in shown)
    cut = ""
    if len(shown) < len(rows):
        cut = f"The first {len(shown):,} of {len(rows):,} rows; a folder of results has all."
    return Html(
        f'<div class="table" data-name="{escape(name)}" data-fold="{FOLD_ROWS if fold else ""}">'
        f'<div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead>\n<tbody>'
        + "\n".join(f"<tr>{line}</tr>" for line in lines)
        + f'</tbody></table></div><p class="tools">{cut}</p></div>'
    )


def facts(title: str, row: Row) -> Html:
    """Return one row as names and values below a heading; None is shown as missing."""
    pairs = "".join(
        f'<div><dt title="{escape(key)}">{escape(name_column(key))}</dt>'
        f"<dd>{escape(value if isinstance(value, str) else show_number(value))}</dd></div>"
        for key, value in row.items()
    )
    return Html(f'<div class="facts"><h4>{escape(title)}</h4><dl>{pairs}</dl></div>')


def _render_cell(value: str | float | None, right: bool) -> str:
    text, exact = (
        (value, value) if isinstance(value, str) else (show_number(value), json.dumps(value))
    )
    data = "" if exact == text else f' data-value="{escape(exact)}"'
    # a long name of a column or a quantity may break behind its underscores
    shown = text if isinstance(text, Html) else escape(text).replace("_", "_<wbr>")
    return f"<td{_right(right)}{data}>{shown}</td>"


def _right(right: bool) -> str:
    return ' class="number"' if right else ""


def _are_numbers(values: Sequence[object]) -> bool:
    kinds = set(map(type, values))
    if not any(issubclass(kind, str | bool) for kind in kinds):
        return True
    return bool not in kinds and all(
        _is_number(value) for value in values if isinstance(value, str)
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == ""
    return True
