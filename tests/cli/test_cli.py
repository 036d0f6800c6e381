"""The command line: what it prints and writes, and one line for each kind of bad input."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import CompressedLayer, Hardware, encode, simulate
from eiesim.base.published import PAPER_LAYERS
from eiesim.catalog.layers import load_benchmark
from eiesim.cli.main import COMMANDS
from eiesim.paper.registry import EXPERIMENTS
from tests.support.arrays import f32, u8
from tests.support.commands import check_refusal, run
from tests.support.paths import ROOT


@pytest.fixture
def layer_file(in_folder: Path) -> Path:
    file = in_folder / "mine.npz"
    codes = u8([[1, 0, 2], [0, 3, 0]])
    np.savez(file, codes=codes, codebook=f32([0, 1, 2, 3]), act=f32([1, 0, 2]))
    return file


def find_table(out: str) -> list[str]:
    """Return the lines from the first table of layers on; the answer stands above it."""
    lines = out.splitlines()
    return lines[next(at for at, line in enumerate(lines) if line.startswith("layer ")) :]


def read_first_row(out: str) -> dict[str, str]:
    header, row = (line.split() for line in find_table(out)[:2])
    return dict(zip(header, row, strict=True))


def test_run_prints_a_table(capsys: pytest.CaptureFixture[str], layer_file: Path) -> None:
    code, out, err = run(capsys, "run", str(layer_file), "--set", "n_pes=2")
    assert (code, err) == (0, "")
    found = read_first_row(out)
    layer = CompressedLayer(u8([[1, 0, 2], [0, 3, 0]]), f32([0, 1, 2, 3]))
    hw = Hardware(n_pes=2)
    result = simulate(encode(layer, hw), f32([1, 0, 2]), hw)
    assert found["layer"] == "mine"
    assert int(found["cycles"]) == result.cycles
    assert float(found["latency_us"]) == pytest.approx(result.latency_us, abs=5e-4)
    assert found["fits"] == "yes"


def test_both_engines_print_the_same(capsys: pytest.CaptureFixture[str], layer_file: Path) -> None:
    outputs = []
    for engine in ("fast", "reference"):
        code, out, _ = run(capsys, "run", str(layer_file), "--engine", engine, "--json")
        assert code == 0
        content = json.loads(out)
        assert content["layers"][0].pop("engine") == engine
        outputs.append(content)
    assert outputs[0] == outputs[1]


@pytest.mark.data
def test_run_alex8_by_file(capsys: pytest.CaptureFixture[str], shared_data: Path) -> None:
    """9.91 us and 8.86 us: EIE's Table IV prints 9.9 and 8.9 for this layer and this input."""
    file = shared_data / "alex8" / "layer.npz"
    code, out, _ = run(capsys, "run", str(file), "--json")
    layer = json.loads(out)["layers"][0]
    assert code == 0
    assert (layer["layer"], layer["cycles"]) == ("alex8", 7926)
    assert (round(layer["latency_us"], 2), round(layer["theoretical_us"], 2)) == (9.91, 8.86)


def test_inputs_replace_the_layers_own(
    capsys: pytest.CaptureFixture[str], layer_file: Path
) -> None:
    np.save("zeros.npy", np.zeros(3, np.float32))
    code, out, _ = run(capsys, "run", str(layer_file), "--inputs", "zeros.npy", "--json")
    assert code == 0
    assert json.loads(out)["layers"][0]["macs"] == 0


