"""The least time of a layer: its bytes at peak bandwidth or its operations at peak rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from eiesim.base.published import read_table
from eiesim.baselines.rows import Baseline
from eiesim.layer.weights import CompressedLayer

VALUE_BYTES = 4
"""A float32 weight, input or output, and an int32 index of CSR."""


@dataclass(frozen=True)
class Peak:
    """Peaks of ``cpu``, ``gpu`` or ``mgpu`` as in the EIE paper.

    Attributes
    ----------
    peak_gflops
        Float32 operations in a nanosecond; a fused multiply-add counts as two.
    peak_gbps
        Bytes to and from DRAM in a nanosecond.
    source
        Where the peaks come from, and what was not looked up.
    """

    platform: str
    name: str
    peak_gflops: float
    peak_gbps: float
    source: str


def read_peaks() -> tuple[Peak, ...]:
    """Return the peaks of the three platforms, from `eiesim/data/baselines/peaks.csv`."""
    return tuple(
        Peak(
            row["platform"], row["name"], float(row["peak_gflops"]), float(row["peak_gbps"]),
            row["source"],
        )
        for row in read_table("baselines/peaks")
    )  # fmt: skip


def count_bytes(layer: CompressedLayer, batch: int, matrix: str) -> int:
    """Return the bytes of weights, inputs and outputs, each moved once; the bias is left out.

    A dense matrix has every weight in float32; a sparse one is CSR, with value and int32 index of
    each weight that is not pruned, and the start of each row.
    """
    weights = layer.rows * layer.cols if matrix == "dense" else 2 * layer.weights + layer.rows + 1
    return VALUE_BYTES * (weights + batch * (layer.rows + layer.cols))


def count_operations(layer: CompressedLayer, batch: int, matrix: str) -> int:
    """Return the multiplications and additions of a product; the bias is left out.

    A dense matrix has those of pruned weights, too.
    """
    weights = layer.rows * layer.cols if matrix == "dense" else layer.weights
    return 2 * weights * batch


def bound_time_us(layer: CompressedLayer, peak: Peak, batch: int, matrix: str) -> float:
    """Return the least time of one input in microseconds.

    The platform's caches are not modelled: a layer that fits into them can be faster. Source:
    Williams, Waterman, Patterson, Roofline, CACM 52(4), 2009.
    """
    memory_us = count_bytes(layer, batch, matrix) / (1e3 * peak.peak_gbps)
    arithmetic_us = count_operations(layer, batch, matrix) / (1e3 * peak.peak_gflops)
    return max(memory_us, arithmetic_us) / batch


def list_rooflines(layer: CompressedLayer, batches: Sequence[int]) -> list[Baseline]:
    """Return the least times of a layer on the three platforms."""
    return [
        Baseline(
            layer.name, peak.platform, batch, matrix, "roofline",
            bound_time_us(layer, peak, batch, matrix), None,
            f"{peak.name}: {peak.peak_gbps:g} GB/s, {peak.peak_gflops:g} GFLOPS; {peak.source}",
        )
        for peak, batch, matrix in product(read_peaks(), batches, ("dense", "sparse"))
    ]  # fmt: skip
