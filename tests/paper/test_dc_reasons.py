"""Reasons and rows of Deep Compression's tables and figures say what the numbers say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from eiesim import CompressedLayer
from eiesim.base.published import read_table
from eiesim.catalog.matched import REAL
from eiesim.compress.ledger import count_bits
from eiesim.layer.weights import StoredLayer
from eiesim.paper.dc import table1 as dc_table1
from eiesim.paper.dc import table4 as dc_table4
from eiesim.paper.dc import table6 as dc_table6
from eiesim.paper.dc import table7 as dc_table7
from eiesim.paper.dc.error_curves import FIGURE_6
from eiesim.paper.dc.layer_tables import TABLE_2
from eiesim.paper.parts import ledgers as networks
from eiesim.paper.parts.authors_alexnet import ENTRIES, count_entries
from eiesim.paper.parts.error_curves import ErrorPoint
from eiesim.paper.parts.ledger_tables import find_contradiction
from eiesim.paper.verdict import DIFFERS, IMPOSSIBLE, MATCH, WITHIN, Verdict
from tests.support.experiments import find

# AlexNet's totals


def test_alexnets_total_is_of_four_bit_codes() -> None:
    convolutions = 29388 + 118492 + 309138 + 247913 + 163904
    connected = 4665474 + 1959380 + 1061645
    four, five = (convolutions * 12 + connected * (bits + 4) for bits in (4, 5))
    assert (round(four / 8e6, 3), round(five / 8e6, 2)) == (8.990, 9.95)
    total = count_entries()[-1]
    assert total.stream_bits == {4: four, 5: five}
    assert (round(total.find_percent(4), 3), round(100 / total.find_percent(4), 2)) == (
        3.687,
        27.12,
    )
    assert "3.7 %, is that of 4-bit codes" in dc_table4._explain_total({"rate_percent_pq": "3.7"})
    assert "4.1 %, is that of 5-bit codes" in dc_table4._explain_total({"rate_percent_pq": "4.1"})


def make_bits(name: str, workload: str, code_bits: int = 4) -> networks.NetworkBits:
    """A tiny network whose layers are called as the paper's."""
    rng = np.random.default_rng(0)
    names = [row["layer"] for row in read_table("paper/dc_tables2to5")
             if row["network"] == name and row["layer"] != "total"] or ["fc"]  # fmt: skip
    stored = []
    for layer in names:
        codes = (rng.integers(1, 1 << code_bits, (20, 30)) * (rng.random((20, 30)) < 0.2)).astype(
            np.uint8
        )
        book = np.arange(1 << code_bits, dtype=np.float32)
        stored.append(StoredLayer(CompressedLayer(codes, book, name=layer), (20, 30)))
    seed = 0 if workload == networks.TRAINED else None
    return networks.NetworkBits(name, workload, count_bits(stored), seed=seed)


@pytest.fixture(scope="module")
def tiny() -> list[tuple[networks.NetworkBits, ...]]:
    """Every network, tiny; AlexNet with codes of 5 and of 4 bits."""
    four = make_bits("AlexNet", networks.FOUR_BITS)
    return [
        *((make_bits(name, networks.DRAWN, 5),) for name in networks.NAMES), (four,)
    ]  # fmt: skip


def test_rows_with_four_bits_stand_beside_those_with_five(
    tiny: list[tuple[networks.NetworkBits, ...]],
) -> None:
    four = dc_table4.judge(tiny)
    keys = {(v.layer, v.workload) for v in four.verdicts if v.quantity.startswith("rate, P+Q")}
    assert {("total", networks.DRAWN), ("total", networks.FOUR_BITS), ("total", ENTRIES)} <= keys
    for outcome in (dc_table7.judge(tiny), dc_table1.judge(tiny)):
        workloads = {v.workload for v in outcome.verdicts}
        assert {networks.DRAWN, networks.FOUR_BITS} <= workloads
        assert "padding zeros, and densities" not in " ".join(v.text for v in outcome.verdicts)
    rates = [v for v in dc_table7.judge(tiny).verdicts if v.workload == ENTRIES]
    assert [v.kind for v in rates] == [DIFFERS, DIFFERS, WITHIN, MATCH]


