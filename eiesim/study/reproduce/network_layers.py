"""What Deep Compression's Tables 2 to 5 share: one network layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eiesim.compress.ledger import LayerBits
from eiesim.hardware import Hardware
from eiesim.published import read_table
from eiesim.study.reproduce.networks import (
    DRAWN,
    LAPLACE,
    ORIGIN,
    TRAINED,
    NetworkBits,
    choose,
    list_sources,
)
from eiesim.study.reproduce.outcome import Outcome, Row
from eiesim.study.verdict import Judgement, Tolerance, Verdict

CHANCE = Tolerance(
    10, "a drawn layer hits its density but for chance, and it is printed in percent"
)
ROUNDED = Tolerance(10, "densities are printed in whole percent")
FREQUENCY = "codes and gaps of drawn weights are not as frequent as those of the authors' own"
NOTE = f"""{ORIGIN} Bits are the mean of an entry, padding zeros included, as the paper's rates tell
that its own are; the rate is the layer over its dense weights and biases, in percent, codebook and
biases included, without the file's tables and headers. What to see: before Huffman codes drawn
weights take the paper's bits; Huffman codes gain less on them than on the authors' trained weights,
whose codes and gaps are less even."""


def judge_network(parts: Iterable[Sequence[NetworkBits]], name: str) -> Outcome:
    """Set every layer of a network beside the printed ones.

    Parameters
    ----------
    parts : iterable of sequence of NetworkBits
        The networks.
    name : str
        Of `eiesim.study.reproduce.networks.NAMES`.
    """
    rounds = [list(part) for part in parts]
    printed = [row for row in read_table("paper/dc_tables2to5") if row["network"] == name]
    drawn = choose(rounds, name, DRAWN)
    verdicts = [
        verdict
        for bits in drawn
        for row in printed
        for verdict in _judge_layer(_find(bits, row["layer"]), row)
    ]
    shown = [
        _describe(bits, layer)
        for workload in (DRAWN, LAPLACE, TRAINED)
        for bits in choose(rounds, name, workload)
        for layer in (*bits.ledger.rows, bits.ledger.total)
    ]
    return Outcome(
        NOTE, Hardware(), tuple(verdicts), {"layers": shown}, ("layers",),
        sources=list_sources(drawn),
    )  # fmt: skip


def _find(bits: NetworkBits, layer: str) -> LayerBits:
    rows = (*bits.ledger.rows, bits.ledger.total)
    return next(row for row in rows if row.name == layer)


def _judge_layer(bits: LayerBits, row: dict[str, str]) -> list[Judgement]:
    entries = bits.entries
    quantities = (
        ("density", "%", "weight_percent", 100 * bits.density, CHANCE, "", "drawn so"),
        ("weight bits, P+Q+H", "bits", "weight_bits_pqh", bits.huffman_codes_bits / entries,
         ROUNDED, FREQUENCY, ""),
        ("index bits, P+Q+H", "bits", "index_bits_pqh", bits.huffman_gaps_bits / entries,
         ROUNDED, FREQUENCY, ""),
        ("rate, P+Q", "%", "rate_percent_pq", 100 / bits.shared_rate, ROUNDED,
         "padding zeros and the codebook are counted, and densities are rounded", ""),
        ("rate, P+Q+H", "%", "rate_percent_pqh", find_coded_percent(bits), ROUNDED, FREQUENCY, ""),
    )  # fmt: skip
    return [
        Verdict(
            bits.name, what, unit, row[column], ours, tolerance, reason or "of chance", DRAWN, told
        )
        for what, unit, column, ours, tolerance, reason, told in quantities
    ]


def find_coded_percent(bits: LayerBits) -> float:
    """Return what Huffman streams, codebook and biases take of the dense layer, in percent.

    Parameters
    ----------
    bits : LayerBits
        The layer.
    """
    streams = bits.huffman_codes_bits + bits.huffman_gaps_bits
    return 100 * (streams + bits.codebook_bits + bits.bias_bits) / bits.dense_bits


def _describe(network: NetworkBits, bits: LayerBits) -> Row:
    return {
        "workload": network.workload + ("" if network.seed is None else f", seed {network.seed}"),
        "layer": bits.name,
        "weights": bits.weights,
        "density_percent": 100 * bits.density,
        "weight_bits_pq": bits.code_bits,
        "weight_bits_pqh": bits.huffman_codes_bits / bits.entries,
        "index_bits_pq": bits.index_bits,
        "index_bits_pqh": bits.huffman_gaps_bits / bits.entries,
        "rate_percent_pq": 100 / bits.shared_rate,
        "rate_percent_pqh": find_coded_percent(bits),
        "rate_percent_file": 100 / bits.file_rate,
    }