def test_run_writes_a_folder(capsys: pytest.CaptureFixture[str], layer_file: Path) -> None:
    command = ("run", str(layer_file), "nt-we", "--set", "n_pes=4", "--out", "results")
    assert run(capsys, *command)[::2] == (0, "written: results\n")
    assert run(capsys, *command)[::2] == (0, "written: results-2\n")
    folder = Path("results")
    assert sorted(path.name for path in folder.iterdir()) == [
        "energy.csv", "hardware.toml", "kinds.csv", "layers.csv", "manifest.json", "outputs.csv",
        "pes.csv", "prices.csv", "summary.json",
    ]  # fmt: skip
    assert Hardware.from_toml(folder / "hardware.toml") == Hardware(n_pes=4)
    summary = json.loads((folder / "summary.json").read_text())
    with (folder / "layers.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["layer"] for row in rows] == ["mine", "nt-we"]
    assert [int(row["cycles"]) for row in rows] == [it["cycles"] for it in summary["layers"]]
    with (folder / "pes.csv").open() as stream:
        pes = list(csv.DictReader(stream))
    for row in rows:
        own = [pe for pe in pes if pe["layer"] == row["layer"]]
        assert len(own) == 4
        assert sum(int(pe["macs"]) for pe in own) == int(row["macs"])
        for pe in own:
            times = [int(pe[f"{name}_cycles"]) for name in ("busy", "starved", "drained")]
            assert sum(times) == int(row["cycles"])
    with (folder / "outputs.csv").open() as stream:
        outputs = [float(row["output"]) for row in csv.DictReader(stream) if row["layer"] == "mine"]
    assert outputs == [5, 0]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [source["given"] for source in manifest["sources"]] == [str(layer_file), "nt-we"]
    digest = hashlib.sha256(layer_file.read_bytes()).hexdigest()
    assert manifest["sources"][0] == {"given": str(layer_file), "sha256": digest, "seed": None}
    assert manifest["command"] == list(command)
    assert manifest["sources"][1]["seed"] == load_benchmark("nt-we").spec.seed


def test_what_does_not_fit_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "run", "vgg-6")
    assert "streamed from DRAM: vgg-6: pointer SRAM: 50180 of 32768 bytes" in out
    assert "out of pointer range: vgg-6: pointer range: 101853 of 65535 entries" in out
    assert "more than the registers: vgg-6: source activation registers: 392 of 64 inputs" in out
    assert "16-bit pointers address 50% of the sparse-matrix SRAM" in out


def test_what_is_streamed_is_said(capsys: pytest.CaptureFixture[str], layer_file: Path) -> None:
    """By hand, one PE: words of 8 bits, an entry each, the first one resident; a1 is 0, so that of
    the other two only the last one comes from DRAM, a bit a cycle."""
    settings = ["--set", "n_pes=1", "--set", "spmat_width_bits=8", "--set", "spmat_sram_bytes=1"]
    command = ["run", str(layer_file), *settings]
    code, out, _ = run(capsys, *command, "--dram-gbps", "0.1")
    assert code == 0
    assert (
        "streamed from DRAM: mine: sparse-matrix SRAM: 3 of 1 bytes (3 entries); 1 bytes in this "
        "run\n"
    ) in out
    assert out == run(capsys, *command, "--set", "dram_gbps=0.1")[1]
    row = read_first_row(out)
    assert (row["layer"], row["dram_bytes"]) == ("mine", "1")
    assert int(row["dram_stall_cycles"]) > 0
    code, out, err = run(capsys, *command, "--dram-gbps", "-1")
    assert (code, out) == (2, "")
    assert "dram_gbps: expected a number from 0 to 1000000000, found -1" in err


def test_columns_of_dram_are_shown_only_if_something_is_streamed(
    capsys: pytest.CaptureFixture[str], layer_file: Path
) -> None:
    assert "dram" not in run(capsys, "run", str(layer_file))[1]
    _, out, _ = run(capsys, "run", str(layer_file), "vgg-6", "--out", "results")
    header, mine, vgg6 = (line.split() for line in find_table(out)[:3])
    place = header.index("dram_gbps_needed")
    assert mine[place] == "null"
    assert float(vgg6[place]) > float(vgg6[header.index("dram_gbps_average")]) > 0
    with Path("results/layers.csv").open() as stream:
        assert [row["dram_gbps_needed"] == "null" for row in csv.DictReader(stream)] == [
            True,
            False,
        ]
    layers = json.loads(Path("results/summary.json").read_text())["layers"]
    assert [layer["dram_gbps_needed"] is None for layer in layers] == [True, False]


