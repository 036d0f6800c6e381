"""Deep Compression's Table 9: power of layers on CPU, GPU and mobile GPU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eiesim.baselines.rows import Baseline
from eiesim.hardware import Hardware
from eiesim.paper.outcome import Outcome
from eiesim.paper.parts.platforms import (
    NAMES,
    ORIGIN,
    PLATFORMS,
    READS,
    STEPS,
    list_sources,
    work,
)
from eiesim.paper.verdict import Unreproducible

__all__ = ["READS", "STEPS", "judge", "work"]

NOTE = f"""{ORIGIN} The platforms of the paper are not to be had here, so that its numbers
are quoted and used in Figures 9 and 10; what eiesim simulates beside them is in EIE's Figures 6
and 7."""


def judge(parts: Iterable[Sequence[Baseline]]) -> Outcome:
    """List what is printed, and what was measured here.

    Parameters
    ----------
    parts : iterable of sequence of Baseline
        Published and measured rows.
    """
    rows = [row for part in parts for row in part if row.platform != "eie"]
    reason = "the paper's Core i7, Titan X and Tegra K1 are not to be had here"
    verdicts = tuple(
        Unreproducible(
            row.layer, f"{NAMES[row.platform]}, {row.matrix}, batch {row.batch}", "W",
            f"{row.power_w}", reason, "published",
        )
        for row in rows
        if row.platform in PLATFORMS
    )  # fmt: skip
    measured = [
        {"layer": row.layer, "platform": row.platform, "matrix": row.matrix, "batch": row.batch,
         "power_w": row.power_w}
        for row in rows
        if row.kind == "measured"
    ]  # fmt: skip
    sources = list_sources()
    return Outcome(
        NOTE, Hardware(), verdicts, {"measured": measured}, ("measured",), sources=sources
    )
