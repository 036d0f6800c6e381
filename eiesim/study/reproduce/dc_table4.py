"""Deep Compression's Table 4: AlexNet layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from eiesim.published import read_table
from eiesim.study.reproduce.network_layers import ROUNDED, find_coded_percent, judge_network
from eiesim.study.reproduce.networks import (
    READS,
    REAL,
    STEPS,
    NetworkBits,
    choose,
    list_sources,
    work,
)
from eiesim.study.reproduce.outcome import Outcome
from eiesim.study.verdict import Verdict

__all__ = ["READS", "STEPS", "judge", "work"]


def judge(parts: Iterable[Sequence[NetworkBits]]) -> Outcome:
    """Set every layer beside the printed ones.

    Parameters
    ----------
    parts : iterable of sequence of NetworkBits
        The networks.
    """
    rounds = [list(part) for part in parts]
    outcome = judge_network(rounds, "AlexNet")
    real = choose(rounds, "Alex-8", REAL)
    printed = next(row for row in read_table("paper/dc_tables2to5")
                   if (row["network"], row["layer"]) == ("AlexNet", "fc8"))  # fmt: skip
    verdicts = tuple(verdict for bits in real for verdict in _judge_fc8(bits, printed))
    sources = (*outcome.sources, *list_sources(real))
    return replace(outcome, verdicts=outcome.verdicts + verdicts, sources=sources)


def _judge_fc8(bits: NetworkBits, printed: dict[str, str]) -> list[Verdict]:
    """Set the authors' own fc8, shared with 4 bits, beside the row of 5 bits."""
    total = bits.ledger.total
    return [
        Verdict(
            "fc8", quantity, "%", printed[column], ours, ROUNDED,
            "its codes have 4 bits, those of the table 5", REAL,
        )
        for quantity, column, ours in (
            ("rate, P+Q", "rate_percent_pq", 100 / total.shared_rate),
            ("rate, P+Q+H", "rate_percent_pqh", find_coded_percent(total)),
        )
    ]  # fmt: skip
