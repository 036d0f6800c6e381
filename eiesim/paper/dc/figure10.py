"""Deep Compression's Figure 10: energy efficiency of pruned layers over dense ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eiesim.baselines.rows import Baseline
from eiesim.paper.outcome import Outcome
from eiesim.paper.parts.platforms import READS, STEPS, judge_figure, work

__all__ = ["READS", "STEPS", "judge", "work"]

CLAIM = (3.0, 7.0, "3x to 7x less energy than the dense network on average (section 6.2)")


def judge(parts: Iterable[Sequence[Baseline]]) -> Outcome:
    """Set energy efficiencies beside what the paper claims.

    Parameters
    ----------
    parts : iterable of sequence of Baseline
        Published times and powers; this computer's power is not known.
    """
    return judge_figure(parts, "dc_figure10", energy=True, claim=CLAIM)
