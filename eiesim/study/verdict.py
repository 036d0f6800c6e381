"""A printed number beside ours, and what to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


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
    tolerance_percent : float
        Deviation up to which the number counts as reproduced.
    reason : str
        Why it differs, for a deviation beyond the tolerance.
    """

    layer: str
    quantity: str
    unit: str
    paper: str
    ours: float
    tolerance_percent: float
    reason: str

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
        return self.matches or abs(self.deviation_percent) <= self.tolerance_percent

    @property
    def text(self) -> str:
        """The verdict: match, within a tolerance, or differs and why."""
        if self.matches:
            return "match"
        if self.within:
            return f"within {self.tolerance_percent:g} %"
        return f"differs because {self.reason}"

    def to_row(self) -> dict[str, str | float]:
        """Return the verdict as one row of a table."""
        return {
            "layer": self.layer,
            "quantity": self.quantity,
            "unit": self.unit,
            "paper": float(self.paper),
            "ours": self.ours,
            "deviation_percent": self.deviation_percent,
            "verdict": self.text,
        }
