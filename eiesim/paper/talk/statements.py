"""Verdicts on the statements of the authors' talk on Deep Compression."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.base.published import read_table
from eiesim.paper.verdict import Statement, Unreproducible


def say(
    number: int, ours: str, holds: bool, reason: str, workload: str = "", by_construction: str = ""
) -> Statement:
    """Return the verdict on a statement, by its number in data/paper/dc_talk_statements.csv."""
    topic, quote, see = _find(number)
    return Statement(
        f"({number})", topic, quote, f"{ours} {see}", holds, reason, workload, by_construction
    )


def decline(number: int, reason: str) -> Unreproducible:
    """Return the verdict that a statement cannot be reproduced, and what there is instead."""
    topic, quote, see = _find(number)
    return Unreproducible(f"({number})", topic, "", quote, f"{reason} {see}")


def join_words(words: Iterable[str]) -> str:
    """Return one word or more as ``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _find(number: int) -> tuple[str, str, str]:
    """Return a statement's topic, its words with their place, and a reference to other results."""
    rows = read_table("paper/dc_talk_statements")
    row = next(row for row in rows if row["number"] == str(number))
    quote = f"talk, statement {number}: {row['statement']}"
    return row["topic"], quote, f"(see {row['see']})"
