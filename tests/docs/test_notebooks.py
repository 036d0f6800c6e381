"""Notebooks as they are kept: a title, what to see before each cell, nothing left from a run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from eiesim.paper.registry import EXPERIMENTS
from tests.support.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)


def read_cells(file: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return cells


def find_experiments(file: Path) -> set[str]:
    code = ["".join(cell["source"]) for cell in read_cells(file) if cell["cell_type"] == "code"]
    lists = re.findall(r"reproduce\(\[(.*?)\]", "\n".join(code))
    return {name.strip(' "') for names in lists for name in names.split(",")}


@every
def test_no_outputs_are_kept(file: Path) -> None:
    for cell in read_cells(file):
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@every
def test_metadata_names_the_kernel_alone(file: Path) -> None:
    metadata = json.loads(file.read_text(encoding="utf-8"))["metadata"]
    assert metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


@every
def test_a_title_comes_first_and_words_before_each_cell(file: Path) -> None:
    cells = read_cells(file)
    kinds = [cell["cell_type"] for cell in cells]
    assert cells[0]["source"][0].startswith("# ")
    assert kinds == ["markdown", "code"] * (len(cells) // 2)


@every
def test_experiments_exist(file: Path) -> None:
    assert find_experiments(file) <= EXPERIMENTS.keys()


def test_every_figure_of_the_paper_is_shown() -> None:
    shown = set().union(*map(find_experiments, NOTEBOOKS))
    assert {name for name in EXPERIMENTS if name.startswith("figure")} <= shown
