"""Character models on EIE."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eiesim import Hardware, load_model, run_model
from eiesim.base.errors import WorkloadError
from eiesim.catalog.characters import measure_bits, number_text
from eiesim.catalog.model import Model, import_model
from eiesim.cli.main import main
from eiesim.compress.plan import read_plan
from eiesim.energy.machine import price_machine
from eiesim.importers.char_lstm import read_char_lstm
from eiesim.inference import Setup
from eiesim.runs.text import measure_text, report_texts, write_text
from tests.support.char_models import make_bronte

HW = Hardware(codebook_bits=8)
EXCERPT = "char_lstm/charlotte_bronte/bronte_excerpt.txt"


@pytest.fixture(scope="module")
def bronte() -> Model:
    """The network that is shipped, pruned to 10 %."""
    characters = make_bronte().layers["embedding"].shape[1]
    return make_bronte("".join(map(chr, range(33, 33 + characters))))


def test_a_state_that_is_kept_gives_what_the_whole_sequence_gives(bronte: Model) -> None:
    numbers = np.arange(20, dtype=np.float32)
    (whole,) = run_model(bronte, [{"characters": numbers}], HW)
    parts = [{"characters": numbers[:7]}, {"characters": numbers[7:8]}, {"characters": numbers[8:]}]
    kept = [run.values["output"] for run in run_model(bronte, parts, HW, keep_state=True)]
    assert np.array_equal(np.concatenate(kept), whole.values["output"])
    fresh = [run.values["output"] for run in run_model(bronte, parts, HW)]
    assert not np.array_equal(fresh[1], kept[1])


def test_cycles_of_a_step_follow_its_state(bronte: Model) -> None:
    (run,) = run_model(bronte, [{"characters": np.arange(10, dtype=np.float32)}], HW)
    first = run.steps[0]
    # at first the state is zero: only the 128 inputs and the 1 of the bias are broadcast
    assert first.nonzeros[0] <= 129 < first.nonzeros[1]
    assert first.product_cycles[0] < first.product_cycles[1]


def test_what_has_no_price_is_said_with_a_threshold(bronte: Model) -> None:
    for hw, said in ((HW, False), (replace(HW, delta_threshold=0.1), True)):
        prices = price_machine(hw)
        runs = {"read": measure_text(bronte, "ABCD", Setup(hw), prices)}
        shown = report_texts(runs, hw, prices, ()).shown
        assert any(str(it).startswith("not priced: the comparator") for it in shown) == said


def test_what_is_written_depends_on_the_seed_alone(bronte: Model) -> None:
    prices = price_machine(HW)
    runs = [write_text(bronte, "ABC", 12, Setup(HW), prices, seed) for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0].text != runs[2].text
    assert len(runs[0].text) == 12
    assert runs[0].cycles_per_character > 0
    with pytest.raises(WorkloadError, match="expected a text with 2 or more"):
        measure_text(bronte, "A ", Setup(HW), prices)
    with pytest.raises(WorkloadError, match="expected a character model"):
        measure_text(Model("net", bronte.graph, bronte.layers), "AB", Setup(HW), prices)


@pytest.mark.data
def test_bits_per_character_are_those_of_the_dense_model(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (shared_data / EXCERPT).read_text(encoding="utf-8")[:3000]
    folder = shared_data / "char_lstm" / "charlotte_bronte"
    dense = read_char_lstm(folder)
    bits = measure_bits(dense, number_text(text, dense.characters)[np.newaxis])
    assert bits == pytest.approx(1.80, abs=0.01)  # ../shared/data/README.md
    model = load_model(folder, plan=read_plan(None, ["codebook_bits=8"]))
    found = measure_text(model, text[:1000], Setup(HW), price_machine(HW))
    wanted = measure_bits(dense, number_text(text[:1000], dense.characters)[np.newaxis])
    assert found.bits_per_character == pytest.approx(wanted, abs=0.03)
    # dense weights: each of 256 + 1 inputs, 512 rows on 64 PEs, takes 8 cycles at least
    assert found.cycles_per_character >= 2 * 8 * 200
    assert main(["import", str(folder), "-o", str(tmp_path / "net.eie")]) == 0
    command = ["run", str(tmp_path / "net.eie"), "--text", str(shared_data / EXCERPT)]
    options = ["--limit", "50", "--write", "5", "--json"]
    capsys.readouterr()
    assert main([*command, *options]) == 0
    assert '"written"' in capsys.readouterr().out


@pytest.mark.data
def test_pruned_and_shared_costs_less(shared_data: Path, bronte: Model) -> None:
    folder = shared_data / "char_lstm" / "charlotte_bronte"
    text = (shared_data / EXCERPT).read_text(encoding="utf-8")[-500:]
    characters = "".join(read_char_lstm(folder).characters)
    prices = price_machine(HW)
    model = Model("pruned", bronte.graph, bronte.layers, characters)
    pruned = measure_text(model, text, Setup(HW), prices)
    dense = measure_text(import_model(folder).model, text, Setup(HW), prices)
    assert pruned.bits_per_character < 4
    assert pruned.cycles_per_character < dense.cycles_per_character / 3
    assert pruned.energy_pj_per_character is not None
    assert dense.energy_pj_per_character is not None
    assert pruned.energy_pj_per_character < dense.energy_pj_per_character / 3
