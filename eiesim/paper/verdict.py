"""What a paper says beside what eiesim finds, and what to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

MATCH = "match"
WITHIN = "within tolerance"
DIFFERS = "differs"
IMPOSSIBLE = "not reproducible here"
KINDS = (MATCH, WITHIN, DIFFERS, IMPOSSIBLE)
"""What a verdict can be."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Tolerance:
    """How far ours may lie from a printed number, in percent, and why so far."""

    percent: float
    why: str


EXACT = Tolerance(0, "it must round to the printed digits")


@dataclass(frozen=True)
class Verdict:
    """One number of a paper and ours.

    Attributes
    ----------
    unit
        Of both numbers.
    paper
        As printed.
    reason
        Why it differs, for a deviation beyond the tolerance.
    workload
        ``published``, ``matched``, ``real`` or nothing: what ours was computed from.
    by_construction
        Why ours must agree, where it must: the paper's number was put in, quoted or calibrated to.
        Then that it agrees is no evidence.
    """

    layer: str
    quantity: str
    unit: str
    paper: str
    ours: float
    tolerance: Tolerance
    reason: str
    workload: str = ""
    by_construction: str = ""

    @property
    def deviation_percent(self) -> float:
        """Deviation of ours from the printed number, in percent."""
        return 100 * (self.ours / float(self.paper) - 1)

    @property
    def matches(self) -> bool:
        """Whether ours, rounded to the printed digits, is the printed number."""
        printed = Decimal(self.paper)
        return Decimal(self.ours).quantize(printed) == printed

    @property
    def within(self) -> bool:
        """Whether the number matches, or its deviation is within the tolerance."""
        return self.matches or abs(self.deviation_percent) <= self.tolerance.percent

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return MATCH if self.matches else WITHIN if self.within else DIFFERS

    @property
    def words(self) -> str:
        """The verdict without its reason."""
        return f"within {self.tolerance.percent:g} %" if self.kind == WITHIN else self.kind

    @property
    def why(self) -> str:
        """Why the tolerance is so wide, or why the number differs; and why it is not free."""
        return _mark(self, {WITHIN: self.tolerance.why, DIFFERS: self.reason}.get(self.kind, ""))

    @property
    def text(self) -> str:
        """The verdict: match, within a tolerance and why so wide, or differs and why."""
        return _write(self)

    def to_row(self) -> Row:
        """Return the verdict as one row of a table."""
        return _make_row(self) | {
            "unit": self.unit,
            "paper": self.paper,
            "ours": self.ours,
            "deviation_percent": self.deviation_percent,
            "tolerance_percent": self.tolerance.percent,
        }


@dataclass(frozen=True)
class Statement:
    """A sentence of a paper, or what a figure without printed numbers shows, and what we find.

    Attributes
    ----------
    paper
        What the paper says, in short, with its place.
    ours
        What eiesim finds, in short, with numbers.
    holds
        Whether what we find agrees.
    reason
        Why it does not.
    workload, by_construction
        As in `Verdict`.
    """

    layer: str
    quantity: str
    paper: str
    ours: str
    holds: bool
    reason: str
    workload: str = ""
    by_construction: str = ""

    @property
    def within(self) -> bool:
        """Whether it holds."""
        return self.holds

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return MATCH if self.holds else DIFFERS

    @property
    def words(self) -> str:
        """The verdict without its reason."""
        return self.kind

    @property
    def why(self) -> str:
        """Why it does not hold; and why what we find is not free."""
        return _mark(self, "" if self.holds else self.reason)

    @property
    def text(self) -> str:
        """The verdict: match, or differs and why."""
        return _write(self)

    def to_row(self) -> Row:
        """Return the statement as one row of a table."""
        return _make_row(self) | {"paper": self.paper, "ours": self.ours}


@dataclass(frozen=True)
class Unreproducible:
    """A printed number that cannot be had here."""

    layer: str
    quantity: str
    unit: str
    paper: str
    reason: str
    workload: str = ""
    by_construction = ""
    within = False
    kind = words = IMPOSSIBLE

    @property
    def why(self) -> str:
        """Why not."""
        return self.reason

    @property
    def text(self) -> str:
        """The verdict: why not."""
        return _write(self)

    def to_row(self) -> Row:
        """Return it as one row of a table."""
        return _make_row(self) | {"unit": self.unit, "paper": self.paper}


Judgement = Verdict | Statement | Unreproducible
MUCH = 1.0
"""Points of accuracy beyond which a paper's loss is one that ours must show, too."""


def agree_in_loss(ours: float, paper: float, allowed: float) -> bool:
    """Return whether what one of our networks loses agrees with what the paper's lost.

    Parameters
    ----------
    ours, paper
        Points of accuracy; of more than `MUCH` ours must lose half or more, however much, otherwise
        it must not lose more than the paper's.
    allowed
        Points that ours may lose beyond that.
    """
    return ours >= paper / 2 if paper > MUCH else ours <= paper + allowed


def _mark(judgement: Verdict | Statement, why: str) -> str:
    """Return a reason together with the mark of a number that is not free, whatever its kind."""
    if not judgement.by_construction:
        return why
    # one that differs all the same was not made to agree, but rests on the paper's number
    mark = "not independent" if judgement.kind == DIFFERS else "by construction"
    return "; ".join(filter(None, (why, f"{mark}: {judgement.by_construction}")))


def _write(judgement: Judgement) -> str:
    """Return the verdict as a sentence: its words, and its reason if there is one."""
    words, why = judgement.words, judgement.why
    if judgement.kind in (DIFFERS, IMPOSSIBLE):
        return f"{words} because {why}"
    if judgement.kind == WITHIN:
        return f"{words} ({why})"
    return f"{words} {why}".rstrip()


def _make_row(judgement: Judgement) -> Row:
    """Return a row with every column of every kind."""
    return {
        "layer": judgement.layer,
        "quantity": judgement.quantity,
        "workload": judgement.workload,
        "unit": "",
        "paper": "",
        "ours": None,
        "deviation_percent": None,
        "tolerance_percent": None,
        "kind": judgement.kind,
        "by_construction": bool(judgement.by_construction),
        "words": judgement.words,
        "why": judgement.why,
        "verdict": judgement.text,
    }
