"""The authors' talk on Deep Compression: what is computed for it, and verdicts that can turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import CompressedLayer, Hardware
from eiesim.base.published import read_table
from eiesim.baselines.rows import Baseline
from eiesim.catalog.matched import Workload
from eiesim.catalog.operands import Operands
from eiesim.cli.main import COMMANDS
from eiesim.energy.sram import find_sram
from eiesim.paper.eie.savings import Waterfall
from eiesim.paper.experiment import Outcome
from eiesim.paper.parts.error_curves import ErrorPoint as Point
from eiesim.paper.parts.ledgers import NetworkBits
from eiesim.paper.parts.workloads import WorkloadRun, run_workloads
from eiesim.paper.record import DONE, Record
from eiesim.paper.registry import EXPERIMENTS
from eiesim.paper.report import report_experiments
from eiesim.paper.talk import hardware as talk_machine
from eiesim.paper.talk import talk
from eiesim.paper.talk.accuracy import Account
from eiesim.paper.talk.distributions import Quantised, Spread, chart_clusters, chart_quantisation
from eiesim.paper.talk.hardware import count_traffic
from eiesim.paper.talk.tuning import Tuned
from eiesim.paper.verdict import DIFFERS, IMPOSSIBLE, Judgement, Statement
from tests.support.paths import ROOT

Parts = list[tuple[object, ...]]
NUMBERS = (1, *range(5, 9), *range(10, 30))
SAID = {
    1: "accuracy", 5: "DRAM", 6: "10 to 50 times", 7: "35x, VGG-16 49x, GoogLeNet 10x",
    8: "three stages", 10: "66 %, fully connected", 11: "90 % of AlexNet", 12: "LSTM",
    13: "a positive and a negative cluster", 14: "more than linear", 15: "k-means", 16: "32 bits",
    17: "by SGD with the assignments fixed", 18: "2 bits, convolutions to 4", 19: "no worse",
    20: "8 and 5 bits lose nothing, 4 and 2 bits lose 2 %", 21: "3 %", 22: "Huffman",
    23: "10 to 49 times smaller without Huffman", 24: "SRAM", 25: "3x on CPU and GPU",
    26: "189x as fast as a CPU and 24,000x", 27: "below 10 MB", 28: "10 to 50 times less memory",
    29: "100x cheaper than DRAM",
}  # fmt: skip


@pytest.fixture(scope="module")
def parts() -> Parts:
    return list(talk.work(Path("nowhere")))


@pytest.fixture(scope="module")
def outcome(parts: Parts) -> Outcome:
    return talk.judge(parts)


def find(outcome: Outcome, number: int) -> Judgement:
    return next(one for one in outcome.verdicts if one.layer == f"({number})")


def test_every_statement_has_a_row(parts: Parts, outcome: Outcome) -> None:
    assert len(talk.STEPS) == len(parts)
    assert [one.layer for one in outcome.verdicts] == [f"({number})" for number in NUMBERS]
    for number in NUMBERS:
        row = find(outcome, number)
        assert row.paper.startswith(f"talk, statement {number}: ")
        assert SAID[number] in row.paper
        assert isinstance(row, Statement) or (number == 11 and row.kind == IMPOSSIBLE)
    assert {row["source"] for row in read_table("paper/dc_talk_statements")} == {
        "the Deep Compression authors' talk"
    }


def test_what_shows_a_statement_is_there() -> None:
    rows = read_table("paper/dc_talk_statements")
    assert tuple(int(row["number"]) for row in rows) == NUMBERS
    for where in (where for row in rows for where in row["see"].split(", ")):
        file, _, name = where.partition("::")
        if name:
            assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE), where
        else:
            assert where in EXPERIMENTS or where.removeprefix("eiesim ") in COMMANDS, where


def test_it_stands_with_deep_compression_on_the_page() -> None:
    records = [
        Record(name=name, title=EXPERIMENTS[name].title, state=DONE, note="", tables={}, charts={})
        for name in ("table1", "dc_table1", "talk")
    ]
    html = report_experiments(records, brief=True).render([])
    places = [html.index(f'id="{anchor}"') for anchor in ("eie", "deep-compression", "talk")]
    assert places == sorted(places)
    assert 'id="table1"' in html[places[0] : places[1]]


# what is computed


def run_by_hand() -> tuple[WorkloadRun, Hardware]:
    codes = np.array([[1, 0, 2], [0, 0, 3], [4, 0, 0], [0, 5, 0]], np.uint8)
    layer = CompressedLayer(codes, np.linspace(0, 1, 16, dtype=np.float32), name="x")
    hw = Hardware(n_pes=2)
    workload = Workload("x", Operands(layer, np.array([1, 0, 2], np.float32), ()))
    (run,) = run_workloads([workload], hw)
    return run, hw


def test_bytes_counted_by_hand() -> None:
    """Two PEs, five weights of 4 x 3.

    Dense: 12 weights, 3 inputs and 4 outputs of 4 bytes. Image: 5 entries of 8 bits; each PE has
    pointers for 3 columns, one to fill the row, the bias and the end, of 16 bits; inputs and
    outputs of 2 bytes. Read: columns 0, 2 and the bias, two pointers each in both PEs, and one
    word of 64 bits in each, since either holds its entries in one.
    """
    traffic = count_traffic(*run_by_hand())
    assert traffic.dense_bytes == 4 * (12 + 3 + 4)
    assert traffic.image_bytes == 5 + 2 * 6 * 2 + 2 * 7
    assert traffic.counted_bytes == 2 * 8 + 2 * 3 * 2 * 2 + 2 * 7


def test_shares_of_pruned_weights_are_the_papers(outcome: Outcome) -> None:
    """Table 4's and 5's densities, weighed by their numbers of weights."""
    printed = read_table("paper/dc_tables2to5")
    for network in ("AlexNet", "VGG-16"):
        for kind, words in (("conv", "convolutions"), ("fc", "fully connected layers")):
            rows = [row for row in printed
                    if row["network"] == network and row["layer"].startswith(kind)]  # fmt: skip
            weights = [
                float(row["weights"][:-1]) * {"K": 1e3, "M": 1e6}[row["weights"][-1]]
                for row in rows
            ]
            kept = sum(
                number * float(row["weight_percent"]) / 100
                for number, row in zip(weights, rows, strict=True)
            )
            (ours,) = [
                row["pruned_percent"] for row in outcome.tables["pruned"]
                if (row["network"], row["layers"]) == (network, words)
            ]  # fmt: skip
            assert ours == pytest.approx(100 * (1 - kept / sum(weights)), abs=1.0), network


def test_known_contradictions(outcome: Outcome) -> None:
    """VGG-16's file has 13.3 MB, and no network is 49 times smaller without Huffman codes."""
    assert "VGG-16's file has 13.3 MB, the paper's own 11.3 MB" in find(outcome, 27).text
    without = find(outcome, 23)
    assert without.kind == DIFFERS
    # Tables 4 and 3: 3.7 % and 3.05 %
    assert f"{100 / 3.7:.1f}x (AlexNet) to {100 / 3.05:.1f}x (LeNet-5)" in without.text
    assert "of VGG-16 is with Huffman codes" in without.text