def test_run_json_holds_every_price(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "run", "alex-7", "--json")
    assert (code, err) == (0, "")
    energy = json.loads(out)["layers"][0]["energy"]
    assert energy["overrides"] == []
    for row in energy["rows"]:
        product = row["count"] * row["pj_each"]
        assert row["energy_pj"] == pytest.approx(product, abs=1e-12 * energy["total_pj"])
        assert row["source"]
        assert row["kind"] in ("published", "CACTI run", "scaled", "calibrated", "assumed")
    assert sum(row["energy_pj"] for row in energy["rows"]) == energy["total_pj"]
    for group in ("by_component_pj", "by_part_pj", "by_kind_pj"):
        assert sum(energy[group].values()) == energy["total_pj"]


def test_an_override_is_named(capsys: pytest.CaptureFixture[str], layer_file: Path) -> None:
    Path("prices.csv").write_text(
        "component,part,action,value,unit,kind,source\nlnzd,combinational,detect,5,pJ,assumed,me\n"
    )
    command = ("run", str(layer_file), "--energy-table", "prices.csv")
    code, out, _ = run(capsys, *command, "--out", "results")
    line = "lnzd combinational detect: 5 pJ (prices.csv:2) in place of 0.02875 pJ"
    assert code == 0
    assert f"price of {line}" in out.splitlines()
    summary = json.loads(Path("results/summary.json").read_text())
    assert summary["layers"][0]["energy"]["overrides"] == [line]
    with Path("results/prices.csv").open() as stream:
        sources = {row["component"]: row["source"] for row in csv.DictReader(stream)}
    assert sources["lnzd"] == "me"
    code, _, err = run(capsys, *command[:-1], "results/prices.csv")
    assert (code, err) == (0, "")


def test_without_a_price_there_is_no_energy(
    capsys: pytest.CaptureFixture[str], layer_file: Path
) -> None:
    wide = ("run", str(layer_file), "--set", "spmat_width_bits=1024")
    _, out, _ = run(capsys, *wide, "--out", "results")
    assert "no energy: mine: no price of spmat_read memory read: CACTI was not run" in out
    with Path("results/layers.csv").open() as stream:
        assert next(csv.DictReader(stream))["energy_pj"] == "null"
    assert json.loads(run(capsys, *wide, "--json")[1])["layers"][0]["energy"] is None


def test_chip(capsys: pytest.CaptureFixture[str], in_folder: Path) -> None:
    code, out, err = run(capsys, "chip", "--vary", "n_pes=64,256", "--out", "chip")
    assert (code, err) == (0, "written: chip\n")
    # 586.6 of PEs and LNZD units (EIE: 0.59 W), and the wires between them
    assert "none waiting: 609.3 mW, of which the broadcast's wires 22.8 mW; 40.84 mm2" in out
    names = {path.name for path in (in_folder / "chip").iterdir()}
    assert names == {
        "areas.csv", "hardware.toml", "manifest.json", "modules.csv", "prices.csv", "summary.json",
        "variations.csv",
    }  # fmt: skip
    summary = json.loads(Path("chip/summary.json").read_text())
    assert [row["value"] for row in summary["variations"]] == ["64", "256"]
    code, out, _ = run(capsys, "chip", "--set", "n_pes=4", "--json")
    assert "paper_power_mw" not in json.loads(out)["modules"][0]


def test_compare_needs_something_to_compare_with(
    capsys: pytest.CaptureFixture[str], layer_file: Path
) -> None:
    code, _, err = run(capsys, "compare", str(layer_file))
    assert code == 2
    assert "layer 'mine': nothing is published of it; take the baseline roofline" in err
    assert run(capsys, "compare", str(layer_file), "--baseline", "roofline")[0] == 0


