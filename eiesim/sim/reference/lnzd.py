"""Leading non-zero detection over one row of activations (EIE, section IV, "Distributed LNZD")."""

from __future__ import annotations

from collections.abc import Sequence

from eiesim.hardware import LNZD_FAN_IN
from eiesim.sim.reference.datapath import Number


class LeadingNonzeroDetector:
    """A tree of nodes with four inputs each: a leaf looks at four lanes, a node at four children.

    64 lanes take 16 + 4 + 1 = 21 nodes.
    """

    def find(self, row: Sequence[Number], after: int) -> int | None:
        """Return the first lane behind `after` whose activation is not zero, or None.

        Parameters
        ----------
        after
            Lane of the last activation broadcast from this row; -1 when there was none.
        """
        lanes = [
            lane if lane > after and activation != 0 else None
            for lane, activation in enumerate(row)
        ]
        while len(lanes) > 1:
            lanes = [
                next((lane for lane in lanes[node : node + LNZD_FAN_IN] if lane is not None), None)
                for node in range(0, len(lanes), LNZD_FAN_IN)
            ]
        return lanes[0]
