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
    layer, quantity : str
        What the number is of.
    unit : str
        Of both numbers.
    paper : str
        As printed.
    ours : float
        What eiesim gives.
    tolerance : Tolerance
        Deviation up to which the number counts as reproduced.
    reason : str
        Why it differs, for a deviation beyond the tolerance.
    workload : str
        ``published``, ``matched``, ``real`` or nothing: what ours was computed from.
    by_construction : str
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
    def text(self) -> str:
        """The verdict: match, within a tolerance and why so wide, or differs and why."""
        if self.matches:
            return _tell_match(self)
        if self.within:
            return f"within {self.tolerance.percent:g} % ({self.tolerance.why})"
        return f"differs because {self.reason}"

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
    layer, quantity : str
        What it is of.
    paper : str
        What the paper says, in short, with its place.
    ours : str
        What eiesim finds, in short, with numbers.
    holds : bool
        Whether what we find agrees.
    reason : str
        Why it does not.
    workload, by_construction : str
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
    def text(self) -> str:
        """The verdict: match, or differs and why."""
        return _tell_match(self) if self.holds else f"differs because {self.reason}"

    def to_row(self) -> Row:
        """Return the statement as one row of a table."""
        return _make_row(self) | {"paper": self.paper, "ours": self.ours}


@dataclass(frozen=True)
class Unreproducible:
    """A printed number that cannot be had here.

    Attributes
    ----------
    layer, quantity, unit, paper : str
        As in `Verdict`.
    reason : str
        Why not.
    """

    layer: str
    quantity: str
    unit: str
    paper: str
    reason: str
    workload: str = ""
    by_construction = ""
    within = False
    kind = IMPOSSIBLE

    @property
    def text(self) -> str:
        """The verdict: why not."""
        return f"{IMPOSSIBLE} because {self.reason}"

    def to_row(self) -> Row:
        """Return it as one row of a table."""
        return _make_row(self) | {"unit": self.unit, "paper": self.paper}


Judgement = Verdict | Statement | Unreproducible


def _tell_match(judgement: Verdict | Statement) -> str:
    told = f" by construction: {judgement.by_construction}" if judgement.by_construction else ""
    return f"{MATCH}{told}"


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
        "verdict": judgement.text,
    }
