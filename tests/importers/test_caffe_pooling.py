"""Caffe's rounding of pooled sizes, and names that are empty."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from eiesim import Hardware, run_model
from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import Model, import_model
from eiesim.importers.caffe_graph import read_caffe_graph
from eiesim.importers.prototxt import read_prototxt

NET = """input: "data" input_dim: 1 input_dim: 1 input_dim: 9 input_dim: 9
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 2 kernel_size: 1 bias_term: false } }
layer { name: "p" type: "Pooling" bottom: "BOTTOM" top: "p"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 WORD } }
layer { name: "f" type: "InnerProduct" bottom: "p" top: "f"
  inner_product_param { num_output: 3 bias_term: false } }
"""


def read(folder: Path, word: str, side: int, bottom: str = "c") -> tuple[int, ...]:
    steps = folder / "n.prototxt"
    steps.write_text(NET.replace("WORD", word).replace("BOTTOM", bottom))
    weights = {"c": np.ones((2, 1, 1, 1), "f4"), "f": np.ones((3, 2 * side * side), "f4")}
    np.savez(folder / "w.npz", **weights)  # type: ignore[arg-type]
    return import_model(folder / "w.npz", steps).model.shapes["p"]


@pytest.mark.parametrize(
    ("word", "side"),
    [("", 5), ("round_mode: CEIL", 5), ("round_mode: FLOOR", 4), ("round_mode: 1", 4),
     ("ceil_mode: true", 5), ("ceil_mode: false", 4)],
)  # fmt: skip
def test_pooling_rounds_as_it_says(tmp_path: Path, word: str, side: int) -> None:
    assert read(tmp_path, word, side) == (2, side, side)


@pytest.mark.parametrize(
    ("word", "bottom", "reason"),
    [("round_mode: UP", "c", "line 5: expected round_mode of CEIL or FLOOR, found UP"),
     ("", "", "line 4: expected a name as bottom")],
)  # fmt: skip
def test_what_pooling_cannot_mean_is_refused(
    tmp_path: Path, word: str, bottom: str, reason: str
) -> None:
    with pytest.raises(WorkloadError, match=reason):
        read(tmp_path, word, 5, bottom)


Sides = tuple[int, int]
POOLING = """input: "x" input_dim: 1 input_dim: 1 input_dim: {0[0]} input_dim: {0[1]}
layer {{ name: "p" type: "Pooling" bottom: "x" top: "p" pooling_param {{ pool: {4}
  kernel_h: {1[0]} kernel_w: {1[1]} stride_h: {2[0]} stride_w: {2[1]}
  pad_h: {3[0]} pad_w: {3[1]} }} }}
"""
PRODUCT = """layer { name: "f" type: "InnerProduct" bottom: "p" top: "f"
  inner_product_param { num_output: 3 } }
"""


def pool_as_caffe(
    image: npt.NDArray[np.float32], kernel: Sides, stride: Sides, pad: Sides, method: str
) -> npt.NDArray[np.float64]:
    """Pool place by place as src/caffe/layers/pooling_layer.cpp does; no number for no mean."""
    spans = [image.shape[axis] + 2 * pad[axis] - kernel[axis] for axis in (0, 1)]
    sides = [-(-spans[axis] // stride[axis]) + 1 for axis in (0, 1)]
    if any(pad):
        for axis in (0, 1):
            if (sides[axis] - 1) * stride[axis] >= image.shape[axis] + pad[axis]:
                sides[axis] -= 1
    pooled = np.full(sides, -np.finfo(np.float32).max if method == "MAX" else np.nan, np.float64)
    for place in np.ndindex(*sides):
        starts = [place[axis] * stride[axis] - pad[axis] for axis in (0, 1)]
        ends = [min(starts[axis] + kernel[axis], image.shape[axis] + pad[axis]) for axis in (0, 1)]
        inside = image[max(starts[0], 0) : ends[0], max(starts[1], 0) : ends[1]]
        if inside.size:
            area = (ends[0] - starts[0]) * (ends[1] - starts[1])
            pooled[place] = inside.max() if method == "MAX" else inside.sum(dtype=float) / area
    return pooled


@pytest.mark.parametrize("method", ["MAX", "AVE"])
def test_pooling_is_caffe_s(tmp_path: Path, method: str) -> None:
    """Also where the stride is longer than the window, and without padding one lies outside."""
    steps = tmp_path / "n.prototxt"
    rng = np.random.default_rng(0)
    sizes, windows = ((5, 6), (6, 3), (8, 8)), ((1, 1), (1, 2), (2, 3))
    outside = 0
    for sides, kernel, stride, pad in itertools.product(
        sizes, windows, ((1, 2), (2, 2), (3, 2), (4, 3)), ((0, 0), (0, 1), (1, 1))
    ):
        if any(pad[axis] >= kernel[axis] for axis in (0, 1)):
            continue
        image = rng.normal(size=sides).astype(np.float32) + 2
        pooled = pool_as_caffe(image, kernel, stride, pad, method)
        text = POOLING.format(sides, kernel, stride, pad, method)
        steps.write_text(text + PRODUCT)
        assert read_prototxt(steps).layers[-1].weight_shape == (3, pooled.size)
        steps.write_text(text)
        graph = read_caffe_graph(steps).graph
        if np.isnan(pooled).any():
            outside += 1
            with pytest.raises(WorkloadError, match="windows that begin inside the image"):
                Model("net", graph, {})
            continue
        outside += int(pooled.min() < -1e38)
        (run,) = run_model(Model("net", graph, {}), [{"x": image[np.newaxis]}], Hardware())
        assert run.values["p"][0] == pytest.approx(pooled, rel=1e-6)
    assert outside
