"""What the accumulators hold in the end: sums of products, each rounded as in the datapath."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eiesim.base.fixedpoint import dequantise, quantise
from eiesim.hardware import Hardware
from eiesim.image import InterleavedCSC
from eiesim.sim.fast._kernels import accumulate_inputs_fixed16, accumulate_inputs_float32
from eiesim.sim.scan import find_scanned_bias


def accumulate(
    image: InterleavedCSC, registers: npt.NDArray[Any], hw: Hardware
) -> npt.NDArray[np.float32]:
    """Return the outputs of many inputs.

    Parameters
    ----------
    registers : float32 or int16 [inputs, cols]; what the source registers hold, from
        `eiesim.sim.scan.load_registers`.

    Returns
    -------
    float32 [inputs, rows]
    """
    matrix, bias_column = image.columns[:3], find_scanned_bias(image, hw.scan)
    shape = (len(registers), image.rows)
    if hw.datapath == "float32":
        output = np.zeros(shape, np.float32)
        accumulate_inputs_float32(matrix, registers, bias_column, image.codebook, output)
        return output
    raw = np.zeros(shape, np.int16)
    bias = bias_column, quantise([1.0], hw.act_fraction_bits)[0]
    weights = quantise(image.codebook, hw.weight_fraction_bits)
    accumulate_inputs_fixed16(matrix, registers, bias, weights, raw, hw.weight_fraction_bits)
    return dequantise(raw, hw.act_fraction_bits)