def test_compare(capsys: pytest.CaptureFixture[str], in_folder: Path) -> None:
    code, out, err = run(capsys, "compare", "alex-8", "nt-we", "--out", "beside")
    assert (code, err) == (0, "written: beside\n")
    assert out.splitlines()[-2] == "over cpu dense published, batch 1; times per input"
    with Path("beside/compare.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    kinds = {row["kind"] for row in rows if row["platform"] == "eie"}
    assert kinds == {"published", "simulated"}
    assert {path.name for path in (in_folder / "beside").iterdir()} == {
        "compare.csv", "energy_efficiency.png", "energy_efficiency.svg", "hardware.toml",
        "kinds.csv", "manifest.json", "speedup.png", "speedup.svg", "summary.json",
    }  # fmt: skip
    run(capsys, "baseline", "alex-8", "--kind", "roofline", "--out", "mine")
    code, out, _ = run(capsys, "compare", "alex-8", "--baseline", "mine/baseline.csv", "--json")
    assert code == 0
    assert {row["kind"] for row in json.loads(out)["rows"]} == {"roofline", "simulated"}


def test_reproduce_table4(capsys: pytest.CaptureFixture[str], in_folder: Path) -> None:
    code, out, err = run(capsys, "reproduce", "table4", "--json", "--out", "table")
    assert (code, err) == (0, "written: table\n")
    rows = json.loads(out)["experiments"]["table4"]["verdicts"]
    published = [row for row in rows if row["workload"] == "published"]
    assert [row["layer"] for row in published] == [name for name in PAPER_LAYERS for _ in range(2)]
    for row in published:
        ratio = row["ours"] / float(row["paper"])
        assert row["unit"] == "us"
        assert row["deviation_percent"] == pytest.approx(100 * (ratio - 1))
        expected = ("match", "within 10 %") if abs(ratio - 1) <= 0.1 else ("differs because ",)
        assert row["verdict"].startswith(expected)
    files = {path.name for path in (in_folder / "table").iterdir()}
    assert files == {
        "index.html", "table4.csv", "table4-workloads.csv", "summary.json", "manifest.json"
    }  # fmt: skip
    manifest = json.loads((in_folder / "table" / "manifest.json").read_text())
    of_table4 = manifest["experiments"]["table4"]
    assert {source["seed"] for source in of_table4["sources"]} == set(range(1, 10))
    assert of_table4["hardware_toml"] == Hardware().to_toml()
    assert len(of_table4["energy_table_sha256"]) == 64


def test_reproduce_list(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "reproduce", "--list")
    assert code == 0
    names = [*EXPERIMENTS]
    assert [line.split()[0] for line in out.splitlines()[1:]] == names
    code, out, _ = run(capsys, "reproduce", "--list", "--json")
    entries = json.loads(out)
    assert [entry["name"] for entry in entries] == names


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "doctor", "--json")
    content = json.loads(out)
    assert code == 0
    assert content["engines"] == "agree on a small layer"
    assert content["numpy"] == np.__version__


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version")[:2] == (0, "eiesim 0.1.0\n")
    for command in ((), *((name,) for name in COMMANDS)):
        code, out, _ = run(capsys, *command, "--help")
        assert code == 0
        assert "usage: eiesim" in out


def save_layer(**changes: Any) -> str:
    arrays = {
        "codes": u8([[1, 0]]), "codebook": f32([0, 1, 2, 3]), "act": f32([1, 2]),
    } | changes  # fmt: skip
    kept: dict[str, Any] = {name: array for name, array in arrays.items() if array is not None}
    np.savez("bad.npz", **kept)
    return "bad.npz"


BAD_LAYERS: list[tuple[dict[str, Any], str]] = [
    ({"codes": u8([[9, 0]])}, "bad.npz: codes: expected codes below 4"),
    ({"codes": f32([[1, 0]])}, "bad.npz: codes: expected uint8 [rows, cols], found float32"),
    ({"codes": u8([1, 0])}, "bad.npz: codes: expected uint8 [rows, cols], found uint8 [2]"),
    ({"codebook": f32([0, np.nan])}, "bad.npz: codebook[1]: expected a number, found nan"),
    ({"codebook": f32([0, 1, 2])}, "bad.npz: codebook: expected 2, 4, 8 .. 256 entries"),
    ({"codebook": None}, "bad.npz: array 'codebook' is missing"),
    ({"weights": f32([1])}, "bad.npz: array 'weights': unknown"),
    ({"act": f32([1, np.nan])}, "bad.npz: activations[1]: expected a number, found nan"),
    ({"act": f32([1])}, "bad.npz: activations: expected float32 [2], found float32 [1]"),
    ({"act": np.zeros(2)}, "bad.npz: activations: expected float32 [2], found float64 [2]"),
    ({"act": None}, "bad.npz: the file holds no input 'act': give inputs"),
    ({"codes": np.array([[{}]])}, "bad.npz: expected a .npz or .npy file of plain arrays"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_LAYERS)
def test_bad_layers(
    changes: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str], in_folder: Path
) -> None:
    check_refusal(capsys, in_folder, ["run", save_layer(**changes)], message)


