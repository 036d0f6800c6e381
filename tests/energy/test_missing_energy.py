"""A missing energy, power or area never stands alone: its reason stands beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import Hardware, price_machine
from eiesim.base.errors import EnergyError
from eiesim.cli.main import main
from eiesim.energy.estimate import find_chip_power_mw
from eiesim.sweep import sweep

OUTSIDE = "CACTI was not run for an SRAM of 131072 bytes and 8 bits"
"""What there is no price and no area of."""
NARROW = ("--set", "spmat_width_bits=8")
UNITS = (
    "energy_efficiency",
    "_w",
    "_pj",
    "_uj",
    "_mw",
    "_mm2",
    "_um2",
    "_pj_worst",
    "energy",
    "_pj_us",
    "_pj_us_mm2",
)


def list_missing(content: Any, where: str = "") -> Iterator[tuple[str, bool]]:
    """Yield the places of missing energies, powers and areas, and whether a reason is beside."""
    rows = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in rows:
        if isinstance(value, dict | list):
            yield from list_missing(value, f"{where}.{key}")
        elif value is None and str(key).endswith(UNITS) and not str(key).startswith("no_"):
            reasons = [it for name, it in content.items() if str(name).startswith("no_")]
            yield f"{where}.{key}", any(reasons)


def find_lonely(content: Any) -> list[str]:
    """Return the places of those without a reason."""
    return [where for where, has_reason in list_missing(content) if not has_reason]


@pytest.fixture
def folder(in_folder: Path) -> Path:
    rng = np.random.default_rng(0)
    weights: dict[str, Any] = {
        "a.weight": rng.normal(size=(40, 30)).astype(np.float32),
        "b.weight": rng.normal(size=(10, 40)).astype(np.float32),
    }
    np.savez("weights.npz", **weights)
    plan = ("--set", "density=0.3", "--set", "codebook_bits=4")
    (in_folder / "narrow.toml").write_text(Hardware(spmat_width_bits=8).to_toml())
    assert main(["import", "weights.npz", "-o", "net.eie", *plan]) == 0
    return in_folder


@pytest.mark.parametrize(
    "command",
    [
        ("run", "nt-we", *NARROW),
        ("run", "net.eie", "--draw", "2", *NARROW),
        ("chip", "--vary", "spmat_width_bits=64,8"),
        ("compress", "weights.npz", "--hardware", "narrow.toml"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_reason_stands_beside_each(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    content = content.get("variations", content)  # modules without power are no lack
    assert find_lonely(content) == []
    assert list(list_missing(content))
    assert OUTSIDE in json.dumps(content)
    assert main([*command, "--out", "out"]) == 0
    assert OUTSIDE in capsys.readouterr().out
    for file in {*Path("out").glob("*.csv")} - {Path("out/modules.csv")}:
        with file.open() as stream:
            rows = [
                {key: None if it in ("null", "") else it for key, it in row.items()}
                for row in csv.DictReader(stream)
            ]
        assert find_lonely(rows) == [], file


@pytest.mark.parametrize("words", [("alex-8", *NARROW), ("alex-8", "--baseline", "roofline")])
@pytest.mark.usefixtures("in_folder")
def test_comparisons_say_whose_power_is_missing(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    lacks = [row for row in rows if row["energy_efficiency"] is None]
    assert lacks
    for row in rows:
        assert (row["no_efficiency"] is None) == (row["energy_efficiency"] is not None)
        if row["power_w"] is None:
            own = f"the power of {row['platform']} {row['matrix']} {row['kind']} is unknown"
            assert row["no_efficiency"] == own
        elif row in lacks:
            assert row["no_efficiency"].startswith("the power of the reference, ")
        if row["kind"] == "simulated":
            assert (OUTSIDE in row["source"]) == (row["power_w"] is None)
    assert main(["compare", *words]) == 0
    assert f"no energy efficiency: {lacks[0]['no_efficiency']}" in capsys.readouterr().out


def test_sweeps_say_what_is_missing_and_count_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "spec.toml").write_text(
        'layers = ["nt-we", "net.eie"]\n[axes]\nspmat_width_bits = [64, 8]\n'
    )
    capsys.readouterr()
    assert main(["sweep", "spec.toml", "--out", "out", "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "with errors: 0" in printed
    assert "without energy: 2, without area: 2" in printed
    assert (
        f"no energy: point 1 and 1 more: no price of spmat_read memory read: {OUTSIDE}" in printed
    )
    assert f"no area: point 1 and 1 more: {OUTSIDE}" in printed
    with (folder / "out" / "points.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        lacks = row["spmat_width_bits"] == "8"
        for metric in ("energy_pj", "power_mw", "chip_power_mw", "edp_pj_us", "area_mm2"):
            assert (row[metric] == "null") == lacks
        assert (OUTSIDE in row["no_energy"]) == (OUTSIDE in row["no_area"]) == lacks
    page = (folder / "out" / "index.html").read_text()
    assert "points without energy" in page
    assert OUTSIDE in page


def test_what_is_left_out_for_a_missing_area_says_so(in_folder: Path) -> None:
    (in_folder / "spec.toml").write_text(
        'layers = ["nt-we"]\nwhere = ["area_mm2 < 30"]\n'
        "[axes]\nspmat_width_bits = [64, 8]\nn_pes = [16, 64]\n"
    )
    assert main(["sweep", "spec.toml", "--out", "out", "--jobs", "1"]) == 0
    summary = json.loads((in_folder / "out" / "summary.json").read_text())
    reasons = summary["left_out"]
    assert reasons.pop("area_mm2 < 30 is not met") == 1
    ((missing, number),) = reasons.items()
    assert number == 2
    assert missing.startswith(f"area_mm2 is missing: {OUTSIDE}")


@pytest.mark.usefixtures("folder")
def test_a_machine_over_all_layers_keeps_the_reason() -> None:
    axes = {"spmat_width_bits": [8, 64]}
    table = sweep({"layers": ["nt-we", "net.eie"], "axes": axes, "where": ["fits"]}, jobs=1)
    assert table["meets"].all()
    assert table["no_energy"].notna().sum() == 2


def test_power_of_a_machine_without_all_prices_is_refused() -> None:
    hw = Hardware(spmat_width_bits=8)
    with pytest.raises(EnergyError, match=OUTSIDE):
        find_chip_power_mw(hw, price_machine(hw))
