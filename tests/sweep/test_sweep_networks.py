"""Sweeps of networks with data: errors, sizes and energies are those of the other commands."""

from __future__ import annotations

import csv
import json
import random
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import Hardware, price_machine
from eiesim.base.errors import ConfigError
from eiesim.catalog.model import Model, import_model
from eiesim.catalog.readers import read_network
from eiesim.catalog.trained import decode
from eiesim.cli.main import main
from eiesim.compress.plan import read_plan
from eiesim.importers.idx import read_idx
from eiesim.inference import Setup, run_model
from eiesim.layer.weights import DenseLayer
from eiesim.runs.network import run_examples
from eiesim.runs.network_rows import summarise
from eiesim.runs.text import measure_text
from eiesim.sweep import network, networks, sweep
from eiesim.sweep.answers import find_judged
from eiesim.sweep.journal import open_journal
from eiesim.sweep.networks import make_judging_machine
from eiesim.sweep.page import describe_accuracy
from eiesim.sweep.planning import plan_points
from eiesim.sweep.recipe import compare_recipe, describe_recipe
from eiesim.sweep.runner import How, run_sweep
from eiesim.sweep.sensitivity import find_accuracy_steps
from eiesim.sweep.spec import make_sweep
from tests.support import browser as look
from tests.support.machines import FIELDS, list_values

Row = dict[str, Any]
Floats = npt.NDArray[np.float32]
SPEC = """
objectives = ["error_rate", "energy_pj"]
[network]
file = "net.npz"
inputs = "inputs.npy"
labels = "labels.npy"
timed = 4
[compression]
density = [0.2, 0.5]
codebook_bits = [2, 4]
[compression.layers.b]
density = [0.5, 1.0]
[hardware]
n_pes = 4
[axes]
n_pes = [4, 8]
queue_depth = [4, 8]
[recipe]
density = 0.5
codebook_bits = 2
"""


def run_by_hand(weights: dict[str, Floats], inputs: Floats) -> Floats:
    """Return the scores of two layers with ReLU between them, by NumPy alone."""
    hidden = np.maximum(inputs @ weights["a.weight"].T + weights["a.bias"], 0)
    return np.asarray(hidden @ weights["b.weight"].T + weights["b.bias"], np.float32)


@pytest.fixture
def folder(in_folder: Path) -> Path:
    """A network of two layers, 300 inputs, and the classes that it gives with all its weights."""
    rng = np.random.default_rng(3)
    shapes = {"a.weight": (24, 30), "a.bias": (24,), "b.weight": (10, 24), "b.bias": (10,)}
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    inputs = np.maximum(rng.normal(size=(300, 30)), 0).astype(np.float32)
    np.savez("net.npz", **weights)  # type: ignore[arg-type]
    np.save("inputs.npy", inputs)
    np.save("labels.npy", run_by_hand(weights, inputs).argmax(1))
    (in_folder / "spec.toml").write_text(SPEC)
    return in_folder


def read_spec(**changes: Any) -> Row:
    return tomllib.loads(SPEC) | changes


def import_net(*settings: str) -> Model:
    return import_model("net.npz", plan=read_plan(None, settings)).model


