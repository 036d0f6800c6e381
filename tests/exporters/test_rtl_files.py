"""Folders for the RTL: words worked by hand, expected events, refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from eiesim import CompressedLayer, Hardware, encode, simulate
from eiesim.base.errors import EieError
from eiesim.exporters.rtl import export_rtl, write_rtl
from tests.support.arrays import f32, u8
from tests.support.commands import run
from tests.support.memory_files import MEMORY_PARSERS
from tests.support.strategies import HOLDS_ALL, Case, cases

Floats = npt.NDArray[np.float32]
HW = Hardware(n_pes=2, index_bits=2, codebook_bits=3, spmat_width_bits=16, datapath="fixed16")
CODEBOOK = f32([0, 1, -1, 0.5, 2, 3, 4, 5])


def make_layer() -> CompressedLayer:
    """Return 12 rows by 2 columns: PE 0 holds rows 0, 2, .. 10, PE 1 rows 1, 3, .. 11."""
    codes = np.zeros((12, 2), np.uint8)
    codes[[0, 2, 10], 0] = 7, 1, 2  # rows 0, 1 and 5 of PE 0
    codes[4, 1] = 5  # row 2 of PE 0
    codes[3, 1] = 3  # row 1 of PE 1
    return CompressedLayer(codes, CODEBOOK, None, "by hand")


def read_words(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").splitlines() if not line.startswith("//")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return export_rtl(encode(make_layer(), HW), f32([1, -0.5]), HW, tmp_path / "images")


def test_words_by_hand(folder: Path) -> None:
    """Entries of 3 + 2 bits, index * 8 + code, three in 16 bits; the first in the lowest bits.

    PE 0, column 0: (7, 0), (1, 0), (2, 3), since three zeros lie between rows 1 and 5; column 1:
    (5, 2).
    """
    first = 7 | 1 << 5 | (2 | 3 << 3) << 10
    assert first == 0x6827
    assert read_words(folder / "pe0/spmat.hex") == ["6827", f"{5 | 2 << 3:04x}"]
    assert read_words(folder / "pe1/spmat.hex") == [f"{3 | 1 << 3:04x}"]
    # columns 0 and 1, and the empty one of the bias, which ends where it starts
    assert read_words(folder / "pe0/ptr_even.hex") == ["0000", "0004"]
    assert read_words(folder / "pe0/ptr_odd.hex") == ["0003", "0004"]
    assert read_words(folder / "pe1/ptr_odd.hex") == ["0000", "0001"]


def test_the_layout_stands_at_the_top(folder: Path) -> None:
    lines = (folder / "pe0/spmat.hex").read_text("utf-8").splitlines()
    assert lines[:3] == [
        "// PE 0, spmat: 2 words of 16 bits, the first at address 0",
        "// 3 entries a word; entry e is in bits 5*e+4 to 5*e, the first entry in the lowest bits",
        "// of an entry, bits 2 to 0 are the code, bits 4 to 3 the relative index",
    ]


def test_numbers_by_hand(folder: Path) -> None:
    """Weights have 12 fraction bits, activations 8; the bias's 1.0 is in the last row of PE 0."""
    codebook = ["0000", "1000", "f000", "0800", "2000", "3000", "4000", "5000"]
    assert read_words(folder / "pe0/codebook.hex") == codebook
    assert read_words(folder / "pe0/activations.hex") == ["0100", "0100"]
    assert read_words(folder / "pe1/activations.hex") == ["ff80", "0000"]


def test_events_by_hand(folder: Path) -> None:
    """Column 0 is broadcast in cycle 1, popped in 2, starts in 3; its first write is in 3 + 5."""
    expected = folder / "expected"
    assert (expected / "ptr_reads.csv").read_text("utf-8").splitlines()[1:4] == [
        "2,0,0", "2,1,0", "3,1,1",
    ]  # fmt: skip
    assert (expected / "spmat_reads.csv").read_text("utf-8").splitlines()[1:] == [
        "4,0,0", "5,1,0", "7,0,1",
    ]  # fmt: skip
    assert (expected / "writes.csv").read_text("utf-8").splitlines() == [
        "cycle,pe,address,value",
        "8,0,0,1280",  # 5 * 1.0
        "9,0,1,256",
        "9,1,1,-64",  # 0.5 * -0.5
        "10,0,5,-256",
        "11,0,2,-384",  # 3 * -0.5
    ]
    outputs = read_words(expected / "outputs.hex")
    assert outputs[:5] == ["0500", "0000", "0100", "ffc0", "fe80"]
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["counters"] == (
        simulate(encode(make_layer(), HW), f32([1, -0.5]), HW).counters.totals()
    )


