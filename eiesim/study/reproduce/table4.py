"""EIE's Table IV, the two rows of EIE itself: theoretical and actual time of nine layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eiesim.baselines.published import find_time_us
from eiesim.benchmark import PAPER_LAYERS
from eiesim.energy.machine import price_machine
from eiesim.hardware import Hardware
from eiesim.study.experiment import LayerRun, run_layers
from eiesim.study.reproduce.outcome import Outcome
from eiesim.study.verdict import Verdict

TITLE = "EIE, Table IV: theoretical and actual time of EIE, microseconds"
STEPS = PAPER_LAYERS
PRESET = "eie-64pe-45nm"
TOLERANCE_PERCENT = 10
NOTE = f"""\
Layers drawn from Table III's sizes and densities, places and codes uniform; {PRESET}, 8 slots.
Tolerance {TOLERANCE_PERCENT} %: Table III rounds weight densities to whole percent (1 in 9 is 11 %)
and averages activation densities over many inputs, while Table IV timed one input."""


def work() -> Iterator[LayerRun]:
    """Run the nine layers one after the other."""
    hw = Hardware.preset(PRESET)
    return run_layers(PAPER_LAYERS, hw, price_machine(hw))


def judge(parts: Iterable[LayerRun]) -> Outcome:
    """Set the times beside the paper's.

    Parameters
    ----------
    parts : iterable of LayerRun
        The nine runs.
    """
    runs = list(parts)
    return Outcome(
        title=TITLE,
        note=NOTE,
        hardware=Hardware.preset(PRESET),
        verdicts=tuple(verdict for run in runs for verdict in _judge_layer(run)),
        sources=tuple(source for run in runs for source in run.operands.sources),
    )


def _judge_layer(run: LayerRun) -> tuple[Verdict, Verdict]:
    result = run.result
    theoretical = find_time_us(result.name, "eie", 1, "theoretical")
    actual = find_time_us(result.name, "eie", 1, "actual")
    work = float(theoretical) / result.theoretical_us
    density = (run.operands.activations != 0).mean()
    one_input = (
        f"Table IV timed one input: at Table III's weight density its theoretical time would take "
        f"{100 * density * work:.1f} % non-zero activations, Table III's average is "
        f"{100 * density:.1f} %"
    )
    balance = (
        f"the load is less even: the paper loses "
        f"{100 * (1 - float(theoretical) / float(actual)):.0f} % of its time to imbalance, "
        f"a matrix drawn uniformly {100 * (1 - result.load_balance):.0f} %"
    )
    same_work_us = result.latency_us * work
    even = abs(same_work_us / float(actual) - 1) * 100 <= TOLERANCE_PERCENT
    reasons = [] if abs(work - 1) * 100 <= TOLERANCE_PERCENT else [one_input]
    reasons += [] if even and reasons else [balance]
    return (
        Verdict(result.name, "theoretical", "us", theoretical, result.theoretical_us,
                TOLERANCE_PERCENT, one_input),
        Verdict(result.name, "actual", "us", actual, result.latency_us,
                TOLERANCE_PERCENT, "; and ".join(reasons)),
    )  # fmt: skip