@pytest.mark.usefixtures("folder")
def test_errors_and_sizes_are_those_of_the_weights_in_the_compressed_file() -> None:
    """A forward pass in NumPy of the weights that `eiesim compress` writes, and its file's size."""
    table = sweep(read_spec(), jobs=1)
    inputs, labels = np.load("inputs.npy"), np.load("labels.npy")
    assert len(table) == 2 * 2 * 2 * 4
    for number, row in enumerate(table.drop_duplicates("file_bytes").to_dict("records")):
        settings = [f"density={row['compression.density']}",
                    f"codebook_bits={row['compression.codebook_bits']}",
                    f"b.density={row['compression.b.density']}"]  # fmt: skip
        words = [word for text in settings for word in ("--set", text)]
        assert main(["compress", "net.npz", *words, "--out", f"out{number}"]) == 0
        file = Path(f"out{number}", "net.dcz")
        assert row["file_bytes"] == file.stat().st_size
        dense = {name: decode(stored) for name, stored in import_net(*settings).layers.items()}
        arrays = {
            f"{name}.{key}": np.asarray(array)
            for name, layer in dense.items()
            for key, array in zip(("weight", "bias"), layer, strict=True)
        }
        kept = np.count_nonzero(arrays["b.weight"]) / arrays["b.weight"].size
        assert kept == pytest.approx(row["compression.b.density"])
        wrong = run_by_hand(arrays, inputs).argmax(1) != labels
        assert row["error_rate"] == wrong.mean()
        assert row["error_rate_se"] == pytest.approx(
            (wrong.mean() * (1 - wrong.mean()) / len(wrong)) ** 0.5
        )
        assert row["judged_inputs"] == 300
    assert table["error_rate"].nunique() > 4


@pytest.mark.parametrize("datapath", ["float32", "fixed16"])
@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_points_are_what_eiesim_run_gives(datapath: str) -> None:
    axes = {"n_pes": [4, 8], "datapath": ["float32", "fixed16"], "act_fraction_bits": [0, 8],
            "balance": [False, True]}  # fmt: skip
    spec = read_spec(axes=axes, compression={"density": 0.5, "codebook_bits": 3, "index_bits": 5})
    del spec["recipe"]
    table = sweep(spec, jobs=1)
    model = import_net("density=0.5", "codebook_bits=3", "index_bits=5")
    inputs, labels = np.load("inputs.npy"), np.load("labels.npy")
    examples = [{next(iter(model.graph.inputs)): it} for it in inputs]
    for row in table[table["datapath"] == datapath].to_dict("records"):
        hw = Hardware(codebook_bits=3, index_bits=5, **{key: row[key] for key in axes if
                      key != "balance"})  # fmt: skip
        prices = price_machine(hw)
        runs = list(run_examples(model, examples, hw, prices, balance=row["balance"]))
        timed = summarise(model, runs[:4], prices)
        for name in ("cycles", "latency_us", "energy_pj", "power_mw", "area_mm2", "dram_bytes"):
            assert row[name] == pytest.approx(timed[name], rel=1e-12)
        whole = summarise(model, runs, prices, labels.tolist())
        assert row["error_rate"] == pytest.approx(1 - whole["accuracy"], abs=1e-12)
    # the datapath changes what is right, and the PEs and the order of rows do not
    by_view = table.groupby(["datapath", "act_fraction_bits"])["error_rate"].nunique()
    assert (by_view == 1).all()
    assert table["error_rate"].nunique() > 1


def import_lstm() -> tuple[Model, list[dict[str, Floats]]]:
    """Return an LSTM with a layer behind it, and a sequence whose numbers change little."""
    rng = np.random.default_rng(4)
    shapes = {"lstm.weight_ih_l0": (32, 6), "lstm.weight_hh_l0": (32, 8), "lstm.bias_ih_l0": (32,),
              "lstm.bias_hh_l0": (32,), "out.weight": (5, 8)}  # fmt: skip
    np.savez("lstm.npz", **{
        name: rng.normal(scale=0.5, size=shape).astype(np.float32)
        for name, shape in shapes.items()
    })  # type: ignore[arg-type]  # fmt: skip
    model = import_model("lstm.npz").model
    changes = rng.normal(scale=0.05, size=(9, 6)) * (rng.random((9, 6)) < 0.5)
    sequence = np.cumsum(changes, axis=0).astype(np.float32)
    return model, [{next(iter(model.graph.inputs)): sequence}]


