"""Deep Compression's Table 6: accuracy by bits of convolutions and of fully connected layers."""

from __future__ import annotations

from collections.abc import Iterable

from eiesim.base.published import read_table
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.error_curves import KEPT, ORIGIN, WORK, ErrorPoint, find_start, list_sources
from eiesim.paper.verdict import MUCH, Judgement, Statement, Unreproducible, agree_in_loss

FIGURE = "dc_table6"
NOTE = f"""{ORIGIN}
A rise agrees with AlexNet's of up to {MUCH:g} point where ours is at most {KEPT} points larger, and
with a larger one where ours is half of it or more."""


def judge(parts: Iterable[tuple[ErrorPoint, ...]]) -> Outcome:
    """Set what bits cost a LeNet beside what they cost AlexNet."""
    points = tuple(point for part in parts for point in part)
    own = {(point.conv_bits, point.fc_bits): point for point in points if point.figure == FIGURE}
    printed = read_table("paper/dc_table6")
    reference = float(printed[0]["top1_error"])
    verdicts: list[Judgement] = [
        Unreproducible(
            "AlexNet", f"{top} error, {row['conv_bits']} and {row['fc_bits']} bits", "%",
            row[f"{top}_error"], "neither ImageNet nor the trained AlexNet is to be had",
        )
        for row in printed
        for top in ("top1", "top5")
    ]  # fmt: skip
    for row in printed[1:]:
        bits = (int(row["conv_bits"]), int(row["fc_bits"]))
        if bits in own:
            lost = float(row["top1_error"]) - reference
            verdicts.append(_judge_bits(points, own[bits], lost))
    rows = [vars(point) for point in own.values()]
    return Outcome(
        NOTE, Hardware(), tuple(verdicts), {"lenet": rows}, ("lenet",), sources=list_sources()
    )


def _judge_bits(points: tuple[ErrorPoint, ...], point: ErrorPoint, paper_lost: float) -> Statement:
    start = find_start(points, point.network, point.start).error_percent
    lost = point.error_percent - start
    return Statement(
        point.network, f"{point.conv_bits} and {point.fc_bits} bits",
        f"AlexNet's top-1 error rises by {paper_lost:.2f} points",
        f"{start:.2f} % becomes {point.error_percent:.2f} %",
        agree_in_loss(lost, paper_lost, KEPT),
        f"ours rises by {lost:.2f} points, {round(100 * lost)} of 10,000 images: a LeNet tells ten "
        "digits apart, AlexNet a thousand classes", "trained here",
    )  # fmt: skip


EXPERIMENT = Experiment(WORK, judge)