def test_truncated_layer(capsys: pytest.CaptureFixture[str], in_folder: Path) -> None:
    file = Path(save_layer())
    file.write_bytes(file.read_bytes()[:200])
    check_refusal(capsys, in_folder, ["run", "bad.npz"], "bad.npz: expected a .npz or .npy file")


BAD_COMMANDS = [
    (["chip", "--vary", "n_pes"], "vary 'n_pes': expected key=value,value,..."),
    (["chip", "--vary", "n_pes=1,,2"], "vary 'n_pes=1,,2': expected key=value,value,..."),
    (["chip", "--vary", "n_pe=1"], "'n_pe=1': unknown key, did you mean 'n_pes'?"),
    (["chip", "--vary", "n_pes=0"], "n_pes: expected a whole number from 1 to 1024, found 0"),
    (["chip", "--set", "spmat_width_bits=1024"], "width_bits 32 to 512 at node_nm 45"),
    (["chip", "--energy-table", "nope.csv"], "nope.csv: cannot be read: No such file"),
    (["run", "alex-8", "--energy-table", "."], ".: cannot be read: Is a directory"),
    (["compare", "alex-8", "--baseline", "nope.csv"], "nope.csv: cannot be read: No such file"),
    (["run", "alex-9"], "layer 'alex-9': unknown, did you mean 'alex-"),
    (["run", "missing.npz"], "missing.npz: cannot be read: No such file or directory"),
    (["run", "missing.toml"], "missing.toml: cannot be read: No such file or directory"),
    (["run", "text.npz"], "text.npz: expected a .npz or .npy file of plain arrays"),
    (["run", "alex-8", "--hardware", "eie"], "hardware 'eie': unknown preset"),
    (["run", "alex-8", "--hardware", "no.toml"], "no.toml: cannot be read"),
    (["run", "alex-8", "--hardware", "bad.toml"], "bad.toml:2: n_pe: unknown key"),
    (["run", "alex-8", "--set", "n_pe=3"], "'n_pe=3': unknown key, did you mean 'n_pes'?"),
    (["run", "alex-8", "--set", "n_pes=0"], "'n_pes=0': n_pes: expected a whole number"),
    (["run", "alex-8", "--set", "n_pes"], "'n_pes': expected key=value"),
    (["run", "alex-8", "--set", "codebook_bits=3"], "alex-8: the layer's codebook has 4 bits"),
    (["run", "alex-8", "--inputs", "text.npz"], "text.npz: expected a .npz or .npy file"),
    (["run", "alex-8", "vgg-8", "--inputs", "x.npy"], "inputs: expected one layer"),
    (["run", "alex-8", "--engine", "slow"], "argument --engine: invalid choice: 'slow'"),
    (["run"], "the following arguments are required: LAYER"),
    (["run", "nt-we", "--frob"], "unrecognized arguments: --frob"),
    (["rum"], "argument COMMAND: invalid choice: 'rum'"),
    (["reproduce"], "names: expected experiments such as table4, or all for every one"),
    (["reproduce", "table9"], "reproduce 'table9': did you mean 'table"),
    (["reproduce", "dc_tabel1"], "reproduce 'dc_tabel1': did you mean 'dc_table"),
    (["reproduce", "table1", "--jobs", "0"], "--jobs: expected 1 or more, found 0"),
    (["reproduce", "table1", "--force"], "--force goes with --out"),
    (["reproduce", "table1", "--out", "folder", "--force"], "folder: expected a folder that eiesi"),
    (["run", "nt-we", "--out", "text.npz/results"], "text.npz/results: cannot be written"),
    (["run", "nt-we", "--out", ""], "'': expected the name of a new folder"),
    (["run", "nt-we", "--out", "."], "'.': expected the name of a new folder"),
    (["run", "nt-we", "--out", ".."], "'..': expected the name of a new folder"),
    (["run", "nt-we", "--out", "x" * 300], "x: cannot be written: File name too long"),
    (["run", "nt-we", "--out", "new/folder/" + "x" * 300], "x: cannot be written: File name"),
    (["run", "nt-we", "--o", "results"], "unrecognized arguments: --o"),
    (["run", "nt-we", "--set", "n_pes=4\nqueue_depth=2"], "expected key=value"),
    (["run", "nt-we", "--set", "n_pes=4 # four"], "expected key=value"),
    (["run", "nt-we", "--set", "n_pes=1" + "0" * 400], "n_pes: expected a whole number from 1"),
    (["run", "nt-we", "--inputs", ""], ": cannot be read"),
    (["run", "folder"], "folder: expected a .npz or .toml file, found a folder"),
    (["run", "bad.txt"], "bad.txt: expected a .npz or .toml file, found another kind of file"),
    (["run", "empty.npz"], "empty.npz: expected a .npz or .npy file of plain arrays, found an em"),
    (["run", "huge.toml"], "huge: 1.1e+12 weights would be kept, at most 2147483647"),
    (["reproduce", "--list", "--out", "results"], "--out does not go with --list"),
    (["run", "x" * 5000], "unknown, known are alex-6"),
    (["run", "a\nb.npz"], "a\\nb.npz: cannot be read"),
    (["run", "a\x1b[31mb"], "layer 'a\\x1b[31mb': unknown"),
    (["run", "nt-we", "--hardware", "NO.TOML"], "NO.TOML: cannot be read"),
    (["run", "nt-we", "--inputs", "names.npz"], "found a\\x1b[31mb, c\\nd"),
    (["run", "member.npz"], "member.npz: expected a .npz or .npy file of plain arrays"),
    (["doctor", "--out", ""], "'': expected the name of a new folder"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_COMMANDS)
def test_bad_commands(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], in_folder: Path
) -> None:
    Path("text.npz").write_text("not an archive")
    Path("bad.toml").write_text("# mine\nn_pe = 3\n")
    Path("bad.txt").write_text("text")
    Path("empty.npz").touch()
    Path("folder").mkdir()
    np.savez("names.npz", **{"a\x1b[31mb": f32([1]), "c\nd": f32([1])})  # type: ignore[arg-type]
    with zipfile.ZipFile("member.npz", "w") as archive:
        archive.writestr("header", "text")
    Path("huge.toml").write_text(
        "name = 'huge'\ntitle = 'huge'\ninputs = 1048576\noutputs = 1048576\n"
        "weight_density = 1.0\nactivation_density = 1.0\n"
    )
    check_refusal(capsys, in_folder, [*arguments], message)


