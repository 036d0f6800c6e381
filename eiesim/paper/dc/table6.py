"""Deep Compression's Table 6: accuracy by bits of convolutions and of fully connected layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from eiesim.base.published import read_table
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.error_curves import KEPT, ORIGIN, WORK, ErrorPoint, find_start, list_sources
from eiesim.paper.verdict import MUCH, Judgement, Statement, Unreproducible, agree_in_loss

FIGURE = "dc_table6"
NOTE = f"""{ORIGIN}
A rise agrees with AlexNet's of up to {MUCH:g} point where ours is at most {KEPT} points larger, and
with a larger one where ours is half of it or more."""


class Loss(NamedTuple):
    """A shared LeNet, its error before, and the points that it and AlexNet lose."""

    point: ErrorPoint
    start_percent: float
    ours: float
    paper: float


def list_losses(points: tuple[ErrorPoint, ...]) -> Iterator[Loss]:
    """Yield the losses of our LeNet and of AlexNet, for the bits of Table 6 that both have."""
    lenets = {(p.conv_bits, p.fc_bits): p for p in points if p.figure == FIGURE}
    reference, *shared_rows = read_table("paper/dc_table6")
    for row in shared_rows:
        point = lenets.get((int(row["conv_bits"]), int(row["fc_bits"])))
        if point is not None:
            start_percent = find_start(points, point.network, point.start).error_percent
            lost = float(row["top1_error"]) - float(reference["top1_error"])
            yield Loss(point, start_percent, point.error_percent - start_percent, lost)


def judge(parts: Iterable[tuple[ErrorPoint, ...]]) -> Outcome:
    """Compare the losses of a LeNet with those of AlexNet."""
    points = tuple(point for part in parts for point in part)
    unreproducible: list[Judgement] = [
        Unreproducible(
            "AlexNet", f"{top} error, {row['conv_bits']} and {row['fc_bits']} bits", "%",
            row[f"{top}_error"], "neither ImageNet nor the trained AlexNet is to be had",
        )
        for row in read_table("paper/dc_table6")
        for top in ("top1", "top5")
    ]  # fmt: skip
    return Outcome(
        NOTE, Hardware(), (*unreproducible, *map(_judge_loss, list_losses(points))),
        {"lenet": [vars(point) for point in points if point.figure == FIGURE]}, ("lenet",),
        sources=list_sources(),
    )  # fmt: skip


def _judge_loss(loss: Loss) -> Statement:
    point = loss.point
    return Statement(
        point.network, f"{point.conv_bits} and {point.fc_bits} bits",
        f"AlexNet's top-1 error rises by {loss.paper:.2f} points",
        f"{loss.start_percent:.2f} % becomes {point.error_percent:.2f} %",
        agree_in_loss(loss.ours, loss.paper, KEPT),
        f"ours rises by {loss.ours:.2f} points, {round(100 * loss.ours)} of 10,000 images: a LeNet "
        "tells ten digits apart, AlexNet a thousand classes", "trained here",
    )  # fmt: skip


EXPERIMENT = Experiment(WORK, judge)
