"""Baselines: the printed numbers and what follows from them, rooflines, and the file of rows."""

from __future__ import annotations

import csv
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from pathlib import Path
from statistics import geometric_mean, mean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eiesim import CompressedLayer
from eiesim.base.errors import ConfigError, WorkloadError
from eiesim.base.published import PAPER_LAYERS, read_table
from eiesim.base.tables import to_csv
from eiesim.baselines.published import (
    PLATFORMS,
    derive_cpu_power,
    find_power_w,
    find_time_us,
    list_published,
)
from eiesim.baselines.roofline import Peak, bound_time_us, list_rooflines, read_peaks
from eiesim.baselines.rows import Baseline, read_baseline
from eiesim.catalog.layers import load_benchmark
from tests.support.arrays import f32, u8
from tests.support.paths import ROOT

MATRICES = ("dense", "sparse")
NEURALTALK = PAPER_LAYERS[6:]
FIGURES = [("eie_fig6", "speedup"), ("eie_fig7", "energy_efficiency")]


def read_shared(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "paper" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.data
@pytest.mark.parametrize(
    ("shared", "name", "column"),
    [
        ("dc_table9_power_w", "dc_table9", "power_w"),
        ("eie_table4_time_us", "eie_table4", "time_us"),
    ],
)
def test_tables_of_platforms(shared_data: Path, shared: str, name: str, column: str) -> None:
    keys = ("platform", "batch", "matrix")
    wide = {
        (*(row[key] for key in keys), layer.lower()): value
        for row in read_shared(shared_data, shared)
        for layer, value in row.items()
        if layer not in keys
    }
    assert wide == {
        (*(row[key] for key in keys), row["layer"]): row[column]
        for row in read_table(f"paper/{name}")
    }


@pytest.mark.data
@pytest.mark.parametrize(("name", "column"), FIGURES)
def test_figures(shared_data: Path, name: str, column: str) -> None:
    matrices = {"dense": "dense", "sparse": "compressed", "actual": ""}
    shared = next((shared_data / "paper").glob(f"{name}_*.csv")).stem
    wide = {
        (row["platform"], layer.lower()): value
        for row in read_shared(shared_data, shared)
        for layer, value in row.items()
        if layer != "platform"
    }
    assert wide == {
        (f"{row['platform']}_{matrices[row['matrix']]}".rstrip("_"), row["layer"]): row[column]
        for row in read_table(f"paper/{name}")
    }


@pytest.mark.data
def test_table_v(shared_data: Path) -> None:
    own = [
        {key: row[key] for key in row if key != "source"} for row in read_table("paper/eie_table5")
    ]
    assert own == read_shared(shared_data, "eie_table5_platforms")


def test_every_printed_number_has_its_source() -> None:
    papers = {"dc_table9": "Deep Compression, ICLR 2016, Table 9"} | {
        f"eie_{name}": f"EIE, ISCA 2016, {title}"
        for name, title in [("fig6", "Figure 6"), ("fig7", "Figure 7"), ("table5", "Table V")]
    }
    for name, source in papers.items():
        assert {row["source"] for row in read_table(f"paper/{name}")} == {source}


def as_printed(number: Decimal, printed: str) -> bool:
    return number.quantize(Decimal(printed), ROUND_HALF_UP) == Decimal(printed)


def time_of(layer: str, platform: str, matrix: str) -> Decimal:
    return Decimal(find_time_us(layer, platform, 1, matrix))


def test_figure_6_follows_from_table_iv() -> None:
    """All 63 but two, whose times are others than Table IV's: see `find_power_w`."""
    differ = [
        (row["platform"], row["layer"])
        for row in read_table("paper/eie_fig6")
        if row["layer"] != "geomean"
        and not as_printed(
            time_of(row["layer"], "cpu", "dense")
            / time_of(row["layer"], row["platform"], row["matrix"]),
            row["speedup"],
        )
    ]
    assert differ == [("eie", "nt-we"), ("eie", "nt-lstm")]


@pytest.mark.parametrize(("name", "column"), FIGURES)
def test_printed_means_are_those_of_the_printed_numbers(name: str, column: str) -> None:
    for platform, matrix in {
        (row["platform"], row["matrix"]) for row in read_table(f"paper/{name}")
    }:
        values = {
            row["layer"]: row[column]
            for row in read_table(f"paper/{name}")
            if (row["platform"], row["matrix"]) == (platform, matrix)
        }
        printed = values.pop("geomean")
        own = Decimal(geometric_mean(map(float, values.values())))
        assert as_printed(own, printed), (platform, matrix)


def test_figure_7_follows_from_tables_iv_and_9() -> None:
    """The six layers of Table 9; the powers of the other three were derived from Figure 7."""
    power = {
        (row["layer"], row["platform"], row["matrix"]): Decimal(row["power_w"])
        for row in read_table("paper/dc_table9")
        if row["batch"] == "1"
    } | {(layer, "eie", "actual"): Decimal("0.600") for layer in PAPER_LAYERS}
    for row in read_table("paper/eie_fig7"):
        layer, here = row["layer"], (row["platform"], row["matrix"])
        if layer not in PAPER_LAYERS[:6]:
            continue
        cpu_uj = time_of(layer, "cpu", "dense") * power[layer, "cpu", "dense"]
        energy_uj = time_of(layer, *here) * power[(layer, *here)]
        assert as_printed(cpu_uj / energy_uj, row["energy_efficiency"]), (layer, *here)


def test_table_v_is_alexnets_fc7() -> None:
    """73 W, 159 W, 5.1 W; 162, 4,115 and 173 frames in a second."""
    for row, platform in zip(read_table("paper/eie_table5"), PLATFORMS, strict=False):
        power = find_power_w("alex-7", platform, 1, "dense")
        assert power is not None
        assert as_printed(Decimal(power.power_w), row["power_w"])
        frames = 1_000_000 / time_of("alex-7", platform, "dense")
        assert as_printed(frames, row["mv_throughput_fps"])


@pytest.mark.parametrize("layer", PAPER_LAYERS)
def test_one_time_and_one_power_give_both_figures(layer: str) -> None:
    """Of all times up to 50 us and powers up to 150 W, in tenths; for the six layers of Table 9
    they are those of Tables IV and 9."""
    speedup, efficiency = (
        next(
            int(row[column])
            for row in read_table(f"paper/{name}")
            if (row["platform"], row["layer"]) == ("eie", layer)
        )
        for name, column in FIGURES
    )
    cpu_us = float(find_time_us(layer, "cpu", 1, "dense"))
    times = [tenths for tenths in range(1, 500) if round(10 * cpu_us / tenths) == speedup]
    pairs = [
        (time, power)
        for time, power in product(times, range(1, 1500))
        if round(cpu_us * power / (time * 0.6)) == efficiency
    ]
    assert pairs == [tuple(int(10 * value) for value in derive_cpu_power(layer))]
    if layer not in NEURALTALK:
        power = find_power_w(layer, "cpu", 1, "dense")
        assert power is not None
        assert pairs == [(round(10 * time_of(layer, "eie", "actual")), round(10 * power.power_w))]


def test_derived_powers() -> None:
    found = {layer: derive_cpu_power(layer) for layer in NEURALTALK}
    assert {layer: tuple(map(str, pair)) for layer, pair in found.items()} == {
        "nt-we": ("9.6", "90.3"), "nt-wd": ("13.9", "66.8"), "nt-lstm": ("7.8", "80.1"),
    }  # fmt: skip


def test_derived_times_give_the_printed_means() -> None:
    """Over CPU, GPU and mobile GPU (EIE, section VI-A); from Table IV, 194x, 13x and 314x."""
    for platform, printed in zip(PLATFORMS, (189, 13, 307), strict=True):
        ratios = [
            float(time_of(layer, platform, "dense") / derive_cpu_power(layer)[0])
            for layer in PAPER_LAYERS
        ]
        assert round(geometric_mean(ratios)) == printed


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("layer", NEURALTALK)
def test_derived_powers_give_figure_7(layer: str, platform: str, matrix: str) -> None:
    """The interval is what rounds to the printed number; and the power is like that of the six."""
    power = find_power_w(layer, platform, 1, matrix)
    cpu = find_power_w(layer, "cpu", 1, "dense")
    assert power is not None
    assert cpu is not None
    assert power.kind == "derived"
    assert power.low_w < power.power_w < power.high_w
    (printed,) = (
        float(row["energy_efficiency"])
        for row in read_table("paper/eie_fig7")
        if (row["platform"], row["matrix"], row["layer"]) == (platform, matrix, layer)
    )
    if (platform, matrix) != ("cpu", "dense"):
        ratio = float(time_of(layer, "cpu", "dense") / time_of(layer, platform, matrix))
        half = 0.5 * 10 ** -len(f"{printed:g}".partition(".")[2])
        for watts, expected in [
            (power.power_w, printed), (power.low_w, printed + half), (power.high_w, printed - half),
        ]:  # fmt: skip
            assert ratio * cpu.power_w / watts == pytest.approx(expected)
    others = [find_power_w(other, platform, 1, matrix) for other in PAPER_LAYERS[:6]]
    usual = mean(other.power_w for other in others if other is not None)
    assert 0.7 < power.power_w / usual < 1.3


def test_published_powers() -> None:
    power = find_power_w("alex-6", "cpu", 1, "dense")
    assert power is not None
    assert (power.power_w, power.low_w, power.high_w) == (83.5, 83.45, 83.55)
    assert (power.kind, power.source) == ("published", "Deep Compression, ICLR 2016, Table 9")
    whole = find_power_w("vgg-6", "gpu", 64, "sparse")
    assert whole is not None
    assert (whole.power_w, whole.low_w, whole.high_w) == (160, 159.5, 160.5)
    assert find_power_w("nt-we", "gpu", 64, "dense") is None


def test_published_rows() -> None:
    rows = list_published("NT-We", (1, 64))
    assert len({row.key for row in rows}) == len(rows) == 3 * 2 * 2
    by_key = {(row.platform, row.batch, row.matrix): row for row in rows}
    row = by_key["cpu", 1, "dense"]
    assert (row.layer, row.kind, row.time_us, row.power_w) == ("nt-we", "published", 605.0, 90.3)
    assert "power: derived, 90.25 to 90.35 W, EIE, ISCA 2016, Figures 6 and 7" in row.source
    assert by_key["mgpu", 64, "sparse"].power_w is None
    assert by_key["mgpu", 64, "sparse"].source.endswith("power: printed nowhere")
    with pytest.raises(WorkloadError, match="'alex-9': nothing is published of it, did you mean"):
        list_published("alex-9", (1,))


def small_layer() -> CompressedLayer:
    return CompressedLayer(u8([[1, 0, 2], [0, 3, 0]]), f32([0, 1, 2, 3]), name="small")


def test_rooflines_by_hand() -> None:
    """Two outputs, three inputs, three weights kept; 1 GB/s and 1 GFLOPS are 1000 in a us."""
    layer = small_layer()
    slow_memory = Peak("x", "x", peak_gflops=1e6, peak_gbps=1e-3, source="x")
    slow_units = Peak("x", "x", peak_gflops=1e-3, peak_gbps=1e6, source="x")
    assert bound_time_us(layer, slow_memory, 1, "dense") == 4 * (6 + 5)
    assert bound_time_us(layer, slow_memory, 4, "dense") == 4 * (6 + 4 * 5) / 4
    assert bound_time_us(layer, slow_memory, 1, "sparse") == 8 * 3 + 4 * 3 + 4 * 5
    for batch in (1, 4):
        assert bound_time_us(layer, slow_units, batch, "dense") == 2 * 6
        assert bound_time_us(layer, slow_units, batch, "sparse") == 2 * 3


def test_peaks() -> None:
    """Operations a core and cycle: two 8-wide multiply-adds on the CPU, one of each GPU core."""
    path = ROOT / "eiesim" / "data" / "baselines" / "peaks.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [peak.platform for peak in read_peaks()] == list(PLATFORMS)
    clocks = [row["clock_mhz"] for row in read_table("paper/eie_table5")[:3]]
    for row, peak, clock, operations in zip(rows, read_peaks(), clocks, (32, 2, 2), strict=True):
        assert row["clock_mhz"] == clock
        gflops = int(row["cores"]) * int(clock) * operations / 1000
        assert peak.peak_gflops == pytest.approx(gflops, rel=1e-12)
        assert peak.source


@pytest.mark.parametrize("name", PAPER_LAYERS)
def test_no_published_time_is_below_its_roofline(name: str) -> None:
    rows = list_rooflines(load_benchmark(name).layer, (1, 64))
    assert len(rows) == 3 * 2 * 2
    for row in rows:
        published = float(find_time_us(name, row.platform, row.batch, row.matrix))
        assert row.time_us < published
        assert row.power_w is None


words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1)
baselines = st.builds(
    Baseline,
    layer=words,
    platform=words,
    batch=st.integers(1, 1 << 16),
    matrix=st.sampled_from(MATRICES),
    kind=st.sampled_from(("published", "measured", "roofline", "simulated")),
    time_us=st.floats(1e-6, 1e12),
    power_w=st.none() | st.floats(1e-6, 1e6),
    source=words,
)


