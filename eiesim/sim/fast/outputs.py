"""What the accumulators hold in the end: sums of products, each rounded as in the datapath."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.fixedpoint import dequantise, quantise
from eiesim.counters import DeltaState
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.fast import _product_kernels
from eiesim.sim.scan import find_scanned_bias, find_state


def compute_step(
    image: InterleavedCSC,
    activations: npt.NDArray[np.float32],
    registers: npt.NDArray[Any],
    hw: Hardware,
    before: DeltaState | None,
) -> tuple[npt.NDArray[np.float32], DeltaState | None]:
    """Return the outputs [rows] of one input, and what is kept after it.

    Parameters
    ----------
    registers : float32 or int16 [cols]
        What the source registers hold of the activations, as in `accumulate`.
    """
    (output,) = accumulate(image, registers[np.newaxis], hw, before)
    return output, find_state(activations, registers, output, hw.scan, before)


def accumulate(
    image: InterleavedCSC,
    registers: npt.NDArray[Any],
    hw: Hardware,
    before: DeltaState | None = None,
) -> npt.NDArray[np.float32]:
    """Return the outputs of many inputs; with `before` of one, added to what it has left.

    Parameters
    ----------
    registers : float32 or int16 [inputs, cols]
        What the source registers hold, from `eiesim.sim.scan.load_registers`.

    Returns
    -------
    float32 [inputs, rows]
    """
    matrix = *image.columns[:2], image.codebook_bits
    bias_column = find_scanned_bias(image, hw.scan, before)
    sums = np.zeros((len(registers), image.rows), np.float32)
    if hw.datapath == "float32":
        if before is not None:
            sums[:] = before.sums
        bias = bias_column, np.float32(1.0)
        _product_kernels.accumulate(matrix, registers, bias, image.codebook, None, sums)
        return sums
    if before is not None:
        sums[:] = quantise(before.sums, hw.act_fraction_bits)
    fixed_bias = bias_column, quantise([1.0], hw.act_fraction_bits)[0]
    codebook = quantise(image.codebook, hw.weight_fraction_bits).astype(np.int32)
    shift = hw.weight_fraction_bits
    _product_kernels.accumulate(matrix, registers, fixed_bias, codebook, shift, sums)
    return dequantise(sums, hw.act_fraction_bits)
