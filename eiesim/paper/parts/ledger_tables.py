"""Common work of Deep Compression's Tables 2 to 5: one network layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from eiesim.base.published import read_table
from eiesim.base.tables import Row
from eiesim.compress.ledger import TOTAL, LayerBits
from eiesim.hardware import Hardware
from eiesim.paper.experiment import Outcome
from eiesim.paper.parts.ledgers import (
    DRAWN,
    FOUR_BITS,
    LAPLACE,
    ORIGIN,
    TRAINED,
    NetworkBits,
    choose,
    describe_gap,
    list_sources,
)
from eiesim.paper.verdict import Tolerance, Verdict

PrintedRow = Mapping[str, str]
CHANCE = Tolerance(
    10, "a drawn layer hits its density but for chance, and it is printed in percent"
)
ROUNDED = Tolerance(10, "densities are printed in whole percent")
NOTE = f"""{ORIGIN} Bits are the mean of an entry, padding zeros included, as the paper's rates tell
that its own are; the rate is the layer over its dense weights and biases, in percent, codebook and
biases included, without the file's tables and headers."""


def judge_network(parts: Iterable[Sequence[NetworkBits]], name: str) -> Outcome:
    """Compare every layer of one of `ledgers.NAMES` with the printed one."""
    rounds = [list(part) for part in parts]
    printed = [row for row in read_table("paper/dc_tables2to5") if row["network"] == name]
    drawn = choose(rounds, name, DRAWN)
    four = next(iter(choose(rounds, name, FOUR_BITS)), None)
    gaps = (f"Ours, drawn: {describe_gap(bits.ledger, printed[-1])}." for bits in drawn)
    return Outcome(
        note=" ".join([NOTE, *_list_contradictions(printed), *gaps]),
        hardware=Hardware(),
        verdicts=tuple(
            verdict
            for bits in drawn
            for row in printed
            for verdict in _judge_row(bits, four, row, printed)
        ),
        tables={
            "layers": [
                _describe(bits, layer)
                for workload in (DRAWN, LAPLACE, FOUR_BITS, TRAINED)
                for bits in choose(rounds, name, workload)
                for layer in _map_layers(bits).values()
            ]
        },
        shown=("layers",),
        sources=list_sources(drawn),
    )


def _map_layers(bits: NetworkBits) -> dict[str, LayerBits]:
    return {layer.name: layer for layer in (*bits.ledger.rows, bits.ledger.total)}


def _judge_row(
    drawn: NetworkBits, four: NetworkBits | None, row: PrintedRow, printed: Sequence[PrintedRow]
) -> Iterator[Verdict]:
    """Judge a layer, and also with codes of 4 bits if its size is then another."""
    bits = _map_layers(drawn)[row["layer"]]
    with_four = _map_layers(four)[row["layer"]] if four else bits
    if with_four.shared_bits == bits.shared_bits:
        yield from _judge_layer(bits, row, printed, DRAWN, "")
        return
    four_bits, five_bits = (
        f"with {words} codes it is {100 / layer.shared_rate:.2f} %, after Huffman coding "
        f"{find_coded_percent(layer):.2f} %"
        for words, layer in (("4-bit", with_four), ("5-bit", bits))
    )
    yield from _judge_layer(bits, row, printed, DRAWN, four_bits)
    for verdict in _judge_layer(with_four, row, printed, FOUR_BITS, five_bits):
        if verdict.quantity.startswith("rate"):
            yield verdict


def _judge_layer(
    bits: LayerBits, row: PrintedRow, printed: Sequence[PrintedRow], workload: str, beside: str
) -> Iterator[Verdict]:
    codes, gaps = (
        stream / bits.entries for stream in (bits.huffman_codes_bits, bits.huffman_gaps_bits)
    )
    densities = (
        f"{bits.padding / bits.entries:.0%} of our entries are padding zeros, whose number hangs "
        "on where weights stand"
        if 100 / bits.shared_rate > float(row["rate_percent_pq"])
        else f"ours keeps {100 * bits.density:.1f} % of the weights, printed as "
        f"{row['weight_percent']}"
    )
    streams = (
        f"an entry takes {codes:.1f} + {gaps:.1f} bits, in the paper's table "
        f"{row['weight_bits_pqh']} + {row['index_bits_pqh']}"
    )
    for name, unit, column, ours, tolerance, reason, put_in in (
        ("density", "%", "weight_percent", 100 * bits.density, CHANCE, "", "drawn so"),
        ("weight bits, P+Q+H", "bits", "weight_bits_pqh", codes, ROUNDED,
         _explain_bits("codes", codes, row, "weight_bits", printed), ""),
        ("index bits, P+Q+H", "bits", "index_bits_pqh", gaps, ROUNDED,
         _explain_bits("relative indices", gaps, row, "index_bits", printed), ""),
        ("rate, P+Q", "%", "rate_percent_pq", 100 / bits.shared_rate, _add(ROUNDED, beside),
         _join(densities, beside), ""),
        ("rate, P+Q+H", "%", "rate_percent_pqh", find_coded_percent(bits), _add(ROUNDED, beside),
         _join(streams, beside), ""),
    ):  # fmt: skip
        yield Verdict(
            bits.name, name, unit, row[column], ours, tolerance, reason or "of chance", workload,
            put_in,
        )  # fmt: skip


def _join(*words: str) -> str:
    return "; ".join(filter(None, words))


def _add(tolerance: Tolerance, words: str) -> Tolerance:
    return replace(tolerance, why=_join(tolerance.why, words))


def _explain_bits(
    stream: str, ours: float, row: PrintedRow, column: str, printed: Sequence[PrintedRow]
) -> str:
    """Return how frequencies differ, or how the printed number contradicts others."""
    contradiction = find_contradiction(row, column, printed)
    if contradiction:
        return contradiction
    how = "more" if ours > float(row[f"{column}_pqh"]) else "less"
    return f"{stream} of drawn weights are {how} evenly frequent than those of the authors' own"


def find_contradiction(row: PrintedRow, column: str, printed: Sequence[PrintedRow]) -> str:
    """Return how a printed mean of bits contradicts other printed numbers; nothing if it does not.

    The column is ``weight_bits`` or ``index_bits`` of Tables 2 to 5.
    """
    mean, before = row[f"{column}_pqh"], row[f"{column}_pq"]
    if row["layer"] == TOTAL:
        layers = [float(layer[f"{column}_pqh"]) for layer in printed if layer["layer"] != TOTAL]
        if not min(layers) <= float(mean) <= max(layers):
            return (
                f"the paper's total of {mean} bits contradicts its layers of {min(layers):g} to "
                f"{max(layers):g}"
            )
    if float(mean) > float(before):
        return f"the paper's {mean} bits are more than the {before} of a code of fixed length"
    return ""


def _list_contradictions(printed: Sequence[PrintedRow]) -> list[str]:
    contradictions = [
        f"{row['layer']}, {column.replace('_', ' ')}: {contradiction}"
        for row in printed
        for column in ("weight_bits", "index_bits")
        if (contradiction := find_contradiction(row, column, printed))
    ]
    if not contradictions:
        return []
    return [f"The printed numbers contradict one another: {'; '.join(contradictions)}."]


def find_coded_percent(bits: LayerBits) -> float:
    """Return Huffman streams, codebook and biases over the dense layer, in percent."""
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
