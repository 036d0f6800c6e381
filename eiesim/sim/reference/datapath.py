"""The arithmetic of a PE's operands: float32, or 16-bit fixed point."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from eiesim.base.fixedpoint import HIGHEST, LOWEST, dequantise, quantise, shift_and_add
from eiesim.hardware import Hardware

Number: TypeAlias = Any  # np.float32 or np.int16, as the datapath says


class Float32:
    """IEEE single precision; product and sum are rounded once each."""

    def load_weights(self, codebook: npt.NDArray[np.float32]) -> list[Number]:
        """Return the codebook as the registers hold it."""
        return list(codebook)

    def load_activations(self, values: npt.ArrayLike) -> list[Number]:
        """Return activations, and the bias's 1.0, as the registers hold them."""
        return list(np.asarray(values, dtype=np.float32))

    def multiply(self, weight: Number, activation: Number) -> Number:
        """Return the rounded product."""
        return weight * activation

    def add(self, accumulator: Number, product: Number) -> Number:
        """Return the rounded sum."""
        return accumulator + product

    def subtract(self, value: Number, sent: Number) -> Number:
        """Return the rounded change of an activation."""
        return value - sent

    def follow(self, value: Number, _sent: Number, _change: Number) -> Number:
        """Return what counts as sent after a change was: the activation."""
        return value

    def unload(self, accumulators: list[Number]) -> npt.NDArray[np.float32]:
        """Return what accumulators stand for."""
        return np.array(accumulators, dtype=np.float32)


class Fixed16:
    """16-bit fixed point; the full product is shifted and added with saturation."""

    def __init__(self, weight_fraction_bits: int, act_fraction_bits: int) -> None:
        self._weight_fraction_bits = weight_fraction_bits
        self._act_fraction_bits = act_fraction_bits

    def load_weights(self, codebook: npt.NDArray[np.float32]) -> list[Number]:
        """Return the codebook in fixed point."""
        return list(quantise(codebook, self._weight_fraction_bits))

    def load_activations(self, values: npt.ArrayLike) -> list[Number]:
        """Return activations in fixed point."""
        return list(quantise(values, self._act_fraction_bits))

    def multiply(self, weight: Number, activation: Number) -> Number:
        """Return the full product."""
        return int(weight) * int(activation)

    def add(self, accumulator: Number, product: Number) -> Number:
        """Return the accumulator after shift, add and saturation."""
        return shift_and_add(accumulator, product, self._weight_fraction_bits)[()]

    def subtract(self, value: Number, sent: Number) -> Number:
        """Return the change of an activation, saturated."""
        return np.int16(min(max(int(value) - int(sent), LOWEST), HIGHEST))

    def follow(self, _value: Number, sent: Number, change: Number) -> Number:
        """Return what counts as sent after a change was, which may be cut off."""
        return np.int16(int(sent) + int(change))

    def unload(self, accumulators: list[Number]) -> npt.NDArray[np.float32]:
        """Return what fixed-point accumulators stand for."""
        return dequantise(np.array(accumulators, dtype=np.int16), self._act_fraction_bits)


Datapath: TypeAlias = Float32 | Fixed16
"""What registers hold, and how two of them are multiplied and accumulated."""


def make_datapath(hw: Hardware) -> Datapath:
    """Return the arithmetic of a machine."""
    if hw.datapath == "fixed16":
        return Fixed16(hw.weight_fraction_bits, hw.act_fraction_bits)
    return Float32()
