"""Random layers, inputs and machines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from eiesim import CompressedLayer, Hardware

HOLDS_ALL: dict[str, Any] = {"spmat_sram_bytes": 1 << 40, "ptr_sram_bytes": 1 << 40}
DENSITIES = st.one_of(st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0]), st.floats(0, 1))


@dataclass(frozen=True)
class Case:
    """A layer, an input and a machine that go together."""

    layer: CompressedLayer
    activations: npt.NDArray[np.float32]
    hw: Hardware


@st.composite
def machines(draw: st.DrawFn, largest: int = 96) -> Hardware:
    """Any machine up to `largest` PEs."""
    index_bits, codebook_bits = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    return Hardware(
        n_pes=draw(st.one_of(st.integers(1, 8), st.integers(1, largest))),
        queue_depth=draw(st.one_of(st.integers(2, 6), st.integers(2, 40))),
        spmat_width_bits=draw(st.integers(max(8, index_bits + codebook_bits), 512)),
        index_bits=index_bits,
        codebook_bits=codebook_bits,
        broadcast_latency_cycles=draw(st.integers(0, 6)),
        datapath=draw(st.sampled_from(["float32", "fixed16"])),
        weight_fraction_bits=draw(st.integers(0, 15)),
        act_fraction_bits=draw(st.integers(0, 15)),
        bias_row=draw(st.booleans()),
        spmat_word_reuse=draw(st.sampled_from(["across_columns", "within_column"])),
        registers_per_pe=draw(st.sampled_from([1, 4, 64])),
        spmat_sram_bytes=draw(st.one_of(st.just(1 << 17), st.integers(1, 400))),
        ptr_sram_bytes=draw(st.one_of(st.just(1 << 15), st.integers(1, 300))),
        ptr_bits=draw(st.sampled_from([16, 16, 24, 7])),
        dram_gbps=draw(st.one_of(st.just(0.0), st.floats(0.05, 50), st.floats(1, 5000))),
        clock_mhz=draw(st.sampled_from([800.0, 333.3])),
        **draw(thresholds()),
    )


@st.composite
def thresholds(draw: st.DrawFn) -> dict[str, Any]:
    """No threshold, mostly; else one of activations or of changes, 0.0 among them."""
    kind = draw(st.sampled_from([None, None, "act_threshold", "delta_threshold", "quantile"]))
    if kind is None:
        return {}
    if kind == "quantile":
        return {"act_threshold_quantile": draw(st.floats(0, 1) | st.sampled_from([0.07, 0.5]))}
    return {kind: draw(st.sampled_from([0.0, 0.25, 0.5, 1.0, 100.0]) | st.floats(0, 2))}


def take_batches(hw: Hardware, batches: bool) -> Hardware:
    """Return a machine with or without batches; they do not go with sums that are kept."""
    if not batches:
        return replace(hw, act_batches=False)
    return replace(hw, act_batches=True, delta_threshold=None)


@st.composite
def layers(draw: st.DrawFn, codebook_bits: int = 4, largest: int = 200) -> CompressedLayer:
    """Any layer; some of its rows and columns are all zero."""
    rows = draw(st.one_of(st.integers(1, 12), st.integers(1, largest)))
    cols = draw(st.one_of(st.integers(1, 12), st.integers(1, largest)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kept = rng.random((rows, cols)) < draw(DENSITIES)
    kept &= rng.random((rows, 1)) >= draw(st.sampled_from([0.0, 0.0, 0.3]))
    kept &= rng.random((1, cols)) >= draw(st.sampled_from([0.0, 0.0, 0.3]))
    codes = (rng.integers(1, 1 << codebook_bits, (rows, cols)) * kept).astype(np.uint8)
    codebook = rng.normal(scale=draw(st.sampled_from([0.05, 1.0, 40.0])), size=1 << codebook_bits)
    codebook[0] = 0.0
    bias = None
    if draw(st.booleans()):
        bias = rng.integers(0, 1 << codebook_bits, rows).astype(np.uint8)
    return CompressedLayer(codes, codebook.astype(np.float32), bias, "random")


@st.composite
def cases(draw: st.DrawFn, largest_pes: int = 96, largest: int = 200) -> Case:
    """Any layer, input and machine."""
    hw = draw(machines(largest_pes))
    layer = draw(layers(draw(st.integers(1, hw.codebook_bits)), largest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.normal(scale=draw(st.sampled_from([0.01, 1.0, 100.0])), size=layer.cols)
    activations = values * (rng.random(layer.cols) < draw(DENSITIES))
    return Case(layer, activations.astype(np.float32), hw)
