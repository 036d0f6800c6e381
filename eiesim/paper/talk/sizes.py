"""The talk on sizes: rates, stages, what is pruned, bits, Huffman codes, megabytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from eiesim.base.published import read_table
from eiesim.base.tables import Row
from eiesim.catalog.networks import load_network
from eiesim.paper.parts.ledgers import DRAWN, NAMES, TRAINED, NetworkBits, choose
from eiesim.paper.talk.accuracy import Account
from eiesim.paper.talk.statements import join_words, say
from eiesim.paper.verdict import Statement, Tolerance, Verdict

FOUR = ("AlexNet", "VGG-16", "GoogLeNet", "SqueezeNet")
RATES = (10.0, 50.0)
RATES_WITHOUT_HUFFMAN = (10.0, 49.0)
RATE = Tolerance(5, "rates are printed as whole numbers")
KINDS = {"conv": ("convolutions", 66.0, 5.0), "fc": ("fully connected layers", 90.0, 0.5)}
"""Share that is pruned by the talk, in percent, and the points that ours may differ: its 66 % are
approximate, its 90 % are rounded."""
PRUNED_NETWORKS = ("AlexNet", "VGG-16")
"""Networks with printed densities of convolutions and fully connected layers."""
SMALL_MB = 10.0
FLOAT_BITS = 32
ASSUMED = "GoogLeNet"
"""Its densities are printed nowhere, so that its rate is no evidence."""


def judge_sizes(
    near: Sequence[NetworkBits], accounts: Sequence[Account], pruned: Sequence[Row]
) -> Iterator[Statement]:
    """Judge statements 6, 7, 8, 10, 16, 22, 23 and 27.

    There is one of each network, the nearest to the paper's. For LSTMs the size of the file counts.
    """
    yield _judge_rates(near, accounts)
    yield _judge_four({bits.name: bits for bits in near if bits.name in FOUR})
    yield _judge_stages(near)
    yield _judge_pruned(pruned)
    yield _judge_bits(near)
    yield _judge_huffman(near)
    yield _judge_without_huffman(near)
    yield _judge_megabytes(near, accounts)


def _show_range(rates: Mapping[str, float]) -> str:
    (least, low), (most, high) = _find_ends(rates)
    return f"{low:.1f}x ({least}) to {high:.1f}x ({most})"


def _find_ends(numbers: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the network with the least number, and the first one with the largest."""
    ordered = sorted(numbers.items(), key=lambda pair: pair[1])
    return [ordered[0], ordered[-1]]


def _judge_rates(near: Sequence[NetworkBits], accounts: Sequence[Account]) -> Statement:
    printed = {bits.name: bits for bits in near if bits.name != ASSUMED}
    rates = {name: bits.ledger.total.file_rate for name, bits in printed.items()}
    rates |= {net.network: net.rate for net in accounts if not net.classifies}
    low, high = RATES
    outside = {name: rate for name, rate in rates.items() if not low <= rate <= high}
    words = join_words(
        f"{name} {rate:.1f}x" + (_describe_kept(printed[name]) if name in printed else "")
        for name, rate in (outside or rates).items()
    )
    return say(
        6, f"{_show_range(rates)} as files, of "
        f"{len(rates)} networks; {ASSUMED}, whose densities are assumed, is left out",
        not outside, f"outside of {low:g} to {high:g}x: {words}", f"{DRAWN}, {TRAINED}",
    )  # fmt: skip


def _describe_kept(bits: NetworkBits) -> str:
    total = bits.ledger.total
    return (
        f" ({bits.workload}; {100 * total.density:.0f} % of the weights are kept, with "
        f"{total.file_bits / total.nonzeros:.1f} bits each in the file)"
    )


