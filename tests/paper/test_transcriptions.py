"""The papers' numbers once more, typed by hand from the papers, against the tables that travel."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from eiesim.base.published import read_table
from eiesim.baselines.published import find_time_us

CLAIMS = {
    "clock": ("800", "VI"),
    "peak throughput on the compressed network, 64 PEs": ("102", "VI"),
    "equivalent dense throughput": ("3", "abstract"),
    "AlexNet FC6+FC7+FC8": ("18800", "abstract"),
    "power, 64 PEs": ("590", "I"),
    "area, 64 PEs": ("40.8", "I"),
    "energy saving SRAM against DRAM": ("120", "abstract"),
    "energy saving from sparsity": ("10", "abstract"),
    "energy saving from weight sharing": ("8", "abstract"),
    "energy saving from zero activations": ("3", "abstract"),
    "product of the savings": ("28800", "VI-B"),
    "energy saved by skipping zero activations": ("65.16", "I"),
    "redundant computation cycles saved by skipping zero activations": ("65.14", "VI-B"),
    "speedup over CPU dense, geometric mean": ("189", "VI-A"),
    "speedup over GPU dense, geometric mean": ("13", "VI-A"),
    "speedup over mobile GPU dense, geometric mean": ("307", "VI-A"),
    "energy efficiency against CPU dense": ("24000", "VI-B"),
    "energy efficiency against GPU dense": ("3400", "VI-B"),
    "energy efficiency against mobile GPU dense": ("2700", "VI-B"),
    "weights held per PE": ("131000", "I"),
    "SRAM per PE: sparse matrix / pointers / activations": ("128 / 32 / 2", "VI"),
    "LNZD unit power": ("0.023", "VI"),
    "LNZD unit area": ("189", "VI"),
    "LNZD units for 64 PEs": ("21", "VI"),
    "critical path": ("1.15", "VI"),
    "best sparse-matrix SRAM width": ("64", "VI-C"),
    "queue depth chosen": ("8", "VI-C"),
    "share of idle cycles at queue depth 1": ("about 50", "VI-C"),
    "Winograd multiplications saved": ("2.25", "VII-C"),
    "throughput of 256 PEs over 64 PEs": ("3.25", "VIII"),
    "throughput over DaDianNao": ("2.9", "abstract"),
    "energy efficiency over DaDianNao": ("19", "abstract"),
    "area efficiency over DaDianNao": ("3", "abstract"),
}
"""EIE, ISCA 2016: value, and abstract or section."""
DC_TABLE7 = {
    "Baseline Caffemodel": ("42.78", "19.73", "240", "1"),
    "Fastfood-32-AD": ("41.93", "", "131", "2"),
    "Fastfood-16-AD": ("42.90", "", "64", "3.7"),
    "Collins & Kohli": ("44.40", "", "61", "4"),
    "SVD": ("44.02", "20.56", "47.6", "5"),
    "Pruning": ("42.77", "19.67", "27", "9"),
    "Pruning + Quantization": ("42.78", "19.70", "8.9", "27"),
    "Pruning + Quantization + Huffman": ("42.78", "19.70", "6.9", "35"),
}
"""Deep Compression, ICLR 2016, Table 7: top-1 and top-5 error, MB, rate."""
ALEXNET_NET = {
    "conv1": 29388, "conv2": 118492, "conv3": 309138, "conv4": 247913, "conv5": 163904,
    "fc6": 4665474, "fc7": 1959380, "fc8": 1061645,
}  # fmt: skip
"""Header of the authors' AlexNet_compressed.net."""


def test_claims() -> None:
    rows = {row["claim"]: row for row in read_table("paper/eie_claims")}
    assert {claim: row["value"] for claim, row in rows.items()} == {
        claim: value for claim, (value, _) in CLAIMS.items()
    }
    for claim, (_, place) in CLAIMS.items():
        where = place if place == "abstract" else f"section {place}"
        assert rows[claim]["source"] == f"EIE, ISCA 2016, {where}"


@pytest.mark.data
def test_claims_are_the_shared_ones(shared_data: Path) -> None:
    own = {row["claim"]: (row["value"], row["unit"]) for row in read_table("paper/eie_claims")}
    with (shared_data / "paper" / "eie_claims.csv").open(newline="") as stream:
        given = {row["claim"]: (row["value"], row["unit"]) for row in csv.DictReader(stream)}
    assert {claim: own[claim] for claim in given} == given


def test_other_ways_to_compress_alexnet() -> None:
    columns = ("top1_error", "top5_error", "size_mb", "rate")
    assert {
        row["method"]: tuple(row[column] for column in columns)
        for row in read_table("paper/dc_table7")
    } == DC_TABLE7


def test_the_talks_networks() -> None:
    """The authors' talk: GoogLeNet from 28 to 2.8 MB, SqueezeNet from 4.8 to 0.47 MB, 10x each."""
    assert [
        (row["network"], row["size_ref_mb"], row["size_compressed_mb"], row["rate"])
        for row in read_table("paper/dc_talk")
    ] == [("GoogLeNet", "28", "2.8", "10"), ("SqueezeNet", "4.8", "0.47", "10")]


def test_the_header_of_the_authors_alexnet() -> None:
    rows = read_table("paper/dc_alexnet_net")
    assert {row["layer"]: int(row["entries"]) for row in rows} == ALEXNET_NET
    assert all("AlexNet_compressed.net" in row["source"] for row in rows)


@pytest.mark.data
def test_the_header_counts_alex_8(shared_data: Path) -> None:
    """fc8's entries are those of Alex-8's codes, row after row, a padding zero after 15 zeros."""
    from eiesim.compress.gaps import code_gaps  # noqa: PLC0415
    from eiesim.importers.npz import read_layer  # noqa: PLC0415

    layer, _ = read_layer(shared_data / "alex8" / "layer.npz")
    assert code_gaps(layer, 4).codes.size == ALEXNET_NET["fc8"]


def test_published_times() -> None:
    """EIE, Table IV: EIE's speedup over the CPU on AlexNet's fc6 is printed as 248x in Figure 6."""
    assert len(read_table("paper/eie_table4")) == 14 * 9
    dense = float(find_time_us("alex-6", "cpu", 1, "dense"))
    actual = float(find_time_us("alex-6", "eie", 1, "actual"))
    assert math.floor(dense / actual) == 248
