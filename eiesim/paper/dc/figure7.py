"""Deep Compression's Figure 7: accuracy by bits of a shared weight, pruned and not."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.error_curves import (
    LOST,
    ORIGIN,
    WORK,
    ErrorPoint,
    draw_bits,
    find_start,
    list_networks,
    list_sources,
)
from eiesim.paper.verdict import Statement
from eiesim.report.charts import Chart

FIGURE = "dc_figure7"
FEWEST_BITS = {"convolutions": 4, "fully connected": 2}
"""Fewest bits with which the paper's AlexNet still works (section 5.1 and Figure 7)."""
NOTE = f"""{ORIGIN}
Layers of the other kind keep float32."""


def judge(parts: Iterable[tuple[ErrorPoint, ...]]) -> Outcome:
    """Say where each kind of layers fails, and whether pruning matters."""
    points = tuple(point for part in parts for point in part)
    networks = list_networks(points, FIGURE)
    statements = [
        statement for network in networks for statement in _judge_network(points, network)
    ]
    panels = tuple(draw_bits(points, FIGURE, network) for network in networks)
    chart = Chart(
        "Test error by bits of a shared weight", panels,
        "Errors rise with few bits, of pruned networks and of others.",
    )  # fmt: skip
    rows = [vars(point) for point in points if point.figure == FIGURE]
    return Outcome(
        NOTE,
        Hardware(),
        tuple(statements),
        {"curves": rows},
        charts={FIGURE: chart},
        sources=list_sources(),
    )


def _judge_network(points: tuple[ErrorPoint, ...], network: str) -> list[Statement]:
    statements = []
    own = [point for point in points if (point.figure, point.network) == (FIGURE, network)]
    kinds = [kind for kind in FEWEST_BITS if any(point.curve.startswith(kind) for point in own)]
    for kind in kinds:
        fewest = {
            start: _find_fewest(
                [point for point in own if point.curve == f"{kind}, {start}"],
                find_start(points, network, start).error_percent,
            )
            for start in ("dense", "pruned")
        }
        told = ", ".join(f"{start}: {bits} bits" for start, bits in fewest.items())
        printed = FEWEST_BITS[kind]
        statements += [
            Statement(
                network, f"fewest bits of {kind}",
                f"fails below {printed} bits (Figure 7)", told, set(fewest.values()) == {printed},
                f"{told}; a LeNet on MNIST is another task than AlexNet on ImageNet",
                "trained here",
            ),
            Statement(
                network, f"pruned before, {kind}",
                "drops at the same number of bits whether pruned or not (section 5.1)", told,
                len(set(fewest.values())) == 1,
                f"{told}: the one that works with fewer bits is the "
                f"{min(fewest, key=lambda start: fewest[start] or 99)} one", "trained here",
            ),
        ]  # fmt: skip
    return statements


def _find_fewest(points: list[ErrorPoint], start_percent: float) -> int | None:
    """Return the fewest bits with which no curve point has failed; None where all have."""
    fewest = None
    for point in sorted(points, key=lambda point: -(point.bits or 0)):
        if point.error_percent > start_percent + LOST:
            break
        fewest = point.bits
    return fewest


EXPERIMENT = Experiment(WORK, judge)
