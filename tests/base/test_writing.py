"""Files and folders that are written: nobody's is touched, nothing is lost at the end."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from eiesim import Hardware
from eiesim.base.errors import EieError
from eiesim.base.files import MANIFEST, new_folder, replacing
from eiesim.base.tables import name_files
from eiesim.cli.main import main
from eiesim.compress.container import read_dcz
from eiesim.compress.pipeline import compress_network
from eiesim.compress.plan import Plan
from eiesim.energy.machine import price_machine
from eiesim.importers.state_dict import Weights
from eiesim.layer.weights import DenseLayer
from eiesim.runs import compressed as compression

HW = Hardware()

OWN = '{"versions": {"eiesim": "1"}}'


def test_a_fifo_stays_a_fifo_and_its_reader_gets_all(tmp_path: Path) -> None:
    fifo = tmp_path / "page"
    os.mkfifo(fifo)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()), daemon=True)
    reader.start()
    with replacing(fifo) as stream:
        stream.write(b"whole")
        stream.seek(0)  # as a zip archive does
        stream.write(b"W")
    reader.join()
    assert stat.S_ISFIFO(fifo.lstat().st_mode)
    assert got == [b"Whole"]
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_a_device_stays_a_device_and_a_full_one_is_said(tmp_path: Path) -> None:
    """Devices of the test's own: who may make them may also replace those of the computer."""
    null, full = tmp_path / "null", tmp_path / "full"
    try:
        for device, number in ((null, 3), (full, 7)):
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, number))
        null.write_bytes(b"")
    except OSError as error:
        pytest.skip(f"no device can be made here: {error}")
    with replacing(null) as stream:
        stream.write(b"gone")
    with pytest.raises(EieError, match="full: cannot be written: No space"), replacing(full) as out:
        out.write(b"gone")
    assert null.is_char_device()
    assert full.is_char_device()


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(tmp_path: Path, there: bool) -> None:
    """Also one to a file that is not there yet."""
    (tmp_path / "else").mkdir()
    real, link = tmp_path / "else" / "real", tmp_path / "link"
    if there:
        real.write_text("old")
    link.symlink_to(Path("else", "real"))
    with replacing(link) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_what_is_printed_is_not_lost_to_a_file(tmp_path: Path) -> None:
    """By a link such as /dev/stdout."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc to link to")
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    script = (
        "import sys; from eiesim.base.files import replacing\n"
        "with replacing(sys.argv[1]) as stream: stream.write(b'page')\n"
    )
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "stdout")], stdout=out,
            stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert "cannot be written: it takes what is printed" in done.stderr


def test_the_folder_that_a_link_points_to_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / MANIFEST).write_text(OWN)
    (tmp_path / "link").symlink_to("real")
    with new_folder(tmp_path / "link", replace=True) as folder:
        (folder.work / "new").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "new").read_text() == "new"


def test_runs_that_overlap_get_a_folder_each(tmp_path: Path) -> None:
    """All begin before the first ends, and someone puts a file there as well."""
    wished = tmp_path / "run"
    with new_folder(wished) as first, new_folder(wished) as second, new_folder(wished) as third:
        for folder, text in ((first, "first"), (second, "second"), (third, "third")):
            (folder.work / "text").write_text(text)
        (tmp_path / "run-2").write_text("not ours")
    found = {name: (tmp_path / name / "text").read_text() for name in ("run", "run-3", "run-4")}
    assert found == {"run": "third", "run-3": "second", "run-4": "first"}
    assert {folder.final.name for folder in (first, second, third)} == set(found)
    assert (tmp_path / "run-2").read_text() == "not ours"
    assert len(list(tmp_path.iterdir())) == 4


def test_the_name_is_taken_at_the_last_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the renaming, as between two processes."""
    rename = Path.rename

    def rename_late(source: Path, target: Path) -> Path:
        if target == tmp_path / "run":
            target.mkdir()
            (target / "theirs").write_text("theirs")
        return rename(source, target)

    with new_folder(tmp_path / "run") as folder:
        (folder.work / "ours").write_text("ours")
        monkeypatch.setattr(Path, "rename", rename_late)
    assert (tmp_path / "run" / "theirs").read_text() == "theirs"
    assert (tmp_path / "run-2" / "ours").read_text() == "ours"


def test_with_force_the_last_one_stays(tmp_path: Path) -> None:
    wished = tmp_path / "run"
    with new_folder(wished, replace=True) as first, new_folder(wished, replace=True) as second:
        for folder, text in ((first, "first"), (second, "second")):
            (folder.work / MANIFEST).write_text(OWN)
            (folder.work / text).write_text(text)
    assert sorted(path.name for path in wished.iterdir()) == ["first", MANIFEST]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_with_force_a_folder_that_came_meanwhile_is_nobodys_to_replace(tmp_path: Path) -> None:
    wished = tmp_path / "run"

    def write() -> None:
        with new_folder(wished, replace=True):
            wished.mkdir()
            (wished / "thesis").write_text("theirs")

    with pytest.raises(EieError, match="expected a folder that eiesim wrote"):
        write()
    assert (wished / "thesis").read_text() == "theirs"


