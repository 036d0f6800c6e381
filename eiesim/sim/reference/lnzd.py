"""Leading non-zero detection over one row of activations (EIE, section IV, "Distributed LNZD")."""

from __future__ import annotations

from collections.abc import Sequence

from eiesim.hardware import LNZD_FAN_IN, Hardware
from eiesim.sim.reference.datapath import Number
from eiesim.sim.scan import find_rank


def find_threshold(source: Sequence[Number], hw: Hardware) -> float:
    """Return the threshold for an input, in units of the registers."""
    if hw.delta_threshold is None and hw.act_threshold_quantile:
        magnitudes = sorted(abs(float(number)) for number in source)
        return magnitudes[find_rank(hw.act_threshold_quantile, len(magnitudes)) - 1]
    threshold = hw.act_threshold if hw.delta_threshold is None else hw.delta_threshold
    return threshold * 2**hw.act_fraction_bits if hw.datapath == "fixed16" else threshold


class LeadingNonzeroDetector:
    """A tree of nodes with four inputs each: a leaf looks at four lanes, a node at four children.

    64 lanes take 16 + 4 + 1 = 21 nodes. In front of the leaves a comparator a lane lets those
    numbers through whose magnitude is above the threshold, 0 in the authors' design.

    Parameters
    ----------
    threshold
        In units of the registers.
    """

    def __init__(self, threshold: float = 0.0) -> None:
        self._threshold = threshold

    def finds(self, number: Number) -> bool:
        """Return whether a number is sent."""
        return abs(float(number)) > self._threshold

    def find(self, row: Sequence[Number], after: int) -> int | None:
        """Return the first lane behind `after` whose activation is sent, or None.

        Parameters
        ----------
        after
            Lane of the last activation broadcast from this row; -1 when there was none.
        """
        lanes = [
            lane if lane > after and self.finds(activation) else None
            for lane, activation in enumerate(row)
        ]
        while len(lanes) > 1:
            lanes = [
                next((lane for lane in lanes[node : node + LNZD_FAN_IN] if lane is not None), None)
                for node in range(0, len(lanes), LNZD_FAN_IN)
            ]
        return lanes[0]
