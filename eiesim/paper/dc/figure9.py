"""Deep Compression's Figure 9: speedup of pruned layers over dense ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eiesim.baselines.rows import Baseline
from eiesim.paper.outcome import Outcome
from eiesim.paper.parts.platforms import READS, STEPS, judge_figure, work

__all__ = ["READS", "STEPS", "judge", "work"]

CLAIM = (3.0, 4.0, "3x to 4x speedup over the dense network on average (section 6.2)")


def judge(parts: Iterable[Sequence[Baseline]]) -> Outcome:
    """Set speedups beside what the paper claims.

    Parameters
    ----------
    parts : iterable of sequence of Baseline
        Published and measured times.
    """
    return judge_figure(parts, "dc_figure9", energy=False, claim=CLAIM)