def test_rates_say_how_much_of_the_gap_is_huffmans(
    tiny: list[tuple[networks.NetworkBits, ...]],
) -> None:
    """The two factors that are told make the whole rate, here and in the paper."""
    for (bits,) in tiny:
        total = bits.ledger.total
        gain = total.shared_bits / total.file_bits
        assert total.file_rate == pytest.approx(total.shared_rate * gain)
    drawn = next(bits for (bits,) in tiny if bits.name == "VGG-16")
    text = networks.describe_gap(drawn.ledger, networks.find_total("VGG-16"))
    assert f"{drawn.ledger.total.shared_rate:.1f} times smaller" in text
    assert "in the paper's table 31.2 times" in text  # 100 / 3.2
    assert text.endswith("in the table by 1.56")  # 3.2 / 2.05
    rate = next(v for v in dc_table1.judge(tiny).verdicts if v.layer == "VGG-16")
    assert text in rate.text


def test_networks_without_printed_densities_are_not_reproducible(
    tiny: list[tuple[networks.NetworkBits, ...]],
) -> None:
    outcome = dc_table1.judge(tiny)
    assert find(outcome, "rate", "GoogLeNet").kind == IMPOSSIBLE
    assert "densities are printed nowhere" in find(outcome, "rate", "GoogLeNet").text
    missing = find(outcome, "rate", "SqueezeNet")
    assert (missing.kind, missing.workload) == (IMPOSSIBLE, REAL)


def test_printed_totals_that_contradict_their_layers() -> None:
    """5.1 of 4.4, 4.4 and 4.3; 4.1 of 7.2, 7.2, 4.5 and 5.2; 5.2 where a plain code takes 5."""
    rows = read_table("paper/dc_tables2to5")
    found = {
        (row["network"], row["layer"], column)
        for row in rows
        for column in ("weight_bits", "index_bits")
        if find_contradiction(row, column, [r for r in rows if r["network"] == row["network"]])
    }
    assert found == {
        ("LeNet-300-100", "total", "weight_bits"),
        ("LeNet-5", "ip2", "weight_bits"),
        ("LeNet-5", "total", "weight_bits"),
    }


def test_fewer_bits_are_not_blamed_on_even_frequencies(
    tiny: list[tuple[networks.NetworkBits, ...]],
) -> None:
    outcome = TABLE_2.judge(tiny)
    assert "the paper's total of 5.1 bits contradicts its layers of 4.3 to 4.4" in outcome.note
    for verdict in outcome.verdicts:
        if isinstance(verdict, Verdict) and verdict.quantity.endswith("bits, P+Q+H"):
            how = "more" if verdict.ours > float(verdict.paper) else "less"
            assert how in verdict.reason or "contradicts" in verdict.reason


# what losses agree


def make_points(both: float, pruning: float) -> Iterator[ErrorPoint]:
    """Curves that lose nothing down to a size in percent."""
    yield ErrorPoint("lenet-5", "start", "dense", "dense", None, None, None, 1, 1.0, None, 1.0)
    yield ErrorPoint("lenet-5", "start", "pruned", "pruned", None, None, None, 1, 10.0, None, 1.0)
    for curve, size in (("pruning and sharing", both), ("pruning", pruning), ("sharing", 12.0)):
        yield ErrorPoint(
            "lenet-5", "dc_figure6", curve, "dense", 0.1, 8, 4, 1, 100 / size, None, 1.0
        )
        yield ErrorPoint(
            "lenet-5", "dc_figure6", curve, "dense", 0.1, 8, 4, 1, 200 / size, None, 5.0
        )


def test_three_percent_is_not_nine() -> None:
    alone, both, trained = FIGURE_6.judge([tuple(make_points(8.9, 20.0))]).verdicts
    assert (alone.kind, both.kind, trained.kind) == (MATCH, DIFFERS, MATCH)
    assert trained.to_row()["ours"] in both.text
    alone, both, _ = FIGURE_6.judge([tuple(make_points(3.2, 6.0))]).verdicts
    assert (alone.kind, both.kind) == (DIFFERS, MATCH)
    assert "pruning 6.0 % of the size lose nothing" in alone.text


@pytest.mark.parametrize(("error", "kind"), [(1.11, DIFFERS), (2.2, MATCH)])
def test_four_and_two_bits_cost_two_points(error: float, kind: str) -> None:
    """AlexNet's error rises by 1.99 points."""
    point = ErrorPoint("lenet-5", "dc_table6", "4, 2", "pruned", None, 4, 2, 1, 40.0, None, error)
    outcome = dc_table6.judge([(*make_points(3, 10), point)])
    verdict = find(outcome, "4 and 2 bits")
    assert verdict.kind == kind
    if kind == DIFFERS:
        assert "0.11 points, 11 of 10,000 images" in verdict.text
