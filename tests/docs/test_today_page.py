"""docs/today.md is what its command writes; its closed forms and its sources in any case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eiesim.base.published import read_table as read_published
from eiesim.catalog.host_work import count_cache_bytes, count_parameters, list_host_parts
from eiesim.catalog.today import load_token_model, token_model_names
from eiesim.cli.main import main
from eiesim.runs.today_page import show
from tests.support.pages import read_table
from tests.support.paths import DOCS

PAGE = DOCS / "today.md"
PART = " (a part)"


def read_command() -> list[str]:
    """Words after `eiesim` of the command that wrote the page."""
    (line,) = re.findall(r"^\$ eiesim (.*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    return list(line.split())


def test_every_model_is_there_with_what_the_host_does() -> None:
    rows = {row[0].removesuffix(PART): row[1:] for row in read_table("today.md", "| model | par")}
    assert list(rows) == token_model_names()
    for name, (parameters, context, *_, share, cache, _read) in rows.items():
        model = load_token_model(f"today/{name}")
        assert parameters == str(count_parameters(model))
        assert context == str(model.context)
        assert cache == str(count_cache_bytes(model))
        ours = model.blocks * sum(it.weights * it.used for it in model.matrices)
        host = sum(part.macs for part in list_host_parts(model, model.context))
        assert share == f"{100 * ours / (ours + host):.1f}%"


def test_every_density_is_there_with_its_source() -> None:
    """Each matrix is in one row, with the densities and sources of its file."""
    rows = read_table("today.md", "| model | matrices | weights")
    found = {(row[0], name): row[2:] for row in rows for name in row[1].split(" ")}
    for name in token_model_names():
        model = load_token_model(f"today/{name}")
        for matrix in model.matrices:
            weights, weight_source, activations, source = found.pop((name, matrix.name))
            density = model.describe_matrix(matrix).activation_density
            assert weights == show(matrix.weight_density, 3)
            assert activations.split(" ")[0] == show(density, 3)
            assert weight_source == model.name_weight_source(matrix).replace(",", "")
            assert source == model.name_activation_source(matrix).replace(",", "")
    assert not found


def test_what_others_measured_is_there_as_printed() -> None:
    rows = read_table("today.md", "| model | technique")
    assert [(row[0], float(row[3])) for row in rows] == [
        (row["model"], float(show(float(row["tokens_per_s"]))))
        for row in read_published("today/published")
    ]


def test_small_models(in_folder: Path) -> None:
    """The recurrent ones on the page's machine: times and chips."""
    command = read_command()
    machine = command[command.index("--hardware") : command.index("--out")]
    words = ["today/rnnoise-gru1-input", "today/spartus-lstm-1024"]
    assert main(["run", *words, *machine, "--set", "codebook_bits=8", "--out", "out"]) == 0
    rows = {row[0]: row for row in read_table("today.md", "| model | codebook bits")}
    text = (in_folder / "out" / "today.md").read_text("utf-8")
    for name in words:
        row = rows[name.removeprefix("today/") + PART]
        assert f"| {row[0]} | 8 | {row[2]} | {row[3]} |" in text


@pytest.mark.slow
def test_the_page_is_what_its_command_writes(in_folder: Path) -> None:
    command = read_command()
    assert main(command) == 0
    folder = in_folder / command[command.index("--out") + 1]
    assert (folder / "today.md").read_text("utf-8") == PAGE.read_text("utf-8")
