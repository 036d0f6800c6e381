"""Deep Compression's Table 3: LeNet-5 layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eiesim.study.reproduce.network_layers import judge_network
from eiesim.study.reproduce.networks import READS, STEPS, NetworkBits, work
from eiesim.study.reproduce.outcome import Outcome

__all__ = ["READS", "STEPS", "judge", "work"]


def judge(parts: Iterable[Sequence[NetworkBits]]) -> Outcome:
    """Set every layer beside the printed ones.

    Parameters
    ----------
    parts : iterable of sequence of NetworkBits
        The networks.
    """
    return judge_network(parts, "LeNet-5")
