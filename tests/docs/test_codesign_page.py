"""docs/codesign.md: its sweeps, its keys, and the points in its tables."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from eiesim.compress.plan import LayerPlan
from eiesim.sweep import sweep
from eiesim.sweep.planning import plan_points
from eiesim.sweep.spec import make_sweep
from eiesim.sweep.subject import Retraining, Subject
from tests.support.pages import read_table
from tests.support.paths import DOCS

PAGE = DOCS / "codesign.md"
NAMES = ("lenet-300-100", "lenet-5", "bronte")
Row = dict[str, Any]


def read_specs() -> dict[str, Row]:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return dict(zip(NAMES, map(tomllib.loads, blocks), strict=True))


@pytest.fixture
def folder(shared_data: Path, in_folder: Path) -> Path:
    """The files that the sweeps name, as the page says how to make them."""
    for file in (*(shared_data / "lenet").iterdir(), *(shared_data / "mnist").iterdir()):
        (in_folder / file.name).symlink_to(file)
    bronte = shared_data / "char_lstm" / "charlotte_bronte"
    (in_folder / "charlotte_bronte").symlink_to(bronte)
    text = (bronte / "bronte_excerpt.txt").read_bytes()
    (in_folder / "bronte_train.txt").write_bytes(text[:50_000])
    (in_folder / "bronte_test.txt").write_bytes(text[-10_000:])
    return in_folder


def test_the_tables_name_every_key() -> None:
    rows = {row[0].strip("`[]"): row[1] for row in read_table("codesign.md", "| table")}
    for table, kind in (("network", Subject), ("retraining", Retraining)):
        for key in (field.name for field in fields(kind)):
            assert f"`{key}`" in rows[table], (table, key)
    assert all(f"`{field.name}`" in rows["compression"] for field in fields(LayerPlan))


@pytest.mark.data
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", NAMES)
def test_the_sweeps_have_the_points_that_the_page_says(name: str) -> None:
    pytest.importorskip("torch", reason="PyTorch is missing: the sweeps retrain")
    planned = plan_points(make_sweep(read_specs()[name]))
    assert f"{len(planned.points)} points" in PAGE.read_text("utf-8")
    assert 500 <= len(planned.points) <= 520
    assert not planned.left_out
    assert all(point.hw is not None for point in planned.points)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", NAMES)
def test_the_points_of_the_tables(name: str) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    head, *rows = [
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in re.findall(rf"<!-- {name} -->\n((?:\|.*\n)+)", PAGE.read_text("utf-8"))[
            0
        ].splitlines()
        if not line.startswith("|---")
    ]
    for cells in rows:
        row = dict(zip(head, cells, strict=True))
        (found,) = run_point(read_specs()[name], row)
        is_text = name == "bronte"
        metric, scale = ("bits_per_character", 1) if is_text else ("error_rate", 100)
        digits = 3 if is_text else 2
        right = f"{scale * found[metric]:.{digits}f} ± {scale * found[metric + '_se']:.{digits}f}"
        assert row["bits a character" if is_text else "error, %"] == right
        assert row["nJ"] == f"{found['energy_pj'] / 1000:,.1f}"
        assert row["mm2"] == f"{found['area_mm2']:.1f}"
        assert row["bytes"] == f"{found['file_bytes']:,}"


def run_point(spec: Row, row: Row) -> list[Row]:
    """Run one point of a sweep, whose values on the axes are a row's cells."""

    def take(table: Row, prefix: str = "") -> Row:
        taken: Row = {}
        for key, values in table.items():
            if isinstance(values, dict):
                taken[key] = take(values, "" if key == "layers" else f"{key}.")
            else:
                cell = row.get(prefix + key)
                taken[key] = values if cell is None else tomllib.loads(f"x = {cell}")["x"]
        return taken

    one = spec | {"compression": take(spec["compression"]), "axes": take(spec["axes"])}
    one["axes"] = {key: [value] for key, value in one["axes"].items()}
    del one["recipe"]
    if not one["compression"].get("retrain"):
        del one["retraining"]
    return [{str(key): it for key, it in found.items()}
            for found in sweep(one, jobs=1).to_dict("records")]  # fmt: skip
