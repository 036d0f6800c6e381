"""Tables of the pages in docs, which tests compute again."""

from __future__ import annotations

from tests.support.paths import ROOT

DOCS = ROOT / "docs"


def read_table(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table that begins with these columns, commas of thousands left out.

    Parameters
    ----------
    page : str
        Name of the file in docs.
    heading : str
        How the line of column names begins.
    """
    lines = (DOCS / page).read_text("utf-8").splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(heading))
    rows: list[list[str]] = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace(",", "") for cell in line.strip("|").split("|")])
    return rows
