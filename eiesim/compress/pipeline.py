"""From weights to compressed layers: prune, share, number."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.base.arrays import take_array
from eiesim.compress.codebook import Initialisation, assign_codes, build_codebook, find_codebook
from eiesim.compress.plan import LayerPlan, Plan
from eiesim.compress.prune import count_kept_weights, prune, sum_squares
from eiesim.compress.stages import Stage, Stages
from eiesim.layer.weights import CompressedLayer, DenseLayer, StoredLayer, take_csc

Run = Callable[[str, Mapping[str, Any], Callable[[], Stage]], Stage]


class Change(NamedTuple):
    """What pruning and sharing did to a layer's weights.

    Attributes
    ----------
    pruned_error, shared_error
        Root of the squared change of the weights over their squares, after pruning and after both;
        0 where all weights are 0.
    largest_error
        Largest change of a kept weight by sharing.
    sign_changes
        Kept weights whose sign sharing changed; 0.0 counts as a third sign.
    entries_used
        Codebook entries that kept weights use, of 2**bits - 1.
    entries_moved
        How often an entry that k-means left empty was moved to where the error was largest.
    """

    pruned_error: float
    shared_error: float
    largest_error: float
    sign_changes: int
    entries_used: int
    entries_moved: int


class CompressedStep(NamedTuple):
    """A layer after all stages, and what they did to its weights."""

    stored: StoredLayer
    change: Change


def describe_moves(changes: Mapping[str, Change]) -> tuple[str, ...]:
    """Return one line for each layer whose codebook has moved entries."""
    return tuple(
        f"{name}: k-means left entries of the codebook empty; they were moved to where the error "
        f"was largest, {change.entries_moved} times"
        for name, change in changes.items()
        if change.entries_moved
    )


def compress_network(
    layers: Mapping[str, DenseLayer], plan: Plan, folder: Path | None = None
) -> Iterator[CompressedStep]:
    """Yield a network's layers pruned and with shared weights, without retraining.

    The layers come by name, in the network's order; biases are not shared. A folder keeps each
    layer's stages, which are taken from there while nothing that they depend on changes. Raises
    WorkloadError if weights or a bias are not as in `DenseLayer`; ConfigError if the plan names a
    layer that is missing.
    """
    plan.require_layers(layers)
    for number, (name, dense) in enumerate(layers.items(), start=1):
        layer_folder = None if folder is None else folder / f"layer-{number:03d}"
        yield _compress_layer(name, dense, plan.find(name), layer_folder)


def _compress_layer(
    name: str, dense: DenseLayer, plan: LayerPlan, folder: Path | None
) -> CompressedStep:
    matrix = dense.weights.reshape(len(dense.weights), -1)
    run: Run = _run_directly
    if folder is not None:
        digest = hashlib.sha256(np.ascontiguousarray(matrix).view(np.uint8).data).hexdigest()
        run = Stages(folder, {"layer": name, "sha256": digest}).run
    pruned = run("1-prune", plan.pruning, lambda: _prune_stage(matrix, plan))
    weights = sparse.csc_array(
        (pruned.arrays["data"], pruned.arrays["indices"], pruned.arrays["indptr"]), matrix.shape
    )
    sharing = {key: getattr(plan, key) for key in ("codebook_bits", "initialisation", "seed")}
    shared = run("2-share", sharing, lambda: _share_stage(weights, plan))
    codes = sparse.csc_array(
        (shared.arrays["codes"], weights.indices, weights.indptr), matrix.shape
    )
    layer = CompressedLayer(codes, shared.arrays["codebook"], None, name)
    stored = StoredLayer(layer, dense.weights.shape, dense.bias, plan.index_bits)
    total, lost = pruned.facts["squares"], pruned.facts["lost_squares"]
    errors = _root(lost, total), _root(lost + shared.facts["moved_squares"], total)
    return CompressedStep(
        stored, Change(*errors, *(shared.facts[key] for key in Change._fields[2:]))
    )


def _run_directly(_name: str, _settings: Mapping[str, Any], compute: Callable[[], Stage]) -> Stage:
    """Compute a stage without a folder to keep it."""
    return compute()


def _prune_stage(matrix: npt.NDArray[np.float32], plan: LayerPlan) -> Stage:
    pruned = prune(matrix, **plan.pruning)
    squares, kept_squares = sum_squares(matrix.reshape(-1)), sum_squares(pruned.data)
    return Stage(
        {"data": pruned.data, "indices": pruned.indices, "indptr": pruned.indptr},
        {"kept": pruned.nnz, "squares": squares, "lost_squares": max(squares - kept_squares, 0.0)},
    )


def _share_stage(pruned: sparse.csc_array[np.float32], plan: LayerPlan) -> Stage:
    codebook, moved = find_codebook(pruned.data, plan.codebook_bits, plan.start, plan.seed)
    codes = assign_codes(pruned.data, codebook)
    shared = codebook[codes]
    change = pruned.data - shared
    facts = {
        "moved_squares": sum_squares(change),
        "largest_error": float(np.abs(change).max(initial=0.0)),
        "sign_changes": int(np.count_nonzero(np.sign(pruned.data) != np.sign(shared))),
        "entries_used": int(np.unique(codes).size),
        "entries_moved": moved,
    }
    return Stage({"codes": codes, "codebook": codebook}, facts)


def _root(part: float, total: float) -> float:
    return math.sqrt(part / total) if total else 0.0


def share_bias(stored: StoredLayer) -> CompressedLayer:
    """Return a layer as EIE runs it: each bias takes the nearest entry of the codebook."""
    layer = stored.layer
    if stored.bias is None:
        return layer
    distance = np.abs(stored.bias[:, np.newaxis] - layer.codebook[np.newaxis, :])
    codes = distance.argmin(axis=1).astype(np.uint8)
    return CompressedLayer(layer.codes, layer.codebook, codes, layer.name)


def compress(
    weights: npt.NDArray[np.float32] | sparse.csc_array[np.float32] | sparse.csr_array[np.float32],
    density: float | None = None,
    codebook_bits: int = 4,
    bias: npt.NDArray[np.float32] | None = None,
    seed: int = 0,
    initialisation: Initialisation = "linear",
) -> CompressedLayer:
    """Prune a layer's weights and let the others share the entries of a codebook.

    Raises WorkloadError if shape, dtype or values are not as below. Source: Han, Mao, Dally, Deep
    Compression, ICLR 2016, sections 2 and 3.

    Parameters
    ----------
    weights : float32 [rows, cols]
        Row = output, column = input; dense, or scipy CSC or CSR of weights pruned already.
    density
        Share of weights to keep. None keeps all that are not zero; for a threshold, give
        ``prune(weights, threshold=...)`` as the weights.
    codebook_bits
        Bits of a code, 1 to 8; entry 0 of the codebook is reserved for 0.0.
    bias : float32 [rows], optional
        It takes part in the codebook and is not pruned.
    seed, initialisation
        Of the codebook, as in `eiesim.compress.codebook.cluster`.

    Examples
    --------
    >>> import numpy as np
    >>> from eiesim import compress
    >>> weights = np.float32([[0.9, 0.1, -0.5], [0.3, -0.4, 1.1]])
    >>> layer = compress(weights, density=5 / 6, codebook_bits=2)
    >>> layer.codebook
    array([ 0.  , -0.45,  0.3 ,  1.  ], dtype=float32)
    >>> layer.codes.toarray()
    array([[3, 0, 1],
           [2, 1, 3]], dtype=uint8)
    """
    pruned = _prune_or_take(weights, density)
    offset = np.zeros(0, dtype=np.float32)
    if bias is not None:
        offset = take_array(bias, "bias", np.float32, (pruned.shape[0],))
    values = np.concatenate((pruned.data, offset[offset != 0]))
    codebook = build_codebook(values, codebook_bits, initialisation, seed)
    codes = sparse.csc_array(
        (assign_codes(pruned.data, codebook), pruned.indices, pruned.indptr), shape=pruned.shape
    )
    if bias is None:
        return CompressedLayer(codes, codebook)
    bias_codes = np.where(offset != 0, assign_codes(offset, codebook), 0).astype(np.uint8)
    return CompressedLayer(codes, codebook, bias_codes)


def _prune_or_take(weights: Any, density: float | None) -> sparse.csc_array[np.float32]:
    if not sparse.issparse(weights):
        return prune(weights, threshold=0.0) if density is None else prune(weights, density)
    matrix = take_csc(weights, "weights", np.float32)
    if density is not None:
        keep = count_kept_weights(density, matrix.shape[0] * matrix.shape[1])
        columns = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
        # by magnitude; among equal ones the first row by row, as in `prune`
        order = np.lexsort((columns, matrix.indices, -np.abs(matrix.data)))
        matrix.data[order[keep:]] = 0
        matrix.eliminate_zeros()
    return matrix
