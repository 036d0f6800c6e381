"""Tables as lines of text: fields across or fields down, whichever a terminal has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap
from typing import Any

TEXT_WIDTH = 16
"""Characters that a column of text keeps before a table is turned or split."""
GAP = "  "


@dataclass(frozen=True)
class WordColumn:
    """Words below one another, the first one at the top of a table."""

    words: Sequence[str]
    to_right: bool = False

    @property
    def is_of_numbers(self) -> bool:
        """Whether all words but the one at the top are numbers."""
        return all(map(_is_number, self.words[1:]))

    @property
    def widest(self) -> int:
        """Characters that all words have room in."""
        return max(map(len, self.words))

    @property
    def least(self) -> int:
        """Characters that no number and no word of a text is cut in.

        What begins with a space is drawn, not written, and keeps its width.
        """
        if any(word.startswith(" ") for word in self.words):
            return self.widest
        unbroken = max(len(part) for word in self.words for part in word.split() or [""])
        return unbroken if self.is_of_numbers else max(unbroken, min(self.widest, TEXT_WIDTH))


def lay_out(rows: Sequence[Mapping[str, Any]], width: float) -> list[str]:
    """Return a table as lines: a line a row, or where only that fits, a line a field.

    A table that is too wide in both directions is split into groups of columns, in the direction
    with fewer lines; each group begins with the table's first column. Nothing is cut: a line is
    wider than `width` where a single number is.

    Parameters
    ----------
    rows : sequence of mapping
        At least one row; all with the same keys.
    width : float
        Characters of a line; infinity in a pipe.
    """
    keys = list(rows[0])
    cells = [[format_value(row[key]) for key in keys] for row in rows]
    upright = [WordColumn(words) for words in zip(keys, *cells, strict=True)]
    sideways = [WordColumn(keys), *(WordColumn(words, to_right=True) for words in cells)]
    tables = [_split(columns, width) for columns in (upright, sideways)]
    for groups in tables:
        if len(groups) == 1 and _fits(groups[0], width):
            return _draw_groups(groups, width)
    return min((_draw_groups(groups, width) for groups in tables), key=len)


def wrap_text(text: str, width: int) -> list[str]:
    """Return a text as lines that break between words."""
    return [
        piece
        for line in text.split("\n")
        for piece in wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
    ]


def _split(columns: Sequence[WordColumn], width: float) -> list[list[WordColumn]]:
    """Return columns in groups that fit, each behind the first column."""
    first, *others = columns
    groups = [[first]]
    for column in others:
        if len(groups[-1]) > 1 and not _fits([*groups[-1], column], width):
            groups.append([first])
        groups[-1].append(column)
    return groups


def _fits(columns: Sequence[WordColumn], width: float) -> bool:
    return sum(column.least for column in columns) + len(GAP) * (len(columns) - 1) <= width


def _draw_groups(groups: Sequence[Sequence[WordColumn]], width: float) -> list[str]:
    first, *others = (_draw(columns, width) for columns in groups)
    return first + [line for lines in others for line in ["", *lines]]


def _draw(columns: Sequence[WordColumn], width: float) -> list[str]:
    """Return columns beside one another; those of text share the room that is left."""
    spare = max(width - sum(len(GAP) + column.least for column in columns) + len(GAP), 0)
    widths = []
    for column in columns:
        more = int(min(column.widest - column.least, spare))
        widths.append(column.least + more)
        spare -= more
    lines = []
    for words in zip(*(column.words for column in columns), strict=True):
        pieces = [
            [word] if len(word) <= room else wrap_text(word, room)
            for word, room in zip(words, widths, strict=True)
        ]
        for line in zip_longest(*pieces, fillvalue=""):
            padded = (
                f"{piece:{'>' if column.to_right or column.is_of_numbers else '<'}{room}}"
                for piece, column, room in zip(line, columns, widths, strict=True)
            )
            lines.append(GAP.join(padded).rstrip())
    return lines


def format_value(value: object) -> str:
    """Return a value of a row as it stands in a table."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1e}" if 1e-9 < abs(value) < 0.0005 else f"{value:.3f}"


def _is_number(word: str) -> bool:
    try:
        return word == "null" or float(word) is not None
    except ValueError:
        return False
