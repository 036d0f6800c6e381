"""EIE's Figure 6: speedup over the CPU with dense weights, batch 1."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.paper.outcome import Outcome
from eiesim.paper.parts import speedups as ratios
from eiesim.paper.parts.layer_runs import READS, STEPS, work
from eiesim.paper.parts.workloads import WorkloadRun

__all__ = ["READS", "STEPS", "judge", "work"]

FIGURE = ratios.Figure(
    "figure6",
    "speedup",
    "paper/eie_fig6",
    f"""\
Quoted: the quotient of Table IV's times, which must round to the printed number. Simulated: our
cycles under the CPU's printed time; drawn layers within {ratios.PERCENT} %.
What to see: Figure 6 follows from Table IV but for EIE on NT-We and NT-LSTM, and so its mean.""",
    "EIE is one to three orders of magnitude above the CPU.",
)


def judge(parts: Iterable[WorkloadRun | None]) -> Outcome:
    """Set each speedup beside the printed one.

    Parameters
    ----------
    parts : iterable of WorkloadRun or None
        The runs.
    """
    return ratios.judge_figure(parts, FIGURE)
