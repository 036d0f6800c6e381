"""docs/winograd.md: what Winograd's filtering gains on dense and pruned convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import Hardware, Model, load_model, run_model
from eiesim.catalog.trained import decode
from eiesim.compress.pipeline import compress_network
from eiesim.compress.plan import LayerPlan, Plan
from eiesim.graph import Graph, Step
from eiesim.graph.winograd import transform_weights
from eiesim.inference import StepRun
from eiesim.layer.weights import DenseLayer
from tests.support.pages import read_table
from tests.support.photographs import EIGHT_BITS, read_photograph

Floats = npt.NDArray[np.float32]
MOVED = Hardware(codebook_bits=8, act_batches=True)


class Done(NamedTuple):
    """A convolution, done."""

    step: StepRun
    output: Floats
    density: float


def convolve(
    weights: Floats, image: Floats, pad: int, density: float = 1.0, hw: Hardware = EIGHT_BITS
) -> dict[bool, Done]:
    """Return a convolution of 3 x 3 by im2col and by Winograd, the weights pruned to a density."""
    found = {}
    for winograd in (False, True):
        dense = DenseLayer(transform_weights(weights) if winograd else weights)
        plan = Plan(LayerPlan(codebook_bits=8, density=density))
        (made,) = compress_network({"w": dense}, plan)
        step = Step("conv", "conv", ("x",), "w", {"pad": (pad,) * 4, "winograd": int(winograd)})
        model = Model("conv", Graph({"x": image.shape}, (step,), ("conv",)), {"w": made.stored})
        (run,) = run_model(model, [{"x": image}], hw)
        found[winograd] = Done(run.steps[0], run.values["conv"], made.stored.layer.density)
    return found


def draw_dense(
    shape: tuple[int, ...], image: tuple[int, ...], seed: int = 0
) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype(np.float32), rng.normal(size=image).astype(np.float32)


def count(done: Done) -> tuple[int, int]:
    return done.step.result.counters.macs, done.step.result.cycles


def test_dense_kernels_take_2_25_times_fewer_multiplications() -> None:
    """Outputs of even height and width, no border of zeros: 36 products of 4 outputs become 16."""
    done = convolve(*draw_dense((64, 16, 3, 3), (16, 10, 10)), pad=0)
    assert done[False].density == done[True].density == 1
    assert count(done[False])[0] == 2.25 * count(done[True])[0]
    # the same but for the codebooks, of the kernels here and of what they become there
    off = done[False].output - done[True].output
    assert np.linalg.norm(off) < 0.05 * np.linalg.norm(done[False].output)


def test_activations_are_loaded_2_25_times_less_often() -> None:
    image = (16, 10, 10)
    done = convolve(*draw_dense((64, 16, 3, 3), image), pad=0, hw=MOVED)
    loaded = {winograd: it.step.traffic.loaded for winograd, it in done.items()}
    assert loaded == {False: 8 * 8 * 9 * 16, True: 4 * 4 * 16 * 16}
    reads = {winograd: it.step.result.counters.act_sram_reads for winograd, it in done.items()}
    assert reads == loaded


def make_rows(data: Path) -> Iterator[list[str]]:
    """Return the rows of the page's table."""
    folder = data / "squeezenet"
    model = load_model(folder / "compressed_SqueezeNet.net", folder / "SqueezeNet_deploy.prototxt")
    (run,) = run_model(model, [{"data": read_photograph(data, "cat")}], EIGHT_BITS)
    for step in model.graph.steps:
        stored = model.layers.get(step.layer)
        if stored is None or stored.shape[2:] != (3, 3) or step.settings["stride"] != (1, 1):
            continue
        image, weights = run.values[step.inputs[0]], decode(stored).weights
        dense = convolve(*draw_dense(stored.shape, image.shape), pad=1)
        kept = convolve(weights, image, 1)
        again = convolve(weights, image, 1, stored.layer.density)
        off = kept[False].output - again[True].output
        error = float(np.linalg.norm(off) / np.linalg.norm(kept[False].output))
        pairs = [(count(it[False]), count(it[True])) for it in (dense, kept, again)]
        yield [
            step.name,
            f"{stored.shape[0]} x {stored.shape[1]}",
            f"{image.shape[1]} x {image.shape[2]}",
            f"{100 * stored.layer.density:.0f} %",
            *(f"{old[0] / new[0]:.2f}" for old, new in pairs),
            *(f"{old[1] / new[1]:.2f}" for old, new in pairs),
            f"{100 * error:.0f} %",
        ]


@pytest.mark.slow
@pytest.mark.data
def test_page(shared_data: Path) -> None:
    assert list(make_rows(shared_data)) == read_table("winograd.md", "| layer")
