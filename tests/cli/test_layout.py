"""Tables as lines: upright where there is room, else turned or split, and nothing cut."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from eiesim.cli.layout import lay_out, wrap_text

ROWS: list[dict[str, Any]] = [
    {"layer": "a", "cycles": 12345, "latency_us": 1.5, "fits": True, "reason": None},
    {"layer": "bb", "cycles": 7, "latency_us": 0.00012, "fits": False, "reason": "too wide for it"},
]


def test_with_room_a_row_is_a_line() -> None:
    assert lay_out(ROWS, inf) == lay_out(ROWS, 53) == [
        "layer  cycles  latency_us  fits  reason",
        "a       12345       1.500  yes   null",
        "bb          7     1.2e-04  no    too wide for it",
    ]  # fmt: skip


def test_without_room_a_field_is_a_line() -> None:
    assert lay_out(ROWS, 40) == [
        "layer           a               bb",
        "cycles      12345                7",
        "latency_us  1.500          1.2e-04",
        "fits          yes               no",
        "reason       null  too wide for it",
    ]


def test_without_room_in_both_directions_a_table_is_split() -> None:
    """Into groups, each behind the first column, in the direction with fewer lines."""
    assert lay_out(ROWS, 30) == [
        "layer  cycles  latency_us",
        "a       12345       1.500",
        "bb          7     1.2e-04",
        "",
        "layer  fits  reason",
        "a      yes   null",
        "bb     no    too wide for it",
    ]
    wide = [{"a": "x", **{f"field{at}": at for at in range(9)}} for _ in range(3)]
    assert lay_out(wide, 12)[:3] == ["a       x  x", "field0  0  0", "field1  1  1"]


@pytest.mark.parametrize("width", [200, 80, 40, 20, 5, 1])
def test_no_number_and_no_word_is_cut(width: int) -> None:
    rows = [
        {"name": f"layer-{row}", "n": 10**row, "x": row / 7, "why": "words and 123456789 numbers"}
        for row in range(12)
    ]
    words = {word for row in lay_out(rows, inf) for word in row.split()}
    lines = lay_out(rows, width)
    assert {word for line in lines for word in line.split()} == words
    longest = max(map(len, words))
    assert max(map(len, lines)) <= max(width, 2 * longest + 2)


def test_what_is_drawn_is_not_wrapped() -> None:
    rows = [{"part": "first", "bar": "####  |"}, {"part": "other", "bar": " " * 20 + "##|"}]
    assert any(line.endswith(" " * 20 + "##|") for line in lay_out(rows, 10))


def test_text_breaks_between_words() -> None:
    assert wrap_text("one two-three\n\nfour", 8) == ["one", "two-three", "", "four"]
