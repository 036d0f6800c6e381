"""Comparisons of a paper's numbers and sentences with eiesim's."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from eiesim.base.tables import Row

MATCH = "match"
WITHIN = "within tolerance"
DIFFERS = "differs"
IMPOSSIBLE = "not reproducible here"
KINDS = (MATCH, WITHIN, DIFFERS, IMPOSSIBLE)
"""Kinds of verdicts."""


@dataclass(frozen=True)
class Tolerance:
    """Largest deviation of ours from a printed number, in percent, and the reason for it."""

    percent: float
    why: str


EXACT = Tolerance(0, "it must round to the printed digits")


class Judgement:
    """Base of numbers, sentences, and claims that cannot be reproduced.

    Attributes
    ----------
    paper
        A number as printed, or the paper's sentence, in short, with its place.
    ours
        The result of eiesim; None if there is none.
    reason
        Why ours differs, or why there is none.
    workload
        ``published``, ``matched``, ``real`` or nothing: the workload of ours.
    by_construction
        Why ours must agree, if it must: the paper's number was put in, quoted or calibrated to.
        Then agreement is no evidence.
    """

    layer: str
    quantity: str
    unit: str
    paper: str
    ours: float | str | None
    tolerance: Tolerance | None
    reason: str
    workload: str
    by_construction: str

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        raise NotImplementedError

    @property
    def within(self) -> bool:
        """Whether ours agrees, to the digits or within the tolerance."""
        return self.kind in (MATCH, WITHIN)

    @property
    def deviation_percent(self) -> float | None:
        """Deviation of ours from a printed number, in percent."""
        return None

    @property
    def words(self) -> str:
        """The verdict without its reason."""
        near = self.kind == WITHIN and self.tolerance
        return f"within {near.percent:g} %" if near else self.kind

    @property
    def why(self) -> str:
        """Why ours differs, or the reason for the tolerance; and why ours is not independent."""
        near = self.kind == WITHIN and self.tolerance
        reason = near.why if near else "" if self.kind == MATCH else self.reason
        if not self.by_construction:
            return reason
        # if it differs nevertheless, it only depends on the paper's number
        mark = "not independent" if self.kind == DIFFERS else "by construction"
        return "; ".join(filter(None, (reason, f"{mark}: {self.by_construction}")))

    @property
    def text(self) -> str:
        """The verdict as a sentence: its words, and its reason if there is one."""
        if self.kind in (DIFFERS, IMPOSSIBLE):
            return f"{self.words} because {self.why}"
        if self.kind == WITHIN:
            return f"{self.words} ({self.why})"
        return f"{self.words} {self.why}".rstrip()

    def to_row(self) -> Row:
        """Return the verdict as one row of a table, with the columns of every kind."""
        return {
            "layer": self.layer,
            "quantity": self.quantity,
            "workload": self.workload,
            "unit": self.unit,
            "paper": self.paper,
            "ours": self.ours,
            "deviation_percent": self.deviation_percent,
            "tolerance_percent": self.tolerance and self.tolerance.percent,
            "kind": self.kind,
            "by_construction": bool(self.by_construction),
            "words": self.words,
            "why": self.why,
            "verdict": self.text,
        }


@dataclass(frozen=True)
class Verdict(Judgement):
    """One number of a paper and ours, both in `unit`."""

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
    def kind(self) -> str:
        """One of `KINDS`."""
        if self.matches:
            return MATCH
        return WITHIN if abs(self.deviation_percent) <= self.tolerance.percent else DIFFERS

    @property
    def matches(self) -> bool:
        """Whether ours, rounded to the printed digits, is the printed number."""
        printed = Decimal(self.paper)
        return Decimal(self.ours).quantize(printed) == printed

    @property
    def deviation_percent(self) -> float:
        """Deviation of ours from the printed number, in percent."""
        return 100 * (self.ours / float(self.paper) - 1)


@dataclass(frozen=True)
class Statement(Judgement):
    """A sentence of a paper, or of a figure without printed numbers, and our result."""

    layer: str
    quantity: str
    paper: str
    ours: str
    holds: bool
    reason: str
    workload: str = ""
    by_construction: str = ""
    unit = ""
    tolerance = None

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return MATCH if self.holds else DIFFERS


@dataclass(frozen=True)
class Unreproducible(Judgement):
    """A printed number that cannot be computed here."""

    layer: str
    quantity: str
    unit: str
    paper: str
    reason: str
    workload: str = ""
    ours = tolerance = None
    by_construction = ""
    kind = IMPOSSIBLE


MUCH = 1.0
"""Points of accuracy beyond which ours must show the paper's loss, too."""


def agree_in_loss(ours: float, paper: float, allowed: float) -> bool:
    """Return whether the loss of one of our networks agrees with the paper's, in points.

    If the paper's is more than `MUCH`, ours must be half of it or more. Otherwise ours must not be
    more than the paper's and the `allowed` points.
    """
    return ours >= paper / 2 if paper > MUCH else ours <= paper + allowed
