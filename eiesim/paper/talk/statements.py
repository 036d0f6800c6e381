"""The statements of the authors' talk on Deep Compression, and what shows each of them here."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.base.published import read_table
from eiesim.paper.verdict import Statement, Unreproducible

RETRAIN = "tests/compress/test_retrain.py::"
SEE: dict[int, tuple[str, ...]] = {
    1: ("dc_table1", "eiesim compress"),
    5: ("table1", "savings"),
    6: ("dc_table1",),
    7: ("dc_table1",),
    8: ("eiesim compress", "dc_table7"),
    10: ("dc_table4", "dc_table5"),
    11: ("dc_figure6", f"{RETRAIN}test_masks_hold"),
    12: ("eiesim run", "table3"),
    13: ("dc_figure5",),
    14: ("dc_figure8",),
    15: ("eiesim compress", f"{RETRAIN}test_shared_weights_stay_shared"),
    16: ("dc_table2", "dc_table3", "dc_table4", "dc_table5"),
    17: (
        f"{RETRAIN}test_equation_3_is_the_gradient_through_the_look_up",
        f"{RETRAIN}test_shared_weights_stay_shared",
    ),
    18: ("dc_figure7",),
    19: ("dc_figure6", "dc_figure7"),
    20: ("dc_table6",),
    21: ("dc_figure6", "dc_table1"),
    22: ("dc_figure5", "tests/compress/test_huffman.py::test_symbols_come_back"),
    23: ("dc_table1",),
    24: ("savings", "figure6"),
    25: ("dc_figure9",),
    26: ("figure6", "figure7", "claims"),
    27: ("dc_table1",),
    28: ("savings",),
    29: ("table1",),
}
"""Experiments, commands and tests that show a statement, beside what is computed for it here."""


def say(
    number: int, ours: str, holds: bool, reason: str, workload: str = "", by_construction: str = ""
) -> Statement:
    """Return the verdict on a statement, by its number in data/paper/dc_talk_statements.csv."""
    topic, quote, see = _find(number)
    return Statement(
        f"({number})", topic, quote, f"{ours} {see}", holds, reason, workload, by_construction
    )  # fmt: skip


def decline(number: int, reason: str) -> Unreproducible:
    """Return that a statement cannot be reproduced here, why not, and what there is instead."""
    topic, quote, see = _find(number)
    return Unreproducible(f"({number})", topic, "", quote, f"{reason} {see}")


def join_words(words: Iterable[str]) -> str:
    """Return one word or more as ``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _find(number: int) -> tuple[str, str, str]:
    """Return a statement's topic, its words with their place, and what else shows it here."""
    rows = read_table("paper/dc_talk_statements")
    row = next(row for row in rows if row["number"] == str(number))
    quote = f"talk, statement {number}: {row['statement']}"
    return row["topic"], quote, f"(see {', '.join(SEE[number])})"
