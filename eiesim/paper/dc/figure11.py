"""Deep Compression's Figure 11: size by weights, indices and codebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eiesim.hardware import Hardware
from eiesim.paper.experiment import Experiment, Outcome
from eiesim.paper.parts.ledgers import NAMES, ORIGIN, WORK, NetworkBits, find_nearest, list_sources
from eiesim.paper.verdict import Statement
from eiesim.runs.compressed import chart_parts

FIGURE = "dc_figure11"
NEGLIGIBLE = 0.01
"""Largest share of the file that counts as negligible."""
LARGE = ("AlexNet", "VGG-16")
NOTE = f"""{ORIGIN} Trained or read where there is such a network, drawn otherwise. A codebook
is negligible that takes {NEGLIGIBLE:.0%} of the file at most."""


def judge(parts: Iterable[Sequence[NetworkBits]]) -> Outcome:
    """Draw the parts of files, and check that codebooks are small."""
    rounds = [list(part) for part in parts]
    nearest = [find_nearest(rounds, name)[0] for name in NAMES]
    bars = {f"{bits.name}, {bits.workload}": bits.ledger.total for bits in nearest}
    see = "Weights and indices take alike; codebooks are nothing in large networks."
    return Outcome(
        NOTE, Hardware(),
        tuple(_judge(bits) for bits in nearest if bits.name in LARGE),
        {"sizes": [{"network": name} | total.to_row() for name, total in bars.items()]},
        charts={FIGURE: chart_parts("Files by their parts", bars, see)},
        sources=list_sources(nearest),
    )  # fmt: skip


def _judge(bits: NetworkBits) -> Statement:
    total = bits.ledger.total
    share = total.codebook_bits / total.file_bits
    indices = total.huffman_gaps_bits / total.file_bits
    return Statement(
        bits.name, "codebook's share",
        "the codebook is very small and often negligible (section 6.3, Figure 11)",
        f"{100 * share:.2f} %; indices take {100 * indices:.0f} %", share <= NEGLIGIBLE,
        f"it takes {100 * share:.1f} %", bits.workload,
    )  # fmt: skip


EXPERIMENT = Experiment(WORK, judge)
