"""Deep Compression's Table 1: rates of whole networks, and those of the authors' talk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eiesim.hardware import Hardware
from eiesim.published import read_table
from eiesim.study.reproduce.networks import (
    DRAWN,
    ORIGIN,
    READS,
    REAL,
    STEPS,
    TRAINED,
    NetworkBits,
    list_sources,
    work,
)
from eiesim.study.reproduce.outcome import Outcome, Row
from eiesim.study.verdict import Judgement, Statement, Tolerance, Unreproducible, Verdict
from eiesim.trained import load_trained

__all__ = ["READS", "STEPS", "judge", "work"]

RATE = Tolerance(5, "rates are printed as whole numbers, and their densities in percent")
FREQUENCY = (
    "Huffman codes gain less on drawn weights than on the authors' trained ones, see Tables 2 to 5"
)
SIX_BITS = (
    "the authors' file has 8-bit codes in convolutions, the talk's 0.47 MB are of 6-bit codes"
)
NET_BYTES = 675_763
"""Length of compressed_SqueezeNet.net."""
NOTE = f"""{ORIGIN} GoogLeNet's densities are assumed, AlexNet's of conv5 and fc8; SqueezeNet's are
counted in the authors' file, which is also read itself (real). The rate is dense float32 over the
`.dcz` file on disk, with all its headers. What to see: trained networks reach the paper's rates as
files; drawn ones with the paper's densities stay 10 to 15 % below it."""


def judge(parts: Iterable[Sequence[NetworkBits]]) -> Outcome:
    """Set rates of files beside the printed ones, and errors of trained networks.

    Parameters
    ----------
    parts : iterable of sequence of NetworkBits
        The networks.
    """
    networks = [bits for part in parts for bits in part]
    verdicts: list[Judgement] = []
    for row in read_table("paper/dc_table1"):
        verdicts += _judge_network(networks, row["network"], row["rate"])
        verdicts += _judge_errors(networks, row)
    for row in read_table("paper/dc_talk"):
        verdicts += _judge_network(networks, row["network"], row["rate"])
    verdicts += [_judge_net(bits) for bits in networks if bits.net_bytes is not None]
    return Outcome(
        NOTE, Hardware(), tuple(verdicts),
        {"networks": [_describe(bits) for bits in networks if bits.name != "Alex-8"]},
        ("networks",), sources=list_sources(networks),
    )  # fmt: skip


def _judge_network(networks: Sequence[NetworkBits], name: str, rate: str) -> list[Judgement]:
    reasons = {DRAWN: FREQUENCY, REAL: SIX_BITS, TRAINED: "ours keep other densities and bits"}
    return [
        Verdict(
            name, f"rate{_tell_seed(bits)}", "x", rate, bits.ledger.total.file_rate, RATE,
            reasons[bits.workload], bits.workload,
        )
        for bits in networks
        if bits.name == name and bits.workload in reasons
    ]  # fmt: skip


def _tell_seed(bits: NetworkBits) -> str:
    return "" if bits.seed is None else f", seed {bits.seed}"


def _judge_errors(networks: Sequence[NetworkBits], row: Mapping[str, str]) -> list[Judgement]:
    name = row["network"]
    trained = [bits for bits in networks if (bits.name, bits.workload) == (name, TRAINED)]
    printed = f"{row['top1_error_ref']} % becomes {row['top1_error_compressed']} % (top-1)"
    if not trained:
        return [
            Unreproducible(
                name, "top-1 error, compressed", "%", row["top1_error_compressed"],
                "neither ImageNet nor the trained network is to be had",
            )
        ]  # fmt: skip
    runs = {run["seed"]: run["stages"] for run in load_trained(name.lower()).account["seeds"]}
    return [_judge_run(name, bits, runs[bits.seed], printed) for bits in trained]


def _judge_run(name: str, bits: NetworkBits, stages: Any, printed: str) -> Statement:
    dense, file = (stages[stage]["after"]["test_error_percent"] for stage in ("dense", "encoded"))
    return Statement(
        name, f"error of the file{_tell_seed(bits)}", printed,
        f"{dense:.2f} % becomes {file:.2f} %", file <= dense,
        f"{file - dense:.2f} points are lost, {100 * (file - dense):.0f} of 10,000 images; the "
        "dense network is better than the paper's, and so is the file", TRAINED,
    )  # fmt: skip


def _judge_net(bits: NetworkBits) -> Statement:
    total = bits.ledger.total
    return Statement(
        bits.name, "authors' file", f"compressed_SqueezeNet.net has {NET_BYTES} bytes",
        f"our ledger counts {bits.net_bytes} in its layout; as a .dcz file, with Huffman codes, "
        f"{total.file_bits // 8}", bits.net_bytes == NET_BYTES, "the file is another one", REAL,
    )  # fmt: skip


def _describe(bits: NetworkBits) -> Row:
    total = bits.ledger.total
    return {
        "network": bits.name + _tell_seed(bits),
        "weights": bits.workload,
        "dense_mb": total.dense_bits / 8e6,
        "pruned_mb": total.pruned_bits / 8e6,
        "shared_mb": total.shared_bits / 8e6,
        "file_mb": total.file_bits / 8e6,
        "rate_without_huffman": total.shared_rate,
        "rate": total.file_rate,
    }