@pytest.mark.usefixtures("in_folder")
def test_every_problem_of_a_file_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.toml").write_text("n_pes = 0\nqueue_depth = 1\n")
    code, _, err = run(capsys, "run", "alex-8", "--hardware", "bad.toml")
    assert code == 2
    assert [line.split(": ")[2] for line in err.splitlines()] == ["bad.toml:1", "bad.toml:2"]


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "eiesim", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_ctrl_c_stops_cleanly(in_folder: Path) -> None:
    """Interrupted in the middle of a long run: one line, exit code 130, nothing half-written."""
    process = start("run", "vgg-6", "--engine", "reference", "--out", "results", cwd=in_folder)
    while not list(in_folder.iterdir()):  # the folder under its temporary name
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err) == (130, "eiesim: stopped\n")
    assert list(in_folder.iterdir()) == []


def test_ctrl_c_within_exec_is_an_exit_code(in_folder: Path) -> None:
    """A dataclass is made by exec(); `python -m` kills itself where that was interrupted."""
    (in_folder / "stopped.py").write_text("""
import sys
from eiesim.cli import main, run

def stop(_):
    exec("raise KeyboardInterrupt")

run.make_report = stop
sys.exit(main.main(["run", "alex-7"]))
""")
    process = subprocess.run(
        [sys.executable, "-m", "stopped"], capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stderr) == (130, "eiesim: stopped\n")


