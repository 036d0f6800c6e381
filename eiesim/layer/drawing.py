"""Operands drawn from a seed, straight into sparse form."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy import sparse

from eiesim.layer.unevenness import draw_places


def draw_codes(
    shape: tuple[int, int],
    density: float,
    variations: tuple[float, float],
    codebook_bits: int,
    rng: np.random.Generator,
) -> sparse.csc_array[np.uint8]:
    """Draw a pruned matrix of codes, rows sorted; every code other than 0 is equally likely.

    Raises WorkloadError if the variations are too large for the density.

    Parameters
    ----------
    density
        Expected share of weights that are not pruned, 0 to 1.
    variations
        Of rows and columns; see `eiesim.layer.unevenness`.
    """
    indptr, rows = draw_places(shape, density, variations, rng)
    codes = rng.integers(1, 1 << codebook_bits, size=rows.size, dtype=np.uint8)
    return sparse.csc_array((codes, rows, indptr.astype(np.int32)), shape=shape)


def draw_codebook(codebook_bits: int, density: float, inputs: int) -> npt.NDArray[np.float32]:
    """Return the shared weights of a normal distribution whose small weights were pruned.

    The weights that stay are cut into groups of equal probability, and each shared weight is the
    median of its group, so that codes drawn uniformly give back that distribution. Its standard
    deviation is sqrt(2 / inputs). Entry 0 is 0.0, the others ascend.
    """
    groups = (1 << codebook_bits) - 1
    share = (np.arange(groups) + 0.5) / groups
    density = max(density, 1e-6)
    quantile = np.where(share < 0.5, share * density, 1 - (1 - share) * density)
    quantile = np.clip(quantile, 1e-12, 1 - 1e-12)
    weights = np.array([NormalDist().inv_cdf(at) for at in quantile]) * np.sqrt(2 / inputs)
    return np.concatenate(([0.0], weights)).astype(np.float32)


def draw_activations(
    inputs: int, density: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Draw an input as a ReLU gives it: half-normal values at random places, 0.0 elsewhere.

    The share that is not zero is exact, rounded to whole activations.
    """
    nonzero = rng.permutation(inputs)[: round(density * inputs)]
    activations = np.zeros(inputs, dtype=np.float32)
    values = np.abs(rng.standard_normal(nonzero.size)).astype(np.float32)
    activations[nonzero] = np.maximum(values, np.finfo(np.float32).tiny)
    return activations
