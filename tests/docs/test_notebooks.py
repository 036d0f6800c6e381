"""Notebooks as they are kept: a title, words before each cell, outputs that can be read there.

`make notebook-outputs` writes the outputs.
"""

from __future__ import annotations

import ast
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from eiesim.paper.registry import EXPERIMENTS
from tests.support.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PLACE_OR_TIME = re.compile(
    r"(?<![\w.<])/(home|root|tmp|usr|var|work|Users|opt|mnt)/"
    r"|\b[A-Z]:\\|0x[0-9a-f]{6,}|\d\d:\d\d:\d\d"
)
every = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)


def read_cells(file: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return cells


def find_experiments(file: Path) -> set[str]:
    code = ["".join(cell["source"]) for cell in read_cells(file) if cell["cell_type"] == "code"]
    lists = re.findall(r"reproduce\(\[(.*?)\]", "\n".join(code))
    return {name.strip(' "') for names in lists for name in names.split(",")}


def list_code(file: Path) -> list[dict[str, Any]]:
    return [cell for cell in read_cells(file) if cell["cell_type"] == "code"]


@every
def test_each_cell_was_run_in_order(file: Path) -> None:
    cells = list_code(file)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell["metadata"] == {} for cell in read_cells(file))


@every
def test_a_cell_that_ends_in_a_value_shows_it(file: Path) -> None:
    """Only values: no warning, no error and nothing printed."""
    shown = 0
    for cell in list_code(file):
        last = ast.parse("".join(cell["source"])).body[-1]
        ends_in_value = isinstance(last, ast.Expr) and "set_option" not in ast.unparse(last)
        (*printed, value) = cell["outputs"] or [None]
        assert printed == []
        assert (value is not None) == ends_in_value
        if value is not None:
            assert value["output_type"] == "execute_result"
            assert value["metadata"] == {}
            shown += 1
    assert shown >= 5


@every
def test_a_value_is_kept_in_one_form(file: Path) -> None:
    forms = {
        kind for cell in list_code(file) for output in cell["outputs"] for kind in output["data"]
    }
    assert forms <= {"text/plain", "text/html", "text/markdown", "image/png"}
    assert all(len(output["data"]) == 1 for cell in list_code(file) for output in cell["outputs"])


@every
def test_a_notebook_and_its_pictures_are_small(file: Path) -> None:
    assert file.stat().st_size < 300_000
    for cell in list_code(file):
        for output in cell["outputs"]:
            assert len(b64decode("".join(output["data"].get("image/png", "")))) < 100_000


@every
def test_no_output_names_a_place_or_a_time(file: Path) -> None:
    for cell in list_code(file):
        for output in cell["outputs"]:
            data = output["data"].items()
            text = "".join("".join(lines) for kind, lines in data if kind != "image/png")
            assert str(ROOT) not in text
            assert not PLACE_OR_TIME.search(text)


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
