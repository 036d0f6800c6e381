"""The RTL, the fourth model of the machine, against engines, golden output and exported files.

RTL_LAYERS_PER_MODEL sets how many random layers run on each set of parameters: 250 make a campaign
of 1,000 layers.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("cocotb", reason="cocotb is missing: pip install 'eiesim[rtl]'")

from eiesim import CompressedLayer, Hardware, encode, simulate
from eiesim.exporters.rtl import list_parameters
from tests.rtl import cosim
from tests.rtl.layers import draw_case, make_parameters, run_cases
from tests.support.strategies import Case

pytestmark = pytest.mark.slow

LAYERS = int(os.environ.get("RTL_LAYERS_PER_MODEL", "40"))
MACHINES = {
    "smallest": Hardware(
        n_pes=1, queue_depth=2, spmat_width_bits=8, weight_fraction_bits=15, datapath="fixed16"
    ),
    "paper": Hardware(n_pes=4, datapath="fixed16"),
    "odd": Hardware(
        n_pes=5, queue_depth=3, spmat_width_bits=33, index_bits=8, codebook_bits=2,
        broadcast_latency_cycles=3, spmat_word_reuse="within_column", weight_fraction_bits=0,
        datapath="fixed16",
    ),
    "wide": Hardware(
        n_pes=16, queue_depth=6, spmat_width_bits=128, index_bits=2, codebook_bits=8,
        broadcast_latency_cycles=1, weight_fraction_bits=8, datapath="fixed16",
    ),
}  # fmt: skip
MUTATIONS = [
    ("ccu.sv", "scanning && found && !any_full", "scanning && found"),
    ("ccu.sv", "(send && lane == LANE_BITS'(N_PES - 1))", "1'b0"),
    ("act_queue.sv", "taken == BITS'(DEPTH - 1)", "taken == BITS'(DEPTH - 2)"),
    ("ptr_read.sv", "+ BANK_BITS'(column[0])", ""),
    ("ptr_read.sv", "past - address <= 1", "past == address"),
    ("spmat_read.sv", "!latched || number != latched_number", "1'b1"),
    ("spmat_read.sv", "32'(reading_address) % ENTRIES", "32'(reading_address) % ENTRIES + 1"),
    ("arithm.sv", "from3 ? total : from4", "from4"),
    ("arithm.sv", "from4 ? write_value : accumulator", "accumulator"),
    ("arithm.sv", "(33'(product) + HALF)", "33'(product)"),
    ("arithm.sv", "sum > 33'sd32767 ? 16'sh7fff : ", ""),
    ("arithm.sv", "valid && code != 0", "valid"),
]
"""File, what stands in it, and what a mutation puts in its place."""


def draw_cases(hw: Hardware, number: int) -> list[Case]:
    rng = np.random.default_rng(2016)
    return [draw_case(hw, rng) for _ in range(number)]


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of all compiled models, which share Verilator's own part."""
    return tmp_path_factory.mktemp("rtl")


@pytest.fixture(params=cosim.SIMULATORS)
def simulator(request: pytest.FixtureRequest) -> str:
    missing = cosim.find_missing(request.param)
    if missing:
        pytest.skip(missing)
    return str(request.param)


@pytest.mark.parametrize("name", MACHINES)
def test_lint_is_clean(name: str) -> None:
    if missing := cosim.find_missing(cosim.VERILATOR):
        pytest.skip(missing)
    assert cosim.lint(make_parameters(MACHINES[name])) == ""


@pytest.mark.parametrize("name", MACHINES)
def test_random_layers(name: str, simulator: str, builds: Path, tmp_path: Path) -> None:
    hw = MACHINES[name]
    model = cosim.build(builds / simulator / name, make_parameters(hw), simulator=simulator)
    differences = run_cases(model, draw_cases(hw, LAYERS), tmp_path)
    assert [it for it in differences if it] == []


@pytest.mark.data
def test_alex8_at_64_pes(
    simulator: str,
    builds: Path,
    tmp_path: Path,
    alex8: tuple[CompressedLayer, npt.NDArray[np.float32]],
) -> None:
    case = Case(*alex8, Hardware(datapath="fixed16"))
    image = encode(case.layer, case.hw)
    assert simulate(image, case.activations, case.hw).cycles == 7926
    parameters = list_parameters(image, case.hw)
    model = cosim.build(builds / simulator / "alex8", parameters, simulator=simulator)
    assert run_cases(model, [case], tmp_path) == [{}]


@pytest.mark.parametrize("number", range(len(MUTATIONS)))
def test_mutations_are_caught(number: int, simulator: str, builds: Path, tmp_path: Path) -> None:
    file, before, after = MUTATIONS[number]
    sources = tmp_path / "rtl"
    shutil.copytree(cosim.RTL, sources)
    text = (sources / file).read_text("utf-8")
    assert text.count(before) == 1
    (sources / file).write_text(text.replace(before, after), "utf-8")
    hw = MACHINES["paper"]
    folder = builds / simulator / f"mutation{number}"
    model = cosim.build(folder, make_parameters(hw), sources, simulator)
    differences = run_cases(model, draw_cases(hw, 20), tmp_path / "layers")
    assert any(differences)
