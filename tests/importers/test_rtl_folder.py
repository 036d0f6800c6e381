"""Folders of a layer for the RTL, read back: the same image, cycles and outputs, or an error."""

from __future__ import annotations

import json
import shutil
import subprocess
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eiesim import CompressedLayer, Hardware, encode, load_model, simulate
from eiesim.base.checksums import write_sums
from eiesim.base.errors import EieError
from eiesim.base.fixedpoint import quantise
from eiesim.cli.main import main
from eiesim.exporters.rtl import export_rtl
from eiesim.image.memories import list_files
from eiesim.importers.rtl_folder import is_rtl_folder, read_rtl
from eiesim.sweep.identity import identify
from tests.support.arrays import f32, u8
from tests.support.commands import run
from tests.support.containers import mutate
from tests.support.memory_files import MEMORY_PARSERS, parse_readmemh
from tests.support.strategies import HOLDS_ALL, Case, cases

FORMS = list(MEMORY_PARSERS)


@settings(max_examples=40)
@given(cases(largest_pes=8, largest=40), st.sampled_from(FORMS))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, case: Case, form: str) -> None:
    hw = replace(case.hw.send_all(), **HOLDS_ALL, ptr_bits=16, datapath="fixed16")
    image = encode(case.layer, hw)
    folder = export_rtl(
        image, case.activations, hw, tmp_path_factory.mktemp("rtl") / "images", form
    )
    back = read_rtl(folder)
    assert back.hardware == hw
    again = encode(back.layer, hw)
    assert (again.rows, again.cols, again.has_bias) == (image.rows, image.cols, image.has_bias)
    for name in ("ptr", "codes", "relative_index"):
        assert np.array_equal(getattr(again, name), getattr(image, name))
    step = 2.0**-hw.weight_fraction_bits
    limited = case.layer.codebook.clip(-(2**15) * step, (2**15 - 1) * step)
    assert np.abs(back.layer.codebook - limited).max() <= step / 2
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for engine in ("fast", "reference"):
        result = simulate(again, back.activations, hw, engine)
        assert result.counters.totals() == manifest["counters"]
        outputs = parse_readmemh((folder / "expected/outputs.hex").read_text("utf-8"), 16)
        raw = quantise(result.output, hw.act_fraction_bits)
        assert [number % 2**16 for number in raw.tolist()] == outputs
    other = export_rtl(again, back.activations, hw, folder.parent / "again", form)
    for name in list_files(hw.n_pes, form)[1:]:  # the layer's name is in the first, too
        assert (other / name).read_bytes() == (folder / name).read_bytes()


@pytest.fixture(params=FORMS)
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    codes = np.arange(40, dtype=np.uint8).reshape(8, 5) % 4
    layer = CompressedLayer(codes, f32([0, 1, -1, 2]), u8([1] * 8), "small")
    hw = Hardware(n_pes=2, spmat_width_bits=17)
    return export_rtl(encode(layer, hw), f32([1, 0, -2, 3, 4]), hw, tmp_path / "s", request.param)


def find_form(folder: Path) -> str:
    return next(form for form in FORMS if (folder / f"pe0/spmat.{form}").is_file())