@pytest.mark.parametrize("base", ["float32", "fixed16"])
@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.usefixtures("folder")
def test_answers_depend_on_nothing_but_the_view(base: str, name: str) -> None:
    """Bit for bit, whatever field of the machine differs: what is judged once serves them all."""
    net = import_net("density=0.5")
    inputs = [{next(iter(net.graph.inputs)): it} for it in np.load("inputs.npy")[:5]]
    for hw in list_values(Hardware(n_pes=4, datapath=base, act_fraction_bits=5), name):
        if hw.codebook_bits < 4:
            continue
        if hw.delta_threshold is None:  # a network without a recurrent step has no other
            compare_answers(net, inputs, hw)
        compare_answers(*import_lstm(), hw)


@pytest.mark.parametrize(
    "threshold", [{"act_threshold": 0.2}, {"act_threshold_quantile": 0.4}, {"delta_threshold": 0.1}]
)
@pytest.mark.parametrize("datapath", ["float32", "fixed16"])
@pytest.mark.usefixtures("folder")
def test_answers_with_a_threshold_depend_on_the_view(
    threshold: dict[str, Any], datapath: Any
) -> None:
    changes: list[dict[str, Any]] = [
        {"n_pes": 3},
        {"queue_depth": 2},
        {"index_bits": 2},
        {"registers_per_pe": 2},
    ]
    for change in changes:
        hw = Hardware(**({"n_pes": 4} | change), datapath=datapath, **threshold)
        compare_answers(*import_lstm(), hw)


def compare_answers(model: Model, examples: list[dict[str, Floats]], hw: Hardware) -> None:
    alone, judged = (
        [run.values[model.graph.outputs[0]] for run in run_model(model, examples, machine)]
        for machine in (hw, make_judging_machine(model, hw.outputs))
    )
    assert np.array_equal(alone, judged)


@pytest.mark.usefixtures("folder")
def test_a_compression_is_done_once_for_all_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def count(name: str) -> None:
        original = getattr(networks, name)

        def counted(*words: Any) -> Any:
            made.append(name)
            return original(*words)

        monkeypatch.setattr(networks, name, counted)

    count("compress_subject")
    count("judge")
    first = sweep(read_spec(), store="store.sqlite", jobs=1)
    assert (made.count("compress_subject"), made.count("judge")) == (8, 8)
    wider = read_spec(axes={"n_pes": [4, 8, 16], "queue_depth": [4, 8]}) | {"recipe": {}}
    second = sweep(wider, store="store.sqlite", jobs=1)
    assert (made.count("compress_subject"), made.count("judge")) == (8, 8)
    joined = second[second["n_pes"] < 16].drop(columns="number").reset_index(drop=True)
    assert joined.equals(first.drop(columns="number").reset_index(drop=True))
    # a damaged file is made again
    for file in Path("store.networks").iterdir():
        file.write_bytes(file.read_bytes()[:-7])
    Path("store.sqlite").unlink()
    assert sweep(wider, store="store.sqlite", jobs=1).equals(second)
    assert (made.count("compress_subject"), made.count("judge")) == (16, 16)
    # other data: judged again, and not compressed again
    np.save("labels.npy", np.roll(np.load("labels.npy"), 1))
    third = sweep(wider, store="store.sqlite", jobs=1)
    assert (made.count("compress_subject"), made.count("judge")) == (16, 24)
    assert (third["error_rate"] > 0.5).all()
    # other weights: everything again
    weights = dict(np.load("net.npz"))
    np.savez("net.npz", **weights | {"a.bias": weights["a.bias"] + 1})
    assert not sweep(wider, store="store.sqlite", jobs=1).equals(third)
    assert made.count("compress_subject") == 24