# verdicts that turn


def alter(kind: type[Any], change: Callable[[Any], Any]) -> Callable[[Parts], Parts]:
    def turn(parts: Parts) -> Parts:
        return [
            tuple(change(one) if isinstance(one, kind) else one for one in part) for part in parts
        ]

    return turn


def resize(bits: NetworkBits, rates: dict[str, float], before: bool = False) -> NetworkBits:
    """Give a network another rate, with Huffman codes or before them."""
    total = bits.ledger.total
    if bits.name not in rates:
        return bits
    wanted = round(total.dense_bits / rates[bits.name])
    changed = (
        replace(total, codes_bits=total.codes_bits + wanted - total.shared_bits)
        if before
        else replace(total, header_bits=total.header_bits + wanted - total.file_bits)
    )
    return replace(bits, ledger=replace(bits.ledger, total=changed))


def prune_fully_connected(bits: NetworkBits) -> NetworkBits:
    rows = tuple(
        replace(row, nonzeros=row.weights // 10) if row.name.startswith("fc") else row
        for row in bits.ledger.rows
    )
    return replace(bits, ledger=replace(bits.ledger, rows=rows))


def enlarge_codebooks(bits: NetworkBits) -> NetworkBits:
    rows = tuple(replace(row, codebook_bits=100 * row.dense_bits) for row in bits.ledger.rows)
    return replace(bits, ledger=replace(bits.ledger, rows=rows))


def reprice(one: Waterfall, stage: str, factor: float) -> Waterfall:
    return replace(one, fetch_pj=one.fetch_pj | {stage: factor * one.fetch_pj[stage]})


def spend(run: WorkloadRun, factor: float) -> WorkloadRun:
    """Give a run another energy: one row that holds it all."""
    energy = run.run.energy
    assert energy is not None
    whole = factor * energy.total_pj
    rows = (replace(energy.rows[0], energy_pj=whole),)
    return replace(run, run=replace(run.run, energy=replace(energy, rows=rows, total_pj=whole)))


def fail(point: Point, figure: str, lost: float, curve: str = "") -> Point:
    if point.figure != figure or curve not in point.curve:
        return point
    return replace(point, error_percent=point.error_percent + lost)


def fill_valley(one: Spread) -> Spread:
    counts = one.counts.copy()
    counts[counts.size // 2] = one.counts.sum()
    return replace(one, counts=counts) if one.name == "lenet-5/conv2" else one


FOUR = {"AlexNet": 35.0, "VGG-16": 49.0, "GoogLeNet": 10.0, "SqueezeNet": 10.0}
TURNS: list[tuple[int, bool, Callable[[Parts], Parts], str]] = [
    (1, False, alter(Account, lambda it: replace(it, encoded=it.encoded + 1)), "0.64 becomes 1.58"),
    (5, False, alter(Waterfall, lambda it: reprice(it, "dense_dram", 0.4)), "DRAM takes 39.7 %"),
    (6, True, alter(NetworkBits, lambda it: resize(it, {"SqueezeNet": 10.1})), ""),
    (6, False, alter(NetworkBits, lambda it: resize(it, {"VGG-16": 60})), "VGG-16 60.0x"),
    (7, True, alter(NetworkBits, lambda it: resize(it, FOUR)), ""),
    (7, False, alter(NetworkBits, lambda it: resize(it, FOUR | {"VGG-16": 80})), "VGG-16 is +63 %"),
    (8, False, alter(NetworkBits, lambda it: resize(it, {"AlexNet": 20})), "makes AlexNet larger"),
    (10, True, alter(NetworkBits, prune_fully_connected), ""),
    (12, True, alter(Account, lambda it: replace(it, encoded=it.dense)), ""),
    (13, False, alter(Spread, fill_valley), "lenet-5/conv2 have one cluster"),
    (14, True, alter(Quantised, lambda it: replace(
        it, linear_huffman_bits=it.kmeans_huffman_bits + 0.1)), ""),
    (14, False, alter(Quantised, lambda it: replace(
        it, linear_levels=2)), "it fails for some weights"),
    (15, False, alter(Account, lambda it: replace(it, shared=it.shared + 1)), "loses 1.0"),
    (16, False, alter(NetworkBits, enlarge_codebooks), "bits a weight"),
    (17, False, alter(Tuned, lambda it: replace(it, after=2 * it.before)), "lenet-5/ip2 -100.0 %"),
    (17, False, alter(Account, lambda it: replace(it, assigned=it.shared - 0.5)), "topics-lstm"),
    (18, False, alter(Point, lambda it: fail(it, "dc_figure7", 2, "convolutions")), "convolutions"),
    (19, False, alter(Point, lambda it: fail(it, "dc_figure6", 0.2, "and sharing")), "0.26 points"),
    (19, False, alter(Point, lambda it: fail(it, "dc_figure7", 0.2, ", pruned")), "0.22 points"),
    (20, True, alter(Point, lambda it: fail(it, "dc_table6", 1.8, "4, 2")), ""),
    (20, False, alter(Point, lambda it: fail(it, "dc_table6", 1.8)), "+1.77 points, AlexNet's by "),
    (21, False, alter(Account, lambda it: replace(it, encoded=it.encoded + 1)), "lose up to 0.9"),
    (21, False, alter(NetworkBits, lambda it: resize(it, {"LeNet-5": 20}, True)), "up to 5.0 %"),
    (22, False, alter(NetworkBits, lambda it: resize(it, {"AlexNet": 20})), "AlexNet's file"),
    (23, True, alter(NetworkBits, lambda it: resize(
        it, {"SqueezeNet": 10.1, "GoogLeNet": 10.1, "VGG-16": 49.1}, True)), ""),
    (23, False, alter(NetworkBits, lambda it: resize(
        it, {"SqueezeNet": 10.1, "GoogLeNet": 10.1}, True)), "codes none reaches 49x;"),
    (24, False, alter(Waterfall, lambda it: reprice(it, "shared_sram", 100)), "SRAM saves 0.3x"),
    (25, False, alter(Baseline, lambda it: replace(
        it, time_us=it.time_us / 2) if it.matrix == "sparse" else it), "is 6.9x"),
    (26, True, alter(WorkloadRun, lambda it: spend(it, 0.72)), ""),
    (26, False, alter(WorkloadRun, lambda it: spend(it, 0.36)), "efficiency deviates by +9"),
    (27, True, alter(NetworkBits, lambda it: resize(it, {"VGG-16": 60})), ""),
    (28, True, alter(NetworkBits, lambda it: resize(
        it, {"SqueezeNet": 10.1, "GoogLeNet": 10.1}, True)), ""),
    (28, False, alter(talk_machine.MemoryTraffic, lambda it: replace(
        it, image_bytes=it.dense_bytes // 60)), "alex-6 60.0x"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "holds", "turn", "why"), TURNS, ids=[f"{turn[0]}-{turn[1]}" for turn in TURNS]
)
def test_verdicts_turn_with_the_numbers(
    number: int, holds: bool, turn: Callable[[Parts], Parts], why: str, parts: Parts,
    outcome: Outcome,
) -> None:  # fmt: skip
    before, after = find(outcome, number), find(talk.judge(turn(parts)), number)
    assert isinstance(after, Statement)
    assert after.holds == holds
    assert (after.ours, after.text) != (getattr(before, "ours", ""), before.text)
    assert why in after.text


def test_sram_at_table_is_price_is_100_times_cheaper(
    parts: Parts, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not find(outcome, 29).within
    found = find_sram(32 * 1024, 32, 45, "itrs-lop")
    monkeypatch.setattr(talk_machine, "find_sram", lambda *_: replace(found, read_energy_pj=5.0))
    row = find(talk.judge(parts), 29)
    assert row.within
    # 640 pJ over 5 pJ, as in Table I
    assert isinstance(row, Statement)
    assert row.ours.count("128x") == 4


def test_iterative_pruning_says_what_the_lenets_lose(parts: Parts) -> None:
    turned = alter(Account, lambda it: replace(it, pruned=9.0, kept=0.4))(parts)
    told = find(talk.judge(turned), 11).text
    assert "lenet-5 loses 60 % of its weights in 2 rounds (0.64 becomes 9.00 %)" in told


def test_sentences_follow_the_numbers(parts: Parts, outcome: Outcome) -> None:
    held = sum(one.within for one in outcome.verdicts)
    assert f"{held} of {len(NUMBERS)} statements hold" in outcome.note
    assert "(27) mobiles" in outcome.note
    small = alter(NetworkBits, lambda it: resize(it, {"VGG-16": 60}))(parts)
    assert "(27) mobiles" not in talk.judge(small).note

    def pick(kind: type[Any], parts: Sequence[Sequence[object]]) -> list[Any]:
        return [one for part in parts for one in part if isinstance(one, kind)]

    assert outcome.charts["talk_clusters"].see.startswith("Every pruned layer")
    filled = pick(Spread, alter(Spread, fill_valley)(parts))
    assert chart_clusters(filled).see.startswith("Not every pruned layer")
    assert "k-means errs less" in outcome.charts["talk_quantisation"].see
    worse = [replace(one, linear_error=0.0) for one in pick(Quantised, parts)]
    assert "does not always err less" in chart_quantisation(worse).see


def test_the_pages_say_what_is_computed(outcome: Outcome) -> None:
    root = ROOT
    rates = find(outcome, 23)
    assert isinstance(rates, Statement)
    low, high = re.findall(r"([\d.]+)x", rates.ours)
    assert f"{low} to {high} times smaller, where it says 10 to 49" in (
        root / "docs" / "explanation" / "nearness.md"
    ).read_text().replace("\n  ", " ")
    assert f"the {len(outcome.verdicts)} statements" in (root / "docs/reproduction.md").read_text()
    quantised = outcome.tables["quantisation"]
    assert all(row["linear_bits_for_same_error"] > row["bits"] for row in quantised)
