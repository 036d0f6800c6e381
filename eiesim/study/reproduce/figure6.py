"""EIE's Figure 6: speedup over the CPU with dense weights, batch 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eiesim.benchmark import PAPER_LAYERS
from eiesim.study.experiment import LayerRun
from eiesim.study.reproduce import ratios
from eiesim.study.reproduce.outcome import Outcome

TITLE = "EIE, Figure 6: speedup over the CPU (dense, batch 1)"
STEPS = PAPER_LAYERS
SIMULATED_PERCENT = 20
NOTE = f"""\
Each printed speedup is checked against the quotient of Table IV's times (published), which must
round to it; EIE's also against our cycles on layers drawn from Table III (simulated, within
{SIMULATED_PERCENT} %).
What to see: Figure 6 and Table IV agree but for EIE on NT-We and NT-LSTM, and so for the mean of
EIE: the figure was drawn with 9.6 and 7.8 us, the only times that give its numbers and Figure 7's,
where Table IV prints 8.0 and 7.5 us."""


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
    return ratios.judge_figure(
        list(parts), ratios.Figure("speedup", TITLE, NOTE, SIMULATED_PERCENT)
    )