def list_entries(words: list[int], hw: Hardware) -> list[tuple[int, int]]:
    """Return code and index of each entry, cut out of the binary digits of the words."""
    entries = []
    for word in words:
        digits = f"{word:0{hw.spmat_width_bits}b}"
        for _ in range(hw.entries_per_word):
            digits, entry = digits[: -hw.entry_bits], digits[-hw.entry_bits :]
            entries.append((int(entry[hw.index_bits :], 2), int(entry[: hw.index_bits], 2)))
    return entries


def to_fixed(numbers: Floats, fraction_bits: int) -> list[int]:
    scaled = [round(number * 2**fraction_bits) for number in numbers.tolist()]  # ties to even
    return [max(min(number, 2**15 - 1), -(2**15)) % 2**16 for number in scaled]


@settings(max_examples=30)
@given(cases(largest_pes=6, largest=30))
def test_formats_by_their_definitions(tmp_path_factory: pytest.TempPathFactory, case: Case) -> None:
    """Of one layer; the readers of tests/support/memory_files.py know nothing of the writers."""
    hw = replace(case.hw.send_all(), **HOLDS_ALL, ptr_bits=16)
    image = encode(case.layer, hw)
    for form, parse in MEMORY_PARSERS.items():
        folder = tmp_path_factory.mktemp(form)
        write_rtl(image, case.activations, hw, folder, form)

        def read(pe: int, memory: str, width_bits: int) -> list[int]:
            text = (folder / f"pe{pe}/{memory}.{form}").read_text("utf-8")  # noqa: B023
            return parse(text, width_bits)  # noqa: B023

        for pe in range(hw.n_pes):
            banks = [read(pe, f"ptr_{bank}", hw.ptr_bits) for bank in ("even", "odd")]
            pointers = [banks[j % 2][j // 2] for j in range(sum(map(len, banks)))]
            assert pointers == image.ptr[:, pe].tolist()
            words = read(pe, "spmat", hw.spmat_width_bits)
            of_pe = slice(image.base[pe], image.base[pe + 1])
            assert list_entries(words, hw)[: pointers[-1]] == list(
                zip(image.codes[of_pe].tolist(), image.relative_index[of_pe].tolist(), strict=True)
            )
            codebook = to_fixed(case.layer.codebook, hw.weight_fraction_bits)
            assert read(pe, "codebook", 16)[: len(codebook)] == codebook
            activations = to_fixed(case.activations, hw.act_fraction_bits)[pe :: hw.n_pes]
            assert read(pe, "activations", 16)[: len(activations)] == activations


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"act_batches": True}, "act_batches"),
        ({"act_threshold": 0.1}, "act_threshold, act_threshold_quantile, delta_threshold: the RTL"),
        ({"delta_threshold": 0.0}, "the RTL's detector sends all"),
        ({"spmat_sram_bytes": 2}, "exceeds the SRAMs"),
        ({"ptr_bits": 1}, "1-bit pointers address 1 entries, a PE holds 4"),
    ],
)
def test_refusals(changes: dict[str, int], message: str, tmp_path: Path) -> None:
    hw = replace(HW, **changes)  # type: ignore[arg-type]
    with pytest.raises(EieError, match=message):
        export_rtl(encode(make_layer(), hw), f32([1, 1]), hw, tmp_path / "images")
    assert list(tmp_path.iterdir()) == []


def test_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    codes = u8([[1, 0], [2, 3]])
    np.savez("layer.npz", codes=codes, codebook=CODEBOOK, act=f32([1, 2]))
    settings = ["--set", "n_pes=2", "--set", "spmat_width_bits=32"]
    code, _, err = run(capsys, "export", "layer.npz", "--to", "rtl", *settings, "-o", "images")
    assert (code, err) == (0, "written: images\n")
    manifest = json.loads(Path("images/manifest.json").read_text("utf-8"))
    assert manifest["parameters"]["SPMAT_WIDTH"] == 32
    assert sorted(path.name for path in Path("images").iterdir()) == [
        "SHA256SUMS", "expected", "hardware.toml", "manifest.json", "pe0", "pe1",
    ]  # fmt: skip
    assert (Path("images/pe0/spmat.hex")).is_file()
    words = ["--to", "rtl", *settings, "--format"]
    assert run(capsys, "export", "layer.npz", *words, "mif", "-o", "mif")[0] == 0
    assert Path("mif/pe1/codebook.mif").is_file()
    code, _, err = run(capsys, "export", "layer.npz", *words, "bin", "-o", "bin")
    assert (code, err) == (2, "eiesim: error: format 'bin': known are coe, hex, mif\n")
    assert not Path("bin").exists()
    code, _, err = run(capsys, "export", "a.dcz", "--to", "pt", "--set", "n_pes=2", "-o", "b.pt")
    assert code == 2
    assert "--set goes with --to rtl and authors" in err
    code, _, err = run(
        capsys, "export", "layer.npz", "--to", "authors", "--format", "mif", "-o", "b"
    )
    assert code == 2
    assert "--format goes with --to rtl" in err