@pytest.mark.parametrize("letters", [251, 255, 300])
def test_names_too_long_are_refused_before_the_work(tmp_path: Path, letters: int) -> None:
    """With an ending such as -2 a folder of 251 letters would have 253, or more than 255."""
    name = tmp_path / ("x" * letters)
    with pytest.raises(EieError, match="File name too long"), new_folder(name):
        pytest.fail("the work has begun")
    if letters > 255:
        with pytest.raises(EieError, match="File name too long"), replacing(name):
            pytest.fail("the work has begun")
    assert list(tmp_path.iterdir()) == []


def test_names_of_files_are_short_and_never_the_same() -> None:
    long = "é" * 245
    names = ["a/b", "a_b", "A_B", "a", "a_b-2", f"{long}1", f"{long}2", "x\0y", "..", "\udcff"]
    found = name_files(names)
    assert list(found) == names
    assert found["a"] == "a"
    files = list(found.values())
    assert len({name.casefold() for name in files}) == len(names)
    for name in files:
        assert 0 < len(name.encode()) <= 110
        assert not {"/", "\0"} & set(name)


def test_a_folder_is_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "alex-8", "--report", str(tmp_path)]) == 2
    assert "found a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("folder.eie", "Is a directory"),
        ("none/x.eie", "No such file"),
        ("x" * 260 + ".eie", "long"),
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_where_a_network_cannot_be_written_nothing_is_read(
    name: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("folder.eie").mkdir()
    assert main(["import", "missing.npz", "-o", name]) == 2
    err = capsys.readouterr().err
    assert "cannot be written" in err
    assert reason in err


@pytest.mark.usefixtures("in_folder")
def test_a_network_is_written_through_a_link_and_a_fifo() -> None:
    np.savez("w.npz", w=np.eye(3, dtype="f4"))
    Path("link.eie").symlink_to("real.eie")
    assert main(["import", "w.npz", "-o", "link.eie"]) == 0
    assert Path("link.eie").is_symlink()
    os.mkfifo("fifo.eie")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(Path("fifo.eie").read_bytes()), daemon=True)
    reader.start()
    assert main(["import", "w.npz", "-o", "fifo.eie"]) == 0
    reader.join()
    assert got == [Path("real.eie").read_bytes()]


def make_network(names: list[str], shared: str) -> None:
    """Two fully connected layers side by side, the second with weights twice as large."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 4)).astype("f4")
    np.savez("w.npz", w1=weights, w2=2 * weights)
    steps = "".join(
        f'[[steps]]\nname="{name}"\nop="fc"\ninputs=["x"]\nlayer="{layer}"\n'
        for name, layer in zip(names, ("w1", "w2"), strict=True)
    )
    Path("g.toml").write_text(f"outputs={json.dumps(names)}\n[inputs]\nx=[{shared}]\n{steps}")
    assert main(["import", "w.npz", "--graph", "g.toml", "-o", "n.eie"]) == 0


@pytest.mark.parametrize("names", [["a/b", "a_b"], ["y" * 245, "y" * 250], ["Y", "y"]])
@pytest.mark.usefixtures("in_folder")
def test_each_output_has_its_file(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    make_network(names, "4")
    assert main(["run", "n.eie", "--draw", "2", "--out", "o"]) == 0
    files = json.loads(Path("o/summary.json").read_text())["output_files"]
    assert list(files) == names
    found = {path.name for path in Path("o").glob("output-*")}
    assert found == set(files.values())
    first, second = (np.load(Path("o") / files[name]) for name in names)
    assert np.array_equal(second, 2 * first)  # the same codes, a codebook twice as large
    capsys.readouterr()


def test_a_network_of_a_long_name_is_compressed(in_folder: Path) -> None:
    """A name that fits with .pt does not fit with .dcz."""
    weights = Path("n" * 252 + ".pt")
    weights.touch()
    found = Weights({"w": DenseLayer(np.eye(3, dtype="f4"))})
    steps = list(compress_network(found.layers, Plan()))
    network = compression.collect(weights, found, steps)
    activations = compression.Input(1.0, 0)
    report = compression.report_compressed(network, HW, price_machine(HW), activations)
    report.write(in_folder, [])
    (written,) = in_folder.glob("*.dcz")
    assert read_dcz(written).layers[0].name == "w"
