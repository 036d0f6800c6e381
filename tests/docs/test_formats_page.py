"""docs/formats.md: its table and the numbers below it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from eiesim import Hardware
from eiesim.catalog.readers import load_operands
from eiesim.runs.formats import report_formats
from tests.support.pages import read_table
from tests.support.paths import DOCS


@pytest.mark.slow
def test_half_full_matrices() -> None:
    hw = Hardware.preset("eie-256pe-28nm")
    summary: Any = report_formats(load_operands("today/llama-2-7b/q"), hw, "bits").summary
    rows = summary["formats"]
    assert read_table("formats.md", "| index bits") == [
        [
            str(row["index_bits"]), str(row["padding_zeros"]),
            *(f"{row[key] / 1e6:.1f}" for key in ("entries_bits", "pointers_bits", "word_bits")),
            str(row["cycles"]),
        ]
        for row in rows
    ]  # fmt: skip
    two, four = rows[1], rows[3]
    told = re.findall(r"([\d.]+) % (?:fewer bits|, since|more cycles)|words ([\d.]+) %",
                      " ".join((DOCS / "formats.md").read_text("utf-8").split()))  # fmt: skip
    percents = [first or second for first, second in told]
    saved = [100 * (1 - two[key] / four[key]) for key in ("entries_bits", "word_bits")]
    more = 100 * (two["cycles"] / four["cycles"] - 1)
    assert percents == [f"{value:.1f}" for value in (*saved, more)]
    assert summary["best"] == 2


@pytest.mark.slow
def test_alex_7() -> None:
    summary: Any = report_formats(load_operands("alex-7"), Hardware(), "bits").summary
    assert summary["best"] == 5
