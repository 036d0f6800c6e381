"""The talk on sizes: rates, stages, what is pruned, bits, Huffman codes, megabytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eiesim.base.published import read_table
from eiesim.catalog.networks import load_network
from eiesim.paper.experiment import Row
from eiesim.paper.parts.ledgers import DRAWN, NAMES, TRAINED, NetworkBits, choose, find_nearest
from eiesim.paper.talk.accuracy import Account
from eiesim.paper.talk.statements import join_words, say
from eiesim.paper.verdict import Statement, Tolerance, Verdict

RATES = (10.0, 50.0)
RATES_WITHOUT_HUFFMAN = (10.0, 49.0)
RATE = Tolerance(5, "rates are printed as whole numbers")
KINDS = {"conv": ("convolutions", 66.0, 5.0), "fc": ("fully connected layers", 90.0, 0.5)}
"""Share that the talk says is pruned, in percent, and the points that ours may be away: its 66 %
are about, its 90 % are rounded."""
PRUNED_NETWORKS = ("AlexNet", "VGG-16")
"""Those whose convolutions and fully connected layers have printed densities."""
SMALL_MB = 10.0
FLOAT_BITS = 32
ASSUMED = "GoogLeNet"
"""Its densities are printed nowhere, so that its rate is no evidence."""


def judge_sizes(
    networks: Sequence[NetworkBits], accounts: Sequence[Account]
) -> Iterator[Statement]:
    """Judge statements 6, 7, 8, 10, 16, 22, 23 and 27; of the LSTMs the size of the file counts."""
    near = [find_nearest([networks], name)[0] for name in NAMES]
    yield _judge_rates(near, accounts)
    yield _judge_four(networks)
    yield _judge_stages(near)
    yield _judge_pruned(list_pruned(networks))
    yield _judge_bits(near)
    yield _judge_huffman(near)
    yield _judge_without_huffman(near)
    yield _judge_megabytes(near, accounts)


def _show(rates: Sequence[tuple[str, float]]) -> str:
    return join_words(f"{name} {rate:.1f}x" for name, rate in rates)


def _show_range(ends: Sequence[tuple[str, float]]) -> str:
    (least, low), (most, high) = ends
    return f"{low:.1f}x ({least}) to {high:.1f}x ({most})"


def _find_ends(rates: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    ordered = sorted(rates, key=lambda pair: pair[1])
    return [ordered[0], ordered[-1]]


def _judge_rates(near: Sequence[NetworkBits], accounts: Sequence[Account]) -> Statement:
    known = {bits.name: bits for bits in near if bits.name != ASSUMED}
    rates = [(name, bits.ledger.total.file_rate) for name, bits in known.items()]
    rates += [(one.network, one.rate) for one in accounts if not one.classifies]
    low, high = RATES
    outside = [pair for pair in rates if not low <= pair[1] <= high]
    told = join_words(
        f"{name} {rate:.1f}x" + (_tell_kept(known[name]) if name in known else "")
        for name, rate in outside or rates
    )
    return say(
        6, f"{_show_range(_find_ends(rates))} as files, of "
        f"{len(rates)} networks; {ASSUMED}, whose densities are assumed, is left out",
        not outside, f"outside of {low:g} to {high:g}x: {told}", f"{DRAWN}, {TRAINED}",
    )  # fmt: skip


def _tell_kept(bits: NetworkBits) -> str:
    total = bits.ledger.total
    return (
        f" ({bits.workload}; {100 * total.density:.0f} % of the weights are kept, with "
        f"{total.file_bits / total.nonzeros:.1f} bits each in the file)"
    )


def _judge_four(networks: Sequence[NetworkBits]) -> Statement:
    printed = {row["network"]: row["rate"] for row in read_table("paper/dc_table1")}
    printed |= {row["network"]: row["rate"] for row in read_table("paper/dc_talk")}
    found = {
        name: find_nearest([networks], name)[0]
        for name in ("AlexNet", "VGG-16", "GoogLeNet", "SqueezeNet")
    }
    verdicts = [
        Verdict(name, "rate", "x", printed[name], bits.ledger.total.file_rate, RATE, "")
        for name, bits in found.items()
    ]
    others = [verdict for verdict in verdicts if not verdict.within]
    told = "; ".join(_explain(found[one.layer], one) for one in others)
    if any(found[one.layer].workload == DRAWN for one in others):
        told += "; codes and gaps of drawn weights are more even than the authors' own"
    return say(
        7, _show([(one.layer, one.ours) for one in verdicts])
        + f"; {ASSUMED}'s densities are assumed", not others, told,
        join_words(dict.fromkeys(bits.workload for bits in found.values())),
    )  # fmt: skip


def _explain(bits: NetworkBits, verdict: Verdict) -> str:
    """Say how much of a gap there is before Huffman codes and how much they gain."""
    total = bits.ledger.total
    told = (
        f"{bits.name} is {verdict.deviation_percent:+.0f} %: Huffman codes take it from "
        f"{total.shared_rate:.1f}x to {total.file_rate:.1f}x here"
    )
    before = _list_printed_before().get(bits.name)
    if before is None:
        return told
    return f"{told}, from {before:.1f}x to {verdict.paper}x in the paper"


def _list_printed_before() -> dict[str, float]:
    """Return the paper's own rates without Huffman codes, by network."""
    return {
        row["network"]: 100 / float(row["rate_percent_pq"])
        for row in read_table("paper/dc_tables2to5")
        if row["layer"] == "total"
    }


