"""EIE's Figure 7: energy efficiency over the CPU with dense weights, batch 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eiesim.benchmark import PAPER_LAYERS
from eiesim.study.experiment import LayerRun
from eiesim.study.reproduce import ratios
from eiesim.study.reproduce.outcome import Outcome

STEPS = PAPER_LAYERS
FIGURE = ratios.Figure(
    "figure7",
    "energy_efficiency",
    "paper/eie_fig7",
    "EIE, Figure 7: energy efficiency over the CPU (dense, batch 1)",
    f"""\
published: Table IV's times and Deep Compression's Table 9 powers, EIE at 0.600 W; it must round
to the printed number. The powers of the NT layers are printed nowhere and were derived from Figures
6 and 7 themselves: that these come out again is no evidence. simulated: our times on layers drawn
from Table III, with the energy that was counted, and at the steady power of Table II, which is how
the paper counts; within {ratios.TOLERANCE_PERCENT} %.
What to see: at steady power EIE's efficiency is the paper's where its time is. Counted it is lower
on all layers but NT-Wd: columns are short or skipped, so that both SRAMs are read more often than
every 8 cycles; and what VGG-6 streams from DRAM is in it.""",
)


def work() -> Iterator[LayerRun]:
    """Run the nine layers one after the other."""
    return ratios.run_paper_layers()


def judge(parts: Iterable[LayerRun]) -> Outcome:
    """Set each efficiency beside the printed one.

    Parameters
    ----------
    parts : iterable of LayerRun
        The nine runs.
    """
    return ratios.judge_figure(list(parts), FIGURE)