def test_a_closed_pipe_is_no_error(layer_file: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "eiesim", "run", str(layer_file)]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from eiesim.cli.main import build_parser; build_parser().format_help();"
        "heavy = {'numpy', 'numba', 'scipy', 'simpy', 'pandas', 'matplotlib', 'rich',"
        " 'threadpoolctl', 'torch', 'cupy', 'importlib.metadata', 'tempfile'};"
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_layers_of_the_same_name_keep_their_own(
    capsys: pytest.CaptureFixture[str], in_folder: Path
) -> None:
    for folder, value in (("a", 1.0), ("b", 2.0)):
        Path(folder).mkdir()
        arrays = {"codes": u8([[1]]), "codebook": f32([0, value]), "act": f32([1])}
        np.savez(in_folder / folder / "x#2.npz", **arrays)  # type: ignore[arg-type]
    files = ["a/x#2.npz", "b/x#2.npz", "a/x#2.npz"]
    assert run(capsys, "run", *files, "--out", "results")[0] == 0
    with Path("results/outputs.csv").open() as stream:
        outputs = {row["layer"]: float(row["output"]) for row in csv.DictReader(stream)}
    assert outputs == {"x#2": 1, "x#2#2": 2, "x#2#3": 1}
    with Path("results/layers.csv").open() as stream:
        assert [row["source"] for row in csv.DictReader(stream)] == files


def test_overflow_is_said(capsys: pytest.CaptureFixture[str], in_folder: Path) -> None:
    arrays = {"codes": u8([[1]]), "codebook": f32([0, 3e38]), "act": f32([3e38])}
    np.savez(in_folder / "big.npz", **arrays)  # type: ignore[arg-type]
    code, out, _ = run(capsys, "run", "big.npz")
    assert code == 0
    assert "overflow: big: 1 outputs are beyond float32's range" in out


@pytest.mark.parametrize("columns", [200, 80, 20])
def test_terminals_never_cut_a_number(columns: int, layer_file: Path) -> None:
    """On a pseudo-terminal: a table where there is room, else parts of it; markup is text."""
    name = layer_file.with_name("[red]x[bold].npz")
    layer_file.rename(name)
    leader, follower = os.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm"}
    command = [sys.executable, "-m", "eiesim", "run", str(name), "--all"]
    done = subprocess.run(
        command, stdout=follower, stderr=subprocess.DEVNULL, env=environment, check=True
    )
    os.close(follower)
    shown = b""
    with suppress(OSError):  # the other end is closed
        while chunk := os.read(leader, 100_000):
            shown += chunk
    os.close(leader)
    assert done.returncode == 0
    words = set(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", " ", shown.decode()).split())
    plain = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "[red]x[bold]" in plain
    assert set(plain.split()) <= words


@pytest.mark.parametrize("target", ["/dev/full", None])
def test_output_that_cannot_be_written(target: str | None, layer_file: Path) -> None:
    if target is not None and not Path(target).exists():
        pytest.skip(f"there is no {target} on this system")
    command = [sys.executable, "-m", "eiesim", "run", str(layer_file)]
    close = "exec >&-" if target is None else f"exec >{target}"
    shell = ["sh", "-c", f'{close}; exec "$@"', "sh", *command]
    done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, check=False)
    expected = "eiesim: error: cannot write the output: No space left on device\n"
    assert (done.returncode, done.stderr) == ((2, expected) if target else (0, ""))


def test_names_the_terminal_cannot_show(layer_file: Path) -> None:
    name = layer_file.with_name("\u00fc\u4e2d.npz")
    layer_file.rename(name)
    command = [sys.executable, "-m", "eiesim", "run", str(name)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "\\xfc\\u4e2d" in done.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("layer_file")
@pytest.mark.parametrize("page", ["README.md", "docs/howto/commands.md"])
def test_the_commands_of_the_readme(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each `$ eiesim ...` line of a page, with a layer.npz and a weights.npz in the folder."""
    Path("mine.npz").rename("layer.npz")
    np.savez("weights.npz", fc=np.ones((3, 4), np.float32))
    text = (ROOT / page).read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("$ eiesim ")]
    assert len(lines) >= 5
    for line in lines:
        code, _, err = run(capsys, *line.partition("#")[0].split()[2:])
        assert code == 0, (line, err)
