"""The trained networks that are shipped, and the stages that they came through."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eiesim import load_benchmark
from eiesim.base.errors import WorkloadError
from eiesim.base.resources import models_path, traces_path
from eiesim.catalog import trained
from eiesim.catalog.trained import decode, load_trained, trained_names
from eiesim.training.digits import load_digits
from eiesim.training.recipes import LENET_5, LENET_300_100, TRAINED, Round, Training
from eiesim.training.tasks import DigitTask, find_task

# Deep Compression, Table 1: rate, error of the dense network and of the compressed one in percent
LENETS = {"lenet-300-100": (266_610, 40, 1.64, 1.58), "lenet-5": (431_080, 39, 0.80, 0.74)}
SHIPPED = [name for name in LENETS if name in trained_names()]
SEEDS = (0, 1, 2)


def find_account(name: str, seed: int) -> dict[str, Any]:
    account = load_trained(name, seed).account
    return next(entry for entry in account["seeds"] if entry["seed"] == seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SHIPPED)
def test_lenets_are_as_small_as_the_paper_says(name: str, seed: int) -> None:
    parameters, rate, *_ = LENETS[name]
    layers = load_trained(name, seed).container.layers
    assert sum(np.prod(stored.shape) + stored.shape[0] for stored in layers) == parameters
    size = (models_path() / "trained" / f"{name}-seed{seed}.dcz").stat().st_size
    assert 4 * parameters / size >= rate
    assert find_account(name, seed)["stages"]["encoded"]["bytes"] == size


@pytest.mark.data
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SEEDS[1:])]
)
@pytest.mark.parametrize("name", SHIPPED)
def test_lenets_are_as_good_as_the_papers(shared_data: Path, name: str, seed: int) -> None:
    stages = find_account(name, seed)["stages"]
    dense = stages["dense"]["after"]["test_error_percent"]
    layers = {stored.name: decode(stored) for stored in load_trained(name, seed).container.layers}
    recipe = LENET_5 if name == "lenet-5" else LENET_300_100
    found = DigitTask(recipe, load_digits(shared_data / "mnist")).measure(layers)
    # BLAS libraries round differently: one image in 10,000 may fall on the other side
    told = stages["encoded"]["after"]["test_error_percent"]
    assert found["test_error_percent"] == pytest.approx(told, abs=0.011)
    *_, most_dense, most_compressed = LENETS[name]
    assert dense <= most_dense
    assert told <= min(dense, most_compressed)


@pytest.mark.parametrize("name", TRAINED)
def test_what_is_shipped_was_made_by_the_recipe_that_is_told(name: str) -> None:
    recipe = json.loads(json.dumps(asdict(TRAINED[name])))
    told = {"network": recipe.pop("network"), "title": recipe.pop("title"), "recipe": recipe}
    account = load_trained(name).account
    assert {key: account[key] for key in told} == told


def test_all_that_is_shipped_can_be_read() -> None:
    assert set(trained_names()) == set(TRAINED)
    for name in trained_names():
        for entry in load_trained(name).account["seeds"]:
            network = load_trained(name, entry["seed"])
            shapes = {stored.name: stored for stored in network.container.layers}
            for layer, inputs in network.inputs.items():
                assert inputs.shape == (10, shapes[layer].layer.cols)
                assert inputs.dtype == np.float32
                assert np.isfinite(inputs).all()
            assert network.container.metadata["network"] == name
    folders = (models_path() / "trained", traces_path())
    assert sum(file.stat().st_size for f in folders for file in f.rglob("*")) < 1.5e6


def test_lstm_layers_are_of_the_shape_that_the_papers_run() -> None:
    stored = {layer.name: layer for layer in load_trained("topics-lstm").container.layers}
    lstm = stored["lstm1"]
    assert (lstm.shape, lstm.bias, lstm.layer.codebook_bits) == ((2400, 1201), None, 4)
    assert lstm.layer.density == pytest.approx(0.1, abs=1e-6)
    # the column of the bias is seen as 1
    assert set(load_trained("topics-lstm").inputs["lstm1"][:, -1]) == {1.0}


@pytest.mark.parametrize("name", trained.list_layers())
def test_trained_layers_are_benchmarks(name: str) -> None:
    benchmark = load_benchmark(name)
    network, _, layer = name.partition("/")
    found = load_trained(network)
    stored = next(stored for stored in found.container.layers if stored.name == layer)
    assert np.array_equal(benchmark.layer.codes.toarray(), stored.layer.codes.toarray())
    assert np.array_equal(benchmark.activations, found.inputs[layer][0])
    if stored.bias is not None:
        codes = benchmark.layer.bias_codes
        assert codes is not None
        distance = np.abs(stored.layer.codebook[codes] - stored.bias)
        assert (distance <= np.abs(stored.layer.codebook[:, None] - stored.bias).min(0)).all()
    assert benchmark.spec.name == name
    with pytest.raises(WorkloadError, match="did you mean"):
        load_benchmark(f"{name}x")


def test_relu_layers_see_no_negative_numbers() -> None:
    for name in SHIPPED:
        later = list(load_trained(name).inputs.items())[1:]
        assert later
        assert all((inputs >= 0).all() and (inputs == 0).any() for _, inputs in later)


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["bronte-lstm", pytest.param("bolano-lstm", marks=pytest.mark.slow)]
)
def test_the_character_models_need_the_bits_that_are_told(shared_data: Path, name: str) -> None:
    task = find_task(TRAINED[name], shared_data / "char_lstm")
    layers = {stored.name: decode(stored) for stored in load_trained(name).container.layers}
    told = find_account(name, 0)["stages"]["encoded"]["after"]["test_bits_per_character"]
    assert task.measure(layers)["test_bits_per_character"] == pytest.approx(told, rel=1e-4)


def test_a_network_that_is_unknown_is_told() -> None:
    with pytest.raises(WorkloadError, match="did you mean 'lenet-5'"):
        load_trained("lenet5")
    with pytest.raises(WorkloadError, match="cannot be read"):
        load_trained("lenet-5", seed=77)


def test_data_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkloadError, match="expected one of MNIST's four files"):
        find_task(LENET_5, tmp_path)
    with pytest.raises(WorkloadError, match="expected a folder"):
        find_task(TRAINED["bolano-lstm"], None)
    with pytest.raises(WorkloadError, match="leave out the data"):
        find_task(TRAINED["topics-lstm"], tmp_path)


TINY = replace(
    LENET_300_100,
    dense=Training(epochs=8, rate=2e-3),
    rounds=(
        Round(densities={"ip1": 0.2, "ip2": 0.3}, training=Training(epochs=2, rate=2e-3)),
        Round(densities={"ip1": 0.1, "ip2": 0.2}, training=Training(epochs=2, rate=2e-3)),
    ),
    tuning=Training(epochs=1, rate=2e-4),
)


class TestTraining:
    """With PyTorch and scikit-learn."""

    @pytest.fixture(autouse=True)
    def need_the_extra(self) -> None:
        for module in ("torch", "sklearn"):
            pytest.importorskip(module, reason=f"{module}: pip install 'eiesim[train]'")

    def test_stages_are_run_and_then_taken_again(self, tmp_path: Path) -> None:
        from eiesim.training.training import run_recipe, take_layers  # noqa: PLC0415

        task = find_task(TINY, None)
        runs, lines = [], []
        for _ in range(2):
            said: list[str] = []
            runs.append(run_recipe(TINY, task, 5, tmp_path, said.append))
            lines.append(said)
        names = ["dense", "pruned-1", "pruned-2", "shared", "encoded"]
        assert list(runs[0].stages) == names
        assert lines[1] == [f"{name}: taken from an earlier run" for name in names]
        first, second = (json.dumps(run.to_dict()) for run in runs)
        assert first == second
        stages = runs[0].stages
        errors = {
            name: stage.facts["after"]["test_error_percent"] for name, stage in stages.items()
        }
        assert errors["dense"] < 10
        assert errors["encoded"] < 15
        for name in names[1:-1]:
            assert set(stages[name].facts["before"]) == set(stages[name].facts["after"])
        assert stages["shared"].facts["densities"]["ip1"] == pytest.approx(0.1, abs=1e-3)
        truth = take_layers(stages["shared"].arrays)
        for stored in _read(runs[0].path):
            np.testing.assert_array_equal(decode(stored).weights, truth[stored.name].weights)
            np.testing.assert_array_equal(stored.bias, truth[stored.name].bias)
        assert stages["encoded"].facts["bytes"] == runs[0].path.stat().st_size

    @pytest.mark.slow
    def test_an_interruption_keeps_the_stages_that_are_done(self, tmp_path: Path) -> None:
        from eiesim.training.training import run_recipe  # noqa: PLC0415

        task = find_task(TINY, None)
        stopped: list[str] = []

        def stop_in_the_second_round(line: str) -> None:
            stopped.append(line)
            if stopped[-2:] == ["pruned-2: computing", line] and line.startswith("epoch"):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_recipe(TINY, task, 5, tmp_path / "a", stop_in_the_second_round)
        said: list[str] = []
        resumed = run_recipe(TINY, task, 5, tmp_path / "a", said.append)
        assert [line for line in said if ":" in line and not line.startswith("epoch")] == [
            "dense: taken from an earlier run",
            "pruned-1: taken from an earlier run",
            "pruned-2: computing",
            "shared: computing",
            "encoded: computing",
        ]
        whole = run_recipe(TINY, task, 5, tmp_path / "b", str)
        assert resumed.path.read_bytes() == whole.path.read_bytes()

    @pytest.mark.slow
    def test_a_changed_recipe_redoes_what_depends_on_it(self, tmp_path: Path) -> None:
        from eiesim.training.training import run_recipe  # noqa: PLC0415

        task = find_task(TINY, None)
        run_recipe(TINY, task, 5, tmp_path, str)
        said: list[str] = []
        run_recipe(replace(TINY, bits=dict.fromkeys(TINY.bits, 3)), task, 5, tmp_path, said.append)
        computed = [line.split(":")[0] for line in said if line.endswith("computing")]
        assert computed == ["shared", "encoded"]

    @pytest.mark.slow
    def test_what_is_published_can_be_loaded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from eiesim.training import publishing  # noqa: PLC0415

        monkeypatch.setattr("eiesim.training.recipes.TRAINED", {"lenet-300-100": TINY})
        publishing.publish("lenet-300-100", None, (3, 4), tmp_path / "w", tmp_path / "t")
        monkeypatch.setattr(trained, "models_path", lambda: tmp_path / "t" / "models")
        monkeypatch.setattr(trained, "traces_path", lambda: tmp_path / "t" / "traces")
        network = load_trained("lenet-300-100", seed=4)
        assert network.container.metadata["seed"] == "4"
        assert [entry["seed"] for entry in network.account["seeds"]] == [3, 4]
        assert {name: part.shape for name, part in network.inputs.items()} == {
            "ip1": (10, 784),
            "ip2": (10, 300),
            "ip3": (10, 100),
        }

    def test_an_unknown_network_is_told(self, tmp_path: Path) -> None:
        from eiesim.training.training import train_network  # noqa: PLC0415

        with pytest.raises(WorkloadError, match="did you mean 'lenet-5'"):
            train_network("lenet5", None, 0, tmp_path)
        with pytest.raises(WorkloadError, match="seed"):
            train_network("lenet-5", None, -1, tmp_path)


def test_without_pytorch_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys  # noqa: PLC0415

    from eiesim.training.training import train_network  # noqa: PLC0415

    monkeypatch.setattr("eiesim.training.training.find_task", lambda *_: None)
    for name in [name for name in sys.modules if name.startswith("eiesim.compress.retrain")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("eiesim.compress.retrain", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(WorkloadError, match="pip install 'eiesim"):
        train_network("lenet-5", None, 0, tmp_path)


def _read(path: Path) -> Any:
    from eiesim.compress.container import read_dcz  # noqa: PLC0415

    return read_dcz(path).layers