def _judge_four(four: Mapping[str, NetworkBits]) -> Statement:
    printed = {
        row["network"]: row["rate"]
        for table in ("paper/dc_table1", "paper/dc_talk")
        for row in read_table(table)
    }
    verdicts = [
        Verdict(name, "rate", "x", printed[name], bits.ledger.total.file_rate, RATE, "")
        for name, bits in four.items()
    ]
    outside = [verdict for verdict in verdicts if not verdict.within]
    reason = "; ".join(_explain(four[verdict.layer], verdict) for verdict in outside)
    if any(four[verdict.layer].workload == DRAWN for verdict in outside):
        reason += "; codes and gaps of drawn weights are more even than the authors' own"
    return say(
        7, join_words(f"{verdict.layer} {verdict.ours:.1f}x" for verdict in verdicts)
        + f"; {ASSUMED}'s densities are assumed", not outside, reason,
        join_words(dict.fromkeys(bits.workload for bits in four.values())),
    )  # fmt: skip


def _explain(bits: NetworkBits, verdict: Verdict) -> str:
    """Return a text on the deviation before Huffman codes, and on their gain."""
    total = bits.ledger.total
    before = _list_printed_before().get(bits.name)
    return (
        f"{bits.name} is {verdict.deviation_percent:+.0f} %: Huffman codes take it from "
        f"{total.shared_rate:.1f}x to {total.file_rate:.1f}x here"
        + (f", from {before:.1f}x to {verdict.paper}x in the paper" if before else "")
    )


def _list_printed_before() -> dict[str, float]:
    """Return the paper's own rates without Huffman codes, by network."""
    return {
        row["network"]: 100 / float(row["rate_percent_pq"])
        for row in read_table("paper/dc_tables2to5")
        if row["layer"] == "total"
    }


def _judge_stages(near: Sequence[NetworkBits]) -> Statement:
    gains: dict[str, list[float]] = {"pruning": [], "sharing": [], "Huffman codes": []}
    larger = []
    for bits in near:
        total = bits.ledger.total
        sizes = (total.dense_bits, total.pruned_bits, total.shared_bits, total.file_bits)
        for stage, (before, after) in zip(gains, pairwise(sizes), strict=True):
            gains[stage].append(before / after)
        if list(sizes) != sorted(sizes, reverse=True):
            larger.append(bits.name)
    times = join_words(
        f"{stage} {min(rates):.1f} to {max(rates):.1f}x" for stage, rates in gains.items()
    )
    return say(
        8, times if larger else f"each makes all {len(near)} networks smaller: {times}",
        not larger, f"a stage makes {join_words(larger or ['none'])} larger",
        f"{DRAWN}, {TRAINED}",
    )  # fmt: skip


def list_pruned(networks: Sequence[NetworkBits]) -> list[Row]:
    """Return the share of pruned weights, by kind of layer, for densities that are not assumed."""
    selected = [bits for name in PRUNED_NETWORKS for bits in choose([networks], name, DRAWN)]
    selected += [bits for bits in networks if bits.workload == TRAINED]
    rows: list[Row] = []
    for bits in selected:
        kinds = [layer.kind for layer in load_network(NAMES[bits.name]).layers]
        for kind, (words, percent, points) in KINDS.items():
            layers = [layer for layer, layer_kind in zip(bits.ledger.rows, kinds, strict=True)
                      if layer_kind == kind]  # fmt: skip
            if not layers:
                continue
            weights = sum(layer.weights for layer in layers)
            nonzeros = sum(layer.nonzeros for layer in layers)
            rows.append(
                {"network": bits.name, "workload": bits.workload, "seed": bits.seed,
                 "layers": words, "weights": weights, "kept": nonzeros,
                 "pruned_percent": 100 * (1 - nonzeros / weights),
                 "talk_percent": percent, "tolerance_points": points}
            )  # fmt: skip
    return rows


