"""Sparse tensors that PyTorch saves: the arrays that its to_dense gives, or one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim.base.errors import WorkloadError
from eiesim.catalog.readers import read_weights_file
from eiesim.importers.torch_file import read_torch
from tests.support.checkpoints import save_old
from tests.support.fuzzing import fuzz
from tests.support.weight_files import pack_zip, pickle_tensor, sizes, text

torch = pytest.importorskip("torch", reason="PyTorch is not installed (make train-extra)")
pytestmark = pytest.mark.filterwarnings("ignore:Sparse")


def draw(*shape: int) -> Any:
    """Return a tensor with many zeros."""
    generator = torch.Generator().manual_seed(0)
    numbers = torch.rand(shape, generator=generator)
    return numbers * (torch.rand(shape, generator=generator) < 0.3)


def repeat() -> Any:
    """Return a tensor in which one place holds three values."""
    places = torch.tensor([[0, 2, 2, 2], [1, 3, 3, 3]])
    return torch.sparse_coo_tensor(places, torch.tensor([1.0, 0.5, 0.25, -2.0]), (3, 4))


SPARSE: dict[str, Callable[[], Any]] = {
    "coo": lambda: draw(6, 8).to_sparse(),
    "coo of a convolution": lambda: draw(3, 2, 3, 3).to_sparse(),
    "coo of rows": lambda: draw(6, 8).to_sparse(1),
    "coo, uncoalesced": repeat,
    "coo, empty": lambda: torch.zeros(3, 4).to_sparse(),
    "coo of halves": lambda: draw(6, 8).half().to_sparse(),
    "csr": lambda: draw(6, 8).to_sparse_csr(),
    "csr with 32-bit indices": lambda: torch.sparse_csr_tensor(
        torch.tensor([0, 1, 1], dtype=torch.int32), torch.tensor([2], dtype=torch.int32),
        torch.tensor([3.0]), (2, 4)),
    "csc": lambda: draw(6, 8).to_sparse_csc(),
    "csr, empty": lambda: torch.zeros(3, 4).to_sparse_csr(),
}  # fmt: skip


@pytest.mark.parametrize("save", [torch.save, save_old])
@pytest.mark.parametrize("make", SPARSE.values(), ids=SPARSE)
def test_sparse_tensors_are_what_to_dense_gives(
    tmp_path: Path, make: Callable[[], Any], save: Any
) -> None:
    tensor = make()
    save({"a.weight": tensor, "a.bias": torch.ones(len(tensor))}, tmp_path / "net.pt")
    found = read_torch(tmp_path / "net.pt")["a.weight"]
    expected = tensor.to_dense().numpy()
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    assert read_weights_file(tmp_path / "net.pt").layers["a"].weights.shape == expected.shape


def coo(places: Any, values: Any, *shape: int) -> Any:
    return torch.sparse_coo_tensor(places, values, shape, check_invariants=False)


def csr(starts: Any, inside: Any, values: Any, *shape: int) -> Any:
    return torch.sparse_csr_tensor(starts, inside, values, shape, check_invariants=False)


ONE = torch.ones(1)
DAMAGED: dict[str, tuple[Callable[[], Any], str]] = {
    "a row outside": (lambda: coo([[3], [0]], ONE, 3, 4), "indices from 0 to 2, found 3"),
    "a negative index": (lambda: coo([[0], [-1]], ONE, 3, 4), "indices from 0 to 3, found -1"),
    "a huge shape": (lambda: coo([[0], [0]], ONE, 1 << 30, 1 << 30), "at most .* numbers"),
    "a huge shape of rows": (lambda: csr([0, 1], [0], ONE, 1, 1 << 40), "at most .* numbers"),
    "a column outside": (lambda: csr([0, 1, 1], [4], ONE, 2, 4), "indices from 0 to 3, found 4"),
    "rows that end early": (lambda: csr([0, 0, 0], [1], ONE, 2, 4), "indices of a matrix"),
    "rows that go back": (lambda: csr([0, 2, 1], [1], ONE, 2, 4), "indices of a matrix"),
    "stacks of matrices": (lambda: torch.ones(2, 3, 4).to_sparse_csr(), "indices of a matrix"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_sparse_tensors_are_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    make, told = DAMAGED[kind]
    torch.save({"a.weight": make()}, tmp_path / "net.pt")
    with pytest.raises(WorkloadError, match=f"a.weight: expected .*{told}.*to_dense") as caught:
        read_torch(tmp_path / "net.pt")
    assert "\n" not in str(caught.value)


def test_many_huge_tensors_do_not_add_up(tmp_path: Path) -> None:
    state = {f"{it}.weight": coo([[0], [0]], ONE, 300, 300) for it in range(500)}
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(WorkloadError, match=r"at most .* numbers in a file of this length"):
        read_torch(tmp_path / "net.pt")


@pytest.mark.parametrize("number", [500, pytest.param(5_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["coo", "csr"])
def test_damaged_files_with_sparse_tensors_are_refused_or_read(
    tmp_path: Path, kind: str, number: int
) -> None:
    torch.save({"a.weight": SPARSE[kind]()}, tmp_path / "net.pt")
    assert fuzz(tmp_path / "net.pt", (tmp_path / "net.pt").read_bytes(), number) > number / 4


@pytest.mark.parametrize("shape", [f"0 {10**30}", f"0 {1 << 62}", "-1 4", "4"])
def test_forged_shapes_of_sparse_tensors_are_refused(tmp_path: Path, shape: str) -> None:
    dictionary, _, end = pickle_tensor("2 0", "1 1", kind="torch LongStorage").partition(
        b"ctorch._utils"
    )
    indices = (b"ctorch._utils" + end).removesuffix(b"s.")
    values = indices.replace(sizes("2 0") + sizes("1 1"), sizes("0") + sizes("1"))
    call = (b"ctorch._utils\n_rebuild_sparse_tensor\n(" + text("torch.sparse_coo") + b"("
            + indices + values + sizes(shape) + b"ttRs.")  # fmt: skip
    (tmp_path / "net.pt").write_bytes(pack_zip(dictionary + call, s0=bytes(32)))
    with pytest.raises(WorkloadError):
        read_torch(tmp_path / "net.pt")
    good = call.replace(sizes(shape), sizes("3 2"))
    (tmp_path / "net.pt").write_bytes(pack_zip(dictionary + good, s0=bytes(32)))
    assert read_torch(tmp_path / "net.pt")["a.weight"].shape == (3, 2)
