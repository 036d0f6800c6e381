"""Networks as PyTorch modules: they give what the steps give, whatever tool wrote the weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eiesim import Hardware
from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import Model, import_model
from eiesim.catalog.readers import read_network
from eiesim.catalog.trained import decode
from eiesim.graph import Graph, Step
from eiesim.inference import run_model
from eiesim.layer.weights import DenseLayer

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from eiesim.compress.retrain.network import StepsModule  # noqa: E402 - PyTorch may be missing


def make_module(model: Model) -> StepsModule:
    weights = {name: decode(stored) for name, stored in model.layers.items()}
    return StepsModule(model.graph, model.shapes, weights)


@pytest.mark.data
@pytest.mark.parametrize("network", ["lenet5", "lenet300100"])
def test_a_network_of_caffe_gives_the_scores_of_its_steps(shared_data: Path, network: str) -> None:
    lenet = shared_data / "lenet"
    graph = lenet / f"{network}.prototxt"
    file = lenet / f"caffe_{network}_original.caffemodel"
    last = "ip2" if network == "lenet5" else "ip3"
    read = read_network(file, graph)
    model = import_model(file, graph).model
    model = Model(model.name, model.graph.keep((last,)), model.layers)
    pictures = np.random.default_rng(0).random((4, 1, 28, 28), dtype=np.float32)
    hw = Hardware(codebook_bits=8)
    ours = [run.values[last] for run in run_model(model, [{"data": it} for it in pictures], hw)]
    theirs = make_module(model)(torch.from_numpy(pictures)).detach().numpy()
    np.testing.assert_allclose(np.stack(ours), theirs, rtol=1e-4, atol=1e-4)
    assert {name: layer.weights.shape for name, layer in read.weights.items()} == {
        name: layer.shape for name, layer in model.layers.items()
    }


@pytest.mark.data
def test_a_character_model_gives_the_scores_of_its_steps(shared_data: Path) -> None:
    model = import_model(shared_data / "char_lstm" / "charlotte_bronte").model
    numbers = np.random.default_rng(0).integers(0, len(model.characters), 12)
    hw = Hardware(codebook_bits=8)
    (run,) = run_model(model, [{next(iter(model.graph.inputs)): numbers.astype(np.float32)}], hw)
    scores = make_module(model)(torch.from_numpy(numbers[np.newaxis]))[0].T.detach().numpy()
    np.testing.assert_allclose(run.values[model.graph.outputs[0]], scores, rtol=1e-3, atol=1e-3)


def test_steps_that_are_not_trained_are_named() -> None:
    steps = (Step("a", "fc", ("x",), "a"), Step("norm", "lrn", ("a",)))
    weights = {"a": DenseLayer(np.ones((3, 4), np.float32))}
    shapes = {"x": (4,), "a": (3,), "norm": (3,)}
    with pytest.raises(WorkloadError, match=r"step 'norm': lrn, with its settings, is not trained"):
        StepsModule(Graph({"x": (4,)}, steps, ("norm",)), shapes, weights)
