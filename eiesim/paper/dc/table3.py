"""Deep Compression's Table 3: LeNet-5 layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eiesim.paper.outcome import Outcome
from eiesim.paper.parts.ledger_tables import judge_network
from eiesim.paper.parts.ledgers import READS, STEPS, NetworkBits, work

__all__ = ["READS", "STEPS", "judge", "work"]


def judge(parts: Iterable[Sequence[NetworkBits]]) -> Outcome:
    """Set every layer beside the printed ones.

    Parameters
    ----------
    parts : iterable of sequence of NetworkBits
        The networks.
    """
    return judge_network(parts, "LeNet-5")
