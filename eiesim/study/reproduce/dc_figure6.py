"""Deep Compression's Figure 6: accuracy against size, pruned, shared, and both."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.hardware import Hardware
from eiesim.study.figures import Chart, Panel
from eiesim.study.reproduce.error_curves import (
    KEPT,
    ORIGIN,
    READS,
    STEPS,
    Point,
    find_start,
    list_networks,
    list_sources,
    work,
)
from eiesim.study.reproduce.outcome import Outcome
from eiesim.study.verdict import Statement

__all__ = ["READS", "STEPS", "judge", "work"]

FIGURE = "dc_figure6"
PRUNING, SHARING, BOTH = "pruning", "sharing", "pruning and sharing"
NOTE = f"""{ORIGIN}
The size counts weights or codes, relative indices of 5 bits with padding zeros, codebooks and
biases, over float32, before Huffman codes. Sharing alone: all layers with 8 to 1 bits. Both: pruned
at the densities of the pruning curve, then convolutions shared with 8 and fully connected layers
with 4 bits. What to see: each alone loses accuracy at sizes at which both together lose none."""


def judge(parts: Iterable[tuple[Point, ...]]) -> Outcome:
    """Find the smallest size of each curve that loses nothing.

    Parameters
    ----------
    parts : iterable of tuple of Point
        The curves.
    """
    points = tuple(point for part in parts for point in part)
    networks = list_networks(points, FIGURE)
    chart = Chart(
        "Test error by size",
        tuple(_draw(points, network) for network in networks),
        "Pruning and sharing together reach sizes that neither reaches alone.",
    )
    rows = [
        vars(point) | {"size_percent": 100 / point.rate}
        for point in points
        if point.figure == FIGURE
    ]
    return Outcome(
        NOTE, Hardware(), tuple(_judge_network(points, network) for network in networks),
        {"curves": rows}, charts={FIGURE: chart},
        sources=list_sources(),
    )  # fmt: skip


def _draw(points: tuple[Point, ...], network: str) -> Panel:
    own = sorted(
        (point for point in points if (point.figure, point.network) == (FIGURE, network)),
        key=lambda point: -point.rate,
    )
    return Panel(
        "lines", tuple(f"{100 / point.rate:.2g}" for point in own),
        {
            curve: [point.error_percent if point.curve == curve else None for point in own]
            for curve in (PRUNING, SHARING, BOTH)
        },
        f"size (% of float32), {network}", "test error (%)", log=True,
    )  # fmt: skip


def _judge_network(points: tuple[Point, ...], network: str) -> Statement:
    limit = find_start(points, network, "dense").error_percent + KEPT
    rates = {
        curve: max(
            (
                point.rate
                for point in points
                if (point.figure, point.network, point.curve) == (FIGURE, network, curve)
                and point.error_percent <= limit
            ),
            default=1.0,
        )
        for curve in (PRUNING, SHARING, BOTH)
    }
    told = ", ".join(f"{curve} {100 / rate:.1f} %" for curve, rate in rates.items())
    return Statement(
        network, "smallest size that loses nothing",
        "alone, accuracy drops below 8 % of the size; both together keep it at 3 % (section 5.1)",
        told, rates[BOTH] > max(rates[PRUNING], rates[SHARING]),
        "each point was retrained for an epoch or two, and all layers were pruned alike",
        "trained here",
    )  # fmt: skip
