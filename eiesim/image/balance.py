"""An order of a layer's rows that gives all PEs equal work."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eiesim.base.arrays import take_array
from eiesim.image.arrays import deal
from eiesim.layer.weights import CompressedLayer

WINDOWS = 64
"""Parts of the inputs within which work is balanced; activation queues do the rest."""
SWAPS_PER_ROW = 100
"""Pairs of rows that are tried, over the number of rows."""


def balance_rows(
    layer: CompressedLayer,
    n_pes: int,
    inputs: npt.NDArray[np.float32] | None = None,
    seed: int = 0,
) -> npt.NDArray[np.int64]:
    """Find an order of a layer's rows in which the PEs have equal work.

    The inputs are cut into windows, so that work is even all the time and not only in the end. Rows
    are dealt by falling number of weights, each to the PE with room whose loads in the row's
    windows are least. Then pairs of rows are swapped if that lessens the sum of the squares of all
    loads. Row r is in PE r mod N (EIE, section III-C), but any output can be row r.

    Parameters
    ----------
    inputs : float32 [n, cols]
        Typical inputs: a weight then counts as often as its activation is not zero in them. By
        default every weight counts once. WorkloadError if they are of another form.

    Returns
    -------
    int64 [rows]
        The row that comes first, second and so on: ``layer.take(order)`` is the layer to encode,
        and its outputs are those of the layer in this order; `restore_rows` undoes it.

    Examples
    --------
    >>> import numpy as np
    >>> from eiesim import CompressedLayer
    >>> codes = np.uint8([[1, 1, 1, 1], [0, 0, 1, 0], [1, 1, 0, 1], [0, 1, 0, 0]])
    >>> layer = CompressedLayer(codes, np.float32([0, 1]))
    >>> balance_rows(layer, n_pes=2)
    array([0, 1, 3, 2])
    """
    from eiesim.image._kernels import deal_rows, swap_rows  # noqa: PLC0415 - compiled code

    activity = np.ones(layer.cols)
    if inputs is not None:
        samples = take_array(inputs, f"{layer.name}: inputs", np.float32, ("n", layer.cols))
        activity = np.count_nonzero(samples, axis=0).astype(np.float64)
    counts = _count_weights(layer, activity, 1.0 if inputs is None else float(len(inputs)))
    room = deal(layer.rows, n_pes)
    loads = np.zeros((n_pes, counts.shape[1]))
    pes = np.empty(layer.rows, np.int64)
    heaviest_first = np.argsort(-counts.sum(1), kind="stable")
    deal_rows(counts, heaviest_first, room, loads, pes)
    pairs = np.random.default_rng(seed).integers(0, layer.rows, (SWAPS_PER_ROW * layer.rows, 2))
    swap_rows(counts, pairs, loads, pes)
    order = np.empty(layer.rows, np.int64)
    for pe in range(min(n_pes, layer.rows)):
        order[pe::n_pes] = np.flatnonzero(pes == pe)
    return order


def restore_rows(
    output: npt.NDArray[np.float32], order: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Undo the order of `balance_rows` in outputs [rows] or [inputs, rows]."""
    restored = np.empty_like(output)
    restored[..., order] = output
    return restored


def _count_weights(
    layer: CompressedLayer, activity: npt.NDArray[np.float64], bias_activity: float
) -> npt.NDArray[np.float64]:
    """Return the work of each row in each window [rows, windows]; biases are in the last."""
    codes = layer.codes
    windows = min(WINDOWS, layer.cols)
    before = np.cumsum(activity) - activity
    window = np.minimum(before * windows // max(activity.sum(), 1), windows - 1).astype(np.int64)
    column = np.repeat(np.arange(layer.cols), np.diff(codes.indptr))
    place = codes.indices.astype(np.int64) * windows + window[column]
    counts = np.bincount(place, activity[column], layer.rows * windows).astype(np.float64)
    counts = counts.reshape(layer.rows, windows)
    if layer.bias_codes is not None:
        counts[:, -1] += bias_activity * (layer.bias_codes != 0)
    return counts