@pytest.mark.parametrize(
    ("text", "by", "told"),
    [
        ("layers.b]", "layers.bb]", "spec.toml:11: compression: layer 'bb': did you mean 'b'?"),
        ("density = [0.2", "densty = [0.2", "'densty': unknown, did you mean 'density'?"),
        ("density = [0.2, 0.5]", "density = [0.2, 1.5]",
         "axis compression.density: expected a number from 0 to 1, found 1.5"),
        ('file = "net.npz"', 'file = "nett.npz"', "network: nett.npz: expected a file"),
        ("timed = 4", "timd = 4", "network: timd: unknown key, did you mean 'timed'?"),
        ("timed = 4", "timed = 4\nlimit = 3", "timed: expected at most limit = 3, found 4"),
        ('labels = "labels.npy"', "", "expected inputs and labels, or text, found inputs"),
        ("[network]", "layers = ['alex-7']\n[network]", "layers: does not go with [network]"),
        ('"error_rate"', '"bits_per_character"', "a network has either error_rate, by labels"),
        ("codebook_bits = [2, 4]", "retrain = true", "retrain: true goes with a table"),
        ("[hardware]", "[retraining]\nepochs = 1\n[hardware]", "expected inputs and labels, or"),
        ("[recipe]", "[recipe]\nindex_bits = 7", "recipe: expected values that a point"),
        ("n_pes = [4, 8]", '"layer.seed" = [1, 2]', "axis layer.seed: does not go with [network]"),
        ("codebook_bits = [2, 4]", "seed = [1, 2]", "axis compression.seed: has no effect"),
        ("[compression.layers.b]", "[compression.layers.a]\ndensity = 0.3\n[compression.layers.b]",
         "axis compression.density: has no effect: every layer has its own"),
        ("density = [0.2, 0.5]", "density = [0.2, 0.5]\nthreshold = 0.1", ""),
    ],
)  # fmt: skip
def test_wrong_files_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, by: str, told: str
) -> None:
    assert text in SPEC
    changed = SPEC.replace(text, by, 1)
    (folder / "spec.toml").write_text(changed)
    code = main(["sweep", "spec.toml", "--dry-run"])
    found = capsys.readouterr()
    if told:
        assert code == 2, found.out
        assert told in found.err
    else:  # two ways to prune: points that cannot be, except where a layer has its own way
        assert code == 0 or "recipe" in found.err


@pytest.mark.usefixtures("folder")
def test_tables_without_a_network_and_metrics_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    for change, told in (
        ({"compression": {"density": 0.1}}, "compression: goes with a table [network]"),
        ({"objectives": ["error_rate"]}, "objective 'error_rate': goes with [network]"),
        ({"where": ["error_rate < 0.1"]}, "where 'error_rate < 0.1': goes with [network]"),
        ({"axes": {"compression.density": [0.1]}}, "goes with a table [network]"),
    ):
        with pytest.raises(ConfigError) as caught:
            make_sweep({"layers": ["nt-we"], **change})
        assert told in str(caught.value)
    import_net().save("net.eie")
    network = read_spec()["network"] | {"file": "net.eie"}
    with pytest.raises(ConfigError, match="is compressed already"):
        make_sweep(read_spec(network=network))
    # as it is, a network may be swept over machines, with what is right of it
    table = sweep({"network": network, "axes": {"datapath": ["float32", "fixed16"]}}, jobs=1)
    assert table["error"].isna().all()
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("folder")
def test_without_pytorch_there_is_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "find_spec", lambda _: None)
    data = {"inputs": "inputs.npy", "labels": "labels.npy"}
    spec = read_spec(compression={"density": 0.5, "retrain": [False, True]}, retraining=data)
    with pytest.raises(ConfigError, match=r"expected PyTorch, found none; pip install 'eiesim"):
        make_sweep(spec)


@pytest.mark.usefixtures("folder")
def test_machines_follow_the_compression_where_no_axis_says_otherwise() -> None:
    sweep_spec = make_sweep(read_spec())
    assert sweep_spec.follows == ("codebook_bits", "index_bits")
    widths = {
        (point.values["compression.codebook_bits"], hw.codebook_bits)
        for point, hw, *_ in plan_points(replace(sweep_spec, recipe={})).points
        if hw is not None
    }
    assert widths == {(2, 2), (4, 4)}
    fixed = make_sweep(read_spec(hardware={"n_pes": 4, "codebook_bits": 8}, recipe={}))
    assert {point.hw.codebook_bits for point in plan_points(fixed).points if point.hw} == {8}