def _judge_stages(near: Sequence[NetworkBits]) -> Statement:
    totals = {bits.name: bits.ledger.total for bits in near}
    stages = {
        name: (total.dense_bits, total.pruned_bits, total.shared_bits, total.file_bits)
        for name, total in totals.items()
    }
    larger = [name for name, sizes in stages.items() if list(sizes) != sorted(sizes, reverse=True)]
    last = {
        stage: _find_ends([(name, sizes[number] / sizes[number + 1])
                           for name, sizes in stages.items()])
        for number, stage in enumerate(("pruning", "sharing", "Huffman codes"))
    }  # fmt: skip
    told = join_words(
        f"{stage} {low:.1f} to {high:.1f}x" for stage, ((_, low), (_, high)) in last.items()
    )
    return say(
        8, f"each makes all {len(stages)} networks smaller: {told}" if not larger else told,
        not larger, f"a stage makes {join_words(larger or ['none'])} larger",
        f"{DRAWN}, {TRAINED}",
    )  # fmt: skip


def list_pruned(networks: Sequence[NetworkBits]) -> list[Row]:
    """Return what share of weights is pruned, by kind of layer.

    The densities of `PRUNED_NETWORKS` and of what was trained here count.
    """
    chosen = [bits for name in PRUNED_NETWORKS for bits in choose([networks], name, DRAWN)]
    chosen += [bits for bits in networks if bits.workload == TRAINED]
    rows: list[Row] = []
    for bits in chosen:
        kinds = [layer.kind for layer in load_network(NAMES[bits.name]).layers]
        for kind, (words, percent, points) in KINDS.items():
            own = [row for row, its in zip(bits.ledger.rows, kinds, strict=True) if its == kind]
            if not own:
                continue
            weights, kept = (sum(getattr(row, what) for row in own)
                             for what in ("weights", "nonzeros"))  # fmt: skip
            rows.append(
                {"network": bits.name, "workload": bits.workload, "seed": bits.seed,
                 "layers": words, "weights": weights, "kept": kept,
                 "pruned_percent": 100 * (1 - kept / weights),
                 "talk_percent": percent, "tolerance_points": points}
            )  # fmt: skip
    return rows


