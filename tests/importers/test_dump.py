"""Folders of the EIE authors' simulator."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from eiesim import CompressedLayer, Hardware, load_model, run_model
from eiesim.base.errors import EieError, WorkloadError
from eiesim.cli.main import main
from eiesim.importers.dump import read_dump
from eiesim.sim.golden import compute_output
from eiesim.sweep.identity import identify
from tests.support.containers import mutate
from tests.support.dumps import write_dump
from tests.support.strategies import Case, cases


@settings(max_examples=60)
@given(cases(largest_pes=8, largest=40))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, case: Case) -> None:
    folder = tmp_path_factory.mktemp("dump")
    write_dump(folder, case.layer, case.activations, case.hw.n_pes)
    codes = case.layer.codes.toarray()
    used = codes.any(axis=1)
    if case.layer.bias_codes is not None:
        used |= case.layer.bias_codes != 0
    if not used.any():
        with pytest.raises(WorkloadError, match="expected weights, found none"):
            read_dump(folder)
        return
    last = int(np.flatnonzero(used)[-1]) + 1
    found = read_dump(folder)
    assert found.layer == case.layer.take(slice(0, last))
    assert found.n_pes == case.hw.n_pes
    assert np.array_equal(found.activations, case.activations)


@pytest.mark.data
def test_alex8_as_the_authors_gave_it(
    alex8: tuple[CompressedLayer, npt.NDArray[np.float32]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    layer, act = alex8
    folder = tmp_path / "data"
    write_dump(folder, layer, act, 64)
    assert read_dump(folder).layer == layer
    assert main(["run", str(folder), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["layers"]
    assert (told["cycles"], told["ptr_reads"], told["spmat_reads"]) == (7926, 112640, 100900)
    assert main(["import", str(folder), "-o", str(tmp_path / "fc8.eie")]) == 0
    model = load_model(tmp_path / "fc8.eie")
    (run,) = run_model(model, [dict.fromkeys(model.graph.inputs, act)], Hardware())
    assert run.cycles == 7926
    assert np.array_equal(run.values["data"], compute_output(layer, act, Hardware()))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    codes = np.arange(40, dtype=np.uint8).reshape(8, 5) % 4
    codebook = np.array([0, 1, -1, 2], np.float32)
    layer = CompressedLayer(codes, codebook, np.ones(8, np.uint8))
    write_dump(tmp_path / "small", layer, np.ones(5, np.float32), 2)
    return tmp_path / "small"


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("ptr/ptr1.dat", b"123", "ptr1.dat: expected int32"),
        ("ptr/ptr1.dat", bytes(4), "pointers that rise from 0"),
        ("ptr/ptr1.dat", np.array([0, 9, 3, 4, 5, 6, 7, 8], "<i4").tobytes(), "rise from 0"),
        ("spm/spm0.dat", bytes(12), "as many as the last pointer"),
        ("act.dat", np.ones(9, "<f4").tobytes(), "10 pointers a PE for the 9 inputs"),
        ("act.dat", np.array([np.nan] * 5, "<f4").tobytes(), "act.dat"),
        ("arithm.dat", np.zeros(3, "<f4").tobytes(), "codebook: expected 2, 4, 8"),
        ("arithm.dat", np.zeros(2, "<f4").tobytes(), "expected codes below 2"),
        ("ptr/ptr7.dat", bytes(8), "found 3 files, among them ptr7.dat"),
    ],
)
def test_bad_folders(
    small: Path, file: str, content: bytes, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (small / file).write_bytes(content)
    with pytest.raises(WorkloadError) as caught:
        read_dump(small)
    assert told in str(caught.value)
    assert main(["run", str(small)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_entries_are_in_range(small: Path) -> None:
    file = small / "spm" / "spm0.dat"
    pairs = np.fromfile(file, "<i4")
    for bad in (-1, 256):
        pairs[3] = bad
        pairs.tofile(file)
        with pytest.raises(WorkloadError, match="0 to 255"):
            read_dump(small)
    shutil.rmtree(small / "spm")
    with pytest.raises(WorkloadError, match=r"spm0\.dat: expected a file"):
        read_dump(small)


@pytest.mark.parametrize("number", [1_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_damaged_folders_are_refused_or_read(small: Path, number: int) -> None:
    rng = np.random.default_rng(0)
    files = sorted(small.rglob("*.dat"))
    honest = {file: file.read_bytes() for file in files}
    refused = 0
    for _ in range(number):
        file = files[int(rng.integers(0, len(files)))]
        file.write_bytes(mutate(honest[file], rng))
        try:
            read_dump(small)
        except EieError:
            refused += 1
        file.write_bytes(honest[file])
    assert refused > number / 4


def test_a_folder_is_known_by_all_its_files_in_a_sweep(small: Path) -> None:
    """Another weight in one PE's file makes another key."""
    before = identify(str(small), {})
    assert identify(str(small), {}) == before
    file = small / "spm" / "spm0.dat"
    words = bytearray(file.read_bytes())
    words[0] ^= 1
    file.write_bytes(words)
    assert identify(str(small), {}) != before