def test_checksums_are_those_of_sha256sum(small: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    words = ["sha256sum", "-c", "SHA256SUMS"]
    done = subprocess.run(words, cwd=small, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.count(": OK\n") == 2 + 2 * 5 + 4


def test_command_line(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counters = json.loads((small / "manifest.json").read_text("utf-8"))["counters"]
    code, out, _ = run(
        capsys, "run", str(small), "--hardware", str(small / "hardware.toml"), "--json"
    )
    assert code == 0
    (row,) = json.loads(out)["layers"]
    for name in ("cycles", "broadcasts", "macs", "ptr_reads", "spmat_reads"):
        assert row[name] == counters[name]
    target = small.parent / "small.eie"
    assert main(["import", str(small), "-o", str(target)]) == 0
    (stored,) = load_model(target).layers.values()
    assert stored.layer == read_rtl(small).layer
    assert main(["import", str(small), "--graph", "g.toml", "-o", str(target)]) == 2


def change_line(file: Path, number: int, before: str, after: str) -> None:
    lines = file.read_text("utf-8").split("\n")
    assert before in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(before, after, 1)
    file.write_text("\n".join(lines), "utf-8")


def refuse(folder: Path) -> str:
    with pytest.raises(EieError) as caught:
        read_rtl(folder)
    assert main(["run", str(folder)]) == 2
    return str(caught.value).removeprefix(f"{folder}/")


@pytest.mark.parametrize("small", ["hex"], indirect=True)
def test_damage_is_said_with_file_and_line(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spmat = small / "pe1/spmat.hex"
    honest = spmat.read_text("utf-8")
    spmat.write_text(honest.replace("\n", "\n", 1)[:-3], "utf-8")
    assert refuse(small).startswith(f"pe1/spmat.hex:{honest.count(chr(10))}: expected ")
    for bad in ("g", "G", " ", "00", ""):
        lines = honest.split("\n")
        lines[3] = bad + lines[3][1:]
        spmat.write_text("\n".join(lines), "utf-8")
        assert refuse(small).startswith(
            "pe1/spmat.hex:4: expected 'hhhhh', h a hexadecimal digit, 17 bits in all, found"
        )
    lines = honest.split("\n")
    lines[3] = "f" + lines[3][1:]  # bits beyond the 17
    spmat.write_text("\n".join(lines), "utf-8")
    assert refuse(small).startswith("pe1/spmat.hex:4: expected 'hhhhh'")
    spmat.write_text(honest, "utf-8")
    (small / "pe1/ptr_even.hex").unlink()
    assert "pe1/ptr_even.hex: expected a file, found none" in refuse(small)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("small", ["hex"], indirect=True)
@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("manifest.json", '"small"', '"great"', "manifest.json: expected the file as it was"),
        ("hardware.toml", "n_pes = 2", "n_pes = 3", "hardware.toml: expected the file as it was"),
        ("expected/writes.csv", "0", "1", "expected/writes.csv: expected the file as it was"),
        ("SHA256SUMS", "  pe0/spmat", "  pe9/spmat", "SHA256SUMS:5: expected pe0/spmat.hex"),
        ("SHA256SUMS", "  pe0/spmat", " pe0/spmat", "SHA256SUMS:5: expected a SHA-256, two"),
        ("pe0/codebook.hex", "1000", "1001", "pe0/codebook.hex: expected the file as it was"),
        ("pe1/codebook.hex", "1000", "1001", "pe1/codebook.hex: expected the file as it was"),
        ("pe1/spmat.hex", "lowest", "highest", "pe1/spmat.hex: expected the file as it was"),
        ("pe1/activations.hex", "0300", "0301", "pe1/activations.hex: expected the file as"),
    ],
)
def test_changes_are_said(small: Path, name: str, before: str, after: str, message: str) -> None:
    text = (small / name).read_text("utf-8")
    assert before in text
    (small / name).write_text(text.replace(before, after, 1), "utf-8")
    assert refuse(small).startswith(message)


@pytest.mark.parametrize("small", ["hex"], indirect=True)
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("schema", "eiesim rtl 1", "manifest.json: schema: expected 'eiesim rtl 2'"),
        ("schema", None, "manifest.json: schema: expected 'eiesim rtl 2'"),
        ("outputs", 9, "expected/outputs.hex:10: expected 9 words"),
        ("outputs", 7, "expected/outputs.hex:10: expected 7 words"),
        ("outputs", 1 << 30, "expected/outputs.hex:10: expected 1073741824 words"),
        ("outputs", 1 << 31, "manifest.json: outputs: expected int"),
        ("outputs", True, "manifest.json: outputs: expected int"),
        ("inputs", 1 << 30, "pe0/ptr_even.hex:8: expected 536870913 words in"),
        ("inputs", 4, "pe0/ptr_even.hex:8: expected 3 words"),
        ("has_bias", False, "PE 0, column 6, entry 0: entry in a column that is neither"),
        ("codebook_entries", 3, "small: codebook: expected 2, 4, 8"),
        ("codebook_entries", 2, "PE 0, column 0, entry 0: code not below 2"),
        ("format", "mif", "SHA256SUMS:3: expected pe0/ptr_even.mif"),
        ("format", "bin", "manifest.json: format: known are coe, hex, mif"),
        ("layer", "", "name to be printable text, found True and ''"),
        ("layer", 3, "manifest.json: layer: expected str, found 3"),
    ],
)
def test_a_folder_that_does_not_go_together(
    small: Path, key: str, value: object, message: str
) -> None:
    """Its checksums are right."""
    manifest = json.loads((small / "manifest.json").read_text("utf-8"))
    (small / "manifest.json").write_text(json.dumps(manifest | {key: value}), "utf-8")
    write_sums(small, list_files(2, "hex"))
    tracemalloc.start()
    try:
        found = refuse(small)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert message in found
    assert peak_bytes < 1 << 27, "an array of a size that no file confirms"


