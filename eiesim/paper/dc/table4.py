"""Deep Compression's Table 4: AlexNet layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import permutations

from eiesim.base.published import read_table
from eiesim.compress.ledger import TOTAL
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.authors_alexnet import CODE_BITS, ENTRIES, NOTE, TOLERANCE, count_entries
from eiesim.paper.parts.ledger_tables import ROUNDED, find_coded_percent, judge_network
from eiesim.paper.parts.ledgers import ALEXNET, REAL, WORK, NetworkBits, choose, list_sources
from eiesim.paper.parts.workloads import MISSING
from eiesim.paper.verdict import Judgement, Unreproducible, Verdict


def judge(parts: Iterable[Sequence[NetworkBits]]) -> Outcome:
    """Compare every layer with the printed one."""
    rounds = [list(part) for part in parts]
    outcome = judge_network(rounds, ALEXNET)
    real = choose(rounds, "Alex-8", REAL)
    printed = {row["layer"]: row for row in read_table("paper/dc_tables2to5")
               if row["network"] == ALEXNET}  # fmt: skip
    return replace(
        outcome,
        note=f"{outcome.note} {NOTE} {_explain_total(printed[TOTAL])}",
        verdicts=(
            *outcome.verdicts,
            *_judge_entries(printed),
            *_judge_fc8(next(iter(real), None), printed["fc8"]),
        ),
        sources=(*outcome.sources, *list_sources(real)),
    )


def _explain_total(row: Mapping[str, str]) -> str:
    """Return a text on the bits that give the printed total."""
    total = count_entries()[-1]
    percents = {bits: total.find_percent(bits) for bits in CODE_BITS}
    best = min(CODE_BITS, key=lambda bits: abs(percents[bits] - float(row["rate_percent_pq"])))
    words = ", ".join(f"with {bits} bits {percent:.3f} %" for bits, percent in percents.items())
    return (
        f"The printed total, {row['rate_percent_pq']} %, is that of {best}-bit codes: {words}, "
        f"{total.find_megabytes(best):.3f} MB."
    )


def _judge_entries(printed: Mapping[str, Mapping[str, str]]) -> Iterator[Verdict]:
    """Judge the size of the entries of the authors' file, with either number of bits."""
    for layer in count_entries():
        different = len(set(layer.stream_bits.values())) > 1
        for bits, other_bits in permutations(CODE_BITS) if different else [CODE_BITS]:
            words = f", {bits}-bit codes" if different else ""
            reason = f"with {other_bits} bits it is {layer.find_percent(other_bits):.2f} %"
            yield Verdict(
                layer.name, f"rate, P+Q{words}", "%", printed[layer.name]["rate_percent_pq"],
                layer.find_percent(bits), TOLERANCE,
                reason if different else "its entries are others", ENTRIES,
            )  # fmt: skip


def _judge_fc8(bits: NetworkBits | None, printed: Mapping[str, str]) -> Iterator[Judgement]:
    """Compare the authors' own fc8 with the printed row."""
    for quantity, column in (("rate, P+Q", "rate_percent_pq"), ("rate, P+Q+H", "rate_percent_pqh")):
        if bits is None:
            yield Unreproducible("fc8", quantity, "%", printed[column], MISSING, REAL)
            continue
        total = bits.ledger.total
        ours = find_coded_percent(total) if quantity.endswith("H") else 100 / total.shared_rate
        reason = f"its codes have {total.code_bits} bits, those of the table {CODE_BITS[0]}"
        yield Verdict("fc8", quantity, "%", printed[column], ours, ROUNDED, reason, REAL)


EXPERIMENT = Experiment(WORK, judge)
