"""What tests of the papers' experiments share."""

from __future__ import annotations

from pathlib import Path

from eiesim.paper.experiment import Outcome
from eiesim.paper.parts.workloads import WorkloadRun
from eiesim.paper.verdict import Judgement

NOWHERE = Path("missing")
"""A user has no folder of real data."""
Parts = list[WorkloadRun | None]


def find(outcome: Outcome, quantity: str, layer: str = "") -> Judgement:
    """Return the one verdict on a quantity; on a layer whose name begins so."""
    (verdict,) = [
        v for v in outcome.verdicts if v.quantity == quantity and v.layer.startswith(layer)
    ]
    return verdict
