"""Deep Compression's Table 1: rates of whole networks, and those of the authors' talk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from eiesim.base.published import read_table
from eiesim.base.tables import Row
from eiesim.catalog.trained import load_trained
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts import ledgers
from eiesim.paper.parts.ledgers import DRAWN, REAL, TRAINED, NetworkBits
from eiesim.paper.verdict import Judgement, Statement, Tolerance, Unreproducible, Verdict

RATE = Tolerance(5, "rates are printed as whole numbers, and their densities in percent")
NET_BYTES = 675_763
"""Length of compressed_SqueezeNet.net."""
NO_DENSITIES = "GoogLeNet"
NOTE = f"""{ledgers.ORIGIN}
GoogLeNet's densities are printed nowhere; those of AlexNet's conv5 and fc8 are assumed, so that its
rate is no evidence. SqueezeNet is the authors' own file (real). The rate is dense float32 over the
`.dcz` file on disk, with all its headers."""


def judge(parts: Iterable[Sequence[NetworkBits]]) -> Outcome:
    """Compare rates of files and errors of trained networks with the printed ones."""
    networks = [bits for part in parts for bits in part]
    verdicts: list[Judgement] = []
    for row in read_table("paper/dc_table1"):
        verdicts += _judge_network(networks, row["network"], row["rate"])
        verdicts += _judge_errors(networks, row)
    for row in read_table("paper/dc_talk"):
        verdicts += _judge_talk(networks, row["network"], row["rate"])
    lengths = [
        f"compressed_SqueezeNet.net has {NET_BYTES:,} bytes, our ledger counts "
        f"{bits.net_bytes:,} in its layout."
        for bits in networks
        if bits.net_bytes is not None
    ]
    return Outcome(
        " ".join([NOTE, *lengths]), Hardware(), tuple(verdicts),
        {"networks": [_describe(bits) for bits in networks if bits.name != "Alex-8"]},
        ("networks",), sources=ledgers.list_sources(networks),
    )  # fmt: skip


def _judge_network(networks: Sequence[NetworkBits], name: str, rate: str) -> list[Judgement]:
    return [
        Verdict(
            name, f"rate{_name_seed(bits)}", "x", rate, bits.ledger.total.file_rate, RATE,
            _explain(bits), bits.workload,
        )
        for bits in networks
        if bits.name == name and bits.workload in (DRAWN, ledgers.FOUR_BITS, TRAINED)
    ]  # fmt: skip


def _explain(bits: NetworkBits) -> str:
    """Return why the rate of a network of Tables 2 to 5 differs."""
    printed = ledgers.find_total(bits.name)
    densities = (
        f"ours keeps {100 * bits.ledger.total.density:.1f} % of the weights, the paper "
        f"{printed['weight_percent']} %; "
    )
    gap = ledgers.describe_gap(bits.ledger, printed)
    return densities + gap if bits.workload == TRAINED else gap


def _judge_talk(networks: Sequence[NetworkBits], name: str, rate: str) -> Iterator[Judgement]:
    """Judge a network of the talk: the authors' own file, or none if densities are assumed."""
    if name == NO_DENSITIES:
        for drawn in ledgers.choose([networks], name, DRAWN):
            yield Unreproducible(
                name, "rate", "x", rate,
                "its densities are printed nowhere; with assumed ones it would be "
                f"{drawn.ledger.total.file_rate:.2f}", DRAWN,
            )  # fmt: skip
        return
    real = next(iter(ledgers.choose([networks], name, REAL)), None)
    if real is None:
        yield Unreproducible(name, "rate", "x", rate, ledgers.NO_SQUEEZENET, REAL)
        return
    code_bits = {row.code_bits for row in real.ledger.rows if row.code_bits is not None}
    words = " and ".join(map(str, sorted(code_bits)))
    yield Verdict(
        name, "rate", "x", rate, real.ledger.total.file_rate, RATE,
        f"the authors' file has codes of {words} bits, the talk's 0.47 MB are of 6-bit codes", REAL,
    )  # fmt: skip


def _name_seed(bits: NetworkBits) -> str:
    return "" if bits.seed is None else f", seed {bits.seed}"


def _judge_errors(networks: Sequence[NetworkBits], row: Mapping[str, str]) -> list[Judgement]:
    name = row["network"]
    trained = ledgers.choose([networks], name, TRAINED)
    if not trained:
        return [
            Unreproducible(
                name, "top-1 error, compressed", "%", row["top1_error_compressed"],
                "neither ImageNet nor the trained network is to be had",
            )
        ]  # fmt: skip
    printed = f"{row['top1_error_ref']} % becomes {row['top1_error_compressed']} % (top-1)"
    runs = {run["seed"]: run["stages"] for run in load_trained(name.lower()).account["seeds"]}
    return [_judge_run(bits, runs[bits.seed], printed) for bits in trained]


def _judge_run(bits: NetworkBits, stages: Any, printed: str) -> Statement:
    dense, file = (stages[stage]["after"]["test_error_percent"] for stage in ("dense", "encoded"))
    return Statement(
        bits.name, f"error of the file{_name_seed(bits)}", printed,
        f"{dense:.2f} % becomes {file:.2f} %", file <= dense,
        f"{file - dense:.2f} points are lost, {100 * (file - dense):.0f} of 10,000 images", TRAINED,
    )  # fmt: skip


def _describe(bits: NetworkBits) -> Row:
    total = bits.ledger.total
    return {
        "network": bits.name + _name_seed(bits),
        "weights": bits.workload,
        "dense_mb": total.dense_bits / 8e6,
        "pruned_mb": total.pruned_bits / 8e6,
        "shared_mb": total.shared_bits / 8e6,
        "file_mb": total.file_bits / 8e6,
        "rate_without_huffman": total.shared_rate,
        "rate": total.file_rate,
    }


EXPERIMENT = Experiment(ledgers.WORK, judge)
