"""Folders of the EIE authors' simulator: byte for byte what their script's rules give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from eiesim import CompressedLayer, Hardware, encode
from eiesim.base.errors import WorkloadError
from eiesim.exporters.authors import export_authors
from eiesim.importers.dump import read_dump
from tests.support.arrays import f32, u8
from tests.support.commands import run
from tests.support.dumps import write_dump
from tests.support.strategies import Case, cases

CODEBOOK = f32([0, 1, -1, 2])


def read_files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@settings(max_examples=60)
@given(cases(largest_pes=8, largest=40))
def test_every_byte_is_that_of_the_rules(
    tmp_path_factory: pytest.TempPathFactory, case: Case
) -> None:
    """The rules are those of tests/support/dumps.py, column by column from the matrix."""
    folder = tmp_path_factory.mktemp("folders")
    hw = replace(case.hw, index_bits=4, spmat_width_bits=64)
    of_the_last = [case.layer.codes.toarray()[-1].any()]
    if case.layer.bias_codes is not None:
        of_the_last.append(case.layer.bias_codes[-1] != 0)
    if not any(of_the_last):
        with pytest.raises(WorkloadError, match="has no number of outputs"):
            export_authors(encode(case.layer, hw), case.activations, folder / "ours")
        assert list(folder.iterdir()) == []
        return
    write_dump(folder / "rules", case.layer, case.activations, hw.n_pes)
    ours = export_authors(encode(case.layer, hw), case.activations, folder / "ours")
    assert read_files(ours) == read_files(folder / "rules")
    dump = read_dump(ours)
    assert (dump.layer, dump.n_pes) == (case.layer, hw.n_pes)
    assert np.array_equal(dump.activations, case.activations)


@pytest.mark.data
def test_alex8(alex8: tuple[CompressedLayer, npt.NDArray[np.float32]], tmp_path: Path) -> None:
    """The layer that the authors' own folder holds: 64 PEs, no padding zero, 1,051,991 entries."""
    layer, activations = alex8
    hw = Hardware()
    write_dump(tmp_path / "rules", layer, activations, 64)
    ours = export_authors(encode(layer, hw), activations, tmp_path / "ours")
    assert read_files(ours) == read_files(tmp_path / "rules")
    assert read_dump(ours).layer == layer
    sizes = {name: len(content) for name, content in read_files(ours).items()}
    assert len(sizes) == 64 + 64 + 2
    assert sum(size for name, size in sizes.items() if name.startswith("spm")) == 8 * 1_051_991
    assert {size for name, size in sizes.items() if name.startswith("ptr")} == {4 * (4096 + 2)}


def test_command_line(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("layer.npz", codes=u8([[1, 0], [2, 3]]), codebook=CODEBOOK, act=f32([1, 2]))
    words = ["export", "layer.npz", "--to", "authors", "--set", "n_pes=2", "-o", "data"]
    assert run(capsys, *words)[::2] == (0, "written: data\n")
    assert sorted(read_files(in_folder / "data")) == [
        "act.dat", "arithm.dat", "ptr/ptr0.dat", "ptr/ptr1.dat", "spm/spm0.dat", "spm/spm1.dat",
    ]  # fmt: skip
    assert run(capsys, "run", "data", "--set", "n_pes=2")[0] == 0
    words = ["export", "layer.npz", "--to", "authors", "--set", "queue_depth=4", "-o", "other"]
    code, _, err = run(capsys, *words)
    assert code == 2
    assert (
        "--set queue_depth: --to authors depends on n_pes, index_bits, codebook_bits alone" in err
    )
    assert not (in_folder / "other").exists()
