"""Deep Compression's Table 7: AlexNet beside other ways to compress it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import permutations

from eiesim.base.published import read_table
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts import ledgers
from eiesim.paper.parts.authors_alexnet import CODE_BITS, ENTRIES, NOTE, TOLERANCE, count_entries
from eiesim.paper.parts.ledgers import ALEXNET, DRAWN, FOUR_BITS, NetworkBits
from eiesim.paper.verdict import Judgement, Tolerance, Unreproducible, Verdict

SIZE = Tolerance(5, "sizes are printed with two digits")
OURS = {
    "Baseline Caffemodel": "dense_bits",
    "Pruning": "pruned_bits",
    "Pruning + Quantization": "shared_bits",
    "Pruning + Quantization + Huffman": "file_bits",
}
"""Field of a ledger's total for each of the table's own methods."""
SHARED = "Pruning + Quantization"


def judge(parts: Iterable[Sequence[NetworkBits]]) -> Outcome:
    """Compare AlexNet's size after each stage with the printed one."""
    rounds = [list(part) for part in parts]
    (drawn,) = ledgers.choose(rounds, ALEXNET, DRAWN)
    (four,) = ledgers.choose(rounds, ALEXNET, FOUR_BITS)
    verdicts: list[Judgement] = []
    for row in read_table("paper/dc_table7"):
        method = row["method"]
        if method in OURS:
            verdicts += _judge_size(drawn, four, row)
        else:
            reason = "another way to compress, which eiesim does not build"
            verdicts.append(Unreproducible(method, "size", "MB", row["size_mb"], reason))
        if method == SHARED:
            verdicts += _judge_entries(row)
        verdicts += [
            Unreproducible(
                method, f"{top} error", "%", row[f"{top}_error"],
                "neither ImageNet nor the trained network is to be had",
            )
            for top in ("top1", "top5")
            if row[f"{top}_error"]
        ]  # fmt: skip
    note = f"{ledgers.ORIGIN} {NOTE}"
    return Outcome(note, Hardware(), tuple(verdicts), sources=ledgers.list_sources([drawn]))


def _judge_size(
    drawn: NetworkBits, four: NetworkBits, row: Mapping[str, str]
) -> Iterator[Judgement]:
    """Judge the size after a stage, and also with 4-bit codes if it is then another."""
    method = row["method"]
    five_bits_mb, four_bits_mb = (
        getattr(bits.ledger.total, OURS[method]) / 8e6 for bits in (drawn, four)
    )
    beside = ""
    if five_bits_mb != four_bits_mb:
        beside = f"; with 4-bit codes it is {four_bits_mb:.1f} MB"
    reason = _explain(drawn, method) + beside
    yield Verdict(method, "size", "MB", row["size_mb"], five_bits_mb, SIZE, reason, DRAWN)
    if beside:
        reason = _explain(four, method)
        yield Verdict(method, "size", "MB", row["size_mb"], four_bits_mb, SIZE, reason, FOUR_BITS)


def _explain(bits: NetworkBits, method: str) -> str:
    total = bits.ledger.total
    if method == "Pruning":
        return (
            f"the {total.nonzeros / 1e6:.1f} million weights that are kept take "
            f"{4 * total.nonzeros / 1e6:.1f} MB as float32, which the paper counts; ours has "
            f"{total.index_bits} bits of index an entry, and "
            f"{total.padding / 1e6:.1f} million padding zeros"
        )
    describe = ledgers.describe_before if method == SHARED else ledgers.describe_gap
    return describe(bits.ledger, ledgers.find_total(ALEXNET))


def _judge_entries(row: Mapping[str, str]) -> Iterator[Verdict]:
    """Judge size and rate of the entries of the authors' file, with either number of bits."""
    total = count_entries()[-1]
    for bits, other in permutations(CODE_BITS):
        reason = f"with {other} bits the authors' entries take {total.find_megabytes(other):.2f} MB"
        for quantity, unit, column, ours in (
            ("size", "MB", "size_mb", total.find_megabytes(bits)),
            ("rate", "x", "rate", 100 / total.find_percent(bits)),
        ):
            yield Verdict(
                row["method"], f"{quantity}, {bits}-bit codes", unit, row[column], ours, TOLERANCE,
                reason, ENTRIES,
            )  # fmt: skip


EXPERIMENT = Experiment(ledgers.WORK, judge)