@given(st.lists(baselines, min_size=1, unique_by=lambda row: row.key))
def test_rows_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Baseline]
) -> None:
    file = tmp_path_factory.mktemp("rows") / "baseline.csv"
    file.write_text(to_csv([vars(row) for row in rows]), encoding="utf-8", newline="")
    assert read_baseline(file) == tuple(rows)


HEADER = "layer,platform,batch,matrix,kind,time_us,power_w,source\n"
GOOD = "alex-6,cpu,1,dense,published,7516.2,83.5,paper\n"
BAD_FILES: list[tuple[str, list[str]]] = [
    ("", [" expected a header and rows, found an empty file"]),
    (HEADER, [" expected at least one row below the header"]),
    (HEADER.replace("power_w", "power"), ["1: 'power': unknown column, did you mean 'power_w'?",
                                          "1: power_w: expected one column, found 0"]),
    (HEADER.replace("source", "layer") + GOOD, ["1: layer: expected one column, found 2"]),
    (HEADER + "alex-6,cpu\n", ["2: expected 8 values, found 2"]),
    (HEADER + GOOD + GOOD, ["3: layer: a line above tells the same of 'alex-6'"]),
    (HEADER + GOOD.replace("7516.2", "soon"), ["2: time_us: expected a number from", "'soon'"]),
    (HEADER + GOOD.replace("7516.2", "0"), ["2: time_us: expected a number from", "found 0.0"]),
    (HEADER + GOOD.replace("7516.2", "nan"), ["2: time_us: expected a number", "found nan"]),
    (HEADER + GOOD.replace("7516.2", "inf"), ["2: time_us: expected a number", "found inf"]),
    (HEADER + GOOD.replace("7516.2", "null"), ["2: time_us: expected a number", "found 'null'"]),
    (HEADER + GOOD.replace("83.5", ""), ["2: power_w: expected a number from", "found ''"]),
    (HEADER + GOOD.replace(",1,", ",1.5,"), ["2: batch: expected a whole number from 1 to 65536"]),
    (HEADER + GOOD.replace("dense", "thick"), ["2: matrix: expected 'dense' or 'sparse'"]),
    (HEADER + GOOD.replace("published", "guessed"), ["2: kind: expected 'published' or"]),
    (HEADER + GOOD.replace("alex-6", "a\x1b[31m"), ["2: layer: expected printable text", r"\x1b"]),
    (HEADER + GOOD.replace("paper", '"paper'), [" expected CSV in UTF-8: unexpected end of data"]),
    (HEADER + "\n" + GOOD.replace("83.5", "-1") + GOOD.replace("dense", ""),
     ["3: power_w: expected a number", "4: matrix: expected 'dense' or 'sparse', found ''"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "messages"), BAD_FILES)
def test_bad_files_of_rows(tmp_path: Path, text: str, messages: list[str]) -> None:
    file = tmp_path / "baseline.csv"
    file.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(ConfigError) as error:
        read_baseline(file)
    told = str(error.value)
    assert all(line.startswith(f"{file}:") for line in told.splitlines())
    for message in messages:
        assert message in told
    assert told.startswith(f"{file}:{messages[0]}")


def test_files_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "baseline.csv"
    with pytest.raises(ConfigError, match=r"baseline\.csv: cannot be read: No such file"):
        read_baseline(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"baseline\.csv: expected CSV in UTF-8: "):
        read_baseline(file)


def test_rows_are_checked() -> None:
    values: dict[str, Any] = {
        "layer": "x", "platform": "cpu", "batch": 1, "matrix": "dense", "kind": "measured",
        "time_us": 1.0, "power_w": None, "source": "x",
    }  # fmt: skip
    assert Baseline(**values).power_w is None
    with pytest.raises(ConfigError) as error:
        Baseline(**values | {"time_us": np.nan, "batch": True, "layer": ""})
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "layer", "batch", "time_us",
    ]  # fmt: skip
