"""Real networks, taken from their authors' files, through EIE."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import Hardware, compress, encode, load_model, run_model, simulate
from eiesim.base.files import read_arrays
from eiesim.catalog.model import Model, import_model
from eiesim.catalog.readers import read_weights_file
from eiesim.compress.plan import read_plan
from eiesim.energy.machine import price_machine
from eiesim.importers.described import Interface
from eiesim.importers.idx import read_idx
from eiesim.importers.raw import read_wavegru_layer
from eiesim.inference import InputRun
from eiesim.paper.parts.real_layers import WAVEGRU_INPUTS, WAVEGRU_LAYERS
from eiesim.runs.network import run_examples
from eiesim.runs.network_rows import summarise
from eiesim.sim.engines import Engine
from eiesim.training.lenet import IMAGES, LABELS, count_errors, run_lenet
from tests.support.paths import DOCS
from tests.support.photographs import EIGHT_BITS, Floats, read_photograph

pytestmark = pytest.mark.data

# the networks' files, and the right answers of 10,000 that their authors and ../shared/data tell
PAGE = DOCS / "real_networks.md"
LENETS = [
    ("caffe_lenet300100_original", "lenet300100", "ip3", 9772),
    ("caffe_lenet300100_sparse", "lenet300100", "ip3", 9801),
    ("caffe_lenet5_original", "lenet5", "ip2", 9909),
    ("caffe_lenet5_sparse", "lenet5", "ip2", 9909),
]


def read_mnist(data: Path, number: int) -> tuple[Floats, npt.NDArray[np.uint8]]:
    pixels = read_idx(data / IMAGES)[:number].astype(np.float32) / np.float32(256)
    return pixels, read_idx(data / LABELS)[:number]


@pytest.mark.parametrize(("file", "steps", "output", "right"), LENETS)
def test_lenets_are_as_good_as_their_authors_say(
    shared_data: Path, file: str, steps: str, output: str, right: int
) -> None:
    weights = read_weights_file(shared_data / "lenet" / f"{file}.caffemodel").layers
    layers = {name: layer for name, layer in weights.items() if name.startswith(("conv", "ip"))}
    assert 10_000 - count_errors(layers, *read_mnist(shared_data, 10_000)) == right
    # EIE's own products, of the same network in 8-bit codes, give the same answers but for a few
    folder = shared_data / "lenet"
    plan = read_plan(None, ["codebook_bits=8"])
    found = import_model(folder / f"{file}.caffemodel", folder / f"{steps}.prototxt", plan,
                         interface=Interface(outputs=(output,)))  # fmt: skip
    number = 200 if output == "ip3" else 20
    images, _ = read_mnist(shared_data, number)
    answers = [run.values[output].argmax() for run in run_all(found.model, images)]
    dense = run_lenet(layers, images)["scores"].argmax(1)
    assert np.mean([a != b for a, b in zip(answers, dense, strict=True)]) <= 0.02


def run_all(model: Model, images: Floats, engine: Engine = "fast") -> list[InputRun]:
    examples = [{"data": image[np.newaxis]} for image in images]
    return list(run_model(model, examples, EIGHT_BITS, engine))


@pytest.mark.slow
@pytest.mark.parametrize(("file", "steps", "output", "_right"), LENETS[1::2])
def test_engines_agree_on_lenets(
    shared_data: Path, file: str, steps: str, output: str, _right: int
) -> None:
    folder = shared_data / "lenet"
    model = load_model(folder / f"{file}.caffemodel", folder / f"{steps}.prototxt")
    images, _ = read_mnist(shared_data, 1)
    fast, slow = run_all(model, images)[0], run_all(model, images, "reference")[0]
    assert np.array_equal(fast.values[output], slow.values[output])
    for ours, theirs in zip(fast.steps, slow.steps, strict=True):
        assert ours.result.counters.totals() == theirs.result.counters.totals()


@pytest.mark.slow
@pytest.mark.parametrize(("file", "steps", "output", "_right"), LENETS)
def test_lenets_with_codes_of_4_bits_over_1000_images(
    shared_data: Path, file: str, steps: str, output: str, _right: int
) -> None:
    folder = shared_data / "lenet"
    plan = read_plan(None, ["codebook_bits=4"])
    found = import_model(folder / f"{file}.caffemodel", folder / f"{steps}.prototxt", plan,
                         interface=Interface(outputs=(output,)))  # fmt: skip
    images, labels = read_mnist(shared_data, 1000)
    examples = [{"data": image[np.newaxis]} for image in images]
    hw = Hardware()
    runs = list(run_examples(found.model, examples, hw, price_machine(hw)))
    summary = summarise(found.model, runs, price_machine(hw), labels.tolist())
    kind = "pruned" if "sparse" in file else "dense"
    told = f"{'LeNet-300-100' if output == 'ip3' else 'LeNet-5'}, {kind}"
    page = (PAGE.read_text("utf-8").split(f"| {told} |")[1]).splitlines()[0].replace(",", "")
    cells = [cell.strip() for cell in page.split("|")[:-1]]
    assert cells == [
        f"{100 * summary['accuracy']:.1f} %",
        *(f"{summary[key]:.0f}" for key in ("cycles", "cycles_p5", "cycles_p95", "cycles_worst")),
        f"{summary['frames_per_s']:.0f}",
        f"{summary['energy_pj'] / 1e3:.0f}",
    ]


@pytest.mark.parametrize("name", ["cat", pytest.param("fish-bike", marks=pytest.mark.slow)])
def test_squeezenet_sees_what_the_photograph_shows(shared_data: Path, name: str) -> None:
    folder = shared_data / "squeezenet"
    model = load_model(folder / "compressed_SqueezeNet.net", folder / "SqueezeNet_deploy.prototxt")
    assert len(model.graph.layers) == 26
    derived = read_arrays(folder / f"derived_conv1x1_inputs_{name}.npz")
    (run,) = run_model(model, [{"data": read_photograph(shared_data, name)}], EIGHT_BITS)
    inputs = {step.name: step.inputs[0] for step in model.graph.steps}
    for layer in ("fire7/conv1x1_1", "fire8/conv1x1_1", "fire9/conv1x1_1", "conv_final"):
        theirs = derived[layer.replace("/", "__")]
        ours = run.values[inputs[layer]]
        assert np.abs(ours - theirs).max() <= 1e-3 * np.abs(theirs).max(), layer
    # of the dense network in float32
    assert run.values["pool_final"].argmax() == derived["logits"].argmax()
    final = next(step for step in run.steps if step.name == "conv_final")
    assert final.product_cycles.size == 15 * 15
    assert final.traffic.distinct == 512 * 13 * 13
    # at the border of zeros that pads it, nothing but the scan takes time
    stored = model.layers["conv_final"]
    assert (final.nonzeros == 0).sum() >= 4 * 14
    assert final.result.counters.macs <= stored.layer.weights * 13 * 13


def test_wavegru_is_balanced_where_it_was_built_so(shared_data: Path) -> None:
    inputs = read_arrays(shared_data / WAVEGRU_INPUTS)
    hw = Hardware()
    spread = {}
    for name in WAVEGRU_LAYERS:
        weights, bias = read_wavegru_layer(shared_data / "wavegru", f"lyra_16khz_{name}")
        # pruned in blocks of 4 x 4: to 8 %, the recurrent layer to 64 of 1024 in every row
        density = 1 / 16 if name == "gru_layer" else 0.08
        assert (weights != 0).mean() == pytest.approx(density, abs=1e-4)
        image = encode(compress(weights, bias=bias), hw)
        work = image.counts.sum(axis=0, dtype=np.int64) - image.columns.padding.sum(axis=0)
        spread[name] = work.max() / work.mean()
        runs = [simulate(image, given, hw) for given in inputs[name][:4]]
        assert all(run.counters.macs <= work.sum() for run in runs)
    assert spread["gru_layer"] == 1
    assert spread["conv_to_gates"] > 1.5
