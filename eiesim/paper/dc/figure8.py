"""Deep Compression's Figure 8: three ways to begin the codebook."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.error_curves import (
    ORIGIN,
    WORK,
    ErrorPoint,
    draw_bits,
    list_networks,
    list_sources,
)
from eiesim.paper.verdict import Statement
from eiesim.report.charts import Chart

FIGURE = "dc_figure8"
OTHERS = ("density", "forgy")
NOTE = f"""{ORIGIN}
Fully connected layers of the pruned network are shared, convolutions keep float32. The least
squared error (optimal) is ours; the paper compares the other three."""


def judge(parts: Iterable[tuple[ErrorPoint, ...]]) -> Outcome:
    """Compare linear with the others at every number of bits."""
    points = tuple(point for part in parts for point in part)
    networks = list_networks(points, FIGURE)
    chart = Chart(
        "Test error by bits of a shared weight, four beginnings of the codebook",
        tuple(draw_bits(points, FIGURE, network) for network in networks),
        "Errors rise with few bits, however the codebook begins.",
    )
    rows = [vars(point) for point in points if point.figure == FIGURE]
    statements = tuple(_judge_network(points, network, other) for network in networks
                       for other in OTHERS)  # fmt: skip
    return Outcome(
        NOTE,
        Hardware(),
        statements,
        {"curves": rows},
        charts={FIGURE: chart},
        sources=list_sources(),
    )


def _judge_network(points: tuple[ErrorPoint, ...], network: str, other: str) -> Statement:
    errors = {
        (point.curve, point.bits): point.error_percent
        for point in points
        if (point.figure, point.network) == (FIGURE, network)
    }
    bits = sorted({number for _, number in errors if number is not None})
    worse = [number for number in bits if errors["linear", number] > errors[other, number]]
    told = ", ".join(
        f"{number} bits {errors['linear', number]:.2f} against {errors[other, number]:.2f} %"
        for number in bits
    )
    lost = {number: errors["linear", number] - errors[other, number] for number in worse}
    return Statement(
        network, f"linear against {other}",
        "linear outperforms density and random initialisation, but at 3 bits (section 5.2)", told,
        set(worse) <= {3},
        f"ours loses with {', '.join(map(str, worse))} bits, by up to "
        f"{max(lost.values(), default=0):.2f} points, "
        f"{round(100 * max(lost.values(), default=0))} of 10,000 images", "trained here",
    )  # fmt: skip


EXPERIMENT = Experiment(WORK, judge)
