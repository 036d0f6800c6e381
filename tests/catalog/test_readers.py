"""What a name or a file is, is said by one table, and a format is one row of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eiesim import load_model
from eiesim.base.files import NPY_MAGIC
from eiesim.catalog import readers
from eiesim.catalog.readers import READERS, Form, Reader, find_form, find_reader
from eiesim.cli.main import main
from eiesim.importers.state_dict import Weights
from eiesim.layer.weights import DenseLayer

MAGIC = b"ROWS"
USES = ("layer", "weights", "stored", "network", "inputs")


def is_new(path: str) -> bool:
    file = Path(path)
    return file.is_file() and file.read_bytes().startswith(MAGIC)


def read_new(path: str) -> Weights:
    content = Path(path).read_bytes()[len(MAGIC) :]
    return Weights({"fc": DenseLayer(np.frombuffer(content, "<f4").reshape(4, -1).copy())})


@pytest.fixture
def new_file(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    weights = np.arange(-16, 16, dtype="<f4").reshape(4, 8)
    (in_folder / "net.rows").write_bytes(MAGIC + weights.tobytes())
    row = Reader(Form.WEIGHTS, is_new, weights=read_new)
    monkeypatch.setattr(readers, "READERS", (row, *READERS))
    return Path("net.rows")


def test_a_format_is_one_row(new_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compress", str(new_file), "--out", "small"]) == 0
    assert Path("small/net.dcz").is_file()
    assert main(["import", str(new_file), "-o", "net.eie"]) == 0
    assert main(["run", "net.eie", "--draw", "1"]) == 0
    capsys.readouterr()
    assert main(["run", str(new_file)]) == 2
    assert "net.rows: expected a layer or an imported network" in capsys.readouterr().err
    model = load_model(new_file)
    assert [(name, each.shape) for name, each in model.layers.items()] == [("fc", (4, 8))]


def test_a_format_that_the_table_lacks_is_refused(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (in_folder / "net.rows").write_bytes(MAGIC + bytes(128))
    for words in (["compress", "net.rows"], ["import", "net.rows", "-o", "net.eie"]):
        assert main(words) == 2
        assert "net.rows: expected weights (" in capsys.readouterr().err


@pytest.mark.parametrize("use", USES)
def test_each_use_knows_a_form_once(use: str) -> None:
    able = [reader for reader in READERS if getattr(reader, use)]
    assert able
    assert len({reader.known_by for reader in able}) == len(able)


@pytest.mark.parametrize(
    ("use", "form"),
    [("layer", Form.DRAWN), ("weights", Form.UNKNOWN), ("inputs", Form.INPUTS)],
)
def test_what_nothing_recognises_has_a_reader(use: str, form: Form) -> None:
    for name in ("", "\0", "a/b.xyz", "a.pt"):
        assert find_reader(name, use).form is form


def test_the_use_decides_between_readers_of_one_name(in_folder: Path) -> None:
    (in_folder / "a.npz").write_bytes(NPY_MAGIC)
    (in_folder / "lenet-5").mkdir()
    assert find_form("a.npz") is Form.FILE
    assert find_reader("lenet-5", "stored", "weights").form is Form.NAMED
    assert find_reader("lenet-5", "network", "weights").form is Form.WEIGHTS
    assert find_form("lenet-5") is Form.DRAWN
