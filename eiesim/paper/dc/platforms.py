"""Deep Compression's Tables 8 and 9 and Figures 9 and 10: CPU, GPU and mobile GPU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from eiesim.baselines.rows import Baseline
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.platforms import NAMES, ORIGIN, PLATFORMS, WORK, judge_figure, list_sources
from eiesim.paper.verdict import Unreproducible

NOTE = f"""{ORIGIN} The platforms of the paper are not to be had here, so that its numbers
are quoted and used in Figures 9 and 10; what eiesim simulates beside them is in EIE's Figures 6
and 7."""


def judge_table(parts: Iterable[Sequence[Baseline]], quantity: str, unit: str) -> Outcome:
    """List printed and measured values of a quantity, ``time_us`` or ``power_w``."""
    rows = [row for part in parts for row in part if row.platform != "eie"]
    reason = "the paper's Core i7, Titan X and Tegra K1 are not to be had here"
    verdicts = tuple(
        Unreproducible(
            row.layer, f"{NAMES[row.platform]}, {row.matrix}, batch {row.batch}", unit,
            f"{getattr(row, quantity)}", reason, "published",
        )
        for row in rows
        if row.platform in PLATFORMS
    )  # fmt: skip
    measured = [
        {"layer": row.layer, "platform": row.platform, "matrix": row.matrix, "batch": row.batch,
         quantity: getattr(row, quantity)}
        for row in rows
        if row.kind == "measured"
    ]  # fmt: skip
    return Outcome(
        NOTE, Hardware(), verdicts, {"measured": measured}, ("measured",), sources=list_sources()
    )


TABLE_8 = Experiment(WORK, partial(judge_table, quantity="time_us", unit="us"))
TABLE_9 = Experiment(WORK, partial(judge_table, quantity="power_w", unit="W"))
SPEEDUP = (3.0, 4.0, "3x to 4x speedup over the dense network on average (section 6.2)")
ENERGY = (3.0, 7.0, "3x to 7x less energy than the dense network on average (section 6.2)")
FIGURE_9 = Experiment(WORK, partial(judge_figure, name="dc_figure9", energy=False, claim=SPEEDUP))
FIGURE_10 = Experiment(WORK, partial(judge_figure, name="dc_figure10", energy=True, claim=ENERGY))