def answer(spec: Row) -> tuple[Any, list[Row]]:
    with open_journal(":memory:") as journal:
        wanted, _, rows = run_sweep(make_sweep(spec), journal, How(1))
    return wanted, find_judged(wanted, rows)


@pytest.mark.usefixtures("folder")
def test_the_recipe_is_compared_with_all_points_one_by_one() -> None:
    wanted, judged = answer(read_spec())
    compared = compare_recipe(wanted, judged)
    assert compared is not None
    recipe = compared["recipe"]
    assert (recipe["compression.density"], recipe["compression.b.density"]) == (0.5, 0.5)
    assert (recipe["n_pes"], recipe["queue_depth"]) == (4, 8)
    wins = [
        row for row in judged
        if recipe["error_rate"] - row["error_rate"]
        > (recipe["error_rate_se"] ** 2 + row["error_rate_se"] ** 2) ** 0.5
        and row["energy_pj"] < recipe["energy_pj"]
    ]  # fmt: skip
    assert compared["better_in_both"] == len(wins)
    alike = ("n_pes", "queue_depth", "compression.codebook_bits")  # the machine's codebook follows
    same = [row for row in wins if all(row[axis] == recipe[axis] for axis in alike)]
    assert compared["better_in_both_on_its_machine"] == len(same)
    text = " ".join(describe_recipe(wanted, compared))
    assert (f"{len(wins)} of 32 points are better" in text) == bool(wins)


@pytest.mark.usefixtures("folder")
def test_a_difference_below_its_standard_error_is_no_win() -> None:
    """The sentence says what the numbers say, and the opposite for opposite numbers."""
    wanted, judged = answer(read_spec())
    number = compare_recipe(wanted, judged)["recipe"]["number"]  # type: ignore[index]

    def say(error: float, energy_pj: float) -> str:
        rows = [dict(row, error_rate=0.10, error_rate_se=0.003, energy_pj=100.0) for row in judged]
        other = next(row for row in rows if row["number"] != number)
        other |= {"error_rate": error, "error_rate_se": 0.004, "energy_pj": energy_pj}
        return " ".join(describe_recipe(wanted, compare_recipe(wanted, rows)))

    # the standard error of the difference is 0.005
    assert "1 of 32 points are better in both error and energy" in say(0.0949, 99.0)
    for error, energy_pj in ((0.0951, 99.0), (0.0949, 100.0), (0.2, 99.0)):
        assert "None of 32 points is better in both error and energy" in say(error, energy_pj)
    assert "1 are better in energy alone" in say(0.0951, 99.0)
    assert "the error of 1 of these differs" in say(0.0951, 99.0)
    assert "the error of 0 of these differs" in say(0.2, 99.0)
    assert "1 are better in error alone" in say(0.0949, 100.0)
    missing = compare_recipe(wanted, [row for row in judged if row["number"] != number][:1])
    assert describe_recipe(wanted, missing) == [
        "The recipe is none of the points that have run, or it has no energy."
    ]


@pytest.mark.usefixtures("folder")
def test_what_each_axis_does_to_the_answers() -> None:
    wanted, judged = answer(read_spec())
    steps = find_accuracy_steps(wanted, judged)
    assert [(row["axis"], row["pairs"]) for row in steps] == [
        ("compression.density", 4), ("compression.codebook_bits", 4), ("compression.b.density", 4),
    ]  # fmt: skip
    errors = {
        tuple(row[axis] for axis in wanted.axes if axis.startswith("comp")): row["error_rate"]
        for row in judged
    }
    assert len(errors) == 8
    changes = [
        100 * (errors[0.5, bits, of_b] - errors[0.2, bits, of_b])
        for bits in (2, 4) for of_b in (0.5, 1.0)
    ]  # fmt: skip
    assert steps[0]["change"] == pytest.approx(np.mean(changes))
    assert steps[0]["change_least"] == pytest.approx(min(changes))
    assert steps[0]["change_most"] == pytest.approx(max(changes))
    assert "judged on 300 inputs; time and energy are means of the first 4" in describe_accuracy(
        wanted, judged
    )


