"""EIE's Figures 6 and 7: speedup and energy efficiency over the CPU with dense weights, batch 1."""

from __future__ import annotations

from functools import partial

from eiesim.paper.experiment import Experiment
from eiesim.paper.parts.layer_runs import WORK
from eiesim.paper.parts.speedups import PERCENT, RatioFigure, judge_figure

FIGURE_6 = Experiment(
    WORK,
    partial(
        judge_figure,
        figure=RatioFigure(
            "figure6",
            "speedup",
            "paper/eie_fig6",
            f"""\
Quoted: the quotient of Table IV's times, which must round to the printed number. Simulated: our
cycles under the CPU's printed time; drawn layers within {PERCENT} %.
What to see: Figure 6 follows from Table IV but for EIE on NT-We and NT-LSTM, and so its mean.""",
            "EIE is one to three orders of magnitude above the CPU.",
        ),
    ),
)
FIGURE_7 = Experiment(
    WORK,
    partial(
        judge_figure,
        figure=RatioFigure(
            "figure7",
            "energy_efficiency",
            "paper/eie_fig7",
            f"""\
Quoted: Table IV's times and Deep Compression's Table 9 powers, EIE at 0.600 W; it must round to
the printed number. The powers of the NT layers are printed nowhere and were derived from Figures
6 and 7 themselves: that these come out again is no evidence. Simulated: our times with the energy
that was counted, and at the steady power of Table II, which is how the paper counts; within
{PERCENT} %. What to see: at steady power EIE's efficiency is the paper's where its time is.
Counted it is lower where columns are short or skipped, so that both SRAMs are read more often than
every 8 cycles, and where layers stream from DRAM.""",
            "EIE is three to five orders of magnitude above the CPU; the paper multiplies time by "
            "the power of a steady state, ours counts every access.",
        ),
    ),
)