def _judge_pruned(rows: Sequence[Row]) -> Statement:
    seen = [row for row in rows if row["workload"] == DRAWN]
    others = [
        row
        for row in seen
        if abs(row["pruned_percent"] - row["talk_percent"]) > row["tolerance_points"]
    ]
    own = [row for row in rows if row["workload"] == TRAINED and row["seed"] == 0]
    trained = "".join(f"; {_tell_pruned(row)}, trained here" for row in own)
    return say(
        10, join_words(_tell_pruned(row) for row in seen) + trained, not others,
        f"it holds in part: {join_words(_tell_pruned(row) for row in others or rows)}", DRAWN,
        "the densities are those that Deep Compression prints",
    )  # fmt: skip


def _tell_pruned(row: Row) -> str:
    return f"{row['network']}'s {row['layers']} {row['pruned_percent']:.0f} %"


def _judge_bits(near: Sequence[NetworkBits]) -> Statement:
    bits = [row.code_bits or FLOAT_BITS for network in near for row in network.ledger.rows]
    means = [
        (
            network.name,
            sum((row.code_bits or FLOAT_BITS) * row.entries + row.codebook_bits
                for row in network.ledger.rows) / network.ledger.total.nonzeros,
        )
        for network in near
    ]  # fmt: skip
    (least, low), (most, high) = _find_ends(means)
    return say(
        16, f"{min(bits)} to {max(bits)} bits a code; with codebooks and padding zeros {low:.1f} "
        f"({least}) to {high:.1f} bits a weight ({most})", high < FLOAT_BITS,
        f"{most} takes {high:.1f} bits a weight", f"{DRAWN}, {TRAINED}",
    )  # fmt: skip


def _judge_huffman(near: Sequence[NetworkBits]) -> Statement:
    saved = [
        (bits.name, 100 * (1 - bits.ledger.total.file_bits / bits.ledger.total.shared_bits))
        for bits in near
    ]
    (least, low), (most, high) = _find_ends(saved)
    return say(
        22, f"their words, with tables and headers, save {low:.0f} % ({least}) to {high:.0f} % "
        f"({most})", low > 0, f"{least}'s file becomes {-low:.0f} % larger", f"{DRAWN}, {TRAINED}",
    )  # fmt: skip


def _judge_without_huffman(near: Sequence[NetworkBits]) -> Statement:
    rates = [(bits.name, bits.ledger.total.shared_rate) for bits in near]
    (least, low), (_, high) = _find_ends(rates)
    own = _find_ends([*_list_printed_before().items()])
    lowest, highest = RATES_WITHOUT_HUFFMAN
    with_huffman = [
        row["network"] for row in read_table("paper/dc_table1") if float(row["rate"]) == highest
    ]
    short = [f"{least} stays at {low:.1f}x"] if low < lowest else []
    short += [f"none reaches {highest:g}x"] if high < highest else []
    return say(
        23, _show_range(_find_ends(rates)), not short,
        f"without Huffman codes {join_words(short or ['all do'])}; the paper's own Tables 2 to 5 "
        f"give {_show_range(own)} without them, and Table 1's {highest:g}x of "
        f"{join_words(with_huffman)} is with Huffman codes",
        f"{DRAWN}, {TRAINED}",
    )  # fmt: skip


def _judge_megabytes(near: Sequence[NetworkBits], accounts: Sequence[Account]) -> Statement:
    sizes = {bits.name: bits.ledger.total.file_bits / 8e6 for bits in near}
    sizes |= {one.network: one.file_bytes / 1e6 for one in accounts if not one.classifies}
    large = {name: size for name, size in sizes.items() if size >= SMALL_MB}
    printed = {row["network"]: row["size_compressed"] for row in read_table("paper/dc_table1")}
    told = join_words(
        f"{name}'s file has {size:.1f} MB"
        + (f", the paper's own {printed[name]}" if name in printed else "")
        for name, size in (large or sizes).items()
    )
    return say(
        27, join_words(f"{name} {size:.3g} MB" for name, size in sizes.items()), not large,
        f"{told}; {len(sizes) - len(large)} of {len(sizes)} networks stay below {SMALL_MB:g} MB",
        f"{DRAWN}, {TRAINED}",
    )  # fmt: skip