def run_command(out: str, store: str) -> dict[str, str]:
    """Run the sweep and return its files but for dates and sources of the run."""
    assert main(["sweep", "spec.toml", "--out", out, "--store", store, "--jobs", "2"]) == 0
    return {
        file.name: file.read_text()
        for file in Path(out).iterdir()
        if file.name not in ("manifest.json", "index.html")
    }


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_killed_and_resumed_it_is_the_same_to_the_byte() -> None:
    whole = run_command("whole", "undisturbed.sqlite")
    assert {"points.csv", "front.csv", "accuracy.csv", "summary.json"} <= whole.keys()
    moments = random.Random(2)
    command = [sys.executable, "-m", "eiesim", "sweep", "spec.toml", "--store", "killed.sqlite"]
    for _ in range(2):
        process = subprocess.Popen([*command, "--jobs", "2"], stdout=subprocess.DEVNULL)
        time.sleep(moments.uniform(1.0, 5.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert run_command("resumed", "killed.sqlite") == whole


@pytest.mark.parametrize("width", [1280, 360])
def test_page(folder: Path, width: int) -> None:
    assert main(["sweep", "spec.toml", "--out", "out", "--jobs", "1"]) == 0
    page_file = folder / "out" / "index.html"
    summary = json.loads((folder / "out" / "summary.json").read_text())
    with (
        look.open_browser() as browser,
        look.load_page(browser, page_file, width=width) as page,
    ):
        assert look.check_figures(page) == 1 + 4 + 1
        assert look.find_overflow_px(page) <= 0
        assert look.find_ids_given_twice(page) == []
        assert look.find_faint_text(page) == {}
        words = page.inner_text("main")
        # the error is the same on every machine: their map is of the next objective
        assert "energy (pJ) over n PEs and queue depth" in words
        assert "error rate over compression.density and compression.codebook (bits)" in words
        assert "a guess" in page.inner_text("body")  # the file has no steps
    assert any("a guess" in note for note in summary["notes"])
    for sentence in summary["recipe_text"].split("\n\n"):
        assert sentence in words
    assert "the recipe" in page_file.read_text()
    with (folder / "out" / "accuracy.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == 3


def lenet_spec(data: Path, **changes: Any) -> Row:
    mnist, lenet = data / "mnist", data / "lenet"
    network = {
        "file": str(lenet / "caffe_lenet300100_original.caffemodel"), "output": "ip3",
        "graph": str(lenet / "lenet300100.prototxt"), "scale": 1 / 256, "timed": 2, "limit": 2000,
        "inputs": str(mnist / "t10k-images-idx3-ubyte.gz"),
        "labels": str(mnist / "t10k-labels-idx1-ubyte.gz"),
    }  # fmt: skip
    return {"network": network, "objectives": ["error_rate", "energy_pj"], **changes}


@pytest.mark.data
def test_two_outputs_are_refused(shared_data: Path) -> None:
    spec = lenet_spec(shared_data, compression={"density": 0.1})
    del spec["network"]["output"]
    with pytest.raises(ConfigError, match=r"expected one output, .*found ip3, prob; name it by"):
        make_sweep(spec)


@pytest.mark.data
def test_the_lenet_of_caffe_on_mnist_by_numpy(shared_data: Path) -> None:
    """Pruned by hand, with all 8-bit codes: as near to the dense weights as shared ones come."""
    spec = lenet_spec(shared_data, compression={"density": [0.3, 1.0], "codebook_bits": 8})
    table = sweep(spec, jobs=1)
    labels = read_idx(Path(spec["network"]["labels"]))[:2000]
    pictures = read_idx(Path(spec["network"]["inputs"]))[:2000].reshape(2000, -1) / np.float32(256)
    files = spec["network"]["file"], spec["network"]["graph"]

    def find_error(layers: Mapping[str, DenseLayer]) -> float:
        values = pictures.astype(np.float32)
        for name in ("ip1", "ip2", "ip3"):
            weights, bias = layers[name]
            assert bias is not None
            values = np.maximum(values, 0) @ weights.T + bias
        return float((values.argmax(1) != labels).mean())

    for row in table.to_dict("records"):
        plan = read_plan(None, [f"density={row['compression.density']}", "codebook_bits=8"])
        stored = import_model(*files, plan).model.layers
        decoded = {name: decode(layer) for name, layer in stored.items()}
        assert row["error_rate"] == find_error(decoded)
    dense = find_error(read_network(*files).weights)
    assert table["error_rate"].iloc[1] == pytest.approx(dense, abs=0.002)


@pytest.mark.slow
@pytest.mark.data
def test_training_gives_back_what_pruning_took(shared_data: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    mnist = shared_data / "mnist"
    training = {
        "inputs": str(mnist / "train-images-idx3-ubyte.gz"), "epochs": 1, "tuning_epochs": 1,
        "labels": str(mnist / "train-labels-idx1-ubyte.gz"), "limit": 4000,
    }  # fmt: skip
    compression = {"density": 0.05, "layers": {"ip3": {"density": 0.3}}, "retrain": [False, True]}
    spec = lenet_spec(shared_data, compression=compression, retraining=training)
    table = sweep(spec, jobs=1)
    without, trained = table["error_rate"]
    assert without - trained > 0.05
    # the same weights are kept: pruned ones stay so
    assert table["macs"].iloc[0] == pytest.approx(table["macs"].iloc[1], rel=0.5)
    again = sweep(spec, jobs=1)
    assert again.equals(table)


STEPS = """
input: "data"  input_shape { dim: 1 dim: 30 }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a"
        inner_product_param { num_output: 24 } }
layer { name: "act" type: "PReLU" bottom: "a" top: "act" }
layer { name: "b" type: "InnerProduct" bottom: "act" top: "b"
        inner_product_param { num_output: 10 } }
"""


def test_a_part_of_a_network_is_not_taken_for_the_whole(folder: Path) -> None:
    (folder / "net.prototxt").write_text(STEPS)
    spec = read_spec()
    spec["network"] |= {"graph": "net.prototxt", "output": "b"}
    with pytest.raises(ConfigError, match=r"would be run as a part, without act: PReLU"):
        make_sweep(spec)
    (folder / "net.prototxt").write_text(STEPS.replace("PReLU", "ReLU"))
    assert make_sweep(spec).weighed.on_eie == ("a", "b")


@pytest.mark.data
def test_a_text_costs_what_eiesim_run_says(shared_data: Path) -> None:
    folder = shared_data / "char_lstm" / "charlotte_bronte"
    text = folder / "bronte_excerpt.txt"
    network = {"file": str(folder), "text": str(text), "timed": 40, "limit": 200}
    compression = {"density": [0.5, 1.0], "layers": {"embedding": {"codebook_bits": 8}}}
    table = sweep({"network": network, "compression": compression, "axes": {"n_pes": [16]}}, jobs=1)
    assert not {"error_rate", "error_rate_se"} & set(table.columns)
    for row in table.to_dict("records"):
        settings = [f"density={row['compression.density']}", "embedding.codebook_bits=8"]
        model = import_model(folder, plan=read_plan(None, settings)).model
        hw = Hardware(n_pes=16)  # the embedding's wide codes are the host's
        whole, timed = (
            measure_text(model, text.read_text()[:number], Setup(hw), price_machine(hw))
            for number in (200, 40)
        )
        assert row["bits_per_character"] == pytest.approx(whole.bits_per_character, rel=1e-12)
        assert row["cycles"] == pytest.approx(timed.cycles_per_character, rel=1e-12)
        assert row["energy_pj"] == pytest.approx(timed.energy_pj_per_character, rel=1e-12)
        assert row["judged_inputs"] == 199
    low, high = table["bits_per_character"][::-1]
    assert low < high
