"""Verdicts as sentences, their marks, and how many agreements are no evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eiesim.paper.record import DONE, Record, count_constructed, count_kinds
from eiesim.paper.report import report_experiments
from eiesim.paper.verdict import (
    DIFFERS,
    EXACT,
    IMPOSSIBLE,
    MATCH,
    WITHIN,
    Judgement,
    Statement,
    Tolerance,
    Unreproducible,
    Verdict,
    agree_in_loss,
)

NEAR = Tolerance(10, "it is drawn")
NUMBER = Verdict("x", "time", "us", "10", 10.0, NEAR, "it is slow", "", "it was put in")
SENTENCE = Statement("x", "falls", "section VI", "it falls", True, "it rises", "", "it was put in")
ABSENT = Unreproducible("x", "time", "us", "9.9", "it is elsewhere")


@pytest.mark.parametrize(
    ("paper", "ours", "text"),
    [
        ("9.9", 9.91, "match"),
        ("9.9", 9.949, "match"),
        ("9.9", 9.96, "within 10 % (it is drawn)"),
        ("10", 10.4, "match"),
        ("10", 10.9999, "within 10 % (it is drawn)"),
        ("10", 11.01, "differs because it does"),
        ("10", 8.99, "differs because it does"),
    ],
)
def test_verdicts(paper: str, ours: float, text: str) -> None:
    tolerance = Tolerance(10, "it is drawn")
    verdict = Verdict("x", "time", "us", paper, ours, tolerance, "it does", "published")
    assert verdict.text == text
    row = verdict.to_row()
    assert (row["paper"], row["ours"], row["workload"]) == (paper, ours, "published")
    assert row["deviation_percent"] == pytest.approx(100 * (ours - float(paper)) / float(paper))


def test_what_agrees_by_construction_is_told() -> None:
    put_in = Verdict("x", "clock", "MHz", "800", 800.0, EXACT, "", "", "it was put in")
    assert (put_in.kind, put_in.text) == (MATCH, "match by construction: it was put in")
    assert put_in.to_row()["by_construction"]
    assert not replace(put_in, by_construction="").to_row()["by_construction"]


def test_verdicts_without_numbers_have_the_same_columns() -> None:
    statement = Statement("x", "falls", "section VI", "it rises", False, "it is so")
    absent = Unreproducible("x", "time", "us", "9.9", "it was measured elsewhere")
    number = Verdict("x", "time", "us", "9.9", 9.9, EXACT, "")
    assert [v.kind for v in (statement, absent, number)] == [DIFFERS, IMPOSSIBLE, MATCH]
    assert replace(statement, holds=True).kind == MATCH
    assert statement.text == "differs because it is so"
    assert absent.text == "not reproducible here because it was measured elsewhere"
    assert absent.to_row()["ours"] is None
    columns = [list(v.to_row()) for v in (statement, absent, number)]
    assert columns[0] == columns[1] == columns[2]


@pytest.mark.parametrize(
    ("judgement", "kind", "text"),
    [
        (NUMBER, MATCH, "match by construction: it was put in"),
        (replace(NUMBER, ours=10.9), WITHIN,
         "within 10 % (it is drawn; by construction: it was put in)"),
        (replace(NUMBER, ours=12.0), DIFFERS,
         "differs because it is slow; not independent: it was put in"),
        (SENTENCE, MATCH, "match by construction: it was put in"),
        (replace(SENTENCE, holds=False), DIFFERS,
         "differs because it rises; not independent: it was put in"),
    ],
)  # fmt: skip
def test_the_mark_is_told_whatever_the_verdict(
    judgement: Verdict | Statement, kind: str, text: str
) -> None:
    assert (judgement.kind, judgement.text) == (kind, text)
    row = judgement.to_row()
    assert row["by_construction"]
    assert "it was put in" in row["why"]
    assert row["verdict"] == text
    unmarked = replace(judgement, by_construction="")
    assert "put in" not in unmarked.to_row()["verdict"]


def make_record(*judgements: Judgement) -> Record:
    rows = tuple(judgement.to_row() for judgement in judgements)
    return Record(
        name="table1", title="EIE, Table I", state=DONE, note="", verdicts=rows, tables={},
        charts={},
    )  # fmt: skip


def test_agreements_by_construction_are_counted() -> None:
    """Two of these agree and must; one must and differs; one agrees freely; one is not there."""
    free = replace(NUMBER, by_construction="")
    first = make_record(NUMBER, replace(NUMBER, ours=12.0), free)
    second = make_record(replace(NUMBER, ours=10.9), ABSENT, replace(SENTENCE, holds=False))
    assert count_constructed([first]) == 1
    assert count_constructed([first, second]) == 2
    assert count_constructed([make_record(free, ABSENT)]) == 0
    assert sum(count_kinds([first, second]).values()) == 6


def test_the_page_shows_words_and_reasons() -> None:
    record = make_record(
        NUMBER, replace(NUMBER, ours=10.9), replace(NUMBER, ours=12.0, by_construction=""), ABSENT
    )
    page = report_experiments([record], brief=True).render(["eiesim"])
    assert "1 match to the printed digits and 1 lie within" in page
    assert "2 of these agree by construction" in page
    for words in ("within 10 %", "it is drawn; by construction: it was put in", "it is slow",
                  "it is elsewhere"):  # fmt: skip
        assert words in page


@pytest.mark.parametrize(
    ("ours", "paper", "agrees"),
    [
        (0.11, 1.99, False),  # a twentieth of it is no loss of its kind
        (1.0, 1.99, True),
        (80.0, 27.3, True),
        (0.10, 0.0, True),
        (0.11, 0.0, False),
        (-1.0, 0.01, True),
        (0.7, 0.5, False),
    ],
)
def test_losses_agree_in_kind(ours: float, paper: float, agrees: bool) -> None:
    assert agree_in_loss(ours, paper, 0.1) is agrees
