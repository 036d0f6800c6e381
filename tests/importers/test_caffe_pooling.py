"""Caffe's rounding of pooled sizes, and names that are empty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eiesim.base.errors import WorkloadError
from eiesim.catalog.model import import_model

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
