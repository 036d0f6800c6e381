"""Cards: what an object shows of itself in a notebook."""

from __future__ import annotations

from html import escape

from eiesim.base.labels import name_column, show_number
from eiesim.base.tables import Row

LEFT = ' style="text-align: left"'
"""Notebooks set the cells of a table to the right; colours are theirs, be they light or dark."""


def make_card(title: str, row: Row) -> str:
    """Return a title and a row's names and values, one a line, as HTML; texts are escaped."""
    lines = "".join(
        f'<tr><th scope="row"{LEFT}>{escape(name_column(key))}</th><td{LEFT}>'
        f"{escape(value if isinstance(value, str) else show_number(value))}</td></tr>\n"
        for key, value in row.items()
    )
    head = f'<thead><tr><th colspan="2"{LEFT}>{escape(title)}</th></tr></thead>'
    return f"<table>\n{head}\n<tbody>\n{lines}</tbody>\n</table>"