def _judge_pruned(rows: Sequence[Row]) -> Statement:
    drawn = [row for row in rows if row["workload"] == DRAWN]
    outside = [
        row
        for row in drawn
        if abs(row["pruned_percent"] - row["talk_percent"]) > row["tolerance_points"]
    ]
    trained = "".join(
        f"; {_describe_pruned(row)}, trained here"
        for row in rows
        if row["workload"] == TRAINED and row["seed"] == 0
    )
    return say(
        10, join_words(map(_describe_pruned, drawn)) + trained, not outside,
        f"it holds in part: {join_words(map(_describe_pruned, outside or rows))}", DRAWN,
        "the densities are those that Deep Compression prints",
    )  # fmt: skip


def _describe_pruned(row: Row) -> str:
    return f"{row['network']}'s {row['layers']} {row['pruned_percent']:.0f} %"


def _judge_bits(near: Sequence[NetworkBits]) -> Statement:
    bits, means = [], {}
    for network in near:
        code_bits = [row.code_bits or FLOAT_BITS for row in network.ledger.rows]
        total_bits = sum(
            number * row.entries + row.codebook_bits
            for number, row in zip(code_bits, network.ledger.rows, strict=True)
        )
        means[network.name] = total_bits / network.ledger.total.nonzeros
        bits += code_bits
    (least, low), (most, high) = _find_ends(means)
    return say(
        16, f"{min(bits)} to {max(bits)} bits a code; with codebooks and padding zeros {low:.1f} "
        f"({least}) to {high:.1f} bits a weight ({most})", high < FLOAT_BITS,
        f"{most} takes {high:.1f} bits a weight", f"{DRAWN}, {TRAINED}",
    )  # fmt: skip


def _judge_huffman(near: Sequence[NetworkBits]) -> Statement:
    saved = {
        bits.name: 100 * (1 - bits.ledger.total.file_bits / bits.ledger.total.shared_bits)
        for bits in near
    }
    (least, low), (most, high) = _find_ends(saved)
    return say(
        22, f"their words, with tables and headers, save {low:.0f} % ({least}) to {high:.0f} % "
        f"({most})", low > 0, f"{least}'s file becomes {-low:.0f} % larger", f"{DRAWN}, {TRAINED}",
    )  # fmt: skip


def _judge_without_huffman(near: Sequence[NetworkBits]) -> Statement:
    rates = {bits.name: bits.ledger.total.shared_rate for bits in near}
    (least, low), (_, high) = _find_ends(rates)
    lowest, highest = RATES_WITHOUT_HUFFMAN
    with_huffman = [
        row["network"] for row in read_table("paper/dc_table1") if float(row["rate"]) == highest
    ]
    short = [f"{least} stays at {low:.1f}x"] if low < lowest else []
    short += [f"none reaches {highest:g}x"] if high < highest else []
    return say(
        23, _show_range(rates), not short,
        f"without Huffman codes {join_words(short or ['all do'])}; the paper's own Tables 2 to 5 "
        f"give {_show_range(_list_printed_before())} without them, and Table 1's {highest:g}x of "
        f"{join_words(with_huffman)} is with Huffman codes",
        f"{DRAWN}, {TRAINED}",
    )  # fmt: skip


def _judge_megabytes(near: Sequence[NetworkBits], accounts: Sequence[Account]) -> Statement:
    sizes = {bits.name: bits.ledger.total.file_bits / 8e6 for bits in near}
    sizes |= {net.network: net.file_bytes / 1e6 for net in accounts if not net.classifies}
    large = {name: size for name, size in sizes.items() if size >= SMALL_MB}
    printed = {row["network"]: row["size_compressed"] for row in read_table("paper/dc_table1")}
    words = join_words(
        f"{name}'s file has {size:.1f} MB"
        + (f", the paper's own {printed[name]}" if name in printed else "")
        for name, size in (large or sizes).items()
    )
    return say(
        27, join_words(f"{name} {size:.3g} MB" for name, size in sizes.items()), not large,
        f"{words}; {len(sizes) - len(large)} of {len(sizes)} networks stay below {SMALL_MB:g} MB",
        f"{DRAWN}, {TRAINED}",
    )  # fmt: skip
