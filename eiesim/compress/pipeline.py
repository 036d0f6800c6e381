"""From weights to a compressed layer: prune, share, number."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.arrays import take_array
from eiesim.compress.codebook import Initialisation, assign_codes, build_codebook
from eiesim.compress.prune import count_kept_weights, prune
from eiesim.layer import CompressedLayer, take_csc


def compress(
    weights: npt.NDArray[np.float32] | sparse.csc_array[np.float32] | sparse.csr_array[np.float32],
    density: float | None = None,
    codebook_bits: int = 4,
    bias: npt.NDArray[np.float32] | None = None,
    seed: int = 0,
    initialisation: Initialisation = "linear",
) -> CompressedLayer:
    """Prune a layer's weights and let the others share the entries of a codebook.

    Parameters
    ----------
    weights : float32 [rows, cols]
        Row = output, column = input; dense, or scipy CSC or CSR of weights pruned already.
    density : float, optional
        Share of weights to keep. None keeps all that are not zero; for a threshold, give
        ``prune(weights, threshold=...)`` as the weights.
    codebook_bits : int
        Bits of a code, 1 to 8; entry 0 of the codebook is reserved for 0.0.
    bias : float32 [rows], optional
        The bias takes part in the codebook; it is not pruned.
    seed : int
        Seed of the ``forgy`` initialisation.
    initialisation : {"linear", "density", "forgy", "optimal"}
        How the codebook is found, see `eiesim.compress.codebook.cluster`.

    Returns
    -------
    CompressedLayer
        Codes, codebook and codes of the bias.

    Raises
    ------
    WorkloadError
        Shape, dtype or values are not as above.

    References
    ----------
    Han, Mao, Dally, Deep Compression, ICLR 2016, sections 2 and 3.

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
    kept = _keep(weights, density)
    offset = np.zeros(0, dtype=np.float32)
    if bias is not None:
        offset = take_array(bias, "bias", np.float32, (kept.shape[0],))
    values = np.concatenate((kept.data, offset[offset != 0]))
    codebook = build_codebook(values, codebook_bits, initialisation, seed)
    codes = sparse.csc_array(
        (assign_codes(kept.data, codebook), kept.indices, kept.indptr), shape=kept.shape
    )
    if bias is None:
        return CompressedLayer(codes, codebook)
    bias_codes = np.where(offset != 0, assign_codes(offset, codebook), 0).astype(np.uint8)
    return CompressedLayer(codes, codebook, bias_codes)


def _keep(weights: Any, density: float | None) -> sparse.csc_array[np.float32]:
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