@pytest.mark.parametrize("small", ["hex"], indirect=True)
@pytest.mark.parametrize(
    ("name", "line", "before", "after"),
    [
        ("pe1/spmat.hex", 2, "lowest", "highest"),
        ("pe1/spmat.hex", 4, "0", "1"),  # the bit above the last entry
        ("pe1/codebook.hex", 4, "1000", "1001"),
        ("pe0/activations.hex", 7, "0100", "0101"),  # the bias's row
    ],
)
def test_words_that_are_not_of_the_layer_are_said(
    small: Path, name: str, line: int, before: str, after: str
) -> None:
    """Their checksums are right."""
    change_line(small / name, line, before, after)
    write_sums(small, list_files(2, "hex"))
    assert refuse(small).startswith(f"{name}:{line}: expected '")


@settings(max_examples=150)
@given(st.data())
def test_no_change_is_overlooked(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any one bit of any file, with the checksums as they were."""
    folder = tmp_path_factory.mktemp("bits") / "s"
    layer = CompressedLayer(u8([[1, 0, 3], [0, 2, 0]]), f32([0, 1, -1, 2]), None, "tiny")
    hw = Hardware(n_pes=2)
    form = data.draw(st.sampled_from(FORMS))
    export_rtl(encode(layer, hw), f32([1, 0, 2]), hw, folder, form)
    file = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*") if path.is_file())))
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)
    with pytest.raises(EieError) as caught:
        read_rtl(folder)
    assert str(caught.value).startswith(str(folder))


@pytest.mark.parametrize("number", [500, pytest.param(3_000, marks=pytest.mark.slow)])
def test_what_is_read_gives_the_files_again(small: Path, number: int) -> None:
    """Damaged files with checksums made anew: an error, or a layer whose memories these are."""
    rng = np.random.default_rng(0)
    form = find_form(small)
    names = [name for name in list_files(2, form) if not name.startswith("expected")]
    honest = {name: (small / name).read_bytes() for name in names}
    refused = 0
    for _ in range(number):
        name = names[int(rng.integers(len(names)))]
        (small / name).write_bytes(mutate(honest[name], rng))
        write_sums(small, list_files(2, form))
        try:
            back = read_rtl(small)
            assert back.layer.rows == 8
            if name.startswith("pe"):
                image = encode(back.layer, back.hardware)
                other = export_rtl(image, back.activations, back.hardware, small / "again", form)
                assert (other / name).read_bytes() == (small / name).read_bytes()
                shutil.rmtree(other)
        except EieError:
            refused += 1
        (small / name).write_bytes(honest[name])
    assert refused > number / 2


def test_another_folder_with_checksums_is_none(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}", "utf-8")
    write_sums(tmp_path, ["manifest.json"])
    assert not is_rtl_folder(tmp_path)
    (tmp_path / "pe0").mkdir()
    assert is_rtl_folder(tmp_path)


def test_a_folder_is_known_by_all_its_files_in_a_sweep(small: Path) -> None:
    before = identify(str(small), {})
    assert identify(str(small), {}) == before
    layer = CompressedLayer(u8([[1, 0], [0, 1]]), f32([0, 1]), None, "other")
    hw = Hardware(n_pes=2)
    other = export_rtl(encode(layer, hw), f32([1, 1]), hw, small.parent / "o")
    assert identify(str(other), {}) != before
