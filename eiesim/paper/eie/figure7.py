"""EIE's Figure 7: energy efficiency over the CPU with dense weights, batch 1."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.paper.outcome import Outcome
from eiesim.paper.parts import speedups as ratios
from eiesim.paper.parts.layer_runs import READS, STEPS, work
from eiesim.paper.parts.workloads import WorkloadRun

__all__ = ["READS", "STEPS", "judge", "work"]

FIGURE = ratios.Figure(
    "figure7",
    "energy_efficiency",
    "paper/eie_fig7",
    f"""\
Quoted: Table IV's times and Deep Compression's Table 9 powers, EIE at 0.600 W; it must round to
the printed number. The powers of the NT layers are printed nowhere and were derived from Figures
6 and 7 themselves: that these come out again is no evidence. Simulated: our times with the energy
that was counted, and at the steady power of Table II, which is how the paper counts; within
{ratios.PERCENT} %. What to see: at steady power EIE's efficiency is the paper's where its time is.
Counted it is lower where columns are short or skipped, so that both SRAMs are read more often than
every 8 cycles, and where layers stream from DRAM.""",
    "EIE is three to five orders of magnitude above the CPU; the paper multiplies time by the "
    "power of a steady state, ours counts every access.",
)


def judge(parts: Iterable[WorkloadRun | None]) -> Outcome:
    """Set each efficiency beside the printed one.

    Parameters
    ----------
    parts : iterable of WorkloadRun or None
        The runs.
    """
    return ratios.judge_figure(parts, FIGURE)
