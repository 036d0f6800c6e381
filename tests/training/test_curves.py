"""Curves of error against size: which points there are, and what each one's weights take."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from eiesim.layer.weights import DenseLayer
from eiesim.training import curves


def count(weights: npt.NDArray[np.float64], bits: int | None) -> int:
    layer = DenseLayer(weights.astype(np.float32), np.ones(len(weights), np.float32))
    return curves._count_layer(layer, bits)


def test_bits_of_a_layer() -> None:
    dense = np.ones((10, 64))
    assert count(dense, None) == 32 * 640 + 320  # an index for every weight would cost more
    assert count(dense, 4) == 4 * 640 + 32 * 16 + 320
    sparse = np.zeros((10, 64))
    sparse[:, 31] = 1  # gaps of 31 and of 63 = 32 + 31 zeros, which takes a padding zero
    assert count(sparse, None) == 37 * 19 + 320
    assert count(sparse, 4) == 9 * 19 + 32 * 16 + 320


@pytest.mark.parametrize("kinds", [(curves.FC,), (curves.CONV, curves.FC)])
def test_points_of_all_curves(kinds: tuple[str, ...]) -> None:
    points = list(curves.list_points(kinds))
    assert len({repr(point) for point in points}) == len(points)
    lines = {(point.figure, point.curve) for point in points}
    assert len([line for line in lines if line[0] == "dc_figure6"]) == 3
    assert len([line for line in lines if line[0] == "dc_figure7"]) == 2 * len(kinds)
    assert len([line for line in lines if line[0] == "dc_figure8"]) == 4
    assert len([line for line in lines if line[0] == "dc_table6"]) == 3 * (len(kinds) == 2)
    # what is pruned and shared comes after what it begins with
    pruned = [p.density for p in points if p.curve == "pruning"]
    both = [p.density for p in points if p.curve == "pruning and sharing"]
    assert pruned == both == list(curves.DENSITIES)
