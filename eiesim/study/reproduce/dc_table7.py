"""Deep Compression's Table 7: AlexNet beside other ways to compress it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eiesim.hardware import Hardware
from eiesim.published import read_table
from eiesim.study.reproduce.networks import (
    DRAWN,
    ORIGIN,
    READS,
    STEPS,
    NetworkBits,
    choose,
    list_sources,
    work,
)
from eiesim.study.reproduce.outcome import Outcome
from eiesim.study.verdict import Judgement, Tolerance, Unreproducible, Verdict

__all__ = ["READS", "STEPS", "judge", "work"]

SIZE = Tolerance(5, "sizes are printed with two digits")
OURS = {
    "Baseline Caffemodel": ("dense_bits", "", ""),
    "Pruning": (
        "pruned_bits", "the paper counts the weights that are kept, 6.7 million of 4 bytes, and no "
        "indices; ours has 4 bits of index an entry, and padding zeros", "",
    ),
    "Pruning + Quantization": (
        "shared_bits", "padding zeros, and densities printed in whole percent", "",
    ),
    "Pruning + Quantization + Huffman": (
        "file_bits", "Huffman codes gain less on drawn weights than on trained ones", "",
    ),
}  # fmt: skip
NOTE = f"""{ORIGIN} What to see: each stage's size, weights, indices, codebooks and biases."""


def judge(parts: Iterable[Sequence[NetworkBits]]) -> Outcome:
    """Set AlexNet's size after each stage beside the printed ones.

    Parameters
    ----------
    parts : iterable of sequence of NetworkBits
        The networks.
    """
    alexnet = choose(list(parts), "AlexNet", DRAWN)
    total = alexnet[0].ledger.total
    verdicts: list[Judgement] = []
    for row in read_table("paper/dc_table7"):
        method = row["method"]
        if method in OURS:
            column, reason, told = OURS[method]
            ours = getattr(total, column) / 8e6
            verdicts.append(
                Verdict(method, "size", "MB", row["size_mb"], ours, SIZE, reason, DRAWN, told)
            )
        else:
            reason = "another way to compress, which eiesim does not build"
            verdicts.append(Unreproducible(method, "size", "MB", row["size_mb"], reason))
        verdicts += [
            Unreproducible(
                method, f"{top} error", "%", row[f"{top}_error"],
                "neither ImageNet nor the trained network is to be had",
            )
            for top in ("top1", "top5")
            if row[f"{top}_error"]
        ]  # fmt: skip
    return Outcome(NOTE, Hardware(), tuple(verdicts), sources=list_sources(alexnet))
