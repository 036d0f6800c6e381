"""EIE's Figure 6: speedup over the CPU with dense weights, batch 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eiesim.benchmark import PAPER_LAYERS
from eiesim.study.experiment import LayerRun
from eiesim.study.reproduce import ratios
from eiesim.study.reproduce.outcome import Outcome

STEPS = PAPER_LAYERS
FIGURE = ratios.Figure(
    "figure6",
    "speedup",
    "paper/eie_fig6",
    "EIE, Figure 6: speedup over the CPU (dense, batch 1)",
    f"""\
published: the quotient of Table IV's times, which must round to the printed number. simulated:
our cycles on layers drawn from Table III, within {ratios.TOLERANCE_PERCENT} %.
What to see: Figure 6 follows from Table IV but for EIE on NT-We and NT-LSTM, and so its mean.""",
)


def work() -> Iterator[LayerRun]:
    """Run the nine layers one after the other."""
    return ratios.run_paper_layers()


def judge(parts: Iterable[LayerRun]) -> Outcome:
    """Set each speedup beside the printed one.

    Parameters
    ----------
    parts : iterable of LayerRun
        The nine runs.
    """
    return ratios.judge_figure(list(parts), FIGURE)
